"""From the flags of `nats kv add` and `edit` to a bucket's stream.

Owns what makes a stream a key-value bucket.
"""

from collections.abc import Callable
from typing import Any

import click
import msgspec

from isthmus.base.values import NS_PER_S
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.bucket_flags import BucketOptions, bucket_flags, with_flags
from isthmus.cli.nats.flags import DURATION, SIZE
from isthmus.cli.nats.kv_bucket import STREAM_PREFIX, require_bucket
from isthmus.cli.nats.records import Republish, StreamConfig

_DUPLICATE_WINDOW_NS = 120 * NS_PER_S
_HISTORY_MAX = 64


class Options(BucketOptions):
    """The flags; None where nothing was said."""

    history: int | None = None
    marker_ttl: int | None = None
    max_value_size: int | None = None
    republish_source: str | None = None
    republish_destination: str | None = None
    republish_headers: bool | None = None


def kv_flags(*, editing: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the flags to a verb."""
    flags = [
        bucket_flags(editing=editing),
        click.option("--history", type=int, help="Values kept of each key (1)"),
        click.option("--marker-ttl", type=DURATION, help="Mark what age removed, for so long"),
        click.option("--max-value-size", type=SIZE, help="Bytes of a value at most"),
        click.option("--republish-source", metavar="SUBJECT", help="What to publish again"),
        click.option("--republish-destination", metavar="SUBJECT", help="Where to"),
        click.option("--republish-headers", is_flag=True, default=None, help="Headers alone"),
    ]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for flag in reversed(flags):
            function = flag(function)
        return function

    return decorate


def new_bucket(options: Options) -> StreamConfig:
    """The stream of a new bucket."""
    name = require_bucket(options.bucket)
    window_ns = min(_DUPLICATE_WINDOW_NS, options.ttl or _DUPLICATE_WINDOW_NS)
    config = StreamConfig(
        name=f"{STREAM_PREFIX}{name}",
        subjects=[f"$KV.{name}.>"],
        max_consumers=-1,
        max_msgs=-1,
        max_bytes=-1,
        max_msg_size=-1,
        max_msgs_per_subject=1,
        num_replicas=1,
        discard="new",
        duplicate_window=window_ns,
        allow_rollup_hdrs=True,
        deny_delete=True,
        allow_direct=True,
    )
    return changed(options, config)


def changed(options: Options, config: StreamConfig) -> StreamConfig:
    """`config` with what the flags say."""
    history = options.history
    if history is not None and history < 1:
        raise CommandError("history: must be greater than or equal to 1")
    if history is not None and history > _HISTORY_MAX:
        raise CommandError(f"history: must be less than or equal to {_HISTORY_MAX}")
    if (options.republish_source is None) != (options.republish_destination is None):
        raise CommandError("--republish-source and --republish-destination are given together")
    fields: dict[str, Any] = {}
    if history is not None:
        fields["max_msgs_per_subject"] = history
    if options.max_value_size is not None:
        fields["max_msg_size"] = options.max_value_size
    if options.marker_ttl is not None:
        fields["allow_msg_ttl"] = True
        fields["subject_delete_marker_ttl"] = options.marker_ttl
    if options.republish_destination is not None:
        fields["republish"] = Republish(
            src=options.republish_source or "",
            dest=options.republish_destination,
            headers_only=bool(options.republish_headers),
        )
    return msgspec.structs.replace(with_flags(options, config), **fields)
