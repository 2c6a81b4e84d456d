"""What a grant was used for, as documents show it.

Owns the fields. nats-server tells nothing of the kind, so every field here is an addition.
"""

from isthmus.base.values import always, format_time
from isthmus.monitor.census import ImportSnapshot
from isthmus.monitor.documents import Document


class Usage(Document):
    """Since the import was set up; `consumer` and what follows is the whole consumer's."""

    messages: int = always(0)
    bytes: int = always(0)
    answers: int = 0
    answer_bytes: int = 0
    deliveries: int = 0
    last_used: str = ""
    stream: str = ""
    consumer: str = ""
    last_acknowledged: str = ""
    unacknowledged: int | None = None


def make_usage(snapshot: ImportSnapshot) -> Usage | None:
    """The document of an import; None if nothing could cross yet."""
    usage, consumer = snapshot.usage, snapshot.consumer
    if usage is None:
        return None
    acknowledged_ns = 0 if consumer is None else consumer.acknowledged_ns
    return Usage(
        messages=usage.messages,
        bytes=usage.bytes,
        answers=usage.answers,
        answer_bytes=usage.answer_bytes,
        deliveries=usage.deliveries,
        last_used=format_time(usage.used_ns) if usage.used_ns else "",
        stream="" if consumer is None else consumer.stream,
        consumer="" if consumer is None else consumer.name,
        last_acknowledged=format_time(acknowledged_ns) if acknowledged_ns else "",
        unacknowledged=None if consumer is None else consumer.unacknowledged,
    )
