# cython: boundscheck=False, wraparound=False
"""A subject rewritten at a border; see `rewriting.pxd` for the picture.

Owns the compiled form of one rewriting. Knows no account and no import. Invariant: every wildcard
that a piece names is one of the pattern.
"""

from libc.stdlib cimport calloc, free
from libc.string cimport memchr, memcpy

from isthmus.core.message cimport Span, span, span_of
from isthmus.core.substitution cimport Substitution

cdef enum:
    TEXT = -1
    FUNCTION = -2


cdef inline Py_ssize_t _next_dot(const char* data, Py_ssize_t start, Py_ssize_t size) noexcept:
    cdef const char* dot
    if start >= size:
        return size
    dot = <const char*> memchr(data + start, c".", size - start)
    return size if dot == NULL else dot - data


cdef class Rewriting:
    """From subjects that match `pattern` to `parts`.

    A part is a literal piece (bytes), a wildcard (int) or a function of wildcards; the number
    behind the last wildcard is the first token.
    """

    def __init__(self, bytes pattern not None, list parts not None):
        cdef int index = 0
        wild = [at for at, token in enumerate(pattern.split(b".")) if token in (b"*", b">")]
        self.parts = parts
        self.wildcards = len(wild)
        self.rest = pattern == b">" or pattern.endswith(b".>")
        self.piece_count = len(parts)
        self.pieces = <Piece*> calloc(max(len(parts), 1), sizeof(Piece))
        self.wild = <int*> calloc(max(len(wild), 1), sizeof(int))
        self.values = <Span*> calloc(len(wild) + 1, sizeof(Span))
        if self.pieces == NULL or self.wild == NULL or self.values == NULL:
            raise MemoryError
        for index, part in enumerate(parts):
            if isinstance(part, bytes):
                self.pieces[index].text = span_of(part)     # `self.parts` keeps it alive
                self.pieces[index].wildcard = TEXT
            elif isinstance(part, Substitution):
                self.pieces[index].wildcard = FUNCTION
                self.by_chance = self.by_chance or (<Substitution> part).by_chance
                for at in range((<Substitution> part).wildcard_count):
                    assert (<Substitution> part).wildcards[at] <= len(wild)
                    self.first |= (<Substitution> part).wildcards[at] == len(wild)
            else:
                assert 0 <= part <= len(wild)
                self.pieces[index].wildcard = part
                self.first |= part == len(wild)
        for index, at in enumerate(wild):
            self.wild[index] = at

    def __dealloc__(self):
        free(self.pieces)
        free(self.wild)
        free(self.values)

    cdef Py_ssize_t write(self, Span subject, char* out) noexcept:
        cdef Py_ssize_t at = 0, start = 0, end, size
        cdef int token = 0, wildcard = 0, index
        cdef Span part
        while wildcard < self.wildcards:
            end = _next_dot(subject.data, start, subject.size)
            if token == self.wild[wildcard]:
                if wildcard == self.wildcards - 1 and self.rest:
                    end = subject.size
                self.values[wildcard] = span(subject.data + start, end - start)
                wildcard += 1
            token += 1
            start = end + 1
        if self.first:
            self.values[wildcard] = span(subject.data, _next_dot(subject.data, 0, subject.size))
        for index in range(self.piece_count):
            if self.pieces[index].wildcard == FUNCTION:
                size = (<Substitution> self.parts[index]).write(
                    subject, self.values, self.chance, out + at, SUBJECT_MAX - at
                )
                if size < 0:
                    return -1
                at += size
                continue
            part = self.pieces[index].text
            if self.pieces[index].wildcard >= 0:
                part = self.values[self.pieces[index].wildcard]
            if at + part.size > SUBJECT_MAX:
                return -1
            memcpy(out + at, part.data, part.size)
            at += part.size
        return at
