# cython: boundscheck=False, wraparound=False, cdivision=True
"""Records to bytes and back; see `segment.pxd` for the layout.

Owns the layout and the checksum, nothing else: no file, no memory. Invariant: what `record_read`
accepts is byte for byte what `record_write` was given, under the same epoch; the lengths it returns
never reach beyond the bytes it was shown.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from isthmus.core.message cimport span

from isthmus.base.errors import StoreError

cdef enum:
    RESYNC_BYTES = 1 << 30


cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "the store's files are little endian and are read in place"
    #endif

    #if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    #include <nmmintrin.h>
    #define ISTHMUS_CRC_HARDWARE 1
    static int isthmus_crc_available(void) { return __builtin_cpu_supports("sse4.2"); }
    __attribute__((target("sse4.2")))
    static uint32_t isthmus_crc_hardware(uint32_t crc, const char *data, Py_ssize_t size) {
        uint64_t state = ~crc, word;
        for (; size >= 8; size -= 8, data += 8) {
            memcpy(&word, data, 8);
            state = _mm_crc32_u64(state, word);
        }
        for (; size > 0; size--, data++) state = _mm_crc32_u8((uint32_t) state, (uint8_t) *data);
        return ~(uint32_t) state;
    }
    #elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
    #include <arm_acle.h>
    #define ISTHMUS_CRC_HARDWARE 1
    static int isthmus_crc_available(void) { return 1; }
    static uint32_t isthmus_crc_hardware(uint32_t crc, const char *data, Py_ssize_t size) {
        uint32_t state = ~crc;
        uint64_t word;
        for (; size >= 8; size -= 8, data += 8) {
            memcpy(&word, data, 8);
            state = __crc32cd(state, word);
        }
        for (; size > 0; size--, data++) state = __crc32cb(state, (uint8_t) *data);
        return ~state;
    }
    #else
    static int isthmus_crc_available(void) { return 0; }
    static uint32_t isthmus_crc_hardware(uint32_t crc, const char *data, Py_ssize_t size) {
        (void) data; (void) size;
        return crc;
    }
    #endif
    """
    int isthmus_crc_available() noexcept nogil
    uint32_t isthmus_crc_hardware(uint32_t crc, const char* data, Py_ssize_t size) noexcept nogil


# eight tables: the checksum of a byte that stands n bytes before the end of a word
cdef uint32_t[8][256] TABLES
cdef bint HARDWARE = isthmus_crc_available()


cdef void _fill_tables() noexcept:
    cdef uint32_t value
    cdef int index, _bit, table
    for index in range(256):
        value = index
        for _bit in range(8):
            value = (value >> 1) ^ (<uint32_t> 0x82F63B78 if value & 1 else 0)
        TABLES[0][index] = value
    for table in range(1, 8):
        for index in range(256):
            value = TABLES[table - 1][index]
            TABLES[table][index] = (value >> 8) ^ TABLES[0][value & 0xFF]


_fill_tables()


cdef uint32_t _crc_portable(uint32_t crc, const char* data, Py_ssize_t size) noexcept nogil:
    cdef uint64_t word
    cdef uint32_t state = ~crc
    while size >= 8:
        memcpy(&word, data, 8)
        word ^= state
        state = (
            TABLES[7][word & 0xFF] ^ TABLES[6][(word >> 8) & 0xFF]
            ^ TABLES[5][(word >> 16) & 0xFF] ^ TABLES[4][(word >> 24) & 0xFF]
            ^ TABLES[3][(word >> 32) & 0xFF] ^ TABLES[2][(word >> 40) & 0xFF]
            ^ TABLES[1][(word >> 48) & 0xFF] ^ TABLES[0][word >> 56]
        )
        data += 8
        size -= 8
    while size > 0:
        state = (state >> 8) ^ TABLES[0][(state ^ <uint8_t> data[0]) & 0xFF]
        data += 1
        size -= 1
    return ~state


