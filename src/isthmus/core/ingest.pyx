# cython: boundscheck=False, wraparound=False, cdivision=True
"""The fast path of one stream; see `ingest.pxd` for the picture.

Owns the duplicate window and the id of the last message. Knows the few headers that are everyday
use and nothing of the others: `owner.verdict` judges those. Invariant: a message is stored only
after every check, so a refusal changes nothing.
"""

from libc.stdint cimport UINT64_MAX, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memchr, memcmp, memcpy, memset

from isthmus.core.decimal cimport parse_u64
from isthmus.core.duplicates cimport Duplicates
from isthmus.core.lookup cimport last_of
from isthmus.core.matching cimport subject_matches
from isthmus.core.message cimport Message, Span, span, span_of
from isthmus.core.rewriting cimport SUBJECT_MAX, Rewriting
from isthmus.core.roll cimport Hearer
from isthmus.core.router cimport route
from isthmus.core.segment cimport Record, record_size
from isthmus.core.stored cimport (
    BY_INTEREST, DUPLICATE, ROLL_UP_ALL, ROLL_UP_SUBJECT, SOURCED, STORED, WRONG_LAST, Stored
)
from isthmus.core.stream_log cimport StreamLog, message_bytes
from isthmus.core.subject_ends cimport exact
from isthmus.core.subject_order cimport SubjectEntry
from isthmus.core.sublist cimport Watcher
from isthmus.core.turn cimport Turn

cdef enum:
    HEADER_MAX = 65_535
    VERSION_SIZE = 10           # NATS/1.0 and its line end
    ROLLS_UP = ROLL_UP_SUBJECT | ROLL_UP_ALL


