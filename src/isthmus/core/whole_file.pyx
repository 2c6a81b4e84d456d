# cython: boundscheck=False, wraparound=False, cdivision=True
"""Puts small files in their places, whole and for good, in one call that needs no interpreter.

        each ─ temporary, written, on its way to the disk
        each ─ synced ─► renamed to its name                        the folder synced, once

The loop holds the interpreter most of the time: a thread that takes it between two of these system
calls waits for the loop each time, and that was most of what saving a token took. What the disk
takes, a group shares: when the first file is synced, the others are on their way already, and the
names of all of them are one sync. Owns nothing; knows no path: a folder is the number of an open
one, names come from outside. Invariant: whatever fails, and whenever the machine does, a name has
all of the old file or all of a new one, and never one that came before what it had.
"""

from libc.errno cimport EINTR, EMFILE, ENFILE, errno
from libc.stdlib cimport calloc, free

cdef extern from "<fcntl.h>" nogil:
    int openat(int folder, const char* name, int flags, int mode)
    int O_WRONLY, O_CREAT, O_TRUNC, O_CLOEXEC

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <fcntl.h>
    /* Begin to write what a file has; whoever waits for it has less to wait. */
    #ifdef SYNC_FILE_RANGE_WRITE
    #define isthmus_begin_writing(fd) ((void) sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE))
    #else
    #define isthmus_begin_writing(fd) ((void) 0)
    #endif
    """
    void begin_writing "isthmus_begin_writing" (int fd) nogil

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

cdef struct File:
    const char* name
    const char* temporary
    const char* data
    size_t size
    int fd
    int error       # 0, or what went wrong


cdef int _write(int fd, const char* data, size_t size) noexcept nogil:
    """0, or what went wrong."""
    cdef ssize_t done
    while size > 0:
        done = write(fd, data, size)
        if done < 0:
            if errno == EINTR:
                continue
            return errno
        data += done
        size -= done
    return 0


cdef bint _begin(int folder, File* file) noexcept nogil:
    """Open and write the temporary; False: it can not be opened beside so many others."""
    file.fd = openat(folder, file.temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    if file.fd < 0:
        file.error = errno
        return file.error != EMFILE and file.error != ENFILE
    file.error = errno if fchmod(file.fd, 0o600) != 0 else _write(file.fd, file.data, file.size)
    if file.error == 0:
        begin_writing(file.fd)
    return True


cdef void _end(int folder, File* file) noexcept nogil:
    """Sync the temporary and give it its name, or remove it."""
    if file.fd < 0:
        return
    if file.error == 0 and fsync(file.fd) != 0:
        file.error = errno
    if close(file.fd) != 0 and file.error == 0:
        file.error = errno
    if file.error == 0 and renameat(folder, file.temporary, folder, file.name) != 0:
        file.error = errno
    if file.error != 0:
        unlinkat(folder, file.temporary, 0)


cdef void _put(int folder, File* files, Py_ssize_t count) noexcept nogil:
    """Each has its `error` afterwards."""
    cdef Py_ssize_t begun = 0, ended = 0, at
    cdef bint some = False
    cdef int error
    while ended < count:
        while begun < count and (_begin(folder, &files[begun]) or begun == ended):
            begun += 1
        while ended < begun:  # and the next one has their numbers
            _end(folder, &files[ended])
            some = some or files[ended].error == 0
            ended += 1
    if some and fsync(folder) != 0:
        error = errno
        for at in range(count):
            if files[at].error == 0:
                files[at].error = error


def put_whole_files(int folder, list files not None) -> list:
    """Each of `files`, a name, a temporary name and the data, is there when this returns.

    What became of each: None, or the `OSError` with which it failed. Mode 0600. A temporary is a
    name in the same folder that nobody else uses, nor another one of `files`; nothing is left
    there.
    """
    cdef Py_ssize_t count = len(files), at
    cdef bytes name, temporary, data
    cdef File* all_ = <File*> calloc(count or 1, sizeof(File))
    if all_ is NULL:
        raise MemoryError
    try:
        for at in range(count):
            name, temporary, data = files[at]
            all_[at].name = name
            all_[at].temporary = temporary
            all_[at].data = data
            all_[at].size = len(data)
        with nogil:
            _put(folder, all_, count)
        return [_error(all_[at].error, files[at][0]) for at in range(count)]
    finally:
        free(all_)


cdef object _error(int number, bytes name):
    if number == 0:
        return None
    return OSError(number, strerror(number).decode(), name.decode("utf-8", "replace"))