cdef uint32_t crc32c(uint32_t crc, const char* data, Py_ssize_t size) noexcept nogil:
    """CRC-32C of `data`, going on from `crc` (0 at the beginning)."""
    if HARDWARE:
        return isthmus_crc_hardware(crc, data, size)
    return _crc_portable(crc, data, size)


cdef inline Py_ssize_t _padded(Py_ssize_t size) noexcept nogil:
    return (size + 7) & ~<Py_ssize_t> 7


cdef Py_ssize_t record_size(const Record* record) noexcept nogil:
    """Bytes that `record` occupies, padding included."""
    return _padded(RECORD_HEAD + record.subject.size + record.header.size + record.payload.size)


cdef uint32_t _content_crc(const char* data, uint32_t size) noexcept nogil:
    """CRC-32C of a record's size and of everything behind its check; never 0."""
    cdef uint32_t crc = crc32c(crc32c(0, data, 4), data + 8, size - 8)
    return crc if crc != 0 else 1


cdef void record_print(char* to, const Record* record) noexcept nogil:
    """Print all of `record` but its check at `to`, where `record_size` bytes are free."""
    cdef uint32_t size = <uint32_t> (
        RECORD_HEAD + record.subject.size + record.header.size + record.payload.size
    )
    cdef uint16_t subject_size = <uint16_t> record.subject.size
    cdef uint32_t header_size = <uint32_t> record.header.size
    cdef char* at = to + RECORD_HEAD
    # the last word first: what the texts do not cover of it is the padding
    memset(to + _padded(size) - 8, 0, 8)
    memcpy(to, &size, 4)
    to[8] = <char> record.kind
    to[9] = <char> record.flags
    memcpy(to + 10, &subject_size, 2)
    memcpy(to + 12, &header_size, 4)
    memcpy(to + 16, &record.owner, 8)
    memcpy(to + 24, &record.seq, 8)
    memcpy(to + 32, &record.time_ns, 8)
    if record.subject.size:
        memcpy(at, record.subject.data, record.subject.size)
        at += record.subject.size
    if record.header.size:
        memcpy(at, record.header.data, record.header.size)
        at += record.header.size
    if record.payload.size:
        memcpy(at, record.payload.data, record.payload.size)


cdef void record_write(char* to, Record* record, uint32_t epoch) noexcept nogil:
    """Print `record` with its check at `to`, where `record_size` bytes are free."""
    cdef uint32_t size, check
    record_print(to, record)
    if record.crc == 0:
        memcpy(&size, to, 4)
        record.crc = _content_crc(to, size)
    check = record.crc ^ epoch
    memcpy(to + 4, &check, 4)


cdef Py_ssize_t record_view(const char* data, Py_ssize_t available, Record* out) noexcept nogil:
    """Point `out` into `data` if the lengths make sense; 0 at the end, -1 if they don't."""
    cdef uint32_t size, header_size
    cdef uint16_t subject_size
    cdef const char* at = data + RECORD_HEAD
    if available < 8:
        return 0
    memcpy(&size, data, 4)
    if size == 0:
        return 0
    if available < RECORD_HEAD or size < RECORD_HEAD or size > RECORD_MAX:
        return -1
    if _padded(size) > available:
        return -1
    out.kind = <uint8_t> data[8]
    out.flags = <uint8_t> data[9]
    memcpy(&subject_size, data + 10, 2)
    memcpy(&header_size, data + 12, 4)
    if out.kind == 0 or out.kind >= RECORD_KIND_END:
        return -1
    if <uint64_t> RECORD_HEAD + subject_size + header_size > size:
        return -1
    memcpy(&out.owner, data + 16, 8)
    memcpy(&out.seq, data + 24, 8)
    memcpy(&out.time_ns, data + 32, 8)
    out.crc = 0
    out.subject = span(at, subject_size)
    out.header = span(at + subject_size, header_size)
    out.payload = span(
        at + subject_size + header_size, size - RECORD_HEAD - subject_size - header_size
    )
    return _padded(size)


