/* A disk that is slow to take things, under a process that knows nothing of it (LD_PRELOAD).
 *
 * A write takes at most SHORT_BYTES of what it is given, every third one is interrupted first. When
 * FULL_BYTES were written in all, there is no space left, once; then somebody has made room. Each
 * call is a line in SHORT_LOG: what was to be written where, and how much of it was; or a sync.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long calls, written_so_far;
static int was_full;

static void note(const char *line, size_t size)
{
    static int log = -1;
    if (log < 0)
        log = open(getenv("SHORT_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    syscall(SYS_write, log, line, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    char line[256];
    size_t most = strtoul(getenv("SHORT_BYTES"), NULL, 10), at = 0, index;
    long left = atol(getenv("FULL_BYTES")) - written_so_far;
    ssize_t written;
    if (++calls % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    if (left <= 0 && !was_full) {
        was_full = 1;
        errno = ENOSPC;
        return -1;
    }
    if (!was_full && (size_t)left < most)
        most = left;
    written = syscall(SYS_pwrite64, fd, data, size < most ? size : most, offset);
    if (written > 0)
        written_so_far += written;
    at = snprintf(line, sizeof line, "write %ld %zd ", (long)offset, written);
    for (index = 0; index < size && at < sizeof line - 4; index++)
        at += snprintf(line + at, sizeof line - at, "%02x", ((const unsigned char *)data)[index]);
    line[at++] = '\n';
    note(line, at);
    return written;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset)
{
    return pwrite(fd, data, size, offset);
}

int fdatasync(int fd)
{
    note("sync\n", 5);
    return syscall(SYS_fdatasync, fd);
}
