# cython: boundscheck=False, wraparound=False
"""Subjects that stand for other subjects; see `mapping.pxd`.

Owns the compiled form of an account's mappings. Knows no account. Invariant: the shares of each
subject are a hundred together.
"""

from libc.string cimport memcmp

from isthmus.core.matching cimport subject_matches
from isthmus.core.message cimport Message, Span, span, span_of
from isthmus.core.patterns cimport has_wildcard
from isthmus.core.rewriting cimport Rewriting
from isthmus.core.turn cimport Turn


cdef class MappedSubject:
    """`pattern` and its ways: the share of each in per cent, and how the subject is rewritten.

    None in place of a rewriting drops the message.
    """

    def __init__(self, bytes pattern not None, ways):
        end = 0
        self.pattern = pattern
        self.literal = not has_wildcard(span_of(pattern))
        self.ways = []
        self.ends = []
        for share, rewriting in ways:
            assert share > 0
            end += share
            self.ways.append(rewriting)
            self.ends.append(end)
        assert end == 100

    def __repr__(self) -> str:
        return f"MappedSubject({self.pattern.decode()}, {len(self.ways)} ways)"

    cdef Rewriting pick(self, Turn turn):
        cdef int chance, index = 0
        cdef Rewriting way
        if len(self.ways) > 1:
            chance = <int> (turn.random() % 100)
            for index in range(len(self.ways)):
                if chance < <int> self.ends[index]:
                    break
            way = self.ways[index]
        else:
            way = self.ways[0]
        if way is not None and way.by_chance:
            way.chance = turn.random()
        return way


cdef class Mapping:
    """All mappings of an account, in the order in which they are looked at."""

    def __init__(self, entries):
        self.entries = list(entries)
        assert self.entries

    cdef bint apply(self, Message* message, char* out, Turn turn) except -1:
        cdef MappedSubject entry
        cdef Rewriting way
        cdef Span pattern, subject = message.to
        cdef Py_ssize_t size
        for entry in self.entries:
            pattern = span_of(entry.pattern)
            if entry.literal:
                if pattern.size != subject.size or memcmp(
                    pattern.data, subject.data, subject.size
                ):
                    continue
            elif not subject_matches(pattern, subject):
                continue
            way = entry.pick(turn)
            if way is None:
                return False
            size = way.write(subject, out)
            if size < 0:
                return False
            message.to = message.subject = span(out, size)
            return True
        return True