cdef Py_ssize_t record_read(
    const char* data, Py_ssize_t available, uint32_t epoch, Record* out
) noexcept nogil:
    """Point `out` into `data` if a whole record stands there; 0 at the end, -1 if damaged."""
    cdef Py_ssize_t occupied = record_view(data, available, out)
    cdef uint32_t size, check
    if occupied <= 0:
        return occupied
    memcpy(&size, data, 4)
    memcpy(&check, data + 4, 4)
    out.crc = _content_crc(data, size)
    if check != out.crc ^ epoch or not _padding_sound(data, occupied):
        return -1
    return occupied


cdef inline bint _padding_sound(const char* data, Py_ssize_t occupied) noexcept nogil:
    """Zeros behind the record, up to seven: damage there counts too."""
    cdef uint32_t size
    memcpy(&size, data, 4)
    while size < <uint32_t> occupied:
        if data[size] != 0:
            return False
        size += 1
    return True


cdef inline uint32_t _mask_of(const char* data) noexcept nogil:
    """The epoch under which the record would be sound."""
    cdef uint32_t size, check
    memcpy(&size, data, 4)
    memcpy(&check, data + 4, 4)
    return check ^ _content_crc(data, size)


cdef Py_ssize_t record_resync(
    const char* data, Py_ssize_t at, Py_ssize_t size, uint32_t epoch
) noexcept nogil:
    """The next offset from `at` on where a sound record stands, or -1.

    Behind the end of a file that is used again stand the records of its former life: sound but for
    the epoch. Two of them in a row betray that one, and from there on they are passed over whole,
    since nothing new can begin inside of bytes that are all old.

    Work is bounded: after RESYNC_BYTES of checksums only the damaged record's own length and the
    end are believed in.
    """
    cdef Record record
    cdef Py_ssize_t occupied, following
    cdef Py_ssize_t budget = RESYNC_BYTES
    cdef Py_ssize_t led = -1
    cdef uint32_t mask, former = epoch          # `epoch`: not known
    # most often only the content is damaged, and the length still leads to the next record; but if
    # it is the length, there are sound records on the way
    occupied = record_view(data + at, size - at, &record)
    if occupied > 0:
        if record_read(data + at + occupied, size - at - occupied, epoch, &record) > 0:
            led = at + occupied
            size = led
    at += 8
    while at + RECORD_HEAD <= size and budget > 0:
        # sequences and times of old records look like lengths: look closer before a checksum
        if <uint8_t> data[at + 9] >= RECORD_FLAGS_END:
            at += 8
            continue
        occupied = record_view(data + at, size - at, &record)
        if occupied <= 0 or not _padding_sound(data + at, occupied):
            at += 8
            continue
        budget -= occupied
        mask = _mask_of(data + at)
        if mask == epoch:
            return at
        following = occupied
        if mask != former:
            following = record_view(data + at + occupied, size - at - occupied, &record)
            if following > 0 and _padding_sound(data + at + occupied, following):
                budget -= following
                if _mask_of(data + at + occupied) == mask:
                    former = mask
        at += occupied if mask == former else 8
    return led


