"""Prepared configurations, from what a request would say."""

import json
from typing import Any

from isthmus.jetstream import consumer_rules, stream_rules
from isthmus.jetstream.consumer_config import ConsumerConfig
from isthmus.jetstream.decoding import decode
from isthmus.jetstream.limits import AccountLimits, ServerLimits
from isthmus.jetstream.stream_config import StreamConfig


def stream_config(fields: dict[str, Any]) -> StreamConfig:
    request = decode(StreamConfig, json.dumps(fields).encode())
    return stream_rules.prepare(request, server=ServerLimits(), account=AccountLimits())


def consumer_config(
    fields: dict[str, Any], stream: StreamConfig | None = None, old: ConsumerConfig | None = None
) -> ConsumerConfig:
    request = decode(ConsumerConfig, json.dumps(fields).encode())
    return consumer_rules.prepare(
        request,
        stream=stream or stream_config({"name": "S", "subjects": ["s.>"]}),
        server=ServerLimits(),
        account=AccountLimits(),
        old=old,
    )
