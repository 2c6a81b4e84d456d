"""The journal's owner: group commit, segments, what happens when the disk fails.

Owns the order of things: one group is written and synced at a time, and what has collected
meanwhile is the next group. The compiled `Journal` holds the bytes and whoever waits for them.
Knows no streams. Invariant: nothing is released before the write (and, unless `sync_interval_ns`
says otherwise, the sync) that covers it came back without error.

What somebody waits for is written at once. What nobody waits for (a consumer's plain acks) rests
for `REST_NS` or until `REST_BYTES` have collected, unless something urgent takes it along: a sync
for each ack would only be in the way of what is waited for.

        appended ─► take ─► Job: [a new segment], write, sync ─► done ─► next group
                                                          │         └─► release
                                                          └─ mark, which nobody waits for

The mark says that all of the group is released. It stands where the next group begins, is written
before that and is never synced for its own sake: without it a start knows the same from the next
group's commit, and of the very last group only that it may have been released.

A segment is ready before it is needed: while one fills, the next is renamed from the spare ones
(their old records cannot pass for new ones) or created with zeros.
"""

from collections.abc import Callable

from isthmus.core.journal import Journal
from isthmus.core.turn import Turn
from isthmus.store.jobs import (
    Job,
    Operation,
    Preallocate,
    Remove,
    Rename,
    Submit,
    Sync,
    SyncFolder,
    WriteAt,
)
from isthmus.store.records import JOURNAL, segment_path

SPARES_MAX = 4
PENDING_MAX = 64 << 20
REST_NS = 5_000_000
REST_BYTES = 256 << 10