cdef uint32_t epoch_of(uint64_t secret, uint64_t what) noexcept nogil:
    """A mask that cannot be guessed without `secret`."""
    cdef uint64_t x = secret + what * <uint64_t> 0x9E3779B97F4A7C15
    x = (x ^ (x >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t> 0x94D049BB133111EB
    return <uint32_t> (x ^ (x >> 31))


# --- for Python: rare records, recovery's reports and tests ---


cdef class Entry:
    """One record as Python values, copied."""

    def __repr__(self) -> str:
        return f"Entry(kind={self.kind}, owner={self.owner}, seq={self.seq}, {self.subject!r})"


cdef Entry entry_of(const Record* record):
    """A copy of `record`."""
    cdef Entry entry = Entry.__new__(Entry)
    entry.kind = record.kind
    entry.flags = record.flags
    entry.owner = record.owner
    entry.seq = record.seq
    entry.time_ns = record.time_ns
    entry.subject = record.subject.data[:record.subject.size]
    entry.header = record.header.data[:record.header.size]
    entry.payload = record.payload.data[:record.payload.size]
    return entry


KINDS = {
    "message": RECORD_MESSAGE,
    "remove": RECORD_REMOVE,
    "purge": RECORD_PURGE,
    "ack": RECORD_ACK,
    "stream": RECORD_STREAM,
    "consumer": RECORD_CONSUMER,
    "delete": RECORD_DELETE,
    "commit": RECORD_COMMIT,
    "meta": RECORD_META,
}


def checksum(bytes data not None, *, bint portable=False) -> int:
    """CRC-32C of `data`; `portable` without the processor's help (tests compare the two)."""
    if portable:
        return _crc_portable(0, PyBytes_AS_STRING(data), len(data))
    return crc32c(0, PyBytes_AS_STRING(data), len(data))


def epoch(uint64_t secret, uint64_t what) -> int:
    """The mask of a file's checksums: of segment `what`, or stream `what` with the top bit set."""
    return epoch_of(secret, what)


def encode(
    int kind,
    uint64_t owner,
    uint64_t seq=0,
    int64_t time_ns=0,
    *,
    bytes subject not None=b"",
    bytes header not None=b"",
    bytes payload not None=b"",
    int flags=0,
    uint32_t epoch=0,
) -> bytes:
    """The bytes of one record, padding included."""
    cdef Record record
    cdef bytes out
    if not 0 < kind < RECORD_KIND_END:
        raise StoreError(f"no such kind of record: {kind}")
    if len(subject) > 0xFFFF:
        raise StoreError(f"subject of {len(subject)} bytes: a record holds 65535")
    record.kind = kind
    record.flags = flags
    record.crc = 0
    record.owner = owner
    record.seq = seq
    record.time_ns = time_ns
    record.subject = span(PyBytes_AS_STRING(subject), len(subject))
    record.header = span(PyBytes_AS_STRING(header), len(header))
    record.payload = span(PyBytes_AS_STRING(payload), len(payload))
    if record_size(&record) > RECORD_MAX:
        raise StoreError(f"record of {record_size(&record)} bytes: at most {RECORD_MAX}")
    out = PyBytes_FromStringAndSize(NULL, record_size(&record))
    record_write(PyBytes_AS_STRING(out), &record, epoch)
    return out


def decode(bytes data not None, Py_ssize_t offset=0, *, uint32_t epoch=0):
    """`(entry, bytes occupied)`; `(None, 0)` at the end, `(None, -1)` if damaged."""
    cdef Record record
    cdef Py_ssize_t occupied
    if not 0 <= offset <= len(data):
        raise IndexError(f"offset {offset} in {len(data)} bytes")
    occupied = record_read(
        PyBytes_AS_STRING(data) + offset, len(data) - offset, epoch, &record
    )
    return (entry_of(&record) if occupied > 0 else None), occupied


def find_messages(bytes data not None, set keys not None) -> list:
    """Where in `data` something stands that looks like a message whose 16 bytes of owner and
    sequence are one of `keys`; its checksum is not looked at. `data` begins at a multiple of 8.
    """
    cdef const char* raw = PyBytes_AS_STRING(data)
    cdef Py_ssize_t end = len(data) - RECORD_HEAD
    cdef Py_ssize_t at = 0
    cdef uint32_t size
    cdef list out = []
    while at <= end:
        if <uint8_t> raw[at + 8] == RECORD_MESSAGE and <uint8_t> raw[at + 9] < RECORD_FLAGS_END:
            memcpy(&size, raw + at, 4)
            if RECORD_HEAD <= size <= RECORD_MAX and raw[at + 16:at + 32] in keys:
                out.append(at)
        at += 8
    return out
