# cython: boundscheck=False, wraparound=False, cdivision=True
"""Writes and syncs groups of the journal in a thread that never needs the interpreter.

The loop holds the interpreter most of the time: a worker that takes it between two system calls
waits for the loop, and the loop for the worker, at every group that somebody wants acknowledged.

        the loop                                  the worker, in `run`
        put(writes, syncs, rest) ─► slot ─ wakes ─►  write …, sync …
        put_call() ─ wakes ────────────────────────► run() returns True: something for Python is
                                                     next; `called()` says that it is done
        finished ◄─ 8 bytes to `bell` ─────────────  one more of them is done
        outcome(number)                              the rest, unless the next group is here already

Whatever is put gets the next number, and is carried out in that order. There are two slots: while
the rest of one group is written the next may come. A group that finds none free, or is larger than
a slot, is refused: the caller carries it out in Python.

Owns the slots, and what they refer to until the outcome was asked for. Knows no path and opens no
file: numbers of files come from outside, and stay open until the group is `over`. Invariant: behind
a failure nothing is written; each later group ends with the same error.
"""

from libc.errno cimport EINTR, EIO, errno
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

cimport cython

cdef extern from "<semaphore.h>" nogil:
    ctypedef struct sem_t:
        pass
    int sem_init(sem_t* semaphore, int shared, unsigned int value)
    int sem_destroy(sem_t* semaphore)
    int sem_post(sem_t* semaphore)
    int sem_wait(sem_t* semaphore)

cdef extern from "<unistd.h>" nogil:
    ssize_t pwrite(int fd, const void* data, size_t size, int64_t offset)
    ssize_t write(int fd, const void* data, size_t size)
    int fdatasync(int fd)

cdef extern from * nogil:
    """
    #define isthmus_load(place) __atomic_load_n(place, __ATOMIC_ACQUIRE)
    #define isthmus_store(place, value) __atomic_store_n(place, value, __ATOMIC_RELEASE)
    """
    uint64_t load "isthmus_load"(uint64_t* place)
    void store "isthmus_store"(uint64_t* place, uint64_t value)

cdef enum:
    SLOTS = 2
    WRITES_MAX = 16             # 8 MiB of a busy journal: what is larger has time for Python
    SYNCS_MAX = 4
    REST_BYTES = 64
    FREE = 0                    # of a slot: nobody's


cdef struct Write:
    const char* data            # borrowed from what `held` refers to
    size_t size
    int64_t offset
    int fd


cdef struct Slot:
    uint64_t number             # of the group in it; FREE: the worker is done with it
    uint64_t owed               # of the group whose outcome nobody has asked for; the loop's
    int writes
    int syncs
    Write write[WRITES_MAX]
    int sync[SYNCS_MAX]
    Write rest                  # its data stands in `rest_data`; no bytes: none
    char rest_data[REST_BYTES]
    int error
    int error_fd                # of the file that failed; -1: an earlier group's, or none


