# cython: boundscheck=False, wraparound=False, cdivision=True
"""One function of a subject in a mapping; see `substitution.pxd` for what each makes.

Owns the compiled form of one function and its arguments. Knows no mapping. Invariant: a function of
a token has exactly one wildcard.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy

from isthmus.core.decimal cimport print_u64
from isthmus.core.message cimport Span, span_of

cdef enum:
    PARTITION
    RANDOM
    LEFT
    RIGHT
    SPLIT_FROM_LEFT
    SPLIT_FROM_RIGHT
    SLICE_FROM_LEFT
    SLICE_FROM_RIGHT
    SPLIT
    NUMBER_DIGITS = 20

NAMES = (
    "partition", "random", "left", "right", "splitfromleft", "splitfromright", "slicefromleft",
    "slicefromright", "split",
)


cdef inline uint32_t _hash(uint32_t value, Span text) noexcept nogil:
    """FNV-1a, going on from `value`."""
    cdef Py_ssize_t at
    for at in range(text.size):
        value = (value ^ <unsigned char> text.data[at]) * 16777619
    return value


cdef Py_ssize_t _cut(Span token, Py_ssize_t first, Py_ssize_t step, char* out) noexcept nogil:
    """The first part, and the rest in parts of `step` (0: in one), dots between; the size."""
    cdef Py_ssize_t at = 0, taken = 0, size = first
    while taken < token.size:
        if taken:
            out[at] = c"."
            at += 1
        memcpy(out + at, token.data + taken, size)
        at += size
        taken += size
        size = token.size - taken if step == 0 or step > token.size - taken else step
    return at


cdef Py_ssize_t _split(Span token, Span delimiter, char* out) noexcept nogil:
    """What stands between the delimiters, dots between; the size.

    What is empty is left out. Two delimiters at the beginning leave a dot, as nats-server does.
    """
    cdef Py_ssize_t at = 0, start = 0, end = 0, part = 0, first_size = 0
    while start <= token.size:
        end = start
        while end < token.size and (
            token.size - end < delimiter.size
            or memcmp(token.data + end, delimiter.data, delimiter.size)
        ):
            end += 1
        if part == 0:
            first_size = end
        if end > start:
            if part > 1 or (part == 1 and first_size > 0):
                out[at] = c"."
                at += 1
            memcpy(out + at, token.data + start, end - start)
            at += end - start
        start = end + delimiter.size
        part += 1
    return at


cdef class Substitution:
    """The function `name` (one of NAMES) of the tokens of `wildcards`, counted from 0."""

    def __init__(self, str name not None, wildcards=(), int number=0, bytes delimiter=b""):
        cdef int index = 0
        assert number > 0 or name == "split"
        assert delimiter or name != "split"
        self.function = NAMES.index(name)
        assert self.function in (PARTITION, RANDOM) or len(wildcards) == 1
        self.by_chance = self.function == RANDOM
        self.number = number
        self.delimiter = delimiter
        self.wildcard_count = len(wildcards)
        self.wildcards = <int*> calloc(max(len(wildcards), 1), sizeof(int))
        if self.wildcards == NULL:
            raise MemoryError
        for index, wildcard in enumerate(wildcards):
            assert wildcard >= 0
            self.wildcards[index] = wildcard

    def __dealloc__(self):
        free(self.wildcards)

    cdef Py_ssize_t write(
        self, Span subject, const Span* values, uint64_t chance, char* out, Py_ssize_t room
    ) noexcept:
        cdef int index
        cdef uint32_t value = 2166136261U
        cdef Span token
        cdef Py_ssize_t size
        if self.function in (PARTITION, RANDOM):
            if room < NUMBER_DIGITS:
                return -1
            if self.function == RANDOM:
                return print_u64(out, chance % <uint64_t> self.number) - out
            if self.wildcard_count == 0:
                value = _hash(value, subject)
            for index in range(self.wildcard_count):
                value = _hash(value, values[self.wildcards[index]])
            return print_u64(out, value % <uint32_t> self.number) - out
        token = values[self.wildcards[0]]
        if 2 * token.size > room:
            return -1
        if self.function == SPLIT:
            return _split(token, span_of(self.delimiter), out)
        size = self.number
        if size >= token.size:
            memcpy(out, token.data, token.size)
            return token.size
        if self.function == LEFT:
            memcpy(out, token.data, size)
            return size
        if self.function == RIGHT:
            memcpy(out, token.data + token.size - size, size)
            return size
        if self.function == SPLIT_FROM_LEFT:
            return _cut(token, size, 0, out)
        if self.function == SPLIT_FROM_RIGHT:
            return _cut(token, token.size - size, 0, out)
        if self.function == SLICE_FROM_LEFT:
            return _cut(token, size, size, out)
        return _cut(token, token.size % size or size, size, out)
