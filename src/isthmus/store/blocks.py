"""A file stream's blocks: written lazily, read back through a bounded cache, checkpointed.

Owns the files of one stream (`StreamFiles`) and what of all streams' blocks stays in memory
(`BlockCache`). Knows no message: the compiled `StreamLog` does. Invariant: what a checkpoint lists
was synced before it; a file that a checkpoint lists is removed only after a later one that does not
list it; a block leaves memory only after it was synced.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Protocol

import msgspec
from msgspec.structs import replace

from isthmus.base.ports import Disk
from isthmus.base.values import Value
from isthmus.core import write_back
from isthmus.core.block_table import make_table
from isthmus.core.stream_log import StreamLog
from isthmus.core.turn import Turn
from isthmus.store.block_files import BlockFiles
from isthmus.store.jobs import (
    Job,
    MakeFolder,
    Operation,
    Remove,
    Submit,
    SyncFolder,
)
from isthmus.store.records import (
    META,
    STREAMS,
    ConsumerMeta,
    StreamMeta,
    block_path,
    stream_epoch,
    stream_folder,
)
from isthmus.store.small_files import replace_both

CACHE_BYTES = 8 << 20
UNREAD_PART = 8
COMPACT_AT_ONCE = 4  # blocks per checkpoint of a stream: each costs about a millisecond


class Keeper(Protocol):
    """Who owns a stream's meaning (`jetstream.stream`): asked at a checkpoint, told of trouble."""

    def checkpoint(self) -> StreamNow:
        """What must survive beside the messages, as it is at this moment."""

    def store_failed(self, reason: str) -> None:
        """Its files cannot be written: refuse messages. An empty reason: all is well again."""


class StreamNow(Value):
    """A stream at a moment, without its messages. Texts are those of its journal records."""

    account: bytes
    name: bytes
    config: bytes
    consumers: list[ConsumerMeta]


class BlockCache:
    """Blocks in memory that are also in files, of all streams; the oldest unread leave first.

    What somebody reads may fill all of `bytes_max`. What nobody has read since the block before
    came has only a part of it: a stream that is merely written to keeps little in memory.
    """

    def __init__(self, bytes_max: int = CACHE_BYTES) -> None:
        self.bytes_max = bytes_max
        self.unread_max = bytes_max // UNREAD_PART
        self.bytes_held = 0
        self._blocks: dict[tuple[int, int], tuple[StreamLog, int]] = {}

    def add(self, log: StreamLog, first_seq: int, size: int) -> None:
        """A block of `size` bytes may stay, until others need the room."""
        self.forget(log, first_seq)
        self.bytes_held += size
        for key in list(self._blocks):  # few: a block has a megabyte
            if self.bytes_held <= self.unread_max:
                break
            victim, victim_size = self._blocks.pop(key)
            if victim.touched(key[1]):
                self._blocks[key] = (victim, victim_size)  # read since: once more around
            else:
                self._evict(key[1], victim, victim_size)
        self._blocks[log.number, first_seq] = (log, size)
        while self.bytes_held > self.bytes_max:
            victim, victim_size = self._blocks.pop(key := next(iter(self._blocks)))
            self._evict(key[1], victim, victim_size)

    def _evict(self, first_seq: int, log: StreamLog, size: int) -> None:
        log.evict(first_seq)
        self.bytes_held -= size

    def forget(self, log: StreamLog, first_seq: int) -> None:
        """The block is gone, or grows again."""
        _, size = self._blocks.pop((log.number, first_seq), (log, 0))
        self.bytes_held -= size

    def forget_stream(self, number: int) -> None:
        """The stream is gone."""
        for key in [key for key in self._blocks if key[0] == number]:
            _, size = self._blocks.pop(key)
            self.bytes_held -= size


