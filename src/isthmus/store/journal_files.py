"""The journal's files at a start: surveyed, replayed, and what the next process writes to.

        segments    begun, and not free for use again       replayed in order
        spares      free, made ready and never begun        used first, if they are whole
        the first   one more than any there ever was        where the journal goes on

Owns the table of these files. Knows no stream: `extent.plan` says what counts, `Replay` what it
means. Invariant: the journal goes on behind everything that a file or a checkpoint knows of.
"""

from __future__ import annotations

from collections.abc import Callable

from isthmus.base.ports import Disk
from isthmus.base.values import Value
from isthmus.core.replay import Survey, survey
from isthmus.store.extent import plan
from isthmus.store.found import FoundStreams
from isthmus.store.jobs import Submit
from isthmus.store.journal import JournalOwner
from isthmus.store.records import JOURNAL, Identity, segment_number, segment_path


class HowToWrite(Value):
    """How the journal goes on."""

    sync_interval_ns: int
    pending_max: int


class JournalFiles:
    """The segments and spare files of the store `identity`."""

    def __init__(self, disk: Disk, identity: Identity) -> None:
        self._disk = disk
        self._secret = identity.secret
        self._segment_bytes = identity.segment_bytes
        self._segments: set[int] = set()
        self._spares: list[str] = []
        self._last_number = 0
        self._ended = 0  # the lsn at which what counts ends; 0: there is nothing

    # --- what is there ---

    def replay(self, known: FoundStreams, findings: list[str]) -> None:
        """Survey, decide, replay into `known`."""
        surveys = self._survey(known, findings)
        ranges, self._ended = plan(surveys, self._segment_bytes, findings)
        self._check_reach(known.checkpoint_lsn, begun=bool(surveys), findings=findings)
        data, loaded = b"", 0
        for number, begin, end in ranges:
            if number != loaded:
                data, loaded = self._segment(number), number
            known.replay.run(
                data,
                begin,
                end,
                secret=self._secret,
                number=number,
                segment_bytes=self._segment_bytes,
            )

    def _survey(self, known: FoundStreams, findings: list[str]) -> dict[int, Survey]:
        """Segments that may count, by number; all others are spare."""
        surveys: dict[int, Survey] = {}
        short: dict[int, int] = {}
        for name in self._disk.list(JOURNAL):
            number = segment_number(name)
            if number is None:
                self._spares.append(f"{JOURNAL}/{name}")
                continue
            self._last_number = max(self._last_number, number)
            data = self._segment(number)
            found = survey(
                data, secret=self._secret, number=number, segment_bytes=self._segment_bytes
            )
            if found.begun:
                surveys[number] = found
                self._segments.add(number)
                known.taken(found.next_number - 1)
            else:
                self._spares.append(segment_path(number))
            if len(data) < self._segment_bytes:
                short[number] = len(data)
        oldest = max((found.oldest_lsn for found in surveys.values()), default=0)
        self._free(surveys, oldest)
        findings += self._missing(surveys, short, oldest)
        return surveys

    def _free(self, surveys: dict[int, Survey], oldest: int) -> None:
        """Segments that were free for use again when the last process ended."""
        for number in [n for n in surveys if (n + 1) * self._segment_bytes <= oldest]:
            del surveys[number]
            self._segments.discard(number)
            self._spares.append(segment_path(number))

    def _missing(self, surveys: dict[int, Survey], short: dict[int, int], oldest: int) -> list[str]:
        """What is not there any more."""
        out = [
            f"journal: segment {number} is cut off at {size} of {self._segment_bytes} "
            "bytes; what was recorded behind that is lost"
            for number, size in short.items()
            if (number + 1) * self._segment_bytes > oldest
        ]
        if surveys and oldest // self._segment_bytes < min(surveys):
            out.append(
                f"journal: the segments from {oldest // self._segment_bytes} to "
                f"{min(surveys) - 1} are missing; what was recorded there is lost"
            )
        return out

    def _segment(self, number: int) -> bytes:
        """All of a segment's file."""
        return self._disk.read(segment_path(number), 0, self._segment_bytes)

    def _check_reach(self, lsn: int, *, begun: bool, findings: list[str]) -> None:
        """Checkpoints must not know of a journal that goes on where the files do not."""
        if lsn > self._ended and (begun or lsn % self._segment_bytes):
            findings.append(
                f"the journal ends at {self._ended}, but a checkpoint was made at {lsn}: "
                "segments are missing; what was acknowledged behind the last checkpoints is lost"
            )

    # --- going on ---

    def make_owner(
        self, submit: Submit, known: FoundStreams, how: HowToWrite, tell: Callable[[str], None]
    ) -> JournalOwner:
        """The journal goes on in a fresh segment, behind all that ever were."""
        size = self._segment_bytes
        first = max(self._last_number, -(-known.checkpoint_lsn // size)) + 1
        spares, spare_number = self._sort_spares()
        if spares:
            spare = spares.pop()
        else:
            spare_number += 1
            spare = f"{JOURNAL}/spare-{spare_number}"
            self._disk.preallocate(spare, size)
        self._disk.rename(spare, segment_path(first))
        self._disk.sync_folder(JOURNAL)
        owner = JournalOwner(
            submit,
            secret=self._secret,
            segment_bytes=size,
            first=first,
            previous_end=self._ended,
            present=self._segments | {first},
            spares=spares,
            spare_number=spare_number,
            sync_interval_ns=how.sync_interval_ns,
            pending_max=how.pending_max,
            tell=tell,
        )
        owner.journal.next_number = known.next_number
        return owner

    def _sort_spares(self) -> tuple[list[str], int]:
        """Spare files of the right size, all named so, and the greatest number of one."""
        spares = []
        last = max((_tail_number(name) for name in self._spares), default=0)
        for old in self._spares:
            name = old
            if segment_number(old.rpartition("/")[2]) is not None:
                last += 1  # it was made ready and never begun
                name = f"{JOURNAL}/spare-{last}"
                self._disk.rename(old, name)
            if self._disk.size(name) == self._segment_bytes:
                spares.append(name)
            else:
                self._disk.remove(name)
        return spares, last


def _tail_number(name: str) -> int:
    tail = name.rpartition("-")[2]
    return int(tail) if tail.isdecimal() else 0
