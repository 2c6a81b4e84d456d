# cython: boundscheck=False, wraparound=False, cdivision=True
"""One stream as everybody sees it; see `stored.pxd` for the picture.

Owns the order of a change: journal, log, index, usage, followers. Knows no configuration but the
limits that are checked per message, and no headers. Invariants: log and index hold the same
messages; `visible_seq` never falls and never passes the log's `last_seq`.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from isthmus.core.block cimport Block
from isthmus.core.decimal cimport print_u64
from isthmus.core.journal cimport Holder, Journal
from isthmus.core.matches cimport Match
from isthmus.core.matching cimport subject_matches
from isthmus.core.message cimport Message, Span, span, span_of
from isthmus.core.purge cimport forget_hidden, purge
from isthmus.core.receiver cimport Receiver
from isthmus.core.router cimport AccountCore, route
from isthmus.core.segment cimport RECORD_MESSAGE, RECORD_PURGE, RECORD_REMOVE, Record
from isthmus.core.stream_log cimport StreamLog
from isthmus.core.subject_ends cimport exact
from isthmus.core.subject_order cimport STALE_FIRST, STALE_LAST, SubjectEntry
from isthmus.core.subject_tree cimport SubjectTree
from isthmus.core.sublist cimport Sublist
from isthmus.core.succession cimport Succession
from isthmus.core.turn cimport Turn

cdef enum:
    ACK_SIZE_MAX = 1024         # a stream's name has at most 255 bytes, a domain no more


cdef class Usage:
    """Bytes of stored messages, bounded; -1: no bound, -2: no limit applies, nothing is stored.

    `above` is what this is a part of.
    """

    def __init__(self, int64_t memory_max=-1, int64_t file_max=-1, Usage above=None):
        self.memory_max = memory_max
        self.file_max = file_max
        self.above = above

    def limit(self, int64_t memory_max, int64_t file_max) -> None:
        """New bounds; what is over them stays."""
        self.memory_max = memory_max
        self.file_max = file_max

    cdef void add(self, bint memory, int64_t change) noexcept:
        if memory:
            self.memory_bytes += change
        else:
            self.file_bytes += change
        if self.above is not None:
            self.above.add(memory, change)

    cdef int refuses(self, bint memory, int64_t more) noexcept:
        cdef int64_t bound = self.memory_max if memory else self.file_max
        cdef int64_t used = self.memory_bytes if memory else self.file_bytes
        if bound >= 0 and used + more > bound:
            return 1
        if bound == -2:
            return 3
        if self.above is not None and self.above.refuses(memory, more):
            return 2
        return 0


cdef class Follower(Holder):
    """Whoever reads a stream from front to back."""

    cdef int matched(self, uint64_t seq, Span subject, Turn turn) except -1:
        raise NotImplementedError(type(self).__name__)

    cdef int removed(self, uint64_t seq, Span subject, Turn turn) except -1:
        raise NotImplementedError(type(self).__name__)

    cdef int trimmed(self, Turn turn) except -1:
        raise NotImplementedError(type(self).__name__)

    cdef bint wants(self, Span subject) noexcept:
        cdef Watch watch
        if self.watches is None:
            return True
        for watch in self.watches:
            if subject_matches(span_of(watch.pattern), subject):
                return True
        return False

    cdef bint needs(self, uint64_t seq, Span subject) noexcept:
        return True

    cdef uint64_t oldest_unacked(self) noexcept:
        return 0


cdef class Watch(Receiver):
    """One filter of one follower."""

    def __repr__(self) -> str:
        return f"Watch({self.pattern!r})"


cdef class Stored(Holder):
    """A stream's log and index, and what may be seen of them.

    `journal` None: a memory stream. `domain` is printed in PubAcks unless empty.
    """

    def __init__(
        self, AccountCore account not None, bytes name not None, *, uint64_t number,
        StreamLog log not None, SubjectTree tree not None, Journal journal, Usage usage not None,
        bytes domain not None=b"",
    ):
        assert name
        assert len(name) + len(domain) < ACK_SIZE_MAX - 64
        self.account = account
        self.name = name
        self.number = number
        self.log = log
        self.tree = tree
        self.journal = journal
        self.usage = usage
        self.visible_seq = log.last_seq
        self.max_msgs = self.max_bytes = self.max_msgs_per_subject = -1
        self.followers = []
        self.plain = []
        self.signalled = []
        place = b',"domain":"' + domain + b'"' if domain else b""
        self.ack_prefix = b'{"stream":"' + name + b'"' + place + b',"seq":'
        self.wrong_last_prefix = (
            b'{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: '
        )
        self.wrong_last_suffix = b'"},"stream":"' + name + b'","seq":0}'
        self.count_usage()

    def __repr__(self) -> str:
        return f"Stored({self.account.name.decode()}:{self.name.decode()})"

    def limit(
        self, *, int64_t max_msgs, int64_t max_bytes, int64_t max_msgs_per_subject,
        bint drops_oldest,
    ) -> None:
        """The limits checked with every message; -1: none. What is over them goes by `shrink`.

        Where new messages are refused instead, nothing that is there goes because of the first two.
        """
        assert max_msgs == -1 or max_msgs > 0
        assert max_bytes == -1 or max_bytes > 0
        assert max_msgs_per_subject == -1 or max_msgs_per_subject > 0
        self.max_msgs = max_msgs
        self.max_bytes = max_bytes
        self.max_msgs_per_subject = max_msgs_per_subject
        self.drops_oldest = drops_oldest

    def retain(self, Retention retention) -> None:
        """What else removes messages; what is to go because of it goes by `upkeep`."""
        self.retention = retention

    def track_succession(self, bint on) -> bool:
        """Know what follows a message on its subject; true if what is stored must be told first."""
        if not on:
            self.succession = None
            return False
        if self.succession is not None:
            return False
        self.succession = Succession()
        return self.log.messages > 0

    def close(self) -> None:
        """The stream is gone: nothing is answered, shown or counted any more."""
        self.closed = True
        self.usage.add(self.log.memory, -self.bytes_counted)
        self.bytes_counted = 0

    def check(self) -> None:
        """Assert the invariants that do not need a walk through the log."""
        assert self.visible_seq <= self.log.last_seq
        assert self.closed or <uint64_t> self.bytes_counted == self.log.bytes_stored
        assert self.log.messages == 0 or self.log.first_seq <= self.log.last_seq
        assert self.count_from(0) == self.log.messages
        assert self.count_from(self.log.first_seq) == self.log.messages
        assert self.count_from(self.log.last_seq + 1) == 0

    # --- a message comes ---

    cdef uint64_t put(self, Record* record, Turn turn) except? 0:
        cdef uint64_t lsn = 0
        cdef SubjectEntry* entry
        record.kind = RECORD_MESSAGE
        record.crc = 0
        record.owner = self.number
        record.seq = self.log.last_seq + 1
        if self.journal is not None:
            lsn = self.journal.append(record, turn)
        if record.flags & ROLL_UP_ALL:
            self.clear(turn)
        if self.succession is not None:
            entry = self.tree.find(record.subject)
            if entry != NULL and not entry.stale & STALE_LAST:
                self.succession.note(entry.last_seq, record.seq)
        self.log.append(record)
        self.tree.add(record.subject, record.seq)
        self.count_usage()
        if self.filters is not None:
            self.tell_filters(record.seq, record.subject, True, turn)
        if record.flags & ROLL_UP_SUBJECT:
            self.roll_up(record.subject, turn)
        return lsn

    cdef int clear(self, Turn turn) except -1:
        """Everything goes, and no follower waits for any of it."""
        cdef Follower follower
        cdef uint64_t below = self.log.last_seq + 1
        self.front_gone += purge(self.log, self.tree)
        if self.succession is not None:
            self.succession.clear()
        for follower in self.followers:
            follower.purged(below, turn)
        return 0

    cdef int roll_up(self, Span subject, Turn turn) except -1:
        """All but the last message of a subject go; the record of that one says so."""
        cdef SubjectEntry* entry = exact(self.log, self.tree, subject)
        cdef bint quiet = self.quiet
        self.quiet = True
        try:
            while entry != NULL and entry.count > 1:
                if not self.remove(entry.first_seq, turn):
                    break
                entry = exact(self.log, self.tree, subject)
        finally:
            self.quiet = quiet
        if entry != NULL:
            self.tell_rolled_up(subject, entry.last_seq, turn)
        return 0

    cdef int tell_rolled_up(self, Span subject, uint64_t seq, Turn turn) except -1:
        """Followers that were behind what went begin behind it: at `seq` if they want no more."""
        cdef Follower follower
        cdef Watch watch
        cdef uint64_t below
        for follower in self.followers:
            below = self.log.first_seq
            if follower.watches is not None:
                watch = <Watch> follower.watches[0]
                if len(follower.watches) == 1 and len(watch.pattern) == subject.size and not memcmp(
                    <const char*> watch.pattern, subject.data, subject.size
                ):
                    below = seq
            if follower.next_seq < below and follower.wants(subject):
                follower.purged(below, turn, told=True)
        return 0

    cdef uint64_t pass_over(self, uint64_t* seq, Turn turn) except? 0:
        seq[0] = self.log.last_seq + 1
        if self.journal is None:
            self.log.skip(seq[0], turn.now_ns)
            return 0
        self.journal_removal(RECORD_REMOVE, seq[0], b"", turn)
        self.log.skip(seq[0], turn.now_ns)
        return self.journal.end_lsn

    cdef bint wanted(self, Span subject) except -1:
        if self.plain:
            return True
        return self.filters is not None and self.filters.has_interest(subject)

    cdef int done(self, Follower by, uint64_t seq, Turn turn) except -1:
        cdef Follower follower
        cdef Record record
        cdef bint front
        if self.retention == BY_INTEREST:
            if not self.log.read(seq, &record):
                return 0
            for follower in self.followers:
                if follower is not by and follower.needs(seq, record.subject):
                    return 0
        # journalled at once, before the acknowledgement: who was told of that one never meets the
        # message again
        front = seq == self.log.first_seq
        if self.remove(seq, turn):
            if front:
                self.journal_removal(RECORD_REMOVE, seq, b"", turn)
        elif forget_hidden(self.log, seq):      # since it was delivered; it must not come back
            self.journal_removal(RECORD_REMOVE, seq, b"", turn)
        return 0

    cdef int enforce(self, Span subject, Turn turn) except -1:
        cdef SubjectEntry* entry
        if self.max_msgs_per_subject > 0:
            entry = self.tree.find(subject)
            while entry != NULL and entry.count > <uint64_t> self.max_msgs_per_subject:
                entry = exact(self.log, self.tree, subject)
                if entry == NULL or not self.remove(entry.first_seq, turn):
                    break
                entry = self.tree.find(subject)
        while self.over_limit() and self.remove(self.log.first_seq, turn):
            pass
        return 0

    cdef bint over_limit(self) noexcept:
        """Must the oldest message go?"""
        return self.drops_oldest and (
            self.max_msgs > 0 and self.log.messages > <uint64_t> self.max_msgs
            or self.max_bytes > 0 and self.log.bytes_stored > <uint64_t> self.max_bytes
        )

    cdef int reply(self, uint64_t lsn, uint64_t seq, Span reply, Note note, Turn turn) except -1:
        if lsn:
            self.journal.hold(lsn, self, seq, reply, note)
        else:
            self.durable(seq, reply, note, turn)
        return 0

    cdef int durable(self, uint64_t seq, Span reply, uint32_t note, Turn turn) except -1:
        if note == STORED and seq > self.visible_seq and not self.closed:
            self.visible_seq = seq
            self.moved = True
            turn.later(self)
        if reply.size:
            self.publish_ack(seq, reply, note, turn)
        return 0

    cdef int publish_ack(self, uint64_t seq, Span reply, uint32_t note, Turn turn) except -1:
        cdef char text[ACK_SIZE_MAX + 64]
        cdef char* to = text
        cdef Message message
        cdef bytes prefix = self.wrong_last_prefix if note == WRONG_LAST else self.ack_prefix
        memcpy(to, PyBytes_AS_STRING(prefix), len(prefix))
        to = print_u64(to + len(prefix), seq)
        if note == WRONG_LAST:
            memcpy(to, PyBytes_AS_STRING(self.wrong_last_suffix), len(self.wrong_last_suffix))
            to += len(self.wrong_last_suffix)
        elif note == DUPLICATE:
            memcpy(to, b',"duplicate": true}', 19)
            to += 19
        else:
            to[0] = c"}"
            to += 1
        memset(&message, 0, sizeof(Message))
        message.to = message.subject = reply
        message.payload = span(text, to - text)
        message.now_ns = turn.now_ns
        route(self.account, &message, turn)
        return 0

    # --- a message goes ---

    cdef int remove(self, uint64_t seq, Turn turn) except -1:
        cdef Record record
        cdef bint front = seq == self.log.first_seq
        cdef Follower follower
        if not self.log.remove(seq, &record):
            return 0
        self.tree.remove(record.subject, seq)
        if self.succession is not None:
            self.succeed(record.subject, seq)
        self.count_usage()
        if front:
            self.front_gone += 1
            self.cut = True
            turn.later(self)
        else:
            if not self.quiet:
                self.journal_removal(RECORD_REMOVE, seq, b"", turn)
            for follower in self.plain:
                follower.removed(seq, record.subject, turn)
        if self.filters is not None:
            self.tell_filters(seq, record.subject, False, turn)
        return 1

    cdef int succeed(self, Span subject, uint64_t seq) except -1:
        """The first message of `subject` went: say which one is the first now, if that is known."""
        cdef uint64_t following = self.succession.take(seq)
        cdef SubjectEntry* entry
        if following and self.log.next_present(following) == following:
            entry = self.tree.find(subject)
            if entry != NULL and entry.stale & STALE_FIRST and entry.first_seq == seq + 1:
                entry.first_seq = following
                entry.stale &= <unsigned char> ~STALE_FIRST
        return 0

    cdef int journal_removal(self, int kind, uint64_t seq, bytes subject, Turn turn) except -1:
        """What limits removed must stay removed, whatever the limits are at the next start."""
        cdef Record record
        if self.journal is not None and not self.closed:
            memset(&record, 0, sizeof(Record))
            record.kind = kind
            record.owner = self.number
            record.seq = seq
            record.time_ns = turn.now_ns
            record.subject = span_of(subject)
            self.journal.append(&record, turn)
        return 0

    cdef int tell_filters(self, uint64_t seq, Span subject, bint stored, Turn turn) except -1:
        cdef Match found
        cdef Follower follower
        cdef int index
        self.filters.match(subject, &found)
        try:
            for index in range(found.plain):
                follower = (<Watch> found.receivers[index]).follower
                if stored:
                    follower.matched(seq, subject, turn)
                else:
                    follower.removed(seq, subject, turn)
        finally:
            self.filters.release(&found)
        return 0

    # --- followers ---

    cdef int attach(self, Follower follower) except -1:
        cdef Watch watch
        self.followers.append(follower)
        if follower.watches is None:
            self.plain.append(follower)
            return 0
        if self.filters is None:
            self.filters = Sublist(self.account.sublist.key.first)
        for watch in follower.watches:
            self.filters.insert(span_of(watch.pattern), span(NULL, 0), watch)
        self.watch_count += len(follower.watches)
        return 0

    cdef int detach(self, Follower follower) except -1:
        cdef Watch watch
        self.followers.remove(follower)
        if follower.signalled:
            follower.signalled = False
            self.signalled.remove(follower)
        if follower.watches is None:
            self.plain.remove(follower)
            return 0
        for watch in follower.watches:
            self.filters.remove(span_of(watch.pattern), span(NULL, 0), watch)
        self.watch_count -= len(follower.watches)
        if self.watch_count == 0:
            self.filters = None
        return 0

    cdef int wake(self, Follower follower, Turn turn) except -1:
        """Settle a filtered follower when visible_seq has moved."""
        if not follower.signalled:
            follower.signalled = True
            self.signalled.append(follower)
        return 0

    cdef int settle(self, Turn turn) except -1:
        cdef Follower follower
        cdef list signalled
        cdef uint64_t oldest, lowest
        if self.moved:
            self.moved = False
            for follower in self.plain:
                if follower.hungry:
                    turn.later(follower)
            if self.signalled:
                signalled = self.signalled
                self.signalled = []
                for follower in signalled:
                    follower.signalled = False
                    turn.later(follower)
        if self.cut:
            self.cut = False
            self.journal_removal(RECORD_PURGE, self.log.first_seq, b"", turn)
            if self.oldest_unacked < self.log.first_seq:
                lowest = <uint64_t> -1
                for follower in self.followers:
                    oldest = follower.oldest_unacked()
                    if oldest and oldest < self.log.first_seq:
                        follower.trimmed(turn)
                        oldest = follower.oldest_unacked()
                    if oldest and oldest < lowest:
                        lowest = oldest
                self.oldest_unacked = lowest
        return 0

    cdef uint64_t count_from(self, uint64_t seq) except? 0xFFFFFFFFFFFFFFFF:
        """Messages at or above `seq`."""
        cdef StreamLog log = self.log
        cdef Py_ssize_t index
        cdef uint64_t found = 0, end
        cdef Block* block
        if seq <= log.first_seq:
            return log.messages
        if seq > log.last_seq or log.messages == 0:
            return 0
        if log.messages == log.last_seq - log.first_seq + 1:
            return log.last_seq - seq + 1
        for index in range(log.end - 1, log.start - 1, -1):
            block = log.blocks[index]
            if block.first_seq >= seq:
                found += block.live
                continue
            end = block.first_seq + block.span
            seq = log.next_present(seq)
            while seq and seq < end:
                found += 1
                seq = log.next_present(seq + 1)
            break
        return found

    cdef void count_usage(self) noexcept:
        cdef int64_t now = <int64_t> self.log.bytes_stored
        if now != self.bytes_counted:
            self.usage.add(self.log.memory, now - self.bytes_counted)
            self.bytes_counted = now
