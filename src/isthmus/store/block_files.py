"""Which file a block of a stream stands in, and whether it is compressed.

        <first>-<generation>.blk     records as they are: may grow
        <first>-<generation>.blz     compressed (store/packing.py): a full block

The choice is made when a block fills: one that no checkpoint saw before is written compressed at
once; one that was written in parts is compressed by a later checkpoint. Owns the list of what is
compressed, which the checkpoint keeps: the choice belongs to the block. Knows no log. Invariant: as
long as a checkpoint that lists a file may count, the file is there.
"""

from collections.abc import Collection, Sequence

from isthmus.base.ports import Disk
from isthmus.store.jobs import Operation, Sync, WriteAt
from isthmus.store.packing import (
    BLOCK_MAX,
    OverwritePacked,
    Pack,
    Unpack,
    WritePacked,
    read_part,
    reader,
)
from isthmus.store.records import block_path, packed_path, stream_folder

PACKED_AT_ONCE = 16  # blocks per checkpoint of a stream; each costs some milliseconds of a worker

Key = tuple[int, int]  # first sequence and generation


class BlockFiles:
    """The files of the blocks of stream `number`."""

    def __init__(self, disk: Disk, number: int, epoch: int) -> None:
        self.compress = False  # blocks that fill from now on
        self.packed: set[Key] = set()
        self._from_seq = 0  # blocks below were full before
        self._used = False  # it may have compressed files
        self._disk = disk
        self._number = number
        self._epoch = epoch

    def choose(self, *, compress: bool, from_seq: int) -> None:
        """What becomes of blocks that fill from now on; `from_seq` begins the one that grows."""
        if compress and not self.compress:
            self._from_seq = from_seq
            self._used = True
        self.compress = compress

    def read(self, key: Key, offset: int, size: int) -> bytes:
        """Bytes of a block; `OSError` if there is no file of it."""
        try:
            return self._disk.read(self._plain(key), offset, size)
        except FileNotFoundError:
            packed = self._pack(key)
            if self._disk.size(packed) < 0:
                raise
            return read_part(reader(self._disk, packed), self._number, self._epoch, offset, size)

    def read_listed(self, key: Key, size: int) -> bytes:
        """All of a block, from the file that its checkpoint lists: the other one is void."""
        if key not in self.packed:
            return self._disk.read(self._plain(key), 0, size)
        self._disk.remove(self._plain(key))
        return self.read(key, 0, size)

    def paths(self, key: Key) -> list[str]:
        """Files that the block may have."""
        if self._used or key in self.packed:
            return [self._plain(key), self._pack(key)]
        return [self._plain(key)]

    def write(
        self, key: Key, offset: int, data: bytes | memoryview, *, full: bool
    ) -> tuple[list[Operation], bool]:
        """Operations that write and sync a part of a block; and whether that compresses it."""
        size = offset + len(data)
        path = self._plain(key)
        fits = self.compress and full and size <= BLOCK_MAX
        if fits and offset == 0:
            return [self._write_packed(self._pack(key), data)], True
        operations: list[Operation] = []
        if offset and key in self.packed:
            operations.append(
                Unpack(
                    path=self._pack(key),
                    plain=path,
                    size=offset,
                    number=self._number,
                    epoch=self._epoch,
                )
            )
        return [*operations, WriteAt(path=path, offset=offset, data=data), Sync(path=path)], False

    def written(self, key: Key, *, packed: bool) -> list[str]:
        """That is so now; files that are not wanted any more."""
        if packed:
            self.packed.add(key)
        elif key in self.packed:
            self.packed.discard(key)
            return [self._pack(key)]
        return []

    def conversions(
        self, files: Sequence[tuple[int, int, int]], changing: Collection[Key]
    ) -> tuple[list[Operation], list[Key]]:
        """Operations that compress some of the full blocks that are not yet; and which these are.

        `files` are `(first_seq, generation, size)` of all blocks, the last of which grows.
        """
        if not self.compress:
            return [], []
        found = [
            (first_seq, generation, size)
            for first_seq, generation, size in files[:-1]
            if first_seq >= self._from_seq
            and size <= BLOCK_MAX
            and (first_seq, generation) not in self.packed
            and (first_seq, generation) not in changing
        ][:PACKED_AT_ONCE]
        keys = [(first_seq, generation) for first_seq, generation, _ in found]
        operations: list[Operation] = [
            Pack(
                plain=self._plain(key),
                path=self._pack(key),
                size=size,
                number=self._number,
                epoch=self._epoch,
            )
            for key, (_, _, size) in zip(keys, found, strict=True)
        ]
        return operations, keys

    def converted(self, keys: Collection[Key]) -> None:
        """They are compressed."""
        self.packed.update(keys)

    def plain_of(self, keys: Collection[Key]) -> list[str]:
        """The files that hold the blocks as they are."""
        return [self._plain(key) for key in keys]

    def listed(self, there: Collection[Key], soon: Collection[Key]) -> list[Key]:
        """What a checkpoint says is compressed: of the blocks `there`, also those of `soon`."""
        self.packed.intersection_update(there)
        return sorted(self.packed.union(soon).intersection(there))

    def _write_packed(self, path: str, data: bytes | memoryview) -> WritePacked:
        return WritePacked(path=path, data=data, number=self._number, epoch=self._epoch)

    def _plain(self, key: Key) -> str:
        return block_path(self._number, *key)

    def _pack(self, key: Key) -> str:
        return packed_path(self._number, *key)


def overwrite_packed(
    number: int, place: tuple[int, int, int, bytes], epoch: int
) -> OverwritePacked:
    """Write over a part of a block, if its file is compressed."""
    first_seq, generation, offset, data = place
    return OverwritePacked(
        path=packed_path(number, first_seq, generation),
        folder=stream_folder(number),
        offset=offset,
        data=data,
        number=number,
        epoch=epoch,
    )
