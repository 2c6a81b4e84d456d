"""One stream as everybody sees it: its log, its index, its limits, and who follows it.

        Ingest ─ put ─►┌ Stored ──────────────────────┐
        API ── remove ►│ log · tree · limits · usage  │─ visible_seq ─► Follower (a cursor) settles
        Journal ───────►│ durable: visible_seq, PubAck │─ removed, purged ─►
                        └──────────────────────────────┘

`visible_seq` is the last sequence that followers may see: of a file stream the last one whose
record is durable, of a memory stream the last one. So no sequence is ever seen twice with different
content.

What a publication costs does not grow with the number of followers. Those without a filter count
what they have not seen by difference (`log.messages`, `front_gone`); those with filters stand in a
sublist of filters and are told of messages that match. Only followers that are `hungry` are woken.

By its `retention` a stream also gives up what its followers are done with: in a work queue what the
one that took it acknowledged, by interest what none of them needs any more.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from isthmus.core.journal cimport Holder, Journal
from isthmus.core.message cimport Message, Span
from isthmus.core.receiver cimport Receiver
from isthmus.core.router cimport AccountCore
from isthmus.core.segment cimport Record
from isthmus.core.stream_log cimport StreamLog
from isthmus.core.sublist cimport Sublist
from isthmus.core.succession cimport Succession
from isthmus.core.subject_order cimport SubjectEntry
from isthmus.core.subject_tree cimport SubjectTree
from isthmus.core.turn cimport Turn

cdef enum Note:                 # what a held reply says
    STORED = 0                  # PubAck
    DUPLICATE = 1               # PubAck of the message stored before
    WRONG_LAST = 2              # refused: `seq` is the last one

cdef enum Retention:            # what removes a message, beside limits
    BY_LIMITS = 0
    BY_INTEREST = 1             # no follower needs it any more
    WORK_QUEUE = 2              # its follower is done with it

cdef enum Flags:                # of a message's record
    ROLL_UP_SUBJECT = 1         # with it went what its subject held before
    ROLL_UP_ALL = 2             # with it went everything before
    WITH_TTL = 4                # it expires by itself: its header says when
    NEVER_EXPIRES = 8           # nor by the stream's max_age
    SOURCED = 16                # of another stream: its header says which, and where it stood


cdef class Usage:
    """Bytes of stored messages against their bounds, of an account or of the server above it."""

    cdef readonly int64_t memory_bytes
    cdef readonly int64_t file_bytes
    cdef readonly int64_t memory_max      # -1: no bound; -2: nothing may be stored, not even
    cdef readonly int64_t file_max        # nothing: no limit applies to such streams
    cdef readonly Usage above

    cdef void add(self, bint memory, int64_t change) noexcept
    # 0: there is room; 1: not in this account; 2: not in the server; 3: no limit applies
    cdef int refuses(self, bint memory, int64_t more) noexcept


cdef class Follower(Holder):
    """What a stream knows of one of its cursors."""

    cdef readonly Stored stored
    cdef readonly uint64_t next_seq       # the first it has not passed
    cdef bint hungry                      # somebody waits for a message: wake it
    cdef bint signalled                   # on the stream's list of those to wake
    cdef list watches                     # its filters; None: it gets everything

    # a message that matches one of its filters was stored
    cdef int matched(self, uint64_t seq, Span subject, Turn turn) except -1
    # this message is gone; only told of interior ones, or if it matches a filter
    cdef int removed(self, uint64_t seq, Span subject, Turn turn) except -1
    # everything below first_seq may be gone: look what of it was unacknowledged
    cdef int trimmed(self, Turn turn) except -1
    # do its filters let messages on `subject` through?
    cdef bint wants(self, Span subject) noexcept
    # is message `seq` still to be delivered to it, or to be acknowledged by it?
    cdef bint needs(self, uint64_t seq, Span subject) noexcept
    # the oldest sequence it waits for an acknowledgement of; 0: none
    cdef uint64_t oldest_unacked(self) noexcept


cdef class Watch(Receiver):
    """One filter of one follower, in the stream's sublist of filters."""

    cdef Follower follower
    cdef readonly bytes pattern


cdef class Stored(Holder):
    cdef readonly AccountCore account
    cdef readonly bytes name
    cdef readonly uint64_t number         # `owner` in its records
    cdef readonly StreamLog log
    cdef readonly SubjectTree tree
    cdef readonly Journal journal         # None: memory
    cdef readonly Usage usage
    cdef readonly uint64_t visible_seq
    cdef readonly bint closed
    cdef bytes ack_prefix                 # {"stream":"S","seq":
    cdef bytes wrong_last_prefix          # {"error":{… sequence:
    cdef bytes wrong_last_suffix          # "},"stream":"S","seq":0}
    cdef readonly int64_t max_msgs        # -1: no bound, here and below
    cdef readonly int64_t max_bytes
    cdef readonly int64_t max_msgs_per_subject
    cdef readonly bint drops_oldest       # over max_msgs or max_bytes
    cdef readonly Retention retention
    cdef Succession succession            # None: a subject keeps one message, or all of them
    cdef readonly uint64_t front_gone     # removals at first_seq, ever
    cdef list followers                   # all of them
    cdef list plain                       # those without filters
    cdef list signalled
    cdef Sublist filters                  # of Watch; None while nobody filters
    cdef Py_ssize_t watch_count
    cdef uint64_t oldest_unacked          # not above any follower's, as far as known
    cdef bint moved                       # visible_seq did
    cdef bint cut                         # first_seq did
    cdef bint quiet                       # what goes is purged: nobody is advised
    cdef int64_t bytes_counted            # of log.bytes_stored, in `usage`

    # stores the record under the next sequence and does what its flags say; its lsn (0 in memory)
    cdef uint64_t put(self, Record* record, Turn turn) except? 0
    # uses up the next sequence without a message, and tells it; its lsn (0 in memory)
    cdef uint64_t pass_over(self, uint64_t* seq, Turn turn) except? 0
    # does a follower want messages on `subject`?
    cdef bint wanted(self, Span subject) except -1
    # `by` is done with message `seq`: it goes if nobody else needs it
    cdef int done(self, Follower by, uint64_t seq, Turn turn) except -1
    # evicts what the limits do not allow after a message on `subject`
    cdef int enforce(self, Span subject, Turn turn) except -1
    cdef bint over_limit(self) noexcept
    cdef int remove(self, uint64_t seq, Turn turn) except -1
    # the answer to a publication, when it may leave: now, or with the record at `lsn`
    cdef int reply(self, uint64_t lsn, uint64_t seq, Span reply, Note note, Turn turn) except -1
    cdef int publish_ack(self, uint64_t seq, Span reply, uint32_t note, Turn turn) except -1
    # messages at or above `seq`
    cdef uint64_t count_from(self, uint64_t seq) except? 0xFFFFFFFFFFFFFFFF
    cdef int attach(self, Follower follower) except -1
    cdef int detach(self, Follower follower) except -1
    cdef int wake(self, Follower follower, Turn turn) except -1
    cdef int clear(self, Turn turn) except -1
    cdef int roll_up(self, Span subject, Turn turn) except -1
    cdef int tell_rolled_up(self, Span subject, uint64_t seq, Turn turn) except -1
    cdef int succeed(self, Span subject, uint64_t seq) except -1
    cdef void count_usage(self) noexcept
    cdef int journal_removal(self, int kind, uint64_t seq, bytes subject, Turn turn) except -1
    cdef int tell_filters(self, uint64_t seq, Span subject, bint stored, Turn turn) except -1