cdef class Ingest(Hearer):
    """What publishes into a stream.

    `owner.verdict(subject, header, payload, now_ns)` returns None or a `verdicts.Verdict`: `stage`,
    `answer` (bytes to refuse with, or None), `header` (bytes to store instead, or None) and
    `flags` (of the record, stored.pxd); of a message that it judged and that was stored
    `owner.stored_judged(seq, verdict, turn)` is told. `owner.verdict_on_copy(header, time_ns,
    now_ns)` is asked of a message of another stream, which it can not refuse. `seed` keys the
    duplicate window.
    """

    def __init__(self, Stored stored not None, object owner, *, uint64_t seed):
        self.stored = stored
        self.owner = owner
        self.duplicates = Duplicates(0, seed)
        self.max_message_bytes = -1
        self.subjects = []

    def __dealloc__(self):
        free(self.last_id)

    def __repr__(self) -> str:
        return f"Ingest({self.stored.name.decode()})"

    def configure(
        self, *, bint no_ack, bint sealed, bint discard_new, bint discard_new_per_subject,
        int64_t max_message_bytes, int64_t duplicate_window_ns, int64_t now_ns,
    ) -> None:
        """What is checked with every message, beside the limits of `Stored.limit`."""
        self.no_ack = no_ack
        self.sealed = sealed
        self.discard_new = discard_new
        self.discard_new_per_subject = discard_new_per_subject
        self.max_message_bytes = max_message_bytes
        if self.duplicates.window_ns != duplicate_window_ns:
            self.duplicates.resize(duplicate_window_ns, now_ns)

    def subscribe(self, list subjects not None) -> None:
        """Listen under these subjects and no others; an empty list ends it."""
        for subject in self.subjects:
            if subject not in subjects:
                self.stored.account.sublist.remove(span_of(subject), span(NULL, 0), self)
        for subject in subjects:
            if subject not in self.subjects:
                self.stored.account.sublist.insert(span_of(subject), span(NULL, 0), self)
        self.subjects = list(subjects)
        if subjects:
            self.stored.account.roll.enter(self)
        else:
            self.stored.account.roll.strike(self)

    def recall(self, uint64_t seq, Py_ssize_t limit) -> int:
        """After a restart: ids of messages from `seq` on count again, the last one's is the last.

        Looks at `limit` messages and returns where to go on, 0 at the end. Messages in blocks
        without headers are not even read.
        """
        cdef StreamLog log = self.stored.log
        cdef Expectations asked
        cdef Record record
        while True:
            seq = log.next_headed(seq)
            if seq == 0:
                break
            if limit <= 0:
                return seq
            limit -= 1
            if log.read(seq, &record):
                _scan(record.header, &asked)
                if asked.message_id.size:
                    self.duplicates.add(asked.message_id, seq, record.time_ns)
            seq += 1
        seq = log.previous_present(log.last_seq)
        while seq and not log.read(seq, &record):   # damaged on disk: the one before it is the last
            seq = log.previous_present(seq - 1)
        if seq:
            _scan(record.header, &asked)
            self._remember_id(asked.message_id)
        return 0

    @property
    def duplicate_count(self) -> int:
        """Ids in the window, expired ones perhaps included."""
        return self.duplicates.count

    cdef int report(self, Watcher watcher) except -1:
        for subject in self.subjects:
            watcher.added(span_of(subject), span(NULL, 0), self)
        return 0

    def transform_subjects(self, bytes pattern, Rewriting rewriting) -> None:
        """Subjects that match `pattern` are stored as `rewriting` says; None: all as they are."""
        self.transform_pattern = pattern
        self.transform = rewriting

    cdef int receive(self, Message* message, Turn turn) except -1:
        cdef char subject[SUBJECT_MAX]
        cdef Message changed
        cdef Py_ssize_t size
        if self.transform is None or not subject_matches(
            span_of(self.transform_pattern), message.to
        ):
            return self._take(message, turn)
        if self.transform.by_chance:
            self.transform.chance = turn.random()
        size = self.transform.write(message.to, subject)
        changed = message[0]
        if size > 0:
            changed.to = span(subject, size)
        return self._take(&changed, turn)

    cdef int _take(self, Message* message, Turn turn) except -1:
        cdef Expectations asked
        cdef Stored stored = self.stored
        cdef object verdict = None
        cdef int stage = NO_REFUSAL
        cdef bint wanted
        cdef uint64_t known
        if stored.closed:
            return 0
        memset(&asked, 0, sizeof(Expectations))
        if self.sealed:
            return self._refuse(message, 400, 10109, b"invalid operation on sealed stream", turn)
        if self._too_large(message):
            return self._refuse_size(message, turn)
        if message.header.size:
            _scan(message.header, &asked)
            if asked.rare:
                verdict = self.owner.verdict(
                    message.to.data[: message.to.size],
                    message.header.data[: message.header.size],
                    message.payload.data[: message.payload.size],
                    message.now_ns,
                )
                if verdict is not None and verdict.answer is not None:
                    stage = verdict.stage
            if stage == BEFORE_EXPECTED_STREAM:
                return self._answer(message, verdict.answer, turn)
            if asked.stream.size and not _same(asked.stream, span_of(stored.name)):
                return self._refuse(message, 400, 10060, b"expected stream does not match", turn)
            if stage == BEFORE_EXPECTED_SEQUENCE:
                return self._answer(message, verdict.answer, turn)
            if not self._expected(message, &asked, turn):
                return 1
            if stage == BEFORE_DUPLICATE:
                return self._answer(message, verdict.answer, turn)
            if asked.message_id.size and self.duplicates.window_ns:
                known = self.duplicates.find(asked.message_id, turn.now_ns)
                if known:
                    if message.reply.size and not self.no_ack:
                        # not before the message it repeats is durable
                        stored.reply(
                            0 if known <= stored.visible_seq or stored.journal is None
                            else stored.journal.end_lsn,
                            known, message.reply, DUPLICATE, turn,
                        )
                    return 1
                if self.duplicates.full(turn.now_ns):
                    return self._refuse(message, 503, 10023, b"insufficient resources", turn)
            if asked.last_message_id.size and not _same(
                asked.last_message_id, span(self.last_id, self.last_id_size)
            ):
                return self._refuse(
                    message, 400, 10070,
                    b"wrong last msg ID: " + _json_text(span(self.last_id, self.last_id_size)),
                    turn,
                )
            if stage == BEFORE_ROOM:
                return self._answer(message, verdict.answer, turn)
        wanted = stored.retention != BY_INTEREST or stored.wanted(message.to)
        if not self._fits(message, verdict, wanted, turn):
            return 1
        return self._store(message, &asked, verdict, wanted, 0, turn.now_ns, turn)

    cdef int copy(self, Message* message, uint64_t seq, int64_t time_ns, Turn turn) except -1:
        cdef char subject[SUBJECT_MAX]
        cdef Message changed
        cdef Py_ssize_t size
        if self.transform is None or not subject_matches(
            span_of(self.transform_pattern), message.to
        ):
            return self._copy(message, seq, time_ns, turn)
        if self.transform.by_chance:
            self.transform.chance = turn.random()
        size = self.transform.write(message.to, subject)
        changed = message[0]
        if size > 0:
            changed.to = span(subject, size)
        return self._copy(&changed, seq, time_ns, turn)

    cdef int _copy(self, Message* message, uint64_t seq, int64_t time_ns, Turn turn) except -1:
        """What its origin has checked is not checked again; a mirror drops no duplicates."""
        cdef Expectations asked
        cdef Stored stored = self.stored
        cdef object verdict = None
        cdef bint wanted
        memset(&asked, 0, sizeof(Expectations))
        if seq and seq <= stored.log.last_seq:
            return KNOWN
        if message.header.size:
            _scan(message.header, &asked)
            if asked.rare:
                verdict = self.owner.verdict_on_copy(
                    message.header.data[: message.header.size], time_ns, turn.now_ns
                )
            if seq == 0 and asked.message_id.size and self.duplicates.window_ns:
                if self.duplicates.find(asked.message_id, turn.now_ns):
                    return KNOWN
                if self.duplicates.full(turn.now_ns):
                    return NO_ROOM
        wanted = stored.retention != BY_INTEREST or stored.wanted(message.to)
        if self.sealed or self._too_large(message) or not self._fits(
            message, verdict, wanted, turn
        ):
            return NO_ROOM
        if seq:
            stored.log.skip(seq - 1, 0)
        self._store(message, &asked, verdict, wanted, 0 if seq else SOURCED, time_ns, turn)
        return COPIED

    cdef int _expected(self, Message* message, Expectations* asked, Turn turn) except -1:
        """Are the expected last sequences right? If not, that has been answered."""
        cdef uint64_t wanted, actual
        if asked.last_subject_seq.size:
            actual = last_of(
                self.stored.log, self.stored.tree,
                asked.last_subject if asked.last_subject.size else message.to,
            )
            if not (
                parse_u64(asked.last_subject_seq.data, asked.last_subject_seq.size, &wanted)
                and wanted == actual
            ):
                return self._refuse_sequence(message, actual, turn)
        elif asked.last_subject.size:
            self._refuse(
                message, 400, 10193, b"missing sequence for expected last sequence per subject",
                turn,
            )
            return 0
        if asked.last_seq.size and not (
            parse_u64(asked.last_seq.data, asked.last_seq.size, &wanted)
            and wanted == self.stored.log.last_seq
        ):
            return self._refuse_sequence(message, self.stored.log.last_seq, turn)
        return 1

    cdef bint _too_large(self, Message* message) noexcept:
        return message.header.size > HEADER_MAX or self.max_message_bytes >= 0 and (
            message.header.size + message.payload.size > self.max_message_bytes
        )

    cdef int _refuse_size(self, Message* message, Turn turn) except -1:
        """Always 1, as `_refuse`."""
        if self.max_message_bytes >= 0 and (
            message.header.size + message.payload.size > self.max_message_bytes
        ):
            return self._refuse(message, 400, 10054, b"message size exceeds maximum allowed", turn)
        return self._refuse(
            message, 400, 10097, b"header size exceeds maximum allowed of 64k", turn
        )

    cdef int _fits(self, Message* message, object verdict, bint wanted, Turn turn) except -1:
        """Is there room for it? If not, that has been answered.

        What is not `wanted` takes a sequence and no room. Of a `verdict` that still refuses here,
        that is the answer unless the account has no room.
        """
        cdef Stored stored = self.stored
        cdef Record record
        cdef SubjectEntry* entry
        cdef uint64_t size
        cdef int over
        if stored.log.last_seq >= UINT64_MAX - 1:   # a sequence plus 1 is a sequence too
            self._refuse(message, 503, 10077, b"maximum messages exceeded", turn)
            return 0
        if self.refusing or stored.journal is not None and stored.journal.refusing:
            self._refuse(message, 503, 10023, b"insufficient resources", turn)
            return 0
        if not wanted:
            return 1
        record.subject = message.to
        record.header = message.header
        record.payload = message.payload
        size = message_bytes(&record, stored.log.memory)
        over = stored.usage.refuses(stored.log.memory, <int64_t> size)
        if over == 1:
            self._refuse(message, 400, 10002, b"resource limits exceeded for account", turn)
            return 0
        if over == 3:
            self._refuse(
                message, 400, 10120,
                b"no JetStream default or applicable tiered limit present", turn,
            )
            return 0
        if over:
            self._refuse(message, 503, 10023, b"insufficient resources", turn)
            return 0
        if stored.journal is not None and record_size(&record) > stored.journal.record_max:
            self._refuse(message, 503, 10077, b"message too large", turn)
            return 0
        if verdict is not None and verdict.answer is not None:
            self._answer(message, verdict.answer, turn)
            return 0
        if not self.discard_new:
            return 1
        entry = NULL
        if stored.max_msgs_per_subject > 0:
            entry = stored.tree.find(message.to)
            if entry != NULL and entry.count < <uint64_t> stored.max_msgs_per_subject:
                entry = NULL
        # entry: the subject is full, so the new message would replace its oldest
        if entry != NULL and self.discard_new_per_subject and not (
            verdict is not None and verdict.flags & ROLLS_UP
        ):
            self._refuse(message, 503, 10077, b"maximum messages per subject exceeded", turn)
            return 0
        if entry == NULL and stored.max_msgs > 0 and (
            stored.log.messages >= <uint64_t> stored.max_msgs
        ):
            self._refuse(message, 503, 10077, b"maximum messages exceeded", turn)
            return 0
        if stored.max_bytes > 0 and stored.log.bytes_stored + size > <uint64_t> stored.max_bytes:
            if entry != NULL:
                entry = exact(stored.log, stored.tree, message.to)
                if stored.log.read(entry.first_seq, &record) and (
                    message_bytes(&record, stored.log.memory) >= size
                ):
                    return 1
            self._refuse(message, 503, 10077, b"maximum bytes exceeded", turn)
            return 0
        return 1

    cdef int _store(
        self, Message* message, Expectations* asked, object verdict, bint wanted, int flags,
        int64_t time_ns, Turn turn
    ) except -1:
        cdef Stored stored = self.stored
        cdef Record record
        cdef uint64_t lsn, before = 0
        cdef bytes header = None
        record.subject = message.to
        record.header = message.header
        record.payload = message.payload
        record.time_ns = time_ns
        record.flags = <uint8_t> flags
        if verdict is not None:
            record.flags |= <uint8_t> verdict.flags
            header = verdict.header
        if header is not None:
            pass
        elif message.header.size > VERSION_SIZE and message.header.data[8] != c"\r":
            # a status on the first line is not kept
            header = _without_status(message.header)
        if header is not None:
            record.header = span_of(header)
        if self.republisher is not None:
            before = last_of(stored.log, stored.tree, record.subject)
        if not wanted:
            lsn = stored.pass_over(&record.seq, turn)
        else:
            lsn = stored.put(&record, turn)
            if verdict is not None:
                self.owner.stored_judged(record.seq, verdict, turn)
        if message.header.size:
            if asked.message_id.size and self.duplicates.window_ns:
                self.duplicates.add(asked.message_id, record.seq, turn.now_ns)
        if asked.message_id.size or self.last_id_size:
            self._remember_id(asked.message_id)
        stored.enforce(message.to, turn)
        if self.republisher is not None:
            self.republisher.publish(stored, lsn, &record, before, turn)
        stored.reply(
            lsn, record.seq, span(NULL, 0) if self.no_ack else message.reply, STORED, turn
        )
        return 1

    cdef int _remember_id(self, Span id) except -1:
        cdef char* grown
        if id.size > self.last_id_capacity:
            grown = <char*> realloc(self.last_id, id.size)
            if grown == NULL:
                raise MemoryError
            self.last_id = grown
            self.last_id_capacity = id.size
        if id.size:
            memcpy(self.last_id, id.data, id.size)
        self.last_id_size = id.size
        return 0

    cdef int _refuse_sequence(self, Message* message, uint64_t actual, Turn turn) except -1:
        """Always 0. The answer tells of the last message, so it leaves when that is durable."""
        cdef Stored stored = self.stored
        if message.reply.size and not self.no_ack:
            stored.reply(
                0 if stored.journal is None or stored.visible_seq == stored.log.last_seq
                else stored.journal.end_lsn,
                actual, message.reply, WRONG_LAST, turn,
            )
        return 0

    cdef int _refuse(
        self, Message* message, int code, int err_code, bytes text, Turn turn
    ) except -1:
        """Always 1: the message was for this stream, and is answered."""
        if message.reply.size and not self.no_ack:
            self._answer(
                message,
                b'{"error":{"code":%d,"err_code":%d,"description":"%s"},"stream":"%s","seq":0}'
                % (code, err_code, text, self.stored.name),
                turn,
            )
        return 1

    cdef int _answer(self, Message* message, bytes text, Turn turn) except -1:
        cdef Message answer
        if message.reply.size and not self.no_ack:
            memset(&answer, 0, sizeof(Message))
            answer.to = answer.subject = message.reply
            answer.payload = span_of(text)
            answer.now_ns = turn.now_ns
            route(self.stored.account, &answer, turn)
        return 1


