# cython: boundscheck=False, wraparound=False, cdivision=True
"""What a consumer has delivered and what of it is done; see `ledger.pxd` for the picture.

Owns the positions, the pending messages, and the steps that say how they changed. Knows nobody who
asks or acknowledges, and not why something changes. Invariants: `floor_seq <= delivered_seq`, alike
for consumer sequences, and the state is what its steps since the last RESET make of it.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from isthmus.core.inventory cimport write_pending
from isthmus.core.journal cimport Journal
from isthmus.core.message cimport Span, span_of
from isthmus.core.pending cimport Delivery, Pending
from isthmus.core.progress cimport RESET, Steps
from isthmus.core.reader cimport Reader
from isthmus.core.segment cimport RECORD_ACK, Record
from isthmus.core.stored cimport Stored
from isthmus.core.turn cimport Turn

cdef enum:
    NOTICES_MAX = 10_000        # of one turn; more are not told


cdef class Ledger(Reader):
    """Where one consumer stands: what it has delivered, what of it is acknowledged.

    `owner.advise(notices, turn)` is told of `(kind, seq, consumer_seq, deliveries, detail)`; for
    each kind 1 to 6 (naked, terminated, spent, pinned, unpinned, sampled) `notice_subjects` says
    under which subject somebody must listen. The detail is the reason, the id of a pinned client,
    or the nanoseconds from delivery to acknowledgement; of a pin, `seq` is the number of the group.
    `journal` None: nothing of it survives the process.
    """

    def __init__(
        self, Stored stored not None, object owner, *, bytes name not None, uint64_t number,
        Journal journal, tuple notice_subjects not None,
    ):
        assert len(notice_subjects) == NOTICE_SAMPLED
        self.stored = stored
        self.owner = owner
        self.name = name
        self.number = number
        self.journal = journal
        self.pending = Pending()
        self.steps = Steps()
        self.notice_subjects = notice_subjects
        self.notices = []

    def __dealloc__(self):
        free(self.backoff_ns)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.stored.name.decode()}/{self.name.decode()})"

    @property
    def num_ack_pending(self) -> int:
        """Delivered and not acknowledged."""
        return self.pending.count

    def remember(self, Turn turn not None) -> None:
        """Journal everything: what was journalled of it before is not needed any more."""
        self.steps.clear()
        self.write_snapshot(self.steps)
        self.journal_steps(turn)

    def check(self) -> None:
        """Assert the invariants."""
        cdef Delivery* entry = self.pending.first()
        self.pending.check()
        assert self.floor_seq <= self.delivered_seq, (self.floor_seq, self.delivered_seq)
        assert self.floor_consumer_seq <= self.delivered_consumer_seq
        assert self.delivered_seq < self.next_seq or self.chosen_at < self.chosen_count
        assert entry == NULL or entry.seq > self.floor_seq or self.ack_policy == ACK_NONE
        counted = self.num_pending
        self.count_again()
        assert counted == self.num_pending, (counted, self.num_pending)

    cdef int expect_acks(
        self, AckPolicy ack_policy, int64_t ack_wait_ns, list backoff_ns
    ) except -1:
        """How long a delivery may stay unacknowledged. What is delivered already keeps its wait."""
        cdef int index
        assert ack_policy == ACK_NONE or ack_wait_ns > 0
        self.ack_policy = ack_policy
        self.ack_wait_ns = ack_wait_ns
        free(self.backoff_ns)
        self.backoff_ns = NULL
        self.backoff_count = len(backoff_ns)
        if self.backoff_count:
            self.backoff_ns = <int64_t*> malloc(self.backoff_count * sizeof(int64_t))
            if self.backoff_ns == NULL:
                raise MemoryError
            for index in range(self.backoff_count):
                self.backoff_ns[index] = backoff_ns[index]
        return 0

    # --- changes of state, alike while running and when journalled steps are applied ---

    cdef int note_delivered(self, uint64_t seq, int64_t now_ns) except -1:
        self.delivered_seq = seq
        self.delivered_consumer_seq += 1
        self.delivered_ns = self.active_ns = now_ns
        if self.ack_policy == ACK_NONE:
            self.floor_seq = seq
            self.floor_consumer_seq = self.delivered_consumer_seq
            return 0
        self.pending.add(seq, self.delivered_consumer_seq, now_ns, now_ns + self.wait_ns(1))
        if seq < self.stored.oldest_unacked:
            self.stored.oldest_unacked = seq
        return 0

    cdef int note_again(self, Delivery* entry, int64_t now_ns) except -1:
        self.delivered_consumer_seq += 1
        self.delivered_ns = self.active_ns = now_ns
        self.pending.count_delivery(entry, now_ns)
        self.pending.schedule(entry, now_ns + self.wait_ns(entry.deliveries))
        return 0

    cdef int note_acked(self, Delivery* entry, int64_t now_ns) except -1:
        """`entry` is done; NULL: it was already, but with nothing pending the floor moves up."""
        cdef uint64_t seq = 0, consumer_seq = 0
        cdef Delivery* first
        self.acked_ns = now_ns
        if entry != NULL:
            seq = entry.seq
            consumer_seq = entry.consumer_seq
            self.pending.remove(entry)
        if self.pending.count == 0:
            self.floor_seq = self.delivered_seq
            self.floor_consumer_seq = self.delivered_consumer_seq
        elif consumer_seq == self.floor_consumer_seq + 1:
            first = self.pending.first()
            self.floor_seq = first.seq - 1 if first.seq > seq else seq
            self.floor_consumer_seq = (
                first.consumer_seq - 1 if first.consumer_seq > consumer_seq else consumer_seq
            )
        return 0

    cdef int note_acked_all(self, uint64_t seq, uint64_t consumer_seq, int64_t now_ns) except -1:
        cdef Delivery* entry = self.pending.first()
        self.acked_ns = now_ns
        while entry != NULL and entry.seq <= seq:
            self.pending.remove(entry)
            entry = self.pending.first()
        self.floor_seq = seq
        if consumer_seq > self.floor_consumer_seq:
            self.floor_consumer_seq = consumer_seq
        return 0

    cdef int64_t wait_ns(self, uint32_t deliveries) noexcept:
        """How long the delivery number `deliveries` may stay unacknowledged."""
        if self.backoff_count == 0:
            return self.ack_wait_ns
        return self.backoff_ns[
            deliveries - 1 if deliveries < <uint32_t> self.backoff_count else self.backoff_count - 1
        ]

    # --- what is written down, and told ---

    cdef int journal_steps(self, Turn turn) except -1:
        cdef Record record
        cdef Span steps = self.steps.taken()
        if steps.size == 0:
            return 0
        if self.journal is not None:
            memset(&record, 0, sizeof(Record))
            record.kind = RECORD_ACK
            record.owner = self.number
            record.seq = self.stored.number
            record.time_ns = turn.now_ns
            record.payload = steps
            self.journal.append(&record, turn)
        self.steps.clear()
        return 0

    cdef int write_snapshot(self, Steps steps) except -1:
        cdef uint64_t[7] values
        values[0] = self.next_seq
        values[1] = self.delivered_seq
        values[2] = self.floor_seq
        values[3] = self.floor_consumer_seq
        values[4] = self.delivered_consumer_seq
        values[5] = <uint64_t> self.delivered_ns
        values[6] = <uint64_t> self.acked_ns
        steps.add_many(RESET, values, 7)
        return write_pending(self.pending, steps)

    cdef int notice(self, Notice kind, uint64_t seq, uint64_t consumer_seq, uint64_t deliveries,
                    object detail, Turn turn) except -1:
        cdef bytes subject = self.notice_subjects[kind - 1]
        if len(self.notices) < NOTICES_MAX and self.stored.account.sublist.has_interest(
            span_of(subject)
        ):
            self.notices.append((kind, seq, consumer_seq, deliveries, detail))
            turn.later(self)
        return 0
