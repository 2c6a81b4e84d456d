# cython: boundscheck=False, wraparound=False, cdivision=True
"""Puts a small file in its place, whole and for good, in one call that never needs the interpreter.

        temporary ─ written, synced ─► renamed to its name ─► its folder synced

The loop holds the interpreter most of the time: a thread that takes it between two of these system
calls waits for the loop each time, and that was most of what saving a token took. Owns nothing;
knows no path: a folder is the number of an open one, names come from outside. Invariant: whatever
fails, and whenever the machine does, the name has all of the old file or all of the new one.
"""

from libc.errno cimport EINTR, errno

cdef extern from "<fcntl.h>" nogil:
    int openat(int folder, const char* name, int flags, int mode)
    int O_WRONLY, O_CREAT, O_TRUNC, O_CLOEXEC

cdef extern from "<sys/stat.h>" nogil:
    int fchmod(int fd, unsigned int mode)

cdef extern from "<unistd.h>" nogil:
    ssize_t write(int fd, const void* data, size_t size)
    int fsync(int fd)
    int close(int fd)
    int unlinkat(int folder, const char* name, int flags)

cdef extern from "<stdio.h>" nogil:
    int renameat(int old_folder, const char* old, int new_folder, const char* new)

cdef extern from "<string.h>":
    char* strerror(int number)


cdef int _fill(int fd, const char* data, size_t size) noexcept nogil:
    """Write and sync; 0, or what went wrong."""
    cdef ssize_t done
    while size > 0:
        done = write(fd, data, size)
        if done < 0:
            if errno == EINTR:
                continue
            return errno
        data += done
        size -= done
    return errno if fsync(fd) != 0 else 0


cdef int _put(
    int folder, const char* name, const char* temporary, const char* data, size_t size
) noexcept nogil:
    """0, or what went wrong."""
    cdef int error
    cdef int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    if fd < 0:
        return errno
    error = errno if fchmod(fd, 0o600) != 0 else _fill(fd, data, size)
    if close(fd) != 0 and error == 0:
        error = errno
    if error == 0 and renameat(folder, temporary, folder, name) != 0:
        error = errno
    if error != 0:
        unlinkat(folder, temporary, 0)
        return error
    return errno if fsync(folder) != 0 else 0


def put_whole_file(
    int folder, bytes name not None, bytes temporary not None, bytes data not None
) -> None:
    """`data` is the file `name` of `folder` when this returns, mode 0600. Raises `OSError`.

    `temporary` is a name in the same folder that nobody else uses; nothing is left there.
    """
    cdef const char* to = name
    cdef const char* by_way_of = temporary
    cdef const char* text = data
    cdef size_t size = len(data)
    cdef int error
    with nogil:
        error = _put(folder, to, by_way_of, text, size)
    if error:
        raise OSError(error, strerror(error).decode(), name.decode("utf-8", "replace"))
