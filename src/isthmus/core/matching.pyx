# cython: boundscheck=False, wraparound=False, cdivision=True
"""Which pattern matches which subject; see `matching.pxd`.

Owns nothing. Knows no message and no index. Invariant: what has a pattern's prefix and, if it is
plain, a number of tokens between its bounds, is what `subject_matches` says yes to.
"""

from libc.string cimport memchr

from isthmus.core.message cimport Span, span_of


cdef bint subject_matches(Span pattern, Span subject) noexcept nogil:
    """Token by token; both are valid subjects."""
    cdef const char* p = pattern.data
    cdef const char* s = subject.data
    cdef const char* p_end = p + pattern.size
    cdef const char* s_end = s + subject.size
    while p < p_end and s < s_end:
        if p[0] == b'>' and p + 1 == p_end:
            return True
        if p[0] == b'*' and (p + 1 == p_end or p[1] == b'.'):
            p += 1
            while s < s_end and s[0] != b'.':
                s += 1
        else:
            while p < p_end and p[0] != b'.':
                if s == s_end or s[0] != p[0]:
                    return False
                p += 1
                s += 1
        # both must end here, or both go on with a dot
        if p == p_end or s == s_end:
            break
        if s[0] != b'.':
            return False
        p += 1
        s += 1
    return p == p_end and s == s_end


cdef Shape shape_of(Span pattern) noexcept nogil:
    cdef Shape out
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t end
    cdef const char* dot
    cdef int tokens = 0
    cdef bint wild, rest = False
    out.prefix = pattern.size
    out.plain = True
    while at < pattern.size:
        dot = <const char*> memchr(pattern.data + at, b'.', pattern.size - at)
        end = dot - pattern.data if dot != NULL else pattern.size
        wild = end - at == 1 and (pattern.data[at] == b'*' or pattern.data[at] == b'>')
        if wild and out.prefix == pattern.size:
            out.prefix = at
        elif not wild and out.prefix < pattern.size:
            out.plain = False
        rest = wild and pattern.data[at] == b'>'
        tokens += 1
        at = end + 1
    out.plain = out.plain and out.prefix < pattern.size and tokens < TOKENS_MANY
    out.tokens_min = min(tokens, TOKENS_MANY)
    out.tokens_max = TOKENS_MANY if rest else out.tokens_min
    return out


cdef int count_tokens(Span subject) noexcept nogil:
    cdef int tokens = 1
    cdef Py_ssize_t at
    for at in range(subject.size):
        tokens += subject.data[at] == b'.'
    return tokens if tokens < TOKENS_MANY else TOKENS_MANY


def matches(bytes pattern not None, bytes subject not None) -> bool:
    """Does the literal `subject` match `pattern`?"""
    return subject_matches(span_of(pattern), span_of(subject))
