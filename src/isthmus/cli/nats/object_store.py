"""An object bucket: the stream `OBJ_<bucket>`, its chunks and the descriptions of its objects.

Owns how an object is cut up, described and checked. An object becomes visible with its description,
which is written last; what it replaces is removed after that.

    $O.<bucket>.C.<id>            a chunk; all chunks of one object have its id
    $O.<bucket>.M.<name, base64>  the description, one for each name
"""

import base64
import hashlib
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import BinaryIO, TypeVar

import msgspec

from isthmus.base.nuid import make_nuid
from isthmus.base.values import to_json
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
from isthmus.cli.nats.puller import Reader
from isthmus.cli.nats.records import ZERO_TIME, ConsumerConfig, Record, StreamConfig, StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.templates import OsEntropy

T = TypeVar("T")

STREAM_PREFIX = "OBJ_"
CHUNK_SIZE = 128 * 1024
_BUCKET = re.compile(r"[a-zA-Z0-9_-]+")
_DIGEST = "SHA-256="


class ObjectOptions(Record):
    """How an object is cut up, and where a link leads."""

    max_chunk_size: int = 0
    link: dict[str, str] | None = None


class ObjectInfo(Record):
    """The description of an object, as clients store it."""

    name: str
    description: str = ""
    headers: dict[str, list[str]] = msgspec.field(default_factory=dict)
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    options: ObjectOptions | None = None
    bucket: str = ""
    nuid: str = ""
    size: int = msgspec.field(default_factory=int)
    mtime: str = msgspec.field(default_factory=lambda: ZERO_TIME)
    chunks: int = msgspec.field(default_factory=int)
    digest: str = ""
    deleted: bool = False


class Described(Record):
    """A description, and when it was written."""

    info: ObjectInfo
    written_ns: int


def require_store(name: str | None) -> str:
    """The name, if a bucket may be called so."""
    if name is None:
        raise CommandError("cannot prompt for user input without a terminal", hint="name a bucket")
    if not _BUCKET.fullmatch(name):
        raise CommandError("nats: invalid object-store name")
    return name


