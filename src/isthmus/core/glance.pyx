"""Asking the kernel again and again whether something has come, without sleep and without Python.

        fd ─ poll(0) ─► ready ──────────────► True
              ▲   └─ nothing ─ sched_yield ─┐
              └──── at most `times` ◄───────┘ ► False

`fd` is what the event loop itself waits on (an epoll or kqueue descriptor is readable while one of
its own is). Other threads run Python meanwhile, and between two looks a process that waits for this
core gets it: often the very client whose next message is looked for. Owns nothing. Knows no clock:
how long it goes on is the caller's to say, by `times`, each of which takes about a microsecond on a
core that nobody else wants. Invariant: nothing is read; whoever sleeps next wakes at once.
"""

cdef extern from "<poll.h>" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd* fds, unsigned long count, int timeout_ms)
    short POLLIN

cdef extern from "<sched.h>" nogil:
    int sched_yield()


def glance(int fd, int times) -> bool:
    """Look up to `times` whether `fd` is ready; True as soon as it is, or if it is none at all."""
    cdef pollfd asked
    cdef int left = times
    asked.fd = fd
    asked.events = POLLIN
    with nogil:
        while left > 0:
            asked.revents = 0
            if poll(&asked, 1, 0) != 0:
                break
            sched_yield()
            left -= 1
    return left > 0
