# cython: boundscheck=False, wraparound=False
"""One stream import; see `stream_import.pxd` for the picture.

Owns the shadows of the importer's subscriptions. Knows no JWT: policy says `open` or `close` and
when the grant ends. Invariant: while subscribed, each receiver of the importer that hears imports
has one shadow in the exporter for each of its subjects that overlaps `local`, and otherwise none,
as soon as `step` says that nothing is left.
"""

from libc.stdint cimport int64_t

cimport cython

from isthmus.core.effort cimport LOOK_NS, SUBSCRIBE_NS, spend
from isthmus.core.message cimport Message, Span, span, span_of
from isthmus.core.patterns cimport intersection
from isthmus.core.receiver cimport Receiver
from isthmus.core.rewriting cimport SUBJECT_MAX, Rewriting
from isthmus.core.roll cimport Hearer
from isthmus.core.router cimport AccountCore
from isthmus.core.sublist cimport Watcher
from isthmus.core.turn cimport Turn

cdef Py_ssize_t SLICE = 1024        # subscriptions met, or shadows let go, in one step


cdef class StreamImport(Watcher):
    """A stream import of `importer` from `exporter`.

    `inward` is `local` as a list of literal pieces and wildcards of `remote`, `outward` the other
    way round (see `core.rewriting`); both None when the subjects are equal. `subscribe` and
    `unsubscribe` begin and end it.
    """

    def __init__(
        self, AccountCore importer not None, AccountCore exporter not None, *,
        bytes local not None, bytes remote not None, list inward=None, list outward=None,
    ):
        assert (inward is None) == (outward is None)
        assert inward is not None or local == remote
        self.importer = importer
        self.exporter = exporter
        self.local = local
        self.remote = remote
        if inward is not None:
            self.inward = Rewriting(remote, inward)
            self.outward = Rewriting(local, outward)
        self.shadows = {}

    def __repr__(self) -> str:
        return (
            f"StreamImport({self.importer.name.decode()}:{self.local.decode()} <- "
            f"{self.exporter.name.decode()}:{self.remote.decode()}, alive={self.alive})"
        )

    @property
    def shadow_count(self) -> int:
        """How many subscriptions of the importer it concerns."""
        return sum(len(shadows) for shadows in self.shadows.values())

    def subscribe(self) -> None:
        """Follow the importer's subscriptions; `step` meets those that are there already."""
        if not self.subscribed:
            assert not self.shadows
            self.subscribed = True
            self.importer.sublist.watch_changes(self)
            self.unmet = len(self.importer.roll.hearers)

    def unsubscribe(self) -> None:
        """Leave the exporter for good; `step` lets go of what stands there."""
        self.close()
        if self.subscribed:
            self.subscribed = False
            self.unmet = 0
            self.importer.sublist.unwatch(self)

    def step(self, Py_ssize_t limit=SLICE) -> bool:
        """A slice of what `subscribe` or `unsubscribe` began; True if more is left."""
        return self._meet(limit) if self.subscribed else self._let_go(limit)

    cdef bint _meet(self, Py_ssize_t limit) except -1:
        """Look at the roll downwards from `unmet`."""
        cdef list hearers = self.importer.roll.hearers
        self.unmet = min(self.unmet, len(hearers))
        self.meeting = True
        try:
            while self.unmet > 0 and limit > 0:
                self.unmet -= 1
                limit -= 1
                spend(LOOK_NS)
                (<Hearer> hearers[self.unmet]).report(self)
        finally:
            self.meeting = False
        return self.unmet > 0

    cdef bint _let_go(self, Py_ssize_t limit) except -1:
        cdef Shadow shadow
        while self.shadows and limit > 0:
            _, shadows = self.shadows.popitem()
            for shadow in shadows:
                self.exporter.sublist.remove(span_of(shadow.remote), span_of(shadow.queue), shadow)
                spend(SUBSCRIBE_NS)
                limit -= 1
        return len(self.shadows) > 0

    cdef bint _knows(self, Span subject, Span queue, Receiver receiver) except -1:
        """True if this subscription has its shadow."""
        cdef Shadow shadow
        for shadow in self.shadows.get(receiver, ()):
            if shadow.local == subject.data[: subject.size] and (
                shadow.queue == queue.data[: queue.size]
            ):
                return True
        return False

    def open(self, int64_t ends_ns) -> None:
        """The grant holds until `ends_ns` (0: for ever)."""
        self.alive = True
        self.ends_ns = ends_ns

    def close(self) -> None:
        """The grant does not hold: nothing crosses."""
        self.alive = False

    cdef bint open_at(self, int64_t now_ns) noexcept:
        return self.alive and (self.ends_ns == 0 or now_ns < self.ends_ns)

    cdef int added(self, Span subject, Span queue, Receiver receiver) except -1:
        """Somebody subscribed in the importer: does it overlap what is imported?"""
        cdef char narrow[SUBJECT_MAX]
        cdef char rewritten[SUBJECT_MAX]
        cdef Shadow shadow
        cdef Span remote
        if not isinstance(receiver, Hearer):
            return 0
        if self.meeting and self._knows(subject, queue, receiver):
            return 0
        remote = span(narrow, intersection(subject, span_of(self.local), narrow, SUBJECT_MAX))
        if remote.size < 0:
            return 0
        if self.outward is not None:
            remote = span(rewritten, self.outward.write(remote, rewritten))
            if remote.size < 0:
                return 0                                # no message can be that long
        shadow = Shadow.__new__(Shadow)
        shadow.way = self
        shadow.receiver = receiver
        shadow.local = subject.data[: subject.size]
        shadow.queue = queue.data[: queue.size]
        shadow.remote = remote.data[: remote.size]
        self.exporter.sublist.insert(remote, queue, shadow)
        spend(SUBSCRIBE_NS)
        self.shadows.setdefault(receiver, []).append(shadow)
        return 0

    cdef int removed(self, Span subject, Span queue, Receiver receiver) except -1:
        cdef list shadows = self.shadows.get(receiver)
        cdef Shadow shadow
        if shadows is None:
            return 0
        local, name = subject.data[: subject.size], queue.data[: queue.size]
        for shadow in shadows:
            if shadow.local == local and shadow.queue == name:
                shadows.remove(shadow)
                self.exporter.sublist.remove(span_of(shadow.remote), queue, shadow)
                break
        if not shadows:
            del self.shadows[receiver]
        return 0


