"""Memory that the loop fills and a worker writes out: blocks of streams, groups of the journal.

        data  ┌───────────────────────────┬─────────────────┐
              │ bytes that do not change  │ pages not there │    a view shows 0 … used
              └───────────────────────────┴─────────────────┘
              0                          used            capacity

It never moves, comes straight from the system and goes back to it (a freed block does not stay in
the heap), costs only the pages that were touched, and lives as long as anybody refers to it: a
worker's memoryview, say, after the stream is done with the block.
"""


cdef class Buffer:
    cdef char* data
    cdef readonly Py_ssize_t capacity
    cdef readonly Py_ssize_t used       # what a view of it shows; the holder moves it on


cdef Buffer new_buffer(Py_ssize_t capacity)