class StreamFiles:
    """The files of one stream, and what its log asks of them."""

    def __init__(
        self,
        number: int,
        first_seq: int,
        *,
        disk: Disk,
        submit: Submit | None,
        cache: BlockCache,
        secret: int,
        block_bytes: int,
        report: Callable[[str], None],
    ) -> None:
        self.number = number
        self.log = StreamLog(
            number,
            owner=self,
            first_seq=first_seq,
            epoch=stream_epoch(secret, number),
            block_bytes=block_bytes,
        )
        self.blocks = BlockFiles(disk, number, stream_epoch(secret, number))
        self.keeper: Keeper | None = None
        self.failed = ""
        self.checkpoint_lsn = 0  # records below are in blocks and checkpoint
        self.exists = False  # the folder does
        self.removed = False
        self.submit = submit
        self._cache = cache
        self._secret = secret
        self._report = report
        self._garbage: list[str] = []  # files that the last checkpoint may list, no later one
        self._last_meta = b""  # digest of what the last checkpoint said
        self.on_quiet: Callable[[Turn], None] | None = None  # call when no longer `writing`
        self._writes = 0  # jobs under way that write full blocks
        self._readers = 0  # who may still read files that no checkpoint lists any more
        self._checkpointing = False

    # --- asked by the log, on the loop ---

    def read_block(self, first_seq: int, generation: int, offset: int, size: int) -> bytes:
        """Bytes of a block's file; what cannot be read is missing, and named."""
        try:
            return self.blocks.read((first_seq, generation), offset, size)
        except OSError as error:
            path = block_path(self.number, first_seq, generation)
            self._report(f"stream {self.number}: {path} cannot be read: {error}")
            return b""

    def loaded(self, first_seq: int, size: int) -> None:
        """A whole block came into memory."""
        self._cache.add(self.log, first_seq, size)

    def rolled(self, first_seq: int) -> None:
        """A block is full: write it now, so that it can leave memory."""
        if self.submit is None or self.failed or self.removed:
            return  # recovery, or trouble: the next checkpoint writes it
        if self._checkpointing or self.on_quiet is not None:
            return  # afterwards
        row = write_back.unwritten_block(self.log, first_seq)
        if row is None:
            return
        first, generation, offset, data = row
        write, packed = self.blocks.write((first, generation), offset, data, full=True)
        operations = self._folder() + write
        size = offset + len(data)
        self._writes += 1

        def done(error: BaseException | None, turn: Turn) -> None:
            self._writes -= 1
            if error is not None:
                path = block_path(self.number, first, generation)
                self._fail(f"writing {path}: {error}")
            else:
                self._written(first, generation, size, packed=packed)
            if self.on_quiet is not None and self._writes == 0:
                call, self.on_quiet = self.on_quiet, None
                call(turn)

        self.submit(Job("blocks", operations, done))

    def dropped(self, first_seq: int, generation: int) -> None:
        """Nothing lives in a block any more, or it moved to another file."""
        self._cache.forget(self.log, first_seq)
        self._garbage += self.blocks.paths((first_seq, generation))

    def damaged(self, seq: int, first_seq: int, offset: int) -> None:
        """A record on disk failed its check."""
        self._report(
            f"stream {self.number}: message {seq} is damaged on disk "
            f"(block {first_seq}, offset {offset})"
        )

    # --- checkpoints ---

    @property
    def writing(self) -> int:
        """Blocks that are being written: a checkpoint may list only what succeeded."""
        return self._writes

    def keep_files(self, *, wanted: bool) -> None:
        """Somebody reads the files there are now, or does not any more: till then none goes."""
        self._readers += 1 if wanted else -1
        assert self._readers >= 0

    def checkpoint(self, lsn: int, ended: Callable[[Turn], None]) -> Job | None:
        """The work that makes records below `lsn` unnecessary; None if there is none to do.

        Only while nothing is `writing`. The caller submits it when all below `lsn` is durable.
        """
        assert self.keeper is not None
        assert not self.writing
        at_once = COMPACT_AT_ONCE // 2 if self.blocks.packed else COMPACT_AT_ONCE
        for first_seq in write_back.compactable(self.log, at_once):
            write_back.compact(self.log, first_seq)
        files, rows = write_back.files(self.log), write_back.unwritten(self.log)
        there = [(first_seq, generation) for first_seq, generation, _ in files]
        conversions, converted = self.blocks.conversions(files, [row[:2] for row in rows])
        meta = self._meta(lsn, self.keeper.checkpoint())
        digest = _digest(meta)
        garbage = [] if self._readers else self._garbage
        if not (self.failed or garbage or converted or rows) and digest == self._last_meta:
            self.checkpoint_lsn = lsn
            return None
        self._checkpointing = True
        if garbage:
            self._garbage = []
        operations = self._folder() + conversions
        wrote: list[tuple[int, int, int, bool]] = []
        for first_seq, generation, offset, data in rows:
            key = (first_seq, generation)
            write, packed = self.blocks.write(key, offset, data, full=key != there[-1])
            operations += write
            wrote.append((first_seq, generation, offset + len(data), packed))
        soon = [(first_seq, generation) for first_seq, generation, _, packed in wrote if packed]
        plain = [
            (first_seq, generation) for first_seq, generation, _, packed in wrote if not packed
        ]
        listed = self.blocks.listed(there, {*converted, *soon})
        meta = replace(meta, packed=[key for key in listed if key not in plain])
        folder = stream_folder(self.number)
        operations += replace_both(f"{folder}/{META}", folder, meta, self._secret)
        operations += [Remove(path=path) for path in garbage]

        def done(error: BaseException | None, turn: Turn) -> None:
            self._checkpointing = False
            if error is not None:
                self._garbage += garbage
                self._fail(f"checkpoint: {error}")
            else:
                for first_seq, generation, size, packed in wrote:
                    self._written(first_seq, generation, size, packed=packed)
                self.blocks.converted(converted)
                self._garbage += self.blocks.plain_of(converted)
                self._last_meta = digest
                self.checkpoint_lsn = lsn
                if self.failed:
                    self.failed = ""
                    self._tell_keeper("")
                for first_seq, _, _ in write_back.files(self.log)[:-1]:
                    self.rolled(first_seq)  # those that filled meanwhile
            ended(turn)

        return Job("blocks", operations, done)

    def _folder(self) -> list[Operation]:
        """Operations that make the stream's folder, once."""
        if self.exists:
            return []
        self.exists = True
        return [MakeFolder(folder=stream_folder(self.number)), SyncFolder(folder=STREAMS)]

    def _meta(self, lsn: int, now: StreamNow) -> StreamMeta:
        log = self.log
        return StreamMeta(
            number=self.number,
            account=now.account,
            name=now.name,
            config=now.config,
            lsn=lsn,
            first_seq=log.first_seq,
            last_seq=log.last_seq,
            last_ns=log.last_ns,
            messages=log.messages,
            blocks=make_table(log),
            consumers=now.consumers,
        )

    def _written(self, first_seq: int, generation: int, size: int, *, packed: bool) -> None:
        self._garbage += self.blocks.written((first_seq, generation), packed=packed)
        whole = write_back.written(self.log, first_seq, generation, size)
        if whole and not self.removed:
            self._cache.add(self.log, first_seq, size)

    def _fail(self, reason: str) -> None:
        """Stop this stream; the next checkpoint tries again, into fresh files."""
        self.exists = False  # perhaps the folder is what could not be made
        write_back.not_written(self.log)
        self._last_meta = b""
        self.failed = f"stream {self.number}: {reason}"
        self._report(self.failed)
        self._tell_keeper(self.failed)

    def _tell_keeper(self, reason: str) -> None:
        if self.keeper is not None:
            self.keeper.store_failed(reason)


def _digest(meta: StreamMeta) -> bytes:
    """Tells two checkpoints apart by what they say, not by when."""
    said = replace(meta, lsn=0, packed=[])
    return blake2b(msgspec.msgpack.encode(said), digest_size=16).digest()
