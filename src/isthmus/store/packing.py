"""Compressed files of full blocks: frames that are read, checked and lost one by one.

        0      head, twice in slots of 1 KiB: size of the block, where its frames stand
        2048   a record for each 64 KiB of the block: compressed by Snappy; with flag 1, as it is

Heads and frames are records (core/segment.pxd) with the stream's epoch, so a flipped bit anywhere
is found, and costs what is in its frame. Offsets in a block mean the bytes before compression,
whatever its file is: who has the block in memory knows nothing of this. Knows no stream. Invariant:
what `read_part` returns is what `pack_block` got, or zeros, which pass for no record.
"""

from collections.abc import Callable

import msgspec

from isthmus.base.ports import Disk
from isthmus.base.values import Value
from isthmus.core.segment import KINDS, Entry, decode, encode
from isthmus.store.jobs import Operation

FRAME_BYTES = 64 << 10
BLOCK_MAX = 4 << 20  # more frames do not fit into a head; such a block is one large message

_META = KINDS["meta"]
_SLOT = 1024
_HEAD = 2 * _SLOT
_STORED = 1  # flag of a frame that did not become smaller


class Head(Value):
    """What a compressed file holds."""

    size: int
    frames: list[int]  # offset of each, behind the heads


def load_compression() -> None:
    """Load what compressed files are read with: some milliseconds, once."""
    import cramjam  # noqa: F401, PLC0415 — 1.7 MB, for streams that are compressed


def pack_block(data: bytes | memoryview, number: int, epoch: int) -> bytes:
    """The file of a full block."""
    import cramjam  # noqa: PLC0415 — as above

    assert 0 < len(data) <= BLOCK_MAX
    frames: list[bytes] = []
    offsets: list[int] = []
    for at in range(0, len(data), FRAME_BYTES):
        offsets.append(sum(map(len, frames)))
        plain = bytes(data[at : at + FRAME_BYTES])
        small = bytes(cramjam.snappy.compress_raw(plain))
        stored = len(small) >= len(plain)
        frames.append(
            encode(
                _META,
                number,
                at,
                payload=plain if stored else small,
                flags=_STORED if stored else 0,
                epoch=epoch,
            )
        )
    payload = msgspec.msgpack.encode(Head(size=len(data), frames=offsets))
    head = encode(_META, number, payload=payload, epoch=epoch)
    assert len(head) <= _SLOT
    return head.ljust(_SLOT, b"\0") * 2 + b"".join(frames)


def read_part(
    read: Callable[[int, int], bytes], number: int, epoch: int, offset: int, size: int
) -> bytes:
    """`size` bytes of the block from `offset` on; zeros where its file is damaged.

    `read(offset, size)` gives bytes of the file.
    """
    head = _head(read(0, _HEAD), number, epoch)
    if head is None:
        return b""
    size = min(size, head.size - offset)
    if size <= 0:
        return b""
    first, last = offset // FRAME_BYTES, (offset + size - 1) // FRAME_BYTES
    begin = head.frames[first]
    room = (last - first + 1) * (FRAME_BYTES + 64)  # a frame is no larger than what it holds
    raw = read(_HEAD + begin, room)
    parts = []
    for index in range(first, last + 1):
        at, whole = head.frames[index] - begin, min(FRAME_BYTES, head.size - index * FRAME_BYTES)
        entry, _ = decode(raw, at, epoch=epoch) if at < len(raw) else (None, 0)
        parts.append(_content(entry, number, index * FRAME_BYTES, whole))
    start = offset - first * FRAME_BYTES
    return b"".join(parts)[start : start + size]


def _head(raw: bytes, number: int, epoch: int) -> Head | None:
    for at in (0, _SLOT):
        entry, _ = decode(raw, at, epoch=epoch) if len(raw) > at else (None, 0)
        if entry is not None and entry.kind == _META and entry.owner == number:
            return msgspec.msgpack.decode(entry.payload, type=Head)
    return None


def _content(entry: Entry | None, number: int, begin: int, whole: int) -> bytes:
    """What a frame holds, zeros if it is none; it begins at `begin` of the block."""
    if entry is None or entry.owner != number or entry.seq != begin:
        return bytes(whole)
    if entry.flags & _STORED:
        return entry.payload
    import cramjam  # noqa: PLC0415 — as above

    return bytes(cramjam.snappy.decompress_raw(entry.payload))


class WritePacked(Operation):
    """Write the compressed file of a block, and bring it to stable storage."""

    path: str
    data: bytes | memoryview
    number: int
    epoch: int

    def run(self, disk: Disk) -> None:
        """Do it."""
        disk.remove(self.path)
        disk.write_at(self.path, 0, pack_block(self.data, self.number, self.epoch))
        disk.sync(self.path)


class Unpack(Operation):
    """Write the block of a compressed file as it is, to go on behind it."""

    path: str
    plain: str
    size: int
    number: int
    epoch: int

    def run(self, disk: Disk) -> None:
        """Do it."""
        data = read_part(reader(disk, self.path), self.number, self.epoch, 0, self.size)
        disk.write_at(self.plain, 0, data)


class Pack(Operation):
    """Write the compressed file of a block from the one that holds it as it is."""

    plain: str
    path: str
    size: int
    number: int
    epoch: int

    def run(self, disk: Disk) -> None:
        """Do it."""
        data = disk.read(self.plain, 0, self.size)
        WritePacked(path=self.path, data=data, number=self.number, epoch=self.epoch).run(disk)


class OverwritePacked(Operation):
    """Put other bytes into a block whose file is compressed, if there is one: by a new file."""

    path: str
    folder: str
    offset: int
    data: bytes
    number: int
    epoch: int

    def run(self, disk: Disk) -> None:
        """Do it."""
        if disk.size(self.path) < 0:
            return
        block = read_part(reader(disk, self.path), self.number, self.epoch, 0, BLOCK_MAX)
        if len(block) < self.offset + len(self.data):
            return
        end = self.offset + len(self.data)
        block = block[: self.offset] + self.data + block[end:]
        fresh = self.path + ".new"
        WritePacked(path=fresh, data=block, number=self.number, epoch=self.epoch).run(disk)
        disk.rename(fresh, self.path)
        disk.sync_folder(self.folder)


def reader(disk: Disk, path: str) -> Callable[[int, int], bytes]:
    """Bytes of a file, for `read_part`."""
    return lambda offset, size: disk.read(path, offset, size)
