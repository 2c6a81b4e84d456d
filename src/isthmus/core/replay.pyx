# cython: boundscheck=False, wraparound=False, cdivision=True
"""From the journal's segments back to what they said.

Recovery goes through each segment twice: `survey` finds out what is sound, what is damaged and how
far everything had been released; `Replay.run` then applies the sound records that count.

        segment   C r r r C r r ✗✗✗✗ r C r r            C: a commit, ✗: damaged
        survey    ──run───────►      ──run──►           released: the highest that a C says
        plan      which runs count (store.recover)
        run       message, remove, purge ─► log and index of the stream, behind its checkpoint
                  ack ─► the consumer's list       stream, consumer, delete ─► rare(entry, lsn)

Owns what it gathers for consumers. Knows no files: the caller (`store.recover`) reads them.
Invariant: records are applied in the order in which they were appended, each at most once.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from isthmus.core.journal cimport SegmentHead
from isthmus.core.purge cimport forget_hidden, purge, purge_matching, trim
from isthmus.core.segment cimport (
    RECORD_ACK, RECORD_COMMIT, RECORD_CONSUMER, RECORD_DELETE, RECORD_MESSAGE, RECORD_PURGE,
    RECORD_REMOVE, RECORD_STREAM, Record, entry_of, epoch_of, record_read, record_resync
)
from isthmus.core.stored cimport ROLL_UP_ALL, ROLL_UP_SUBJECT, SOURCED
from isthmus.core.stream_log cimport StreamLog
from isthmus.core.subject_ends cimport exact
from isthmus.core.subject_order cimport SubjectEntry
from isthmus.core.subject_tree cimport SubjectTree

from isthmus.base.errors import StoreError

FORMAT_VERSION = 1


cdef class Survey:
    """What stands in one segment."""

    cdef readonly list runs             # (begin, end) offsets of sound records in a row
    cdef readonly uint64_t released     # the highest lsn that a commit calls released
    cdef readonly uint64_t oldest_lsn   # the highest lsn below which a commit needs nothing
    cdef readonly bint headed           # its first record is sound
    cdef readonly uint64_t previous_end
    cdef readonly uint64_t next_number

    @property
    def begun(self) -> bool:
        """True if any record of this life of the segment stands in it."""
        return len(self.runs) > 0


def survey(
    const unsigned char[::1] data, *, uint64_t secret, uint64_t number, uint64_t segment_bytes
) -> Survey:
    """Look through the bytes of segment `number`."""
    cdef Survey out = Survey.__new__(Survey)
    cdef const char* raw = <const char*> &data[0] if data.shape[0] else NULL
    cdef Py_ssize_t size = data.shape[0]
    cdef uint64_t base = number * segment_bytes
    cdef uint32_t epoch = epoch_of(secret, number)
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t begin = 0
    cdef Py_ssize_t occupied
    cdef Record record
    cdef SegmentHead head
    out.runs = []
    while at < size:
        occupied = record_read(raw + at, size - at, epoch, &record)
        if occupied > 0 and record.kind == RECORD_COMMIT:
            if record.owner != base + <uint64_t> at or record.seq > record.owner:
                occupied = -1  # not from this place
            else:
                out.released = max(out.released, record.seq)
                out.oldest_lsn = max(out.oldest_lsn, <uint64_t> record.time_ns)
        if occupied > 0 and at == 0:
            if record.kind != RECORD_COMMIT or record.payload.size < <Py_ssize_t> sizeof(head):
                occupied = -1
            else:
                memcpy(&head, record.payload.data, sizeof(head))
                if head.version != FORMAT_VERSION:
                    raise StoreError(
                        f"journal segment {number} has format {head.version}, "
                        f"this server reads {FORMAT_VERSION}"
                    )
                out.headed = True
                out.previous_end = head.previous_end
                out.next_number = head.next_number
        if occupied > 0:
            at += occupied
            continue
        if at > begin:
            out.runs.append((begin, at))
        at = record_resync(raw, at, size, epoch)
        if at < 0:
            return out
        begin = at
    if at > begin:
        out.runs.append((begin, at))
    return out


cdef class Replay:
    """Applies records to the streams and consumers it is told of.

    `rare(entry, lsn)` is called for what creates, changes or ends one of them, in the same order.
    """

    cdef object rare
    cdef dict streams                   # number -> (log, tree, lsn from which records count)
    cdef dict consumers                 # number -> (list of (payload, time_ns), lsn)
    cdef readonly uint64_t records      # applied
    cdef readonly uint64_t messages
    cdef readonly dict unknown          # number -> records of an owner that nobody knows
    # stream number -> source -> what the last message of it says of where it stood there, though
    # that message may be gone
    cdef readonly dict labels

    def __init__(self, rare):
        self.rare = rare
        self.streams = {}
        self.consumers = {}
        self.unknown = {}
        self.labels = {}

    def add_stream(
        self, uint64_t number, StreamLog log not None, SubjectTree tree not None, uint64_t lsn
    ) -> None:
        """Records of stream `number` count from `lsn` on."""
        self.streams[number] = (log, tree, lsn)

    def add_consumer(self, uint64_t number, list records not None, uint64_t lsn) -> None:
        """Records of consumer `number` count from `lsn` on: `(payload, time_ns)` in `records`."""
        self.consumers[number] = (records, lsn)

    def forget(self, uint64_t number) -> None:
        """The stream or consumer `number` is gone."""
        self.streams.pop(number, None)
        self.consumers.pop(number, None)
        self.unknown.pop(number, None)
        self.labels.pop(number, None)

    def run(
        self,
        const unsigned char[::1] data,
        Py_ssize_t begin,
        Py_ssize_t end,
        *,
        uint64_t secret,
        uint64_t number,
        uint64_t segment_bytes,
    ) -> None:
        """Apply the records between two offsets of segment `number`, all of them sound."""
        cdef const char* raw = <const char*> &data[0]
        cdef uint64_t base = number * segment_bytes
        cdef uint32_t epoch = epoch_of(secret, number)
        cdef Py_ssize_t occupied
        cdef Record record
        cdef uint64_t known = 0             # the owner that log and tree belong to
        cdef uint64_t from_lsn = 0
        cdef StreamLog log = None
        cdef SubjectTree tree = None
        assert 0 <= begin <= end <= data.shape[0]
        while begin < end:
            occupied = record_read(raw + begin, end - begin, epoch, &record)
            assert occupied > 0
            if record.kind == RECORD_COMMIT:
                begin += occupied
                continue
            if record.kind in (RECORD_STREAM, RECORD_CONSUMER, RECORD_DELETE):
                self.rare(entry_of(&record), base + begin)
                log = None
            elif record.kind == RECORD_ACK:
                self._gather(&record, base + begin)
            else:
                if log is None or known != record.owner:
                    found = self.streams.get(record.owner)
                    if found is None:
                        self._count_unknown(record.owner)
                        begin += occupied
                        continue
                    log, tree, from_lsn = found
                    known = record.owner
                if base + <uint64_t> begin >= from_lsn:
                    self._apply(log, tree, &record)
            begin += occupied

    cdef int _apply(self, StreamLog log, SubjectTree tree, Record* record) except -1:
        """One record of a stream."""
        cdef Record gone
        self.records += 1
        if record.kind == RECORD_MESSAGE:
            if record.seq > log.last_seq:
                if record.flags & ROLL_UP_ALL:
                    purge(log, tree)
                log.append(record)
                tree.add(record.subject, record.seq)
                self.messages += 1
                if record.flags & SOURCED:
                    self._note_label(record)
                if record.flags & ROLL_UP_SUBJECT:
                    _roll_up(log, tree, record)
        elif record.kind == RECORD_REMOVE:
            if record.seq > log.last_seq:
                log.skip(record.seq, record.time_ns)
            elif log.remove(record.seq, &gone):
                tree.remove(gone.subject, record.seq)
            else:
                forget_hidden(log, record.seq)
        elif record.kind == RECORD_PURGE:
            if record.subject.size:
                purge_matching(
                    log, tree, record.subject.data[:record.subject.size], record.seq
                )
            elif record.seq > log.last_seq:
                purge(log, tree)
                log.skip(record.seq - 1, 0)
            else:
                trim(log, tree, record.seq)
        return 0

    cdef int _note_label(self, Record* record) except -1:
        """Remember how far a source had come."""
        cdef bytes header = record.header.data[:record.header.size]
        cdef bytes text = header.partition(b"Nats-Stream-Source: ")[2].partition(b"\r\n")[0]
        words = text.split(b" ", 4)
        if len(words) == 5:
            self.labels.setdefault(record.owner, {})[words[0], words[2], words[3]] = text
        return 0

    cdef int _gather(self, Record* record, uint64_t lsn) except -1:
        """One record of a consumer."""
        cdef object found = self.consumers.get(record.owner)
        if found is None:
            self._count_unknown(record.owner)
        elif lsn >= <uint64_t> found[1]:
            self.records += 1
            (<list> found[0]).append((record.payload.data[:record.payload.size], record.time_ns))
        return 0

    cdef int _count_unknown(self, uint64_t owner) except -1:
        self.unknown[owner] = self.unknown.get(owner, 0) + 1
        return 0


cdef int _roll_up(StreamLog log, SubjectTree tree, const Record* record) except -1:
    """All but the last message of the record's subject go."""
    cdef SubjectEntry* entry = exact(log, tree, record.subject)
    cdef Record gone
    while entry != NULL and entry.count > 1 and log.remove(entry.first_seq, &gone):
        tree.remove(gone.subject, gone.seq)
        entry = exact(log, tree, record.subject)
    return 0
