"""Shares as they stand in account tokens: exports or imports, put together to items again.

Owns the way back from subjects to items, the inverse of `items`. There is no other record: whoever
made the exports and imports, by this tool or by any other, they are the share. Knows one account's
subjects at a time. What belongs to no known item is a feed or a service by itself.
"""

import re
from collections.abc import Iterable

from isthmus.base.values import Value
from isthmus.identity.claims import Export, Import
from isthmus.sharing.grants import SINGLETON, grant_name
from isthmus.sharing.items import (
    Bucket,
    Feed,
    Item,
    Origin,
    PullConsumer,
    PushConsumer,
    Service,
    consumer_stem,
)

_NAME = r"([^.*>\s]+)"
_CONSUMER_PARTS = {
    "NEXT": re.compile(rf"\$JS\.API\.CONSUMER\.MSG\.NEXT\.{_NAME}\.{_NAME}"),
    "ACK": re.compile(rf"\$JS\.ACK\.{_NAME}\.{_NAME}\.>"),
    "FLOW": re.compile(rf"\$JS\.FC\.{_NAME}\.{_NAME}\.>"),
    "INFO": re.compile(rf"\$JS\.API\.CONSUMER\.INFO\.{_NAME}\.{_NAME}"),
}
_ORIGIN_CREATE = re.compile(rf"\$JS\.API\.CONSUMER\.CREATE\.{_NAME}\.(?:\*\.(.+)|>)")
_BUCKET_GET = re.compile(r"\$JS\.API\.DIRECT\.GET\.KV_([A-Za-z0-9_-]+)\.\$KV\.\1\.(.+)")


class Subject(Value):
    """An exported or imported subject, as its exporter knows it."""

    kind: str
    subject: str
    name: str = ""
    response_type: str = SINGLETON


def of_exports(exports: Iterable[Export]) -> list[Item]:
    """What the exports of an account share."""
    return recognise(
        Subject(
            kind=item.type,
            subject=item.subject,
            name=item.name,
            response_type=item.response_type or SINGLETON,
        )
        for item in exports
    )


def of_imports(imports: Iterable[Import]) -> list[Item]:
    """What the imports from one account take."""
    return recognise(
        Subject(kind=item.type, subject=item.remote, name=item.name) for item in imports
    )


def recognise(found: Iterable[Subject]) -> list[Item]:
    """The items that these subjects make up, each subject in one of them."""
    left = {(item.kind, item.subject): item for item in found}
    items = [*_origins(left), *_consumers(left), *_buckets(left)]
    for item in left.values():
        if item.kind == "stream":
            items.append(Feed(subject=item.subject))
        else:
            items.append(Service(subject=item.subject, response_type=item.response_type))
    return items


def _origins(left: dict[tuple[str, str], Subject]) -> list[Item]:
    """Take the subjects of streams that are copied out of `left`; each place is a share."""
    items: list[Item] = []
    used: set[tuple[str, str]] = set()
    for kind, subject in list(left):
        match = _ORIGIN_CREATE.fullmatch(subject) if kind == "service" else None
        if match is None:
            continue
        stream, chosen = match[1], match[2] or ""
        name = grant_name(stream, "COPY")
        places = [key for key, found in left.items() if key[0] == "stream" and found.name == name]
        for place in places:
            deliver = place[1].removesuffix(".>")
            items.append(Origin(stream=stream, deliver=deliver, filter=chosen))
        if places:
            used |= {(grant.kind, grant.subject) for grant in items[-1].grants} | set(places)
    for key in used:
        left.pop(key, None)
    return items


def _consumers(left: dict[tuple[str, str], Subject]) -> list[Item]:
    """Take the subjects of consumers out of `left`."""
    parts: dict[tuple[str, str], dict[str, tuple[str, str]]] = {}
    for key in left:
        for role, pattern in _CONSUMER_PARTS.items():
            match = pattern.fullmatch(key[1]) if key[0] == "service" else None
            if match:
                parts.setdefault((match[1], match[2]), {})[role] = key
    items: list[Item] = []
    for (stream, consumer), roles in parts.items():
        deliver = None if "NEXT" in roles else _deliver(left, stream, consumer)
        for key in roles.values():
            left.pop(key, None)
        if deliver is None:
            items.append(PullConsumer(stream=stream, consumer=consumer, info="INFO" in roles))
            continue
        left.pop(("stream", deliver))
        items.append(
            PushConsumer(
                stream=stream,
                consumer=consumer,
                deliver=deliver,
                ack="ACK" in roles,
                flow="FLOW" in roles,
                info="INFO" in roles,
            )
        )
    return items


def _deliver(left: dict[tuple[str, str], Subject], stream: str, consumer: str) -> str | None:
    """The deliver subject could be any: its name says whose it is."""
    names = {grant_name(stem, "DELIVER") for stem in (consumer_stem(stream, consumer), stream)}
    for (kind, subject), found in left.items():
        if kind == "stream" and found.name in names:
            return subject
    return None


def _buckets(left: dict[tuple[str, str], Subject]) -> list[Item]:
    """Take the subjects of buckets out of `left`."""
    items: list[Item] = []
    for kind, subject in list(left):
        match = _BUCKET_GET.fullmatch(subject) if kind == "service" else None
        if match is None:
            continue
        bucket, keys = match[1], match[2]
        entries = f"$KV.{bucket}.{keys}"
        info = ("service", f"$JS.API.STREAM.INFO.KV_{bucket}")
        items.append(
            Bucket(
                bucket=bucket,
                keys=keys,
                writable=("service", entries) in left,
                info=info in left,
            )
        )
        for key in ((kind, subject), ("stream", entries), ("service", entries)):
            left.pop(key, None)
    for item in items:
        if isinstance(item, Bucket):  # several parts of one bucket share its INFO
            left.pop(("service", f"$JS.API.STREAM.INFO.KV_{item.bucket}"), None)
    return items
