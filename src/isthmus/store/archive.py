"""A stream as one file: a tar of what it is, its consumers and its messages, in checked frames.

        manifest.json            format, what the stream held, its configuration
        consumers/000001.json    name, configuration, state; in no order that matters
        messages/00000000000000000001   portable records (core/portable.pyx) from that sequence on
        end.json                 how many messages there were: without it something is missing

`Writer` and `Reader` are two sides of one format; docs/internals/store-format.md describes it. Both
know no disk and no stream, and hold no more than one part and one record. Invariant: a reader ends
without an error only if everything that the writer was given has come back.
"""

from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Annotated, Protocol

import msgspec

from isthmus.base.errors import StoreError
from isthmus.base.values import NS_PER_S, Value, from_json
from isthmus.store.framing import Framer, Unframer
from isthmus.store.records import ConsumerMeta

FORMAT = 1
RECORD_MAX = 64 << 20  # a record that nobody could have published is no reason to make room
JSON_MAX = 32 << 20

_MANIFEST, _END = "manifest.json", "end.json"
_CONSUMERS, _MESSAGES = "consumers/", "messages/"
_BLOCK = 512  # of a tar
_RECORD_HEAD = 40


Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class Manifest(Value):
    """What an archive begins with: the stream at the moment."""

    format: int
    name: bytes
    config: bytes
    taken_ns: Number
    first_seq: Number
    last_seq: Number
    last_ns: Number
    messages: Number
    consumers: Number


class End(Value):
    """What it ends with: what was written in between."""

    messages: int
    consumers: int


class Writer:
    """Values and records to the bytes of an archive."""

    def __init__(self, taken_ns: int) -> None:
        self._framer = Framer()
        self._mtime_s = taken_ns // NS_PER_S
        self._consumers = 0

    def begin(self, manifest: Manifest) -> bytes:
        """The manifest."""
        return self._member(_MANIFEST, msgspec.json.encode(manifest))

    def consumer(self, meta: ConsumerMeta) -> bytes:
        """One consumer."""
        self._consumers += 1
        return self._member(f"{_CONSUMERS}{self._consumers:06d}.json", msgspec.json.encode(meta))

    def records(self, first_seq: int, data: bytes) -> bytes:
        """Portable records; the first has `first_seq` or a greater sequence."""
        return self._member(f"{_MESSAGES}{first_seq:020d}", data)

    def end(self, messages: int) -> bytes:
        """The end; nothing comes behind it."""
        end = End(messages=messages, consumers=self._consumers)
        last = self._member(_END, msgspec.json.encode(end))
        return last + self._framer.add(bytes(2 * _BLOCK)) + self._framer.end()

    def _member(self, name: str, data: bytes) -> bytes:
        import tarfile  # noqa: PLC0415 — with it come shutil and compression; few make archives

        info = tarfile.TarInfo(name)
        info.size = len(data)
        info.mtime = self._mtime_s
        info.mode = 0o600
        padding = bytes(-len(data) % _BLOCK)
        head = info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
        return self._framer.add(head + data + padding)


class Taker(Protocol):
    """Who takes what comes out of an archive; may raise `StoreError`."""

    def begin(self, manifest: Manifest) -> None:
        """What the stream was; comes first."""

    def consumer(self, meta: ConsumerMeta) -> None:
        """One of its consumers."""

    def records(self, data: bytes) -> int:
        """Take some of the portable records in `data`; how many bytes they are."""

    def counted(self) -> int:
        """How many messages were taken."""


class _State(Enum):
    HEAD = auto()
    JSON = auto()
    RECORDS = auto()
    PADDING = auto()
    ENDED = auto()


