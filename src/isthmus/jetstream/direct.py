"""Direct gets that need more than a look-up: any JSON, levels, several messages at once.

The compiled inlet answers the plain requests for one message by itself (`core/direct_inlet.pyx`)
and asks here for the others. Owns the batches that are being sent, a slice in each turn. Answers
are messages and status lines, never JSON; requests are read leniently, whatever the server's mode.

    batch         messages from a sequence or time on, of one subject pattern or of all
    multi_last    the last message of every subject that one of several patterns matches
    both          … each with what is left behind it, and `204 EOB` at the end

Looking for them may mean looking at the whole stream: that happens in slices too, and so does
reading a request that is long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from isthmus.base import subjects
from isthmus.base.errors import JetStreamError
from isthmus.base.headers import parse_headers
from isthmus.base.slices import Sliced, as_long_as, at_once
from isthmus.base.values import parse_time_ns
from isthmus.core import lookup
from isthmus.core.agenda import Steps, run_in_slices
from isthmus.core.census import Census
from isthmus.core.direct_inlet import DirectInlet
from isthmus.core.stored import Stored
from isthmus.core.turn import Turn
from isthmus.jetstream import api
from isthmus.jetstream.decoding import LISTED_MAX, reading_single
from isthmus.jetstream.json_text import JsonError
from isthmus.jetstream.requests import MessageGetRequest

SUBJECTS_MAX = 1024  # that one multi_last may find
BYTES_MAX = 64 << 20  # of one answer, unless the request asks for less
SLICE = 512  # messages of one batch in one turn
SLICE_BYTES = 1 << 20  # likewise
PATTERNS = 32  # of a multi_last without a pause
LOOKED_BACK = 8192  # messages in one turn, for all subjects of a multi_last together
AT_ONCE_BYTES = 256  # of a request that is read without a pause
UNREAD_MAX = 16 << 20  # bytes of requests to one stream that are being read
LOOKED_AT_MAX = 64 * SUBJECTS_MAX  # subjects that one pattern of multi_last may look at

Form = tuple[int, bytes, bytes, bool]  # seq, last_by_subject, next_by_subject, without headers

_EMPTY = b"408 Empty Request"
_MALFORMED = b"408 Malformed Request"
_BAD = b"408 Bad Request"
_NOT_FOUND = b"404 Message Not Found"
_NO_RESULTS = b"404 No Results"
_TOO_MANY = b"413 Too Many Results"
_LEVEL = b"412 Required Api Level"
_GONE = b"503"  # the stream: what who asks now is told
_BUSY = b"429 Too Many Requests"


class DirectGets:
    """The direct gets of one stream."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._unread_bytes = 0
        self.inlet = DirectInlet(stored, self)

    def direct_get(
        self, named: bytes, header: bytes, payload: bytes, reply: bytes, turn: Turn
    ) -> bytes | Form | None:
        """What a request asks for, or the status that refuses it; None: it is answered here."""
        if not named and not payload:
            return _EMPTY
        if len(payload) > AT_ONCE_BYTES:
            if self._unread_bytes + len(payload) > UNREAD_MAX:
                return _BUSY
            self._unread_bytes += len(payload)
            self._run(self._read_first(named, header, payload, reply, turn), reply, turn)
            return None
        try:
            request = at_once(reading_single(MessageGetRequest, payload or b"{}"))
        except JsonError:
            return _MALFORMED
        return self._answer(request, named, header, reply, turn)

    def _read_first(
        self, named: bytes, header: bytes, payload: bytes, reply: bytes, turn: Turn
    ) -> Sliced[bytes | _Batch | None]:
        """Read a long request; what it asks for is looked for here, not in the inlet."""
        try:
            request = yield from reading_single(MessageGetRequest, payload)
        except JsonError:
            return _MALFORMED
        finally:
            self._unread_bytes -= len(payload)
        found = self._answer(request, named, header, reply, turn)
        if not isinstance(found, tuple):
            return found
        seq, last, following, bare = found
        if last or following:
            search = lookup.Search(
                self._stored.log, self._stored.tree, last or following, seq=seq, last=bool(last)
            )
            while search.step():
                yield
            seq = search.found
        sent = seq and self.inlet.send(seq, reply, b"", bare, turn)
        return None if sent else _NOT_FOUND

    def _answer(
        self, request: MessageGetRequest, named: bytes, header: bytes, reply: bytes, turn: Turn
    ) -> bytes | Form | None:
        """What is asked for, or the status that refuses it; None: it is answered here."""
        try:
            api.require_level(parse_headers(header).get(api.REQUIRED_LEVEL_HEADER, ""))
        except JetStreamError:
            return _LEVEL
        if len(request.multi_last) > LISTED_MAX:
            return _TOO_MANY
        if named:
            return (0, named, b"", request.no_hdr) if _only_about_form(request) else _BAD
        if _conflicts(request):
            return _BAD
        if request.multi_last:
            self._run(self._multi_last(request, reply), reply, turn)
            return None
        if not _chooses(request):
            return _EMPTY
        seq = request.seq
        if request.start_time is not None:
            seq = self._stored.log.seq_since(parse_time_ns(request.start_time))
            if not seq:
                return _NOT_FOUND
        if request.batch:
            self._run(self._batch(request, seq, reply), reply, turn)
            return None
        return seq, request.last_by_subj.encode(), request.next_by_subj.encode(), request.no_hdr

    # --- several messages ---

    def _run(self, work: Sliced[bytes | _Batch | None], reply: bytes, turn: Turn) -> None:
        """Look for the messages in slices, then send them, or the status that there are none.

        None: the answer has been sent.
        """

        def done(found: bytes | _Batch | None, later: Turn) -> None:
            if isinstance(found, bytes):
                self.inlet.status(reply, found, later)
            elif found is not None:
                run_in_slices(found.step, later)

        sought = as_long_as(lambda: not self._stored.closed, work, lambda: _GONE)
        run_in_slices(Steps(sought, done), turn)

    def _batch(
        self, request: MessageGetRequest, seq: int, reply: bytes
    ) -> Sliced[bytes | _Batch | None]:
        stored = self._stored
        pattern = (request.next_by_subj or ">").encode()
        search = lookup.Search(stored.log, stored.tree, pattern, seq=seq)
        while search.step():
            yield
        first = search.found
        if not first or first > stored.visible_seq:
            return _NOT_FOUND
        census = Census(stored.log, stored.tree, [pattern], first)
        while census.step():
            yield
        chosen = self._following(pattern, first)
        batch = _Batch(
            self.inlet, reply, chosen, census.total, count=request.batch, bare=request.no_hdr
        )
        batch.bound(request.max_bytes)
        return batch

    def _following(self, pattern: bytes, seq: int) -> Iterator[int]:
        """Sequences; 0 where the search takes a rest."""
        stored = self._stored
        while seq and seq <= stored.visible_seq:
            yield seq
            search = lookup.Search(stored.log, stored.tree, pattern, seq=seq + 1)
            while search.step():
                yield 0
            seq = search.found

    def _multi_last(
        self, request: MessageGetRequest, reply: bytes
    ) -> Sliced[bytes | _Batch | None]:
        stored = self._stored
        up_to = request.up_to_seq or stored.visible_seq
        if up_to > stored.visible_seq:
            return _NO_RESULTS
        if request.up_to_time is not None:
            behind = stored.log.seq_since(parse_time_ns(request.up_to_time))
            up_to = behind - 1 if behind else stored.visible_seq
        found: set[int] = set()
        for number, pattern in enumerate(request.multi_last, 1):
            after = b""
            for _ in range(LOOKED_AT_MAX // SUBJECTS_MAX):
                states, after = stored.tree.matching(pattern.encode(), after, SUBJECTS_MAX)
                found |= yield from self._lasts_up_to([state.subject for state in states], up_to)
                if len(found) > SUBJECTS_MAX:
                    return _TOO_MANY
                if not after:
                    break
                yield
            if after:
                return _TOO_MANY
            if number % PATTERNS == 0:
                yield
        if not found:
            return _NO_RESULTS
        chosen = sorted(seq for seq in found if seq >= request.seq)
        count = request.batch if request.batch > 0 else len(chosen)
        batch = _Batch(self.inlet, reply, chosen, len(chosen), count=count, up_to=up_to)
        batch.bound(request.max_bytes)
        return batch

    def _lasts_up_to(self, names: list[bytes], up_to: int) -> Sliced[set[int]]:
        """The last sequence of each subject that is not above `up_to`."""
        stored = self._stored
        found: set[int] = set()
        left = LOOKED_BACK
        for subject in names:
            search = lookup.SearchBack(stored.log, stored.tree, subject, up_to)
            while not stored.closed and search.step(left):
                yield
                left = LOOKED_BACK
            left -= search.looked
            found.add(search.found)
        found.discard(0)
        return found


class _Batch:
    """Messages on their way to one reply subject."""

    def __init__(
        self,
        inlet: DirectInlet,
        reply: bytes,
        chosen: Iterable[int],
        pending: int,
        *,
        count: int,
        bare: bool = False,
        up_to: int = 0,
    ) -> None:
        self.bytes_left = BYTES_MAX
        self._inlet = inlet
        self._reply = reply
        self._bare = bare
        self._chosen = iter(chosen)
        self._pending = pending  # what matches and was not sent; not counted without headers
        self._count = count
        self._up_to = up_to
        self._last_seq = 0

    def bound(self, bytes_max: int) -> None:
        """The request asks for so many bytes at most; 0 and less: it does not say."""
        if bytes_max > 0:
            self.bytes_left = bytes_max

    def step(self, turn: Turn) -> bool:
        """Send some; True if more is to be sent."""
        if self._inlet.stored.closed:
            self._inlet.status(self._reply, _GONE, turn)
            return False
        rest_bytes = self.bytes_left - SLICE_BYTES
        for _ in range(SLICE):
            if 0 < self.bytes_left <= rest_bytes:
                break
            seq = next(self._chosen, None)
            if seq is None or self._count <= 0 or self.bytes_left <= 0:
                self._end(turn)
                return False
            if not seq:
                break
            if not self._bare:
                self._pending = max(self._pending - 1, 0)
            size = self._inlet.send(seq, self._reply, self._lines(), self._bare, turn)
            if size:
                self._last_seq = seq
                self._count -= 1
                self.bytes_left -= size
        return True

    def _end(self, turn: Turn) -> None:
        lines = self._lines()
        if self._up_to:
            lines += b"Nats-UpTo-Sequence: %d\r\n" % self._up_to
        self._inlet.status(self._reply, b"204 EOB\r\n" + lines.removesuffix(b"\r\n"), turn)

    def _lines(self) -> bytes:
        return b"Nats-Num-Pending: %d\r\nNats-Last-Sequence: %d\r\n" % (
            self._pending,
            self._last_seq,
        )


def _only_about_form(request: MessageGetRequest) -> bool:
    """Nothing but how the answer should look, beside a subject in the request's own."""
    plain = MessageGetRequest(no_hdr=request.no_hdr, max_bytes=request.max_bytes)
    return request == plain


def _chooses(request: MessageGetRequest) -> bool:
    return bool(request.seq or request.last_by_subj or request.next_by_subj or request.start_time)


def _conflicts(request: MessageGetRequest) -> bool:
    timed = request.start_time is not None
    patterns = (request.next_by_subj, request.last_by_subj, *request.multi_last)
    return bool(
        (request.seq and (request.last_by_subj or timed))
        or (timed and request.last_by_subj)
        or (request.last_by_subj and (request.next_by_subj or request.batch > 0))
        or (request.multi_last and (request.last_by_subj or request.next_by_subj))
        or (request.up_to_seq and request.up_to_time is not None)
        or not all(subjects.valid(pattern) for pattern in patterns if pattern)
    )
