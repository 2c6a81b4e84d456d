# cython: boundscheck=False, wraparound=False, cdivision=True
"""What becomes of deliveries; see `outcomes.pxd` for the picture.

Owns nothing but the bounds (`max_deliver`, the samples). Knows no acknowledgement's text, no pull
and no delivery. Invariant: whatever changes here is in the steps of the turn, and who changed it
asks to be settled.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from isthmus.core.ledger cimport (
    ACK_ALL, ACK_EXPLICIT, NOTICE_NAKED, NOTICE_SAMPLED, NOTICE_SPENT, NOTICE_TERMINATED, Ledger,
)
from isthmus.core.message cimport Message, Span
from isthmus.core.pending cimport QUEUE, SPENT, Delivery
from isthmus.core.progress cimport ACKED, ACKED_ALL, EXTENDED, MOVED, NAKED, SPENT_STEP
from isthmus.core.router cimport route
from isthmus.core.turn cimport Turn

cdef enum:
    SLICE_DUE = 256

cdef bytes MESSAGE_DELETED = b"Unacknowledged message was deleted"


cdef class Outcomes(Ledger):
    """A ledger that hears what becomes of its deliveries."""

    @property
    def num_redelivered(self) -> int:
        """Tracked and delivered more than once."""
        return 0 if self.max_deliver == 1 else self.pending.redelivered

    def drop_missing(self, Turn turn not None) -> None:
        """After a restart: what the stream has lost meanwhile is not waited for."""
        cdef Delivery* entry = self.pending.first()
        cdef Delivery* following
        while entry != NULL:
            following = self.pending.next(entry)
            if self.stored.log.next_present(entry.seq) != entry.seq:
                self.gone(entry, turn)
            entry = following
        entry = self.pending.first_spent()
        while entry != NULL:
            following = self.pending.next_spent(entry)
            if self.stored.log.next_present(entry.seq) != entry.seq:
                self.pending.remove(entry)
            entry = following
        turn.later(self)

    def purged(self, uint64_t first_seq, Turn turn not None, *, bint told=False) -> None:
        """What it could have seen below `first_seq` was purged: it counts as done.

        `told` of each of these messages, a filter has nothing to count anew.
        """
        cdef Delivery* entry = self.pending.first()
        assert first_seq > 0
        while self.pending.first_spent() != NULL and self.pending.first_spent().seq < first_seq:
            self.pending.remove(self.pending.first_spent())
        while entry != NULL and entry.seq < first_seq:
            if entry.consumer_seq > self.floor_consumer_seq:
                self.floor_consumer_seq = entry.consumer_seq
            self.acked_ns = turn.now_ns
            self.pending.remove(entry)
            entry = self.pending.first()
        if self.next_seq < first_seq:
            self.next_seq = first_seq
        if self.delivered_seq < first_seq - 1:
            self.delivered_seq = first_seq - 1
        if self.floor_seq < first_seq - 1:
            self.floor_seq = first_seq - 1
        if self.pending.count == 0:
            self.pending.clear()
            self.floor_seq = self.delivered_seq
            self.floor_consumer_seq = self.delivered_consumer_seq
        if self.watches is None or not told:
            self.count_again()
        cdef uint64_t[4] values
        values[0] = self.next_seq
        values[1] = self.delivered_seq
        values[2] = self.floor_seq
        values[3] = self.floor_consumer_seq
        self.steps.add_many(MOVED, values, 4)
        turn.later(self)

    def reset(self, uint64_t seq, Turn turn not None) -> None:
        """Begin anew at `seq`: nothing was delivered, nothing is waited for."""
        assert seq > 0
        while self.pending.first_spent() != NULL:
            self.pending.remove(self.pending.first_spent())
        while self.pending.first() != NULL:
            self.pending.remove(self.pending.first())
        self.chosen_count = self.chosen_at = 0
        self.next_seq = seq
        self.delivered_seq = self.floor_seq = seq - 1
        self.delivered_consumer_seq = self.floor_consumer_seq = 0
        self.delivered_ns = self.acked_ns = 0
        self.count_again()
        self.remember(turn)
        turn.later(self)

    # --- acknowledgements ---

    cdef bint acknowledge(self, uint64_t seq, uint64_t consumer_seq, Turn turn) except -1:
        """False if `seq` was never delivered: then nobody is answered either."""
        cdef Delivery* entry
        self.active_ns = turn.now_ns
        if seq == 0 or seq > self.delivered_seq:
            return seq == 0             # is below every floor: done
        if self.ack_policy == ACK_ALL:
            if seq > self.floor_seq:
                if consumer_seq > self.delivered_consumer_seq:
                    consumer_seq = self.delivered_consumer_seq
                self.steps.add_two(ACKED_ALL, seq, consumer_seq)
                done = self._pending_up_to(seq) if self.stored.retention else ()
                self.note_acked_all(seq, consumer_seq, turn.now_ns)
                turn.later(self)
                for entry_seq in done:
                    self.stored.done(self, entry_seq, turn)
            return True
        entry = self.pending.find_tracked(seq)
        if entry != NULL or (self.pending.count == 0 and self.floor_seq != self.delivered_seq):
            self.steps.add(ACKED, seq)
            self.note_acked(entry, turn.now_ns)
            turn.later(self)
            if self.stored.retention:
                self.stored.done(self, seq, turn)
        return True

    cdef int nak(self, uint64_t seq, uint64_t consumer_seq, uint64_t deliveries, int64_t delay_ns,
                 Turn turn) except -1:
        """Not done: once more, now (negative) or in `delay_ns`."""
        cdef Delivery* entry
        self.active_ns = turn.now_ns
        if consumer_seq <= self.floor_consumer_seq or consumer_seq > self.delivered_consumer_seq:
            return 0
        entry = self.pending.find(seq)
        if entry == NULL:
            return 0
        self.notice(NOTICE_NAKED, seq, consumer_seq, deliveries, b"", turn)
        self.steps.add_two(NAKED, seq, <uint64_t> (delay_ns + 1) if delay_ns >= 0 else 0)
        if delay_ns >= 0:
            self.pending.schedule(entry, turn.now_ns + delay_ns)
        else:
            self.pending.enqueue(entry)
        turn.later(self)
        return 0

    cdef int extend(self, uint64_t seq, Turn turn) except -1:
        """In progress: its wait begins anew."""
        cdef Delivery* entry = self.pending.find(seq)
        self.active_ns = turn.now_ns
        if entry != NULL and entry.place != QUEUE:
            self.steps.add(EXTENDED, seq)
            entry.time_ns = turn.now_ns
            self.pending.schedule(entry, turn.now_ns + self.wait_ns(entry.deliveries))
            turn.later(self)
        return 0

    cdef bint terminate(self, uint64_t seq, uint64_t consumer_seq, uint64_t deliveries, Span reason,
                        Turn turn) except -1:
        """Never again, and an advisory says why; as the original, of whatever was named."""
        cdef bint known = self.acknowledge(seq, consumer_seq, turn)
        self.notice(
            NOTICE_TERMINATED, seq, consumer_seq, deliveries,
            reason.data[: reason.size] if reason.size else b"", turn,
        )
        return known

    cdef int sample(self, uint64_t seq, uint64_t consumer_seq, uint64_t deliveries,
                    Turn turn) except -1:
        """It is about to be acknowledged: tell of it, if the dice say so."""
        cdef Delivery* entry
        if self.ack_policy != ACK_EXPLICIT or turn.random() % 100 >= <uint64_t> self.sample_percent:
            return 0
        entry = self.pending.find(seq)
        if entry != NULL:
            self.notice(
                NOTICE_SAMPLED, seq, consumer_seq, deliveries, turn.now_ns - entry.time_ns, turn
            )
        return 0

    cdef int confirm(self, Span reply, Turn turn) except -1:
        """The empty answer to an acknowledgement, once its step is durable."""
        if self.journal is None:
            return self.durable(0, reply, 0, turn)
        self.journal_steps(turn)
        if self.journal.durable_lsn >= self.journal.end_lsn:
            return self.durable(0, reply, 0, turn)
        self.journal.hold(self.journal.end_lsn, self, 0, reply, 0)
        return 0

    cdef int durable(self, uint64_t seq, Span reply, uint32_t note, Turn turn) except -1:
        cdef Message message
        memset(&message, 0, sizeof(Message))
        message.to = message.subject = reply
        message.now_ns = turn.now_ns
        route(self.stored.account, &message, turn)
        return 0

    cdef list _pending_up_to(self, uint64_t seq):
        cdef Delivery* entry = self.pending.first()
        cdef list out = []
        while entry != NULL and entry.seq <= seq:
            out.append(entry.seq)
            entry = self.pending.next(entry)
        return out

    # --- time, and the stream ---

    cdef int fall_due(self, Turn turn) except -1:
        """What waited long enough goes to the redelivery queue, or has been tried often enough."""
        cdef Delivery* due[SLICE_DUE]
        cdef Py_ssize_t found, index
        cdef int _round
        for _round in range(64):
            found = self.pending.take_due(turn.now_ns, due, SLICE_DUE)
            for index in range(found):
                if self.max_deliver > 0 and due[index].deliveries >= <uint64_t> self.max_deliver:
                    self.give_up(due[index], turn)
                else:
                    self.pending.enqueue(due[index])
            if found < SLICE_DUE:
                return 0
        turn.again(self)
        return 0

    cdef int give_up(self, Delivery* entry, Turn turn) except -1:
        self.notice(
            NOTICE_SPENT, entry.seq, entry.consumer_seq, entry.deliveries, b"", turn
        )
        self.steps.add(SPENT_STEP, entry.seq)
        self.pending.spend(entry)
        turn.later(self)
        return 0

    cdef int removed(self, uint64_t seq, Span subject, Turn turn) except -1:
        cdef Delivery* entry
        self.count_removed(seq, subject)
        entry = self.pending.find_tracked(seq)
        if entry != NULL:
            self.gone(entry, turn)
        return 0

    cdef int trimmed(self, Turn turn) except -1:
        cdef Delivery* entry = self.pending.first()
        while entry != NULL and entry.seq < self.stored.log.first_seq:
            self.gone(entry, turn)
            entry = self.pending.first()
        entry = self.pending.first_spent()
        while entry != NULL and entry.seq < self.stored.log.first_seq:
            self.pending.remove(entry)
            entry = self.pending.first_spent()
        return 0

    cdef int gone(self, Delivery* entry, Turn turn) except -1:
        """Its message is no more: like a TERM, with a reason of its own."""
        if entry.place == SPENT:
            return self.pending.remove(entry)
        if not self.stored.quiet:
            self.notice(
                NOTICE_TERMINATED, entry.seq, entry.consumer_seq, entry.deliveries,
                MESSAGE_DELETED, turn,
            )
        self.steps.add(ACKED, entry.seq)
        if self.swept and entry.consumer_seq > self.floor_consumer_seq:
            self.floor_consumer_seq = entry.consumer_seq    # journalled where the purge ends
        self.note_acked(entry, turn.now_ns)
        turn.later(self)
        return 0

    cdef bint needs(self, uint64_t seq, Span subject) noexcept:
        cdef Py_ssize_t at
        if not self.wants(subject):
            return False
        if seq >= self.next_seq or self.pending.find_tracked(seq) != NULL:
            return True
        for at in range(self.chosen_at, self.chosen_count):
            if self.chosen[at] == seq:
                return True
        return False

    cdef uint64_t oldest_unacked(self) noexcept:
        cdef Delivery* entry = self.pending.first()
        cdef Delivery* spent = self.pending.first_spent()
        if entry == NULL:
            return spent.seq if spent != NULL else 0
        return spent.seq if spent != NULL and spent.seq < entry.seq else entry.seq