class ObjectStore:
    """One bucket that exists."""

    def __init__(self, api: JetStreamApi, name: str, info: StreamInfo) -> None:
        self.name = name
        self.info = info
        self._api = api
        self._stream = info.config.name

    @classmethod
    async def open(cls, api: JetStreamApi, name: str) -> "ObjectStore":
        """The bucket of that name."""
        return cls(api, name, await open_stream(api, f"{STREAM_PREFIX}{name}"))

    async def find(self, name: str) -> Described | None:
        """The object of that name; None if there is none, or none any more."""
        message = await direct_get(
            self._api,
            self._stream,
            direct=self.info.config.allow_direct,
            subject=self._description(name),
        )
        if message is None:
            return None
        found = Described(info=_read(message.data), written_ns=message.time_ns)
        return None if found.info.deleted else found

    async def get(self, name: str) -> Described:
        """The object of that name."""
        found = await self.find(name)
        if found is None:
            raise CommandError("nats: object not found")
        return found

    async def put(self, info: ObjectInfo, source: BinaryIO) -> Described:
        """Store what `source` holds under the name and with the words of `info`."""
        before = await self.find(info.name)
        size = info.options.max_chunk_size if info.options else CHUNK_SIZE
        nuid = make_nuid(OsEntropy())
        digest, total, chunks = hashlib.sha256(), 0, 0
        try:
            while chunk := source.read(size):
                await publish(self._api, self._chunks(nuid), chunk)
                digest.update(chunk)
                total, chunks = total + len(chunk), chunks + 1
            done = msgspec.structs.replace(
                info,
                bucket=self.name,
                nuid=nuid,
                size=total,
                chunks=chunks,
                digest=_DIGEST + base64.urlsafe_b64encode(digest.digest()).decode(),
            )
            await self._describe(done)
        except BaseException:
            if chunks:
                await self._remove_chunks(nuid)
            raise
        if before is not None and before.info.nuid:
            await self._remove_chunks(before.info.nuid)
        return await self.get(info.name)

    async def read(self, info: ObjectInfo, target: BinaryIO) -> None:
        """Write an object to `target`; what was damaged on the way is an error."""
        if info.options and info.options.link:
            raise CommandError(f'"{info.name}" is a link, which is not supported yet')
        digest = hashlib.sha256()
        if info.size:
            config = ConsumerConfig(filter_subject=self._chunks(info.nuid))
            reader = Reader(self._api, self._stream, config)
            try:
                pending = await reader.start()
                while pending:
                    found = await reader.next()
                    assert found is not None, "without a limit there is no silence"
                    digest.update(found.message.data)
                    target.write(found.message.data)
                    pending = found.delivery.pending
            finally:
                await reader.close()
        if digest.digest() != _digest(info):
            raise CommandError("nats: received a corrupt object, digests do not match")

    async def delete(self, name: str) -> Described:
        """Remove an object; what it was."""
        found = await self.get(name)
        info = found.info
        gone = ObjectInfo(name=name, bucket=self.name, nuid=info.nuid, deleted=True)
        await self._describe(gone)
        await self._remove_chunks(info.nuid)
        return found

    async def objects(self) -> list[Described]:
        """All objects, in the order they were written."""
        reader = Reader(self._api, self._stream, self._all_descriptions())
        found: list[Described] = []
        try:
            pending = await reader.start()
            while pending:
                one = await reader.next()
                assert one is not None, "without a limit there is no silence"
                pending = one.delivery.pending
                found.append(
                    Described(info=_read(one.message.data), written_ns=one.delivery.time_ns)
                )
        finally:
            await reader.close()
        return [one for one in found if not one.info.deleted]

    async def watch(self) -> AsyncGenerator[Described, None]:
        """The last description of each object, then each change, for ever."""
        reader = Reader(self._api, self._stream, self._all_descriptions())
        try:
            await reader.start()
            while True:
                one = await reader.next()
                assert one is not None, "without a limit there is no silence"
                yield Described(info=_read(one.message.data), written_ns=one.delivery.time_ns)
        finally:
            await reader.close()

    async def reconfigure(self, config: StreamConfig) -> StreamInfo:
        """Change the bucket's configuration."""
        return await update_stream(self._api, config)

    async def seal(self) -> StreamInfo:
        """Allow no changes any more, for ever."""
        return await self.reconfigure(msgspec.structs.replace(self.info.config, sealed=True))

    async def destroy(self) -> None:
        """Remove the bucket and all that is in it."""
        await self._api.call(f"STREAM.DELETE.{self._stream}", Record)

    async def refreshed(self) -> StreamInfo:
        """The bucket's stream as it is now."""
        return await open_stream(self._api, self._stream)

    def _chunks(self, nuid: str) -> str:
        return f"$O.{self.name}.C.{nuid}"

    def _description(self, name: str) -> str:
        return f"$O.{self.name}.M.{base64.urlsafe_b64encode(name.encode()).decode()}"

    def _all_descriptions(self) -> ConsumerConfig:
        return ConsumerConfig(
            deliver_policy="last_per_subject", filter_subject=f"$O.{self.name}.M.>"
        )

    async def _describe(self, info: ObjectInfo) -> None:
        subject = self._description(info.name)
        await publish(self._api, subject, to_json(info), {"Nats-Rollup": "sub"})

    async def _remove_chunks(self, nuid: str) -> None:
        request = PurgeSubject(filter=self._chunks(nuid))
        await self._api.call(f"STREAM.PURGE.{self._stream}", Record, request)


def _read(data: bytes) -> ObjectInfo:
    try:
        return msgspec.json.decode(data, type=ObjectInfo)
    except msgspec.DecodeError as error:
        raise CommandError(f"nats: object-store meta information invalid: {error}") from None


def _digest(info: ObjectInfo) -> bytes:
    """What the description says of the content; without a content, that of nothing."""
    coded = info.digest.partition("=")[2]
    return base64.urlsafe_b64decode(coded) if coded else hashlib.sha256().digest()


def digest_text(info: ObjectInfo) -> str:
    """`SHA-256 5891b5…`."""
    kind = info.digest.partition("=")[0]
    return f"{kind} {_digest(info).hex()}"


def on_store(session: Session, name: str | None, work: Callable[[ObjectStore], Awaitable[T]]) -> T:
    """Connect, open the bucket, work; errors come in the words of the client library."""
    bucket = require_store(name)

    async def run(api: JetStreamApi) -> T:
        return await work(await ObjectStore.open(api, bucket))

    return in_client_words(session, run)
