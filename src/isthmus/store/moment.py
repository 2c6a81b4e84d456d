"""A stream as it is at one moment, read while it goes on: what an archive is written from.

        the table of its blocks, as a checkpoint lists them      when the moment is taken
        views of what no file holds in full                      a block or two; a memory stream
        everything else                                          from files, a block at a time

Owns what must stay for that: files that go meanwhile are removed only when nobody reads them, and
what is appended or removed meanwhile is not seen. Knows no time and no receiver. Invariant: what
comes out are the messages of the moment, but for those that were erased since, and, unless it is
`strict`, for those that are damaged, which are named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from isthmus.base.errors import StoreError
from isthmus.base.ports import Disk
from isthmus.core.block_table import block_rows, make_table
from isthmus.core.portable import Packer, held
from isthmus.core.stream_log import StreamLog
from isthmus.store.archive import FORMAT, Manifest, Writer
from isthmus.store.blocks import StreamFiles, StreamNow
from isthmus.store.jobs import Operation

if TYPE_CHECKING:
    from isthmus.core.block_table import BlockRow

PART_BYTES = 128 << 10  # of records between two pieces: a third of a millisecond


class Moment:
    """`log`, and `now` beside its messages. `files` None: a memory stream."""

    def __init__(
        self,
        log: StreamLog,
        now: StreamNow,
        *,
        taken_ns: int,
        files: StreamFiles | None,
        strict: bool = False,
    ) -> None:
        self.findings: list[str] = []
        self.piece: bytes | None = None  # what `advance` read; None: that was all
        self._log = log
        self._now = now
        self._taken_ns = taken_ns
        self._files = files
        self._blocks = None if files is None else files.blocks
        self._strict = strict
        self._rows = block_rows(make_table(log))
        self._views = held(log)
        self._left_out: set[int] = set()
        self._manifest = Manifest(
            format=FORMAT,
            name=now.name,
            config=now.config,
            taken_ns=taken_ns,
            first_seq=log.first_seq,
            last_seq=log.last_seq,
            last_ns=log.last_ns,
            messages=log.messages,
            consumers=len(now.consumers),
        )
        self._pieces: Iterator[bytes] | None = None
        if files is not None:
            files.keep_files(wanted=True)

    def leave_out(self, seq: int) -> None:
        """Message `seq` is erased: it must not come out of here either."""
        self._left_out.add(seq)

    def advance(self, disk: Disk | None) -> None:
        """Read the next `piece` of the archive, in a worker or on the loop."""
        if self._pieces is None:
            self._pieces = self._read(disk)
        self.piece = next(self._pieces, None)

    def release(self) -> None:
        """Nothing is read any more."""
        self._pieces = iter(())
        self._views.clear()
        self._rows = []
        if self._files is not None:
            self._files.keep_files(wanted=False)
            self._files = None

    def _read(self, disk: Disk | None) -> Iterator[bytes]:
        writer = Writer(self._taken_ns)
        yield writer.begin(self._manifest)
        for consumer in self._now.consumers:
            yield writer.consumer(consumer)
        messages = 0
        for row in self._rows:
            packer = self._packer(row, disk)
            while part := packer.part(PART_BYTES):
                yield writer.records(int.from_bytes(part[24:32], "little"), part)
            messages += packer.messages
            self._name_damage(row, packer)
        yield writer.end(messages)

    def _packer(self, row: BlockRow, disk: Disk | None) -> Packer:
        first_seq, _, generation, span, size, _, gone = row
        data: bytes | memoryview | None = self._views.pop(first_seq, None)
        if data is None:
            assert disk is not None
            assert self._blocks is not None
            data = self._blocks.read((first_seq, generation), 0, size)
            data = data.ljust(size, b"\0")  # what is missing passes no check
        return Packer(
            self._log,
            data[:size],
            first_seq=first_seq,
            span=span,
            gone=gone,
            left_out=self._left_out,
        )

    def _name_damage(self, row: BlockRow, packer: Packer) -> None:
        for offset, before in packer.damage:
            finding = (
                f"stream {self._log.number}: block {row[0]} is damaged at offset {offset}, behind "
                f"message {before or row[0] - 1}; what stood there is not in the archive"
            )
            if self._strict:
                raise StoreError(finding)
            self.findings.append(finding)


class NextPiece(Operation):
    """Read the next piece of an archive."""

    moment: Moment

    def run(self, disk: Disk) -> None:
        """Do it."""
        self.moment.advance(disk)
