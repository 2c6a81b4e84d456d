"""Small files that must not be lost: what the store is, and each stream's last checkpoint.

Each stands in two files, `meta` and `meta.copy`, one record each: a flipped bit, a cut or a missing
file costs nothing as long as the other one is whole. Both are replaced together: written beside,
synced, renamed. Owns that; knows nothing of what the values mean. Invariant: at every moment one of
the two files is whole, and what it says of other files is true of them.
"""

from typing import Generic, TypeVar

import msgspec

from isthmus.base.errors import StoreError
from isthmus.base.ports import Disk
from isthmus.core.segment import KINDS, decode, encode, epoch
from isthmus.store.jobs import Operation, Remove, Rename, Sync, SyncFolder, WriteAt
from isthmus.store.records import FORMAT_VERSION, Identity, StreamMeta, stream_epoch

COPY = ".copy"
_FRESH = ".new"
_META = KINDS["meta"]

SmallFile = TypeVar("SmallFile", Identity, StreamMeta)


def replace_both(
    path: str, folder: str, value: Identity | StreamMeta, secret: int = 0
) -> list[Operation]:
    """Operations that replace `path` and its copy so that a crash leaves old or new ones."""
    raw = pack(value, secret)
    paths = [path, path + COPY]
    operations: list[Operation] = []
    for one in paths:
        fresh = one + _FRESH
        operations += [
            Remove(path=fresh),
            WriteAt(path=fresh, offset=0, data=raw),
            Sync(path=fresh),
        ]
    operations.append(SyncFolder(folder=folder))  # what they speak of is there before they are
    operations += [Rename(old=one + _FRESH, new=one) for one in paths]
    operations.append(SyncFolder(folder=folder))
    return operations


class Copies(Generic[SmallFile]):
    """What `path` and its copy say: the newer `value`, or None if neither can be read."""

    def __init__(self, said: dict[str, SmallFile], damaged: list[str]) -> None:
        self.damaged = damaged  # paths
        self.value: SmallFile | None = max(said.values(), key=_age) if said else None
        # a crash between two renames leaves an older copy, or none
        self.agree = list(said.values()) == [self.value] * 2


def read_both(
    disk: Disk, path: str, kind: type[SmallFile], *, number: int = 0, secret: int = 0
) -> Copies[SmallFile]:
    """What the two files say. Raises `StoreError` if they are not of this format."""
    said: dict[str, SmallFile] = {}
    damaged = []
    for one in (path, path + COPY):
        size = disk.size(one)
        if size < 0:
            continue
        value = unpack(disk.read(one, 0, size), kind, one, number=number, secret=secret)
        if value is None:
            damaged.append(one)
        else:
            said[one] = value
    return Copies(said, damaged)


def _age(value: Identity | StreamMeta) -> int:
    return value.lsn if isinstance(value, StreamMeta) else 0


def pack(value: Identity | StreamMeta, secret: int = 0) -> bytes:
    """The bytes of a small file."""
    number = value.number if isinstance(value, StreamMeta) else 0
    payload = msgspec.msgpack.encode(value)
    return encode(_META, number, FORMAT_VERSION, payload=payload, epoch=_mask(secret, number))


def unpack(
    raw: bytes, kind: type[SmallFile], where: str, *, number: int = 0, secret: int = 0
) -> SmallFile | None:
    """What a small file says; None if it is damaged. Raises `StoreError` if it is of the future."""
    entry, _ = decode(raw, epoch=_mask(secret, number))
    if entry is None or entry.kind != _META or entry.owner != number:
        return None
    if entry.seq != FORMAT_VERSION:
        raise StoreError(f"{where}: format {entry.seq}, this server reads {FORMAT_VERSION}")
    try:
        return msgspec.msgpack.decode(entry.payload, type=kind)
    except msgspec.MsgspecError as error:
        raise StoreError(f"{where}: {error}") from None


def _mask(secret: int, number: int) -> int:
    return stream_epoch(secret, number) if number else epoch(0, 0)