class Reader:
    """The bytes of an archive to values, given to a `Taker`."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker
        self._unframer = Unframer()
        self._left = bytearray()
        self._state = _State.HEAD
        self._name = ""
        self._rest = 0  # bytes of the member that have not been read
        self._padding = 0
        self._begun = False
        self._consumers = 0
        self._end: End | None = None

    def feed(self, data: bytes) -> Iterator[None]:
        """Take more of it; yields between two slices. Raises `StoreError`."""
        for piece in self._unframer.feed(data):
            self._left += piece
            while self._step():
                yield

    def finish(self) -> None:
        """There is no more; raises `StoreError` if there should be."""
        end = self._end
        if end is None or self._state is not _State.ENDED or not self._unframer.whole:
            raise StoreError("archive: its end is missing")
        if end.messages != self._taker.counted() or end.consumers != self._consumers:
            raise StoreError(
                f"archive: {self._taker.counted()} messages and {self._consumers} consumers, "
                f"its end says {end.messages} and {end.consumers}"
            )

    def _step(self) -> bool:
        """One thing more; False if more bytes are needed for the next one."""
        steps: dict[_State, Callable[[], bool]] = {
            _State.HEAD: self._head,
            _State.JSON: self._json,
            _State.RECORDS: self._records,
            _State.PADDING: self._pad,
            _State.ENDED: self._ended,
        }
        return steps[self._state]()

    def _head(self) -> bool:
        import tarfile  # noqa: PLC0415 — as above

        if len(self._left) < _BLOCK:
            return False
        raw = bytes(self._left[:_BLOCK])
        del self._left[:_BLOCK]
        if self._end is not None:
            if any(raw):
                raise StoreError("archive: something stands behind its end")
            self._state = _State.ENDED
            return True
        try:
            info = tarfile.TarInfo.frombuf(raw, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise StoreError(f"archive: not a part of it: {error}") from None
        self._name, self._rest, self._padding = info.name, info.size, -info.size % _BLOCK
        self._state = _State.RECORDS if info.name.startswith(_MESSAGES) else _State.JSON
        if self._begun == (info.name == _MANIFEST):
            raise StoreError(f"archive: {info.name} is not where it belongs")
        if not 0 <= info.size <= JSON_MAX:
            raise StoreError(f"archive: {info.name} has {info.size} bytes; at most {JSON_MAX}")
        return True

    def _json(self) -> bool:
        if len(self._left) < self._rest:
            return False
        raw = bytes(self._left[: self._rest])
        del self._left[: self._rest]
        self._rest = 0
        self._state = _State.PADDING
        try:
            self._read(raw)
        except msgspec.MsgspecError as error:
            raise StoreError(f"archive: {self._name}: {error}") from None
        return True

    def _read(self, raw: bytes) -> None:
        if self._name == _MANIFEST:
            version = from_json(raw, _Version).format
            if version != FORMAT:
                raise StoreError(f"archive of format {version}; this server reads {FORMAT}")
            self._begun = True
            self._taker.begin(from_json(raw, Manifest))
        elif self._name == _END:
            self._end = from_json(raw, End)
        elif self._name.startswith(_CONSUMERS):
            self._consumers += 1
            self._taker.consumer(from_json(raw, ConsumerMeta))
        else:
            raise StoreError(f"archive: {self._name} is unknown")

    def _records(self) -> bool:
        if self._rest == 0:
            self._state = _State.PADDING
            return True
        size = int.from_bytes(self._left[:4], "little") + 7 & ~7
        if size > RECORD_MAX:
            raise StoreError(f"archive: {self._name}: a record of {size} bytes")
        if len(self._left) < min(max(size, _RECORD_HEAD), self._rest):
            return False
        taken = self._taker.records(bytes(self._left[: self._rest]))
        if taken == 0:
            raise StoreError(f"archive: {self._name} ends in the middle of a record")
        del self._left[:taken]
        self._rest -= taken
        return True

    def _pad(self) -> bool:
        if len(self._left) < self._padding:
            return False
        del self._left[: self._padding]
        self._state = _State.HEAD
        return True

    def _ended(self) -> bool:
        if any(self._left):
            raise StoreError("archive: something stands behind its end")
        self._left.clear()
        return False


class _Version(Value):
    format: int
