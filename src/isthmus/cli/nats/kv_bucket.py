"""A key-value bucket: the stream `KV_<bucket>`, its subjects, its markers.

Owns what a key, an entry and a marker are, and which requests read and write them. Reads go by
direct get where the stream allows it, so that grants for it are enough; writes go to the subjects
themselves, below the API prefix if there is one, as the original does it.
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

import msgspec

from isthmus.base.errors import JetStreamError
from isthmus.base.values import Value, format_duration
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.bucket_api import (
    PurgeSubject,
    in_client_words,
    open_stream,
    publish,
    update_stream,
)
from isthmus.cli.nats.direct import direct_get
from isthmus.cli.nats.puller import Found, Reader
from isthmus.cli.nats.records import ConsumerConfig, Record, StreamConfig, StreamInfo
from isthmus.cli.nats.session import Session

T = TypeVar("T")

STREAM_PREFIX = "KV_"
WRONG_LAST = {10071, 10164}
_BUCKET = re.compile(r"[a-zA-Z0-9_-]+")
_KEY = re.compile(r"[-/_=.a-zA-Z0-9]+")
_PATTERN = re.compile(r"[-/_=.a-zA-Z0-9*>]+")
_OPERATION, _ROLLUP, _REASON = "KV-Operation", "Nats-Rollup", "Nats-Marker-Reason"
_EXPECTED = "Nats-Expected-Last-Subject-Sequence"
_MARKERS = {"DEL": "DELETE", "PURGE": "PURGE", "Remove": "DELETE", "MaxAge": "PURGE"}
_MARKERS |= {"Purge": "PURGE"}


class Entry(Value):
    """One revision of a key."""

    key: str
    value: bytes
    revision: int
    created_ns: int
    operation: str = "PUT"  # or DELETE, PURGE
    delta: int = 0  # how many entries follow

    @property
    def deleted(self) -> bool:
        """True if it only says that there is no value."""
        return self.operation != "PUT"


def require_bucket(name: str | None) -> str:
    """The name, if a bucket may be called so."""
    if name is None:
        raise CommandError("cannot prompt for user input without a terminal", hint="name a bucket")
    if not _BUCKET.fullmatch(name):
        raise CommandError("nats: invalid bucket name")
    return name


def require_key(key: str, *, pattern: bool = False) -> str:
    """The key, if there may be such; with `pattern`, wildcards may stand in it."""
    shape = _PATTERN if pattern else _KEY
    if not shape.fullmatch(key) or key.startswith(".") or key.endswith(".") or ".." in key:
        raise CommandError("nats: invalid key")
    return key


class Bucket:
    """One bucket that exists."""

    def __init__(self, api: JetStreamApi, name: str, info: StreamInfo) -> None:
        self.name = name
        self.info = info
        self._api = api
        self._stream = info.config.name

    @classmethod
    async def open(cls, api: JetStreamApi, name: str) -> "Bucket":
        """The bucket of that name."""
        return cls(api, name, await open_stream(api, f"{STREAM_PREFIX}{name}"))

    def subject(self, key: str) -> str:
        """Where a key is in the stream."""
        return f"$KV.{self.name}.{key}"

    async def get(self, key: str, revision: int = 0) -> Entry:
        """The last value of a key, or the one at a revision."""
        found = await self.last(key, revision)
        if found is None or found.deleted:
            raise CommandError("nats: key not found")
        return found

    async def last(self, key: str, revision: int = 0) -> Entry | None:
        """The last entry of a key, or the one at a revision: a value or a marker."""
        subject = self.subject(key)
        message = await direct_get(
            self._api,
            self._stream,
            direct=self.info.config.allow_direct,
            seq=revision,
            subject="" if revision else subject,
        )
        if message is None or message.subject != subject:
            return None
        return Entry(
            key=key,
            value=message.data,
            revision=message.seq,
            created_ns=message.time_ns,
            operation=_operation(message.headers),
        )

    async def put(self, key: str, value: bytes) -> int:
        """Write a value; its revision."""
        return await self._publish(key, value, {})

    async def create(self, key: str, value: bytes, ttl_ns: int = 0) -> int:
        """Write a value if the key has none; its revision."""
        headers = {"Nats-TTL": format_duration(ttl_ns)} if ttl_ns else {}
        try:
            return await self._publish(key, value, headers | {_EXPECTED: "0"})
        except JetStreamError as error:
            if error.err_code not in WRONG_LAST:
                raise
            last = await self.last(key)
            if last is None or not last.deleted:
                raise
            return await self._publish(key, value, headers | {_EXPECTED: str(last.revision)})

    async def update(self, key: str, value: bytes, revision: int) -> int:
        """Write a value if the last revision is this one; the new revision."""
        return await self._publish(key, value, {_EXPECTED: str(revision)})

    async def delete(self, key: str) -> None:
        """Mark a key as deleted; its history stays."""
        await self._publish(key, b"", {_OPERATION: "DEL"})

    async def purge(self, key: str, ttl_ns: int = 0) -> None:
        """Remove a key's history, and leave a marker."""
        ttl = {"Nats-TTL": format_duration(ttl_ns)} if ttl_ns else {}
        await self._publish(key, b"", {_OPERATION: "PURGE", _ROLLUP: "sub"} | ttl)

    async def remove(self, key: str, keep: int) -> None:
        """Remove all but the last `keep` entries of a key from the stream."""
        request = PurgeSubject(filter=self.subject(key), keep=keep)
        await self._api.call(f"STREAM.PURGE.{self._stream}", Record, request)

    async def reconfigure(self, config: StreamConfig) -> StreamInfo:
        """Change the bucket's configuration."""
        return await update_stream(self._api, config)

    async def destroy(self) -> None:
        """Remove the bucket and all that is in it."""
        await self._api.call(f"STREAM.DELETE.{self._stream}", Record)

    async def entries(
        self, pattern: str = ">", *, policy: str = "last_per_subject", headers_only: bool = False
    ) -> list[Entry]:
        """All entries that are there now: of each key the last, or with policy `all` each."""
        config = ConsumerConfig(
            deliver_policy=policy, filter_subject=self.subject(pattern), headers_only=headers_only
        )
        reader = Reader(self._api, self._stream, config)
        found: list[Entry] = []
        try:
            pending = await reader.start()
            while pending:
                one = await reader.next()
                assert one is not None, "without a limit there is no silence"
                found.append(self._entry(one))
                pending = one.delivery.pending
        finally:
            await reader.close()
        return found

    async def watch(self, pattern: str, start: ConsumerConfig) -> AsyncGenerator[Entry, None]:
        """Entries as they come, for ever; `start` says with which."""
        config = msgspec.structs.replace(start, filter_subject=self.subject(pattern))
        reader = Reader(self._api, self._stream, config)
        try:
            await reader.start()
            while True:
                one = await reader.next()
                assert one is not None, "without a limit there is no silence"
                yield self._entry(one)
        finally:
            await reader.close()

    def _entry(self, found: Found) -> Entry:
        message, delivery = found.message, found.delivery
        return Entry(
            key=message.subject.removeprefix(self.subject("")),
            value=message.data,
            revision=delivery.seq,
            created_ns=delivery.time_ns,
            operation=_operation(message.headers or {}),
            delta=delivery.pending,
        )

    async def _publish(self, key: str, value: bytes, headers: dict[str, str]) -> int:
        return await publish(self._api, self.subject(key), value, headers)


def _operation(headers: dict[str, str]) -> str:
    marker = headers.get(_OPERATION) or headers.get(_REASON) or ""
    return _MARKERS.get(marker, "PUT")


def on_bucket(session: Session, name: str | None, work: Callable[[Bucket], Awaitable[T]]) -> T:
    """Connect, open the bucket, work; errors come in the words of kv."""
    bucket = require_bucket(name)

    async def run(api: JetStreamApi) -> T:
        return await work(await Bucket.open(api, bucket))

    return in_client_words(session, run)