# always let go of by its import, so nothing needs to look for cycles; there may be a million
@cython.no_gc
cdef class Shadow(Receiver):
    """A subscription of the importer, as it stands in the exporter."""

    def __repr__(self) -> str:
        return f"Shadow({self.remote.decode()} -> {self.local.decode()})"

    cdef int receive(self, Message* message, Turn turn) except -1:
        """Hand the message on under its local subject; nothing is copied but the subject."""
        cdef StreamImport way = self.way
        cdef Message crossed
        cdef char subject[SUBJECT_MAX]
        cdef int taken
        if not way.open_at(message.now_ns) or message.hops:
            return 0                                    # `hops`: it came by a service import
        if way.inward is None:
            taken = self.receiver.receive(message, turn)
        else:
            crossed = message[0]
            crossed.to = span(subject, way.inward.write(message.to, subject))
            if crossed.to.size < 0:
                return 0
            if message.subject.data == message.to.data:
                crossed.subject = crossed.to            # else a stored message keeps its own
            taken = self.receiver.receive(&crossed, turn)
        if taken:
            way.messages += 1
            way.bytes_crossed += message.payload.size + message.header.size
            way.used_ns = message.now_ns
        return taken

    cdef bint interested(self, int64_t now_ns) except -1:
        return self.way.open_at(now_ns) and self.receiver.interested(now_ns)
