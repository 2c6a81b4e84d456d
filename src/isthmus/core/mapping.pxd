"""Subjects of an account that stand for other subjects.

        orders.*  ─┬─ 80 %  v2.orders.$1
                   └─ 20 %  v1.orders.$1       per message, by chance

What is published in the account, and what enters it as a request, is looked at once: what a mapping
made is not mapped again. An account without mappings has no `Mapping`, and pays for a comparison
with None.
"""

from isthmus.core.message cimport Message
from isthmus.core.rewriting cimport SUBJECT_MAX, Rewriting
from isthmus.core.turn cimport Turn


cdef class MappedSubject:
    cdef readonly bytes pattern
    cdef bint literal
    cdef list ways                        # Rewriting, or None: the message is dropped
    cdef list ends                        # int: below which of 100 each way is taken

    cdef Rewriting pick(self, Turn turn)


cdef class Mapping:
    cdef readonly list entries            # MappedSubject; the first that matches counts
    # where a connection's publication goes, till the next: there is none while it is delivered
    cdef char published[SUBJECT_MAX]

    # prints into SUBJECT_MAX bytes at `out` where the message goes, and lets it go there;
    # False: nowhere
    cdef bint apply(self, Message* message, char* out, Turn turn) except -1
