"""What leaves a stream by its age: `max_age`, TTLs of single messages, and what marks the place.

Owns one alarm and the times at which messages expire by themselves. Knows no consumer. Where the
stream wants delete markers, the last message of a subject does not just go: a marker rolls it up,
says why, and expires some time later itself. Invariant: while something can expire the alarm is
set, at most AGE_STEP_NS late.
"""

from __future__ import annotations

from isthmus.base.headers import make_headers, parse_headers
from isthmus.base.values import format_duration, later_ns
from isthmus.core.agenda import Agenda, Alarm, Job
from isthmus.core.expiry import Expiries, add_marker, expire_by_age
from isthmus.core.stored import Stored
from isthmus.core.turn import Turn
from isthmus.jetstream.stream_config import StreamConfig
from isthmus.jetstream.verdicts import ROLL_UP_SUBJECT, WITH_TTL, read_ttl

AGE_STEP_NS = 10_000_000  # expiry runs at most so often
SLICE = 4096  # messages in one turn: some milliseconds
_LATEST_NS = (1 << 63) - 1


class Ages:
    """Expiry in one stream."""

    def __init__(self, stored: Stored, agenda: Agenda, config: StreamConfig) -> None:
        self._stored = stored
        self._agenda = agenda
        self._config = config
        self._expiries = Expiries(stored)
        self._alarm = Alarm(Job(self._expire))
        self._due_ns = 0  # when the alarm rings; 0: it does not
        self._next_seq = 0  # what lies below is gone, or never expires
        self._recalled_seq = 0

    def configure(self, config: StreamConfig, turn: Turn) -> None:
        """Look again: the configuration may be another one."""
        self._config = config
        self._next_seq = 0
        self._watch(self._stored.log.first_ns, turn)

    def recall(self, turn: Turn) -> None:
        """After a restart: find the messages that have a TTL, a slice in each turn."""
        if self._config.allow_msg_ttl and self._stored.log.messages:
            self._recalled_seq = self._stored.log.first_seq
            Job(self._recall).start_next(turn)

    def stored(self, seq: int, ttl_ns: int, turn: Turn) -> None:
        """Message `seq` was stored and lives `ttl_ns`."""
        at_ns = min(turn.now_ns + ttl_ns, _LATEST_NS)
        self._expiries.add(seq, at_ns)
        if not self._due_ns or at_ns < self._due_ns:
            self._set(at_ns, turn)

    def stop(self, turn: Turn) -> None:
        """Nothing expires any more."""
        self._set(0, turn)

    def _set(self, due_ns: int, turn: Turn) -> None:
        self._due_ns = due_ns
        self._agenda.put(self._alarm, due_ns, turn)

    def _watch(self, oldest_ns: int, turn: Turn) -> None:
        """Set the alarm; `oldest_ns` is the time of the message that max_age takes next, or 0."""
        due = [self._expiries.next_ns] if self._expiries.next_ns else []
        if self._config.max_age_ns > 0:
            due.append(later_ns(oldest_ns or turn.now_ns, self._config.max_age_ns))
        self._set(max(min(due), turn.now_ns + AGE_STEP_NS) if due else 0, turn)

    def _recall(self, turn: Turn) -> bool:
        if self._stored.closed:
            return False
        found, self._recalled_seq = self._expiries.recall(self._recalled_seq, SLICE)
        for seq, time_ns, header in found:
            ttl_ns = read_ttl(parse_headers(header).get("Nats-TTL", ""))
            if ttl_ns:
                self._expiries.add(seq, min(time_ns + ttl_ns, _LATEST_NS))
        if self._recalled_seq:
            return True
        self._watch(self._stored.log.first_ns, turn)
        return False

    def _expire(self, turn: Turn) -> bool:
        """Remove what has had its time; more of it in the next turn."""
        self._due_ns = 0
        stored, config = self._stored, self._config
        if stored.closed:
            return False
        markers = config.subject_delete_marker_ttl_ns > 0
        looked, subjects = self._expiries.expire(turn.now_ns, SLICE, markers, turn)
        self._mark(subjects, turn)
        oldest_ns = 0
        if config.max_age_ns > 0:
            until_ns = turn.now_ns - config.max_age_ns
            start = max(self._next_seq, stored.log.first_seq)
            self._next_seq, oldest_ns, subjects = expire_by_age(
                stored, start, until_ns, SLICE, markers, turn
            )
            self._mark(subjects, turn)
            if self._next_seq and not oldest_ns:
                return True
        if looked == SLICE:
            return True
        self._watch(oldest_ns, turn)
        return False

    def _mark(self, subjects: list[bytes], turn: Turn) -> None:
        """Put a marker in the place of the last message of each of `subjects`."""
        ttl_ns = self._config.subject_delete_marker_ttl_ns
        header = make_headers(
            [
                ("Nats-Marker-Reason", "MaxAge"),
                ("Nats-TTL", format_duration(ttl_ns)),
                ("Nats-Rollup", "sub"),
            ]
        )
        for subject in subjects:
            seq = add_marker(self._stored, subject, header, ROLL_UP_SUBJECT | WITH_TTL, turn)
            self._expiries.add(seq, later_ns(turn.now_ns, ttl_ns))