cdef inline bint _same(Span one, Span other) noexcept:
    return one.size == other.size and not memcmp(one.data, other.data, one.size)


cdef bytes _json_text(Span text):
    """An id inside a JSON string."""
    from isthmus.base.values import to_json     # a refusal, not the path of a message

    cdef bytes quoted = to_json(text.data[: text.size].decode("utf-8", "replace"))
    return quoted[1 : len(quoted) - 1]


cdef bytes _without_status(Span header):
    """The header block with nothing but the version on its first line."""
    cdef const char* end = <const char*> memchr(header.data, c"\n", header.size)
    if end == NULL:
        return header.data[: header.size]
    return b"NATS/1.0\r\n" + header.data[end + 1 - header.data : header.size]


cdef inline void _first(Span* field, const char* data, Py_ssize_t size) noexcept:
    """Keep the first of several headers with one name; blanks around the value don't count."""
    while size > 0 and (data[0] == c" " or data[0] == c"\t"):
        data += 1
        size -= 1
    while size > 0 and (data[size - 1] == c" " or data[size - 1] == c"\t"):
        size -= 1
    if field.data == NULL:
        field.data = data
        field.size = size


cdef bint _rare(const char* name, Py_ssize_t size) noexcept:
    """Is `Nats-<name>` a header that the owner must judge?"""
    if size == 3:
        return not memcmp(name, b"TTL", 3)
    if size == 4:
        return not memcmp(name, b"Incr", 4)
    if size == 6:
        return not memcmp(name, b"Rollup", 6)
    if size >= 8 and not memcmp(name, b"Schedule", 8):
        return True
    if size >= 6 and not memcmp(name, b"Batch-", 6):
        return True
    return size == 13 and not memcmp(name, b"Stream-Source", 13)