@cython.final
cdef class GroupWriter:
    """Rings `bell`, the number of an open eventfd, whenever something is finished."""

    cdef Slot slots[SLOTS]
    cdef list held              # of each slot: what its pointers point into, until the outcome
    cdef int bell
    cdef sem_t put_so_far       # what was put and not begun
    cdef uint64_t puts          # the last number given; the loop's
    cdef uint64_t begun         # the last number begun; the worker's
    cdef uint64_t done          # the last number finished
    cdef uint64_t end           # the number that ends `run`; 0: none
    cdef int broken             # errno that ended all writing; 0: none; the worker's
    cdef uint64_t late_number   # of the group whose rest failed; 0: none

    def __cinit__(self, int bell):
        assert bell >= 0
        self.bell = bell
        self.held = [None] * SLOTS
        if sem_init(&self.put_so_far, 0, 0) != 0:
            raise OSError(errno, "no semaphore for a lane of the disk")

    def __dealloc__(self):
        sem_destroy(&self.put_so_far)

    # --- the loop ---

    @property
    def finished(self) -> int:
        """The number of the last that is finished; all before it are as well."""
        return load(&self.done)

    @property
    def late(self) -> tuple[int, int]:
        """`(number, errno)` of the group whose rest could not be written; zeros: there is none."""
        cdef uint64_t number = load(&self.late_number)
        return number, self.broken if number else 0

    def put(self, list writes not None, list syncs not None, tuple rest=None) -> int:
        """Write all `(fd, offset, bytes-like)`, then sync each fd; later the rest, one write.

        Its number, or 0: there is no room for it.
        """
        cdef Slot* slot = NULL
        cdef Py_ssize_t at, place
        for place in range(SLOTS):
            if self.slots[place].owed == 0 and load(&self.slots[place].number) == FREE:
                slot = &self.slots[place]
                break
        if slot == NULL or not 0 < len(writes) <= WRITES_MAX or len(syncs) > SYNCS_MAX:
            return 0
        if rest is not None and len(rest[2]) > REST_BYTES:
            return 0
        for at in range(len(writes)):
            _aim(&slot.write[at], writes[at])
        for at in range(len(syncs)):
            slot.sync[at] = syncs[at]
        slot.rest.size = 0
        if rest is not None:
            _aim(&slot.rest, rest)
            if slot.rest.size:
                memcpy(slot.rest_data, slot.rest.data, slot.rest.size)
            slot.rest.data = slot.rest_data
        slot.writes = <int> len(writes)
        slot.syncs = <int> len(syncs)
        slot.error_fd = -1
        self.held[place] = writes
        self.puts += 1
        slot.owed = self.puts
        store(&slot.number, self.puts)
        sem_post(&self.put_so_far)
        return self.puts

    def put_call(self) -> int:
        """Something for Python: `run` returns when its turn has come. Its number."""
        self.puts += 1
        sem_post(&self.put_so_far)
        return self.puts

    def put_end(self) -> None:
        """`run` ends when everything before is done; nothing may be put any more."""
        store(&self.end, self.puts + 1)
        sem_post(&self.put_so_far)

    def outcome(self, uint64_t number) -> tuple[int, int]:
        """`(errno, fd)` of the finished group `number`: 0, or what failed in which file. Once."""
        cdef Py_ssize_t place
        assert 0 < number <= load(&self.done)
        for place in range(SLOTS):
            if self.slots[place].owed == number:
                self.slots[place].owed = 0
                self.held[place] = None
                return self.slots[place].error, self.slots[place].error_fd
        raise KeyError(number)

    def over(self, uint64_t number) -> bool:
        """True if the rest of the group `number` is done with as well; 0 never was one."""
        cdef Py_ssize_t place
        for place in range(SLOTS):
            if number and load(&self.slots[place].number) == number:
                return False
        return number <= load(&self.done)

    # --- the worker ---

    def run(self) -> bool:
        """Carry out groups. True: something for Python is next; False: the end."""
        cdef bint out
        with nogil:
            out = self._work()
        return out

    def called(self) -> None:
        """What `run` returned for is done."""
        self._finish()

    @property
    def failure(self) -> int:
        """errno that ended all writing, 0: none. What `run` returns for then is not to be done."""
        return self.broken

    def fail(self, int code) -> None:
        """End all writing: of what `run` returned for, something failed after `called`."""
        assert code > 0
        if self.broken == 0:
            self.broken = code

    cdef bint _work(self) noexcept nogil:
        cdef Slot* slot
        cdef int error
        while True:
            while sem_wait(&self.put_so_far) != 0:
                pass  # a signal: not yet
            self.begun += 1
            if load(&self.end) == self.begun:
                return False
            slot = self._slot(self.begun)
            if slot == NULL:
                return True
            if self.broken == 0:
                self.broken = _carry_out(slot)
            slot.error = self.broken
            self._finish()
            if slot.rest.size and self.broken == 0 and self._slot(self.begun + 1) == NULL:
                error = _write_all(&slot.rest)
                if error:
                    self.broken = error
                    store(&self.late_number, self.begun)
                    self._ring()
            store(&slot.number, FREE)

    cdef Slot* _slot(self, uint64_t number) noexcept nogil:
        """Where the group `number` stands; NULL: it is no group, or not here yet."""
        cdef Py_ssize_t place
        for place in range(SLOTS):
            if load(&self.slots[place].number) == number:
                return &self.slots[place]
        return NULL

    cdef void _finish(self) noexcept nogil:
        store(&self.done, self.done + 1)
        self._ring()

    cdef void _ring(self) noexcept nogil:
        cdef uint64_t one = 1
        while write(self.bell, &one, sizeof(one)) < 0 and errno == EINTR:
            pass  # any other failure: it rings already


cdef int _aim(Write* out, tuple what) except -1:
    """`out` is `(fd, offset, bytes-like)`, borrowed."""
    cdef const unsigned char[::1] data = what[2]
    out.fd = what[0]
    out.offset = what[1]
    out.size = <size_t> data.shape[0]
    out.data = NULL
    if out.size:
        out.data = <const char*> &data[0]
    return 0


cdef int _carry_out(Slot* slot) noexcept nogil:
    """Write and sync; errno of the first failure, whose file the slot then names."""
    cdef int at, error
    for at in range(slot.writes):
        error = _write_all(&slot.write[at])
        if error:
            slot.error_fd = slot.write[at].fd
            return error
    for at in range(slot.syncs):
        while fdatasync(slot.sync[at]) != 0:
            if errno != EINTR:
                slot.error_fd = slot.sync[at]
                return errno
    return 0


cdef int _write_all(Write* piece) noexcept nogil:
    """All of it, in as many calls as that takes; errno, or 0."""
    cdef size_t at = 0
    cdef ssize_t written
    while at < piece.size:
        written = pwrite(
            piece.fd, piece.data + at, piece.size - at, piece.offset + <int64_t> at
        )
        if written > 0:
            at += <size_t> written
        elif written == 0:
            return EIO
        elif errno != EINTR:
            return errno
    return 0
