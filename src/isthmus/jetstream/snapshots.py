"""Archives of streams on their way out: STREAM.SNAPSHOT.

        asked ─► moment taken ─► durable, and somebody listens ─► chunks ─► end
                                 2 s without: 408 No Interest     window full for 5 s:
                                                                  408 No Flow Response

Who listens by a wildcard alone is given these 2 s, too: clients that have one subscription for all
their answers subscribe for the archive only when they know that it comes.

The archive is read a piece at a time, and only as far as the receiver's acknowledgements allow: no
more than the window has left and is not acknowledged, and one piece is at hand. Owns the
conversation with one receiver. Knows no disk: a piece of a file stream is read by its store, one of
a memory stream here, in a slice. Invariant: whatever ends it lets the moment go.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

import msgspec

from isthmus.base import subjects
from isthmus.base.nuid import make_nuid
from isthmus.base.values import NS_PER_S, format_time
from isthmus.core.agenda import Alarm, Job, run_in_slices
from isthmus.core.inlet import Inlet, Request
from isthmus.core.router import publish
from isthmus.core.turn import Turn
from isthmus.jetstream import advisories, errors
from isthmus.jetstream.requests import StreamSnapshotRequest
from isthmus.store.archives import Archives
from isthmus.store.moment import Moment

if TYPE_CHECKING:
    from isthmus.jetstream.stream import Stream

AT_ONCE_MAX = 16  # of one account
INTEREST_WAIT_NS = 2 * NS_PER_S
FLOW_WAIT_NS = 5 * NS_PER_S
LOOK_AGAIN_NS = 10_000_000

CHUNK_DEFAULT, CHUNK_MIN, CHUNK_MAX = 128 << 10, 1 << 10, 1 << 20
WINDOW_DEFAULT, WINDOW_MIN, WINDOW_MAX = 8 << 20, 1 << 10, 32 << 20


class _State(Enum):
    WAITING = auto()  # for durability, or for a listener
    SENDING = auto()
    READING = auto()  # a piece is under way
    FULL = auto()  # the window is
    ENDED = auto()


def require_valid(wanted: StreamSnapshotRequest) -> None:
    """Refuse where no archive can be sent to."""
    if not subjects.valid_literal(wanted.deliver_subject):
        raise errors.make(errors.SNAPSHOT_DELIVER_SUBJECT_INVALID)


class Snapshot:
    """One archive of `stream` for one receiver. `files` None: everything lives in memory."""

    def __init__(
        self,
        stream: Stream,
        wanted: StreamSnapshotRequest,
        files: Archives | None,
        *,
        client: bytes,
        turn: Turn,
    ) -> None:
        premises = stream.premises
        self._stream = stream
        self._premises = premises
        self._client = msgspec.Raw(client)
        self._to = wanted.deliver_subject.encode()
        self._chunk_bytes = _within(wanted.chunk_size, CHUNK_DEFAULT, CHUNK_MIN, CHUNK_MAX)
        window = _within(wanted.window_size, WINDOW_DEFAULT, WINDOW_MIN, WINDOW_MAX)
        self._unacked_max = max(window // self._chunk_bytes, 1)
        self._files = files if stream.journal is not None else None
        now = stream.archived(with_consumers=not wanted.no_consumers)
        if self._files is not None:
            self.moment = self._files.moment(
                stream.number, now, taken_ns=turn.now_ns, strict=wanted.jsck
            )
        else:
            self.moment = Moment(
                stream.stored.log, now, taken_ns=turn.now_ns, files=None, strict=wanted.jsck
            )
        self._acks = f"$JS.SNAPSHOT.ACK.{stream.name}.{make_nuid(premises.entropy)}."
        self._inlet = Inlet(self._acknowledged)
        self._alarm = Alarm(Job(self._ring))
        self._state = _State.WAITING
        self._start_ns = turn.now_ns
        self._lsn = stream.journal.end_lsn if stream.journal is not None else 0
        self._unacked: set[bytes] = set()
        self._sent = 0  # whole chunks
        self._data = b""  # read, and from `_at` on not sent
        self._at = 0
        self._all_read = False

    def start(self, turn: Turn) -> None:
        """Begin, as soon as that may be."""
        state = self._stream.state()
        self._premises.advise(
            advisories.SnapshotCreated,
            turn,
            stream=self._stream.name,
            state=state,
            client=self._client,
        )
        self._premises.core.sublist.add(f"{self._acks}>".encode(), self._inlet)
        self._ring(turn)

    def leave_out(self, seq: int) -> None:
        """Message `seq` is erased."""
        self.moment.leave_out(seq)

    def abort(self, reason: str, turn: Turn) -> None:
        """The stream goes, or the server stops."""
        if self._state is not _State.ENDED:
            self._end(turn, status=f"500 {reason}", error=reason)

    # --- waiting ---

    def _ring(self, turn: Turn) -> bool:
        if self._state is _State.WAITING:
            self._look(turn)
        elif self._state is _State.FULL:
            self._end(turn, status="408 No Flow Response", error="no flow response")
        return False

    def _look(self, turn: Turn) -> None:
        journal = self._stream.journal
        durable = journal is None or journal.failed or journal.durable_lsn >= self._lsn
        sublist = self._premises.core.sublist
        late = turn.now_ns - self._start_ns >= INTEREST_WAIT_NS
        listens = sublist.interested(self._to) if late else sublist.named(self._to)
        if durable and listens:
            self._resume(turn)
        elif late and not listens:
            self._end(turn, status="408 No Interest", error="")
        else:
            self._premises.agenda.put(self._alarm, turn.now_ns + LOOK_AGAIN_NS, turn)

    def _resume(self, turn: Turn) -> None:
        self._state = _State.SENDING
        self._premises.agenda.put(self._alarm, 0, turn)
        run_in_slices(self._step, turn)

    def _acknowledged(self, requests: list[Request], turn: Turn) -> None:
        for request in requests:
            if request.subject not in self._unacked:
                continue
            self._unacked.discard(request.subject)
            if self._state is _State.FULL:
                self._resume(turn)

    # --- sending ---

    def _step(self, turn: Turn) -> bool:
        """A chunk, or a piece; True if more can be done now."""
        if self._state is not _State.SENDING:
            return False
        if len(self._data) - self._at >= self._chunk_bytes:
            if len(self._unacked) >= self._unacked_max:
                self._state = _State.FULL
                self._premises.agenda.put(self._alarm, turn.now_ns + FLOW_WAIT_NS, turn)
                return False
            return self._send(turn)
        if self._all_read:
            self._send_last(turn)
            return False
        return self._read(turn)

    def _send(self, turn: Turn) -> bool:
        data = self._data[self._at : self._at + self._chunk_bytes]
        self._at += len(data)
        self._sent += 1
        reply = f"{self._acks}{len(data)}.{self._sent}".encode()
        self._unacked.add(reply)
        if not publish(self._premises.core, self._to, data, turn, reply=reply):
            self._end(turn, status="408 No Interest", error="no interest")
            return False
        return True

    def _send_last(self, turn: Turn) -> None:
        rest = self._data[self._at :]
        if rest:
            publish(self._premises.core, self._to, rest, turn)
        self._end(turn, status="204" if self._sent else "", error="")

    def _read(self, turn: Turn) -> bool:
        if self._files is not None:
            self._state = _State.READING
            self._files.read(self.moment, self._got)
            return False
        self.moment.advance(None)
        self._add(self.moment.piece)
        return True

    def _got(self, piece: bytes | None, problem: str, turn: Turn) -> None:
        if self._state is not _State.READING:
            return
        if problem:
            self._end(turn, status=f"500 {problem}", error=problem)
            return
        self._add(piece)
        self._state = _State.SENDING
        run_in_slices(self._step, turn)

    def _add(self, piece: bytes | None) -> None:
        if piece is None:
            self._all_read = True
        else:
            self._data = self._data[self._at :] + piece
            self._at = 0

    def _end(self, turn: Turn, *, status: str, error: str) -> None:
        """Say so, tell of it, let everything go."""
        self._state = _State.ENDED
        premises = self._premises
        premises.agenda.put(self._alarm, 0, turn)
        premises.core.sublist.discard(f"{self._acks}>".encode(), self._inlet)
        self.moment.release()
        self._data = b""
        self._stream.snapshots.remove(self)
        header = f"NATS/1.0 {status}\r\n\r\n".encode() if status else b""
        publish(premises.core, self._to, b"", turn, header=header)
        premises.advise(
            advisories.SnapshotCompleted,
            turn,
            stream=self._stream.name,
            start=format_time(self._start_ns),
            end=format_time(turn.now_ns),
            client=self._client,
            error=error,
        )


def _within(asked: int, default: int, least: int, most: int) -> int:
    return min(max(asked or default, least), most)