cdef void _scan(Span header, Expectations* out) noexcept:
    """Find the headers that matter among the lines of a block."""
    cdef const char* at = header.data
    cdef const char* end = header.data + header.size
    cdef const char* line_end
    cdef const char* colon
    cdef const char* value
    cdef Py_ssize_t size, value_size
    memset(out, 0, sizeof(Expectations))
    line_end = <const char*> memchr(at, c"\n", end - at)
    while line_end != NULL and line_end + 1 < end:
        at = line_end + 1
        line_end = <const char*> memchr(at, c"\n", end - at)
        if end - at < 8 or memcmp(at, b"Nats-", 5):
            continue
        size = (line_end if line_end != NULL else end) - at
        colon = <const char*> memchr(at, c":", size)
        if colon == NULL:
            continue
        value = colon + 1
        value_size = at + size - value
        if value_size > 0 and value[value_size - 1] == c"\r":
            value_size -= 1
        at += 5
        size = colon - at
        if size == 6 and not memcmp(at, b"Msg-Id", 6):
            _first(&out.message_id, value, value_size)
        elif size >= 15 and not memcmp(at, b"Expected-", 9):
            at += 9
            size -= 9
            if size == 6 and not memcmp(at, b"Stream", 6):
                _first(&out.stream, value, value_size)
            elif size == 13 and not memcmp(at, b"Last-Sequence", 13):
                _first(&out.last_seq, value, value_size)
            elif size == 21 and not memcmp(at, b"Last-Subject-Sequence", 21):
                _first(&out.last_subject_seq, value, value_size)
            elif size == 29 and not memcmp(at, b"Last-Subject-Sequence-Subject", 29):
                _first(&out.last_subject, value, value_size)
            elif size == 11 and not memcmp(at, b"Last-Msg-Id", 11):
                _first(&out.last_message_id, value, value_size)
        elif _rare(at, size):
            out.rare = True
