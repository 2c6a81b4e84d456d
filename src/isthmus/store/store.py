"""The store of one server: the journal, the files of all file streams, and checkpoints.

Owns who does what when. Knows no stream's meaning: `Keeper`s are asked for it. Never waits for the
disk: work goes out through `submit` (`store/jobs.py` shows how a shell carries it out). Invariant:
a segment of the journal is used again only when every record in it is in a checkpoint, or its
stream is gone from the disk.

        store = open_store(disk, …)                      recover.py; blocks, before the loop runs
        for found in store.recovered: …                  jetstream makes its streams of them
        log = store.make_log(number, first_seq)          a new file stream, after its record
        store.keep(number, keeper)                       both: from now on it is checkpointed
        store.start(submit, turn)
        store.tick(now_ns) at store.deadline_ns()        only with a sync interval
        store.drop_log(number)                           after its RECORD_DELETE
        store.erase(number, seq, place, done)            after its RECORD_REMOVE
        store.archives                                   streams on their way out and in
        store.finish(turn); wait until store.idle        everything checkpointed: a quick next start

A checkpoint cycle runs when `checkpoint_bytes` were appended since the last one. It takes one
stream at a time: a snapshot on the loop, the writing in a worker, so nothing long happens between
two turns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from isthmus.base.errors import StoreError
from isthmus.base.ports import Disk
from isthmus.base.values import Value
from isthmus.core import write_back
from isthmus.core.journal import Journal
from isthmus.core.stream_log import StreamLog
from isthmus.core.turn import Turn
from isthmus.store.archives import Archives
from isthmus.store.block_files import overwrite_packed
from isthmus.store.blocks import BlockCache, Keeper, StreamFiles
from isthmus.store.erasure import ROUNDS_MAX, Erased, Hunt, Overwrite, Patch, Search
from isthmus.store.jobs import Job, Operation, RemoveFolder, Submit, SyncFolder
from isthmus.store.journal import JournalOwner
from isthmus.store.records import STREAMS, block_path, stream_epoch, stream_folder

if TYPE_CHECKING:
    from isthmus.store.found import Found

CHECKPOINT_BYTES = 32 << 20
STREAMS_AT_ONCE = 16  # that a checkpoint looks at between two turns
BLOCK_BYTES = 1 << 20

Place = tuple[int, int, int, bytes] | None  # block, generation, offset, what to write there
Done = Callable[[str, Turn], None]


class Report(Value):
    """What a start found."""

    findings: list[str]  # a line for everything that was damaged, lost or dropped
    streams: int
    messages: int
    lost: int  # messages that checkpoints list and no file holds
    records: int  # replayed from the journal


class Store:
    """Made by `recover.open_store`."""

    def __init__(
        self,
        disk: Disk,
        owner_of: Callable[[Submit], JournalOwner],
        *,
        secret: int,
        streams: dict[int, StreamFiles],
        recovered: Sequence[Found],
        report: Report,
        cache: BlockCache,
        tell: Callable[[str], None],
        block_bytes: int = BLOCK_BYTES,
        checkpoint_bytes: int = CHECKPOINT_BYTES,
    ) -> None:
        self.recovered = recovered
        self.report = report
        self.checkpoints = 0
        self._disk = disk
        self._secret = secret
        self._streams = streams
        self._cache = cache
        self._tell = tell
        self._block_bytes = block_bytes
        self._checkpoint_bytes = checkpoint_bytes
        self._shell: Submit | None = None
        self._under_way = 0
        self._owner = owner_of(self._submit)
        self._owner.on_released = self._released
        self.archives = Archives(self, self._submit, tell)
        self._cycle: list[int] | None = None  # streams still to be checkpointed
        self._cycle_lsn = self.journal.durable_lsn
        self._once_more = False
        self._removing: dict[int, int] = {}  # stream -> lsn of its end
        self._to_erase: list[tuple[Erased, Place, Done]] = []
        self._erasing = False

    @property
    def journal(self) -> Journal:
        """Where everything is appended."""
        return self._owner.journal

    @property
    def idle(self) -> bool:
        """True if nothing is under way and nothing waits (or nothing will ever be written)."""
        if self.journal.failed:
            return self._under_way == 0
        return self._under_way == 0 and self._owner.idle and self._cycle is None

    def health(self) -> str:
        """What is wrong, one line; empty: all is well."""
        if self.journal.failed:
            return f"journal stopped, no file stream acknowledges: {self.journal.reason}"
        return "; ".join(files.failed for files in self._streams.values() if files.failed)

    @property
    def started(self) -> bool:
        """True from `start` on: there is somebody who carries out its work."""
        return self._shell is not None

    def start(self, submit: Submit, turn: Turn) -> None:
        """From now on work is carried out by `submit`; what was replayed is checkpointed."""
        self._shell = submit
        if self.report.records:
            self._begin_cycle()

    def _submit(self, job: Job) -> None:
        assert self._shell is not None
        self._under_way += 1
        done = job.done

        def counted(error: BaseException | None, turn: Turn) -> None:
            self._under_way -= 1
            done(error, turn)

        self._shell(Job(job.lane, job.operations, counted, rest=job.rest, failed=job.failed))

    # --- timers ---

    def deadline_ns(self) -> int | None:
        """When `tick` next has something to do."""
        return self._owner.deadline_ns()

    def tick(self, now_ns: int) -> None:
        """Carry out what is due."""
        self._owner.tick(now_ns)

    # --- streams ---

    def make_log(self, number: int, first_seq: int, /) -> StreamLog:
        """An empty log for the new stream `number`."""
        files = self.make_files(number, first_seq)
        files.checkpoint_lsn = self.journal.end_lsn
        return files.log

    def make_files(self, number: int, first_seq: int) -> StreamFiles:
        """The files of the new stream `number`; none is there yet."""
        assert number not in self._streams
        files = self._streams[number] = StreamFiles(
            number,
            first_seq,
            disk=self._disk,
            submit=self._submit,
            cache=self._cache,
            secret=self._secret,
            block_bytes=self._block_bytes,
            report=self._tell,
        )
        return files

    def compress(self, number: int, /, *, wanted: bool) -> None:
        """Whether full blocks of the stream are compressed from now on."""
        files = self._streams[number]
        blocks = write_back.files(files.log)
        files.blocks.choose(compress=wanted, from_seq=blocks[-1][0] if blocks else 0)

    def files_of(self, number: int) -> StreamFiles:
        """The files of a stream that is there."""
        return self._streams[number]

    def forget_files(self, number: int) -> StreamFiles:
        """The stream is gone: nothing is written to its files any more."""
        files = self._streams.pop(number)
        files.removed = True
        self._cache.forget_stream(number)
        return files

    def adopt(self, files: StreamFiles, keeper: Keeper) -> None:
        """A stream that was found: its files are written like those of a new one."""
        files.submit = self._submit
        files.keeper = keeper

    def keep(self, number: int, keeper: Keeper) -> None:
        """`keeper` speaks for the stream at checkpoints; without one none can be made."""
        self._streams[number].keeper = keeper
        if self._streams[number].failed:
            keeper.store_failed(self._streams[number].failed)

    def drop_log(self, number: int, /) -> None:
        """The stream is gone, its RECORD_DELETE appended: its files go when that is durable."""
        self.forget_files(number)
        lsn = self.journal.end_lsn
        self._removing[number] = lsn
        operations = [RemoveFolder(folder=stream_folder(number)), SyncFolder(folder=STREAMS)]

        def removed(error: BaseException | None, turn: Turn) -> None:
            if error is None:
                del self._removing[number]
            else:  # the record stays, so the next start removes them
                self._tell(f"stream {number}: its files cannot be removed: {error}")

        self.when_durable(lsn, Job("blocks", operations, removed))

    # --- erasing ---

    def erase(self, number: int, seq: int, place: Place, done: Done) -> None:
        """Overwrite a message that was just removed, wherever files hold it.

        `place` is what `write_back.erase` said. `done(problem, turn)` is called afterwards, with an
        empty problem if all went well.
        """
        self._to_erase.append((Erased(owner=number, seq=seq), place, done))
        if not self._erasing:
            self._erase_next()

    def _erase_next(self) -> None:
        """All that wait, in one go: first the blocks, then the journal."""
        batch, self._to_erase = self._to_erase, []
        self._erasing = bool(batch)
        if not batch:
            return
        overwrite: list[Operation] = []
        for erased, place, _ in batch:
            if place is not None:
                path = block_path(erased.owner, *place[:2])
                overwrite.append(Overwrite(path=path, offset=place[2], data=place[3]))
                epoch = stream_epoch(self._secret, erased.owner)
                overwrite.append(overwrite_packed(erased.owner, place, epoch))
        hunt = Hunt(self._secret, tuple(erased for erased, _, _ in batch))
        rounds = 0

        def searched(error: BaseException | None, turn: Turn) -> None:
            nonlocal rounds
            rounds += 1
            if error is not None or hunt.over:
                finish(error, turn)
            elif rounds > ROUNDS_MAX:
                finish(StoreError("the journal's files change faster than they are read"), turn)
            else:
                self._submit(Job("journal", [Patch(hunt=hunt)], patched))

        def patched(error: BaseException | None, turn: Turn) -> None:
            if error is not None:
                finish(error, turn)
            else:
                self._submit(Job("blocks", [Search(hunt=hunt)], searched))

        def finish(error: BaseException | None, turn: Turn) -> None:
            if error is not None:
                self._tell(f"deleted messages cannot be overwritten: {error}")
            for _, _, done in batch:
                done("" if error is None else str(error), turn)
            self._erase_next()

        operations = [*overwrite, Search(hunt=hunt)]
        self.when_durable(self.journal.end_lsn, Job("blocks", operations, searched))

    def when_durable(self, lsn: int, job: Job) -> None:
        """Submit the job when everything below `lsn` is."""
        if lsn <= self.journal.durable_lsn:
            self._submit(job)
        else:
            self.journal.when_durable(lsn, lambda *_: self._submit(job))

    # --- checkpoints ---

    def finish(self, turn: Turn) -> None:
        """Checkpoint everything; `idle` tells when it is done."""
        self._owner.flush()
        if self._cycle is not None:
            self._once_more = True  # that cycle may have passed what came since
        elif not self.journal.failed:
            self._begin_cycle()

    def _released(self, turn: Turn) -> None:
        """More is durable; called once per group."""
        if self._cycle is None and (
            self.journal.durable_lsn - self._cycle_lsn >= self._checkpoint_bytes
        ):
            self._begin_cycle()

    def _begin_cycle(self) -> None:
        self._cycle = sorted(self._streams)
        self._cycle_lsn = self.journal.end_lsn
        self._go_on_later()

    def _go_on_later(self) -> None:
        """In a turn of its own: a consumer's state must not hold what it has not journalled."""
        self._submit(Job("blocks", (), lambda _error, turn: self._next(turn)))

    def _next(self, turn: Turn) -> None:
        """Go on with the cycle until something has to be waited for."""
        for _ in range(STREAMS_AT_ONCE):
            if not self._cycle:
                self._end_cycle()
                return
            files = self._streams.get(self._cycle[0])
            if files is not None and not files.removed and files.keeper is not None:
                if files.writing:
                    files.on_quiet = self._next  # comes back to the same stream
                    return
                lsn = self.journal.end_lsn
                job = files.checkpoint(lsn, self._next)
                if job is not None:
                    del self._cycle[0]
                    self.when_durable(lsn, job)
                    return
            del self._cycle[0]
        self._go_on_later()

    def _end_cycle(self) -> None:
        self._cycle = None
        self.checkpoints += 1
        needed = [self._cycle_lsn]
        needed += [files.checkpoint_lsn for files in self._streams.values()]
        needed += self._removing.values()
        self._owner.free_below(min(needed))
        if self._once_more:
            self._once_more = False
            self._begin_cycle()
