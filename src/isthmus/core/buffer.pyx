"""Anonymous memory with the buffer protocol; see `buffer.pxd`.

Owns one mapping per object. Knows nothing of what stands in it. Invariant: bytes below `used` do
not change while a view of them is held; who fills a buffer only appends.
"""

from cpython.buffer cimport PyBuffer_FillInfo

cdef extern from "<sys/mman.h>" nogil:
    """
    #ifndef MAP_ANONYMOUS
    #define MAP_ANONYMOUS MAP_ANON
    #endif
    #ifdef MADV_NOHUGEPAGE
    #define isthmus_small_pages(data, size) ((void) madvise(data, size, MADV_NOHUGEPAGE))
    #else
    #define isthmus_small_pages(data, size) ((void) 0)
    #endif
    #ifdef __GLIBC__
    #include <malloc.h>
    #define isthmus_trim() malloc_trim(0)
    #else
    #define isthmus_trim() 0
    #endif
    """
    void* mmap(void* addr, size_t size, int prot, int flags, int fd, long offset)
    int munmap(void* addr, size_t size)
    int PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS
    void* MAP_FAILED
    # a huge page would charge a stream of ten messages with two megabytes
    void isthmus_small_pages(void* data, size_t size)
    int isthmus_trim()


cdef class Buffer:
    """`capacity` bytes that never move; a memoryview shows the first `used` of them."""

    def __cinit__(self, Py_ssize_t capacity):
        assert capacity > 0
        self.data = <char*> mmap(
            NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0
        )
        if <void*> self.data == MAP_FAILED:
            self.data = NULL
            raise MemoryError(f"no memory for a block of {capacity} bytes")
        isthmus_small_pages(self.data, capacity)
        self.capacity = capacity
        self.used = 0

    def __dealloc__(self):
        if self.data != NULL:
            munmap(self.data, self.capacity)

    def __getbuffer__(self, Py_buffer* view, int flags):
        PyBuffer_FillInfo(view, self, self.data, self.used, 1, flags)

    def __len__(self) -> int:
        return self.used

    def fill(self, data) -> None:
        """Append the bytes of `data`."""
        cdef const unsigned char[::1] source = data
        cdef Py_ssize_t size = source.shape[0]
        if size > self.capacity - self.used:
            raise ValueError(f"{size} bytes into a buffer with {self.capacity - self.used} free")
        cdef Py_ssize_t place
        for place in range(size):
            self.data[self.used + place] = <char> source[place]
        self.used += size


cdef Buffer new_buffer(Py_ssize_t capacity):
    """An empty buffer; raises MemoryError."""
    return Buffer(capacity)


def trim_heap() -> None:
    """Give back to the system what the heap holds and nobody uses: milliseconds, so once."""
    isthmus_trim()