class JournalOwner:
    """Writes what the journal collects.

    `present` are the segments that still count, `spares` files to be used again (their names end in
    numbers up to `spare_number`), and the journal goes on at the beginning of the segment `first`.
    """

    def __init__(
        self,
        submit: Submit,
        *,
        secret: int,
        segment_bytes: int,
        first: int,
        previous_end: int = 0,
        present: set[int] | None = None,
        spares: list[str] | None = None,
        spare_number: int = 0,
        sync_interval_ns: int = 0,
        pending_max: int = PENDING_MAX,
        tell: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.journal = Journal(
            self,
            secret=secret,
            segment_bytes=segment_bytes,
            start_lsn=first * segment_bytes,
            previous_end=previous_end,
            pending_max=pending_max,
        )
        self.sync_interval_ns = sync_interval_ns
        self.groups = 0  # taken so far
        self._free_at: int | None = None  # when so many groups are durable
        self.on_released: Callable[[Turn], None] | None = None
        self._submit = submit
        self._tell = tell
        self._segment_bytes = segment_bytes
        self._present = set(present or ())
        self._spares = list(spares or ())
        self._spare_number = spare_number
        self._writing = False
        self._preparing: int | None = None
        self._unsynced: set[str] = set()
        self._syncing = False
        self._sync_due_ns: int | None = None
        self._background = 0
        self._rest_ends_ns: int | None = None
        self._may_rest = True
        self.journal.oldest_lsn = min(self._present, default=first) * segment_bytes

    # --- groups ---

    @property
    def idle(self) -> bool:
        """True if nothing is under way and nothing waits."""
        return self.journal.failed or not (
            self._writing
            or self._syncing
            or self._background
            or self.journal.end_lsn > self.journal.taken_lsn
        )

    def appended(self, turn: Turn) -> None:
        """There is something to write; called by the journal, once per turn."""
        if not self._writing:
            self._write_or_rest(turn)

    def flush(self) -> None:
        """Write what rests, and let nothing rest from now on: the server ends."""
        self._may_rest = False
        if not self._writing:
            self._write_group()

    def _write_or_rest(self, turn: Turn) -> None:
        journal = self.journal
        if journal.waited_lsn > journal.taken_lsn or not self._may_rest:
            self._write_group()
            return
        resting = journal.end_lsn - journal.taken_lsn
        if resting >= REST_BYTES:
            self._write_group()
        elif resting and self._rest_ends_ns is None:
            self._rest_ends_ns = turn.now_ns + REST_NS
            turn.wake(self._rest_ends_ns)

    def _write_group(self) -> None:
        self._rest_ends_ns = None
        if self.journal.failed or self.journal.end_lsn == self.journal.taken_lsn:
            return
        last = (self.journal.end_lsn - 1) // self._segment_bytes
        if self._preparing is not None and self._preparing <= last:
            return  # `_prepared` comes back here
        pieces = self.journal.take()
        lsn = self.journal.taken_lsn
        operations: list[Operation] = []
        paths: dict[str, None] = {}
        for begin, data in pieces:
            number, offset = divmod(begin, self._segment_bytes)
            if number not in self._present:
                operations += self._provide(number)
                self._present.add(number)
            path = segment_path(number)
            paths[path] = None
            operations.append(WriteAt(path=path, offset=offset, data=data))
        if self.sync_interval_ns == 0:
            operations += [Sync(path=path) for path in paths]
        rest: list[Operation] = []
        mark_lsn, mark = self.journal.mark()
        if mark:
            number, offset = divmod(mark_lsn, self._segment_bytes)
            rest.append(WriteAt(path=segment_path(number), offset=offset, data=mark))
        self._writing = True
        self.groups += 1

        def done(error: BaseException | None, turn: Turn) -> None:
            self._writing = False
            if error is not None:
                self._write_failed(error)
                return
            if self.sync_interval_ns:
                self._unsynced.update(paths)
                if self._sync_due_ns is None:
                    self._sync_due_ns = turn.now_ns + self.sync_interval_ns
                    turn.wake(self._sync_due_ns)
            self._free()
            # the disk gets the next group first: it works while this one is released
            self._write_or_rest(turn)
            self._prepare_next()
            self.journal.release(lsn, turn)
            if self.on_released is not None:
                self.on_released(turn)

        self._submit(Job("journal", operations, done, rest=rest, failed=self._write_failed))

    def _write_failed(self, error: BaseException) -> None:
        self.fail(f"journal write failed: {error}")

    def fail(self, reason: str) -> None:
        """Stop for good: nothing is released any more."""
        if self.journal.failed:
            return  # the first reason is the one
        self.journal.fail(reason)
        self._tell(reason)

    # --- timers ---

    def deadline_ns(self) -> int | None:
        """When `tick` next has something to do."""
        sync_ns = None if self._syncing else self._sync_due_ns
        return min((when for when in (sync_ns, self._rest_ends_ns) if when), default=None)

    def tick(self, now_ns: int) -> None:
        """Write what has rested, sync what was written since the last time, if it is due."""
        # a clock that was set back must not prolong the rest
        if self._rest_ends_ns is not None and not 0 < self._rest_ends_ns - now_ns <= REST_NS:
            self._rest_ends_ns = None
            if not self._writing:
                self._write_group()
        if self._syncing or self._sync_due_ns is None or now_ns < self._sync_due_ns:
            return
        self._sync_due_ns = None
        paths = sorted(self._unsynced)
        self._unsynced.clear()
        self._syncing = True

        def done(error: BaseException | None, turn: Turn) -> None:
            self._syncing = False
            if error is not None:
                self.fail(f"journal sync failed: {error}")

        self._submit(Job("journal", [Sync(path=path) for path in paths], done))

    # --- segments ---

    def _provide(self, number: int) -> list[Operation]:
        """Operations that make the file of a segment."""
        operations: list[Operation] = []
        if self._spares:
            spare = self._spares.pop()
        else:  # it gets its name when it is whole: a segment that is shorter was cut off
            spare = self._spare_name()
            operations.append(Preallocate(path=spare, size=self._segment_bytes))
        operations.append(Rename(old=spare, new=segment_path(number)))
        return [*operations, SyncFolder(folder=JOURNAL)]

    def _spare_name(self) -> str:
        self._spare_number += 1
        return f"{JOURNAL}/spare-{self._spare_number}"

    def _prepare_next(self) -> None:
        """Have the segment behind the current one ready before it is needed."""
        number = self.journal.end_lsn // self._segment_bytes + 1
        if self.journal.failed or self._preparing is not None or number in self._present:
            return
        self._preparing = number
        self._background += 1

        def done(error: BaseException | None, turn: Turn) -> None:
            self._preparing = None
            self._background -= 1
            if error is None:
                self._present.add(number)
            else:  # the group that needs it tries again, and fails the journal if it must
                self._tell(f"journal: segment {number} cannot be made ready: {error}")
            if not self._writing:
                self._write_group()

        self._submit(Job("segments", self._provide(number), done))

    def free_below(self, lsn: int) -> None:
        """No record below `lsn` is needed any more: use those segments again.

        First a commit must be durable that says so: after a crash in the middle some of them may
        be back, and must not count.
        """
        oldest = lsn // self._segment_bytes * self._segment_bytes
        if oldest > self.journal.oldest_lsn:
            self.journal.oldest_lsn = oldest
            self._free_at = self.groups + 2  # the next group may have begun already

    def _free(self) -> None:
        if self._free_at is None or self.groups < self._free_at:
            return
        self._free_at = None
        oldest = self.journal.oldest_lsn
        gone = sorted(n for n in self._present if (n + 1) * self._segment_bytes <= oldest)
        operations: list[Operation] = []
        spares: list[str] = []
        for number in gone:
            path = segment_path(number)
            self._present.discard(number)
            self._unsynced.discard(path)
            if len(self._spares) + len(spares) < SPARES_MAX:
                spares.append(self._spare_name())
                operations.append(Rename(old=path, new=spares[-1]))
            else:
                operations.append(Remove(path=path))
        self._background += 1

        def done(error: BaseException | None, turn: Turn) -> None:
            self._background -= 1
            if error is None:
                self._spares += spares
            else:  # the files stay; the next start finds them
                self._tell(f"journal: segments cannot be freed: {error}")

        self._submit(Job("segments", operations, done))
