"""Streams on their way out of a store, and into it.

        out    moment(number, …) ─► read(moment, done)* ─► moment.release()
        in     stage(number) ─► its log is filled ─► commit(number, keeper, done) │ discard(number)

A stream on its way in is staged: its full blocks are written, nothing of it stands in the journal,
and no checkpoint lists it. `commit` writes that checkpoint: by its rename the stream is there, all
of it, and before it a start finds blocks that nobody lists and removes them. Knows no stream's
meaning.
Invariant: of a staged stream a start after a crash finds everything or nothing.
"""

from collections.abc import Callable
from typing import Protocol

from isthmus.core.journal import Journal
from isthmus.core.turn import Turn
from isthmus.store.blocks import Keeper, StreamFiles, StreamNow
from isthmus.store.jobs import Job, RemoveFolder, Submit, SyncFolder
from isthmus.store.moment import Moment, NextPiece
from isthmus.store.records import STREAMS, stream_folder

_NEVER = 1 << 63  # an lsn that no record has: of a staged stream none is needed

Piece = Callable[[bytes | None, str, Turn], None]
Done = Callable[[str, Turn], None]


class House(Protocol):
    """What of the store is needed here."""

    @property
    def journal(self) -> Journal:
        """Where everything is appended."""

    def files_of(self, number: int) -> StreamFiles:
        """The files of a stream."""

    def make_files(self, number: int, first_seq: int) -> StreamFiles:
        """Of a new one."""

    def forget_files(self, number: int) -> StreamFiles:
        """They go: nothing is written to them any more."""

    def when_durable(self, lsn: int, job: Job) -> None:
        """Submit the job when everything below `lsn` is durable."""


class Archives:
    """The way out of `house` and into it; `submit` carries out jobs."""

    def __init__(self, house: House, submit: Submit, tell: Callable[[str], None]) -> None:
        self._house = house
        self._submit = submit
        self._tell = tell

    # --- out ---

    def moment(self, number: int, now: StreamNow, *, taken_ns: int, strict: bool) -> Moment:
        """The stream as it is now; what it says is to leave only when that is durable."""
        files = self._house.files_of(number)
        return Moment(files.log, now, taken_ns=taken_ns, files=files, strict=strict)

    def read(self, moment: Moment, done: Piece) -> None:
        """Read a piece; `done(piece, problem, turn)`, without a piece at the end."""

        def read(error: BaseException | None, turn: Turn) -> None:
            for finding in moment.findings:
                self._tell(finding)
            moment.findings.clear()
            done(moment.piece if error is None else None, "" if error is None else str(error), turn)

        self._submit(Job("blocks", [NextPiece(moment=moment)], read))

    # --- in ---

    def stage(self, number: int) -> StreamFiles:
        """The files of a stream that is not there before it is committed."""
        files = self._house.make_files(number, 1)
        files.checkpoint_lsn = _NEVER
        return files

    def commit(self, number: int, keeper: Keeper, done: Done) -> None:
        """Make it be there, as `keeper` says now; `done(problem, turn)`."""
        files = self._house.files_of(number)

        def quiet(_turn: Turn) -> None:
            if files.failed:
                done(files.failed, _turn)
                return
            files.keeper = keeper
            lsn = self._house.journal.end_lsn
            job = files.checkpoint(lsn, ended)
            assert job is not None  # there was none before it
            files.keeper = None  # nobody else makes one before this is done
            self._house.when_durable(lsn, job)

        def ended(turn: Turn) -> None:
            done(files.failed, turn)

        if files.writing:
            files.on_quiet = quiet
        else:
            self._submit(Job("blocks", (), lambda _error, turn: quiet(turn)))

    def discard(self, number: int) -> None:
        """It does not come: what was written goes."""
        self._house.forget_files(number)
        operations = [RemoveFolder(folder=stream_folder(number)), SyncFolder(folder=STREAMS)]

        def removed(error: BaseException | None, _turn: Turn) -> None:
            if error is not None:  # the next start removes them
                self._tell(f"stream {number}: its files cannot be removed: {error}")

        self._submit(Job("blocks", operations, removed))
