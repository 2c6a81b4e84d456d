"""Patterns and literal subjects: which pattern matches which subject.

        a.*.c.>     prefix  "a."        what every subject that matches begins with
        a.*.*       plain               nothing but wildcards behind the prefix: whether a subject
                                        with the prefix matches is a matter of its tokens' number

No subject with fewer or more tokens than a pattern has, but for a `>`, matches it.

Both are valid subjects; nothing is checked here.
"""

from isthmus.core.message cimport Span

cdef enum:
    TOKENS_MANY = 255           # so many tokens, or more


cdef struct Shape:
    Py_ssize_t prefix           # bytes before the first wildcard token; all if there is none
    bint plain
    int tokens_min              # of what it matches
    int tokens_max              # TOKENS_MANY: there is no bound


# does the literal `subject` match `pattern`?
cdef bint subject_matches(Span pattern, Span subject) noexcept nogil
cdef Shape shape_of(Span pattern) noexcept nogil
# tokens of a subject, TOKENS_MANY at most
cdef int count_tokens(Span subject) noexcept nogil
