/* The calls by which a file is put in its place: written down, and one of them fails.

   Loaded before everything else (LD_PRELOAD); sleeps until `calls_watch(number)`. A line for each
   call: what, on what, and `ok` or `failed`. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int watching, failing, count;
static size_t used;
static char lines[1 << 16];

void calls_watch(int number)
{
    watching = 1;
    failing = number;
    count = 0;
    used = 0;
    lines[0] = 0;
}

const char *calls_seen(void)
{
    watching = 0;
    return lines;
}

static void note(const char *form, ...)
{
    va_list rest;
    va_start(rest, form);
    used += vsnprintf(lines + used, sizeof lines - used, form, rest);
    va_end(rest);
}

static int fails(void)
{
    int now = count++ == failing;
    if (now)
        errno = EIO;
    return now;
}

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))
#define SAID(result) ((result) < 0 ? "failed" : "ok")

static int opened(int folder, const char *name, int flags, mode_t mode)
{
    if (!watching)
        return REAL(openat)(folder, name, flags, mode);
    int fd = fails() ? -1 : REAL(openat)(folder, name, flags, mode);
    note("open %s %d %s\n", name, fd, SAID(fd));
    return fd;
}

#define OPENS(called)                                                                             \
    int called(int folder, const char *name, int flags, ...)                                      \
    {                                                                                             \
        va_list rest;                                                                             \
        va_start(rest, flags);                                                                    \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;                                 \
        va_end(rest);                                                                             \
        return opened(folder, name, flags, mode);                                                 \
    }

OPENS(openat)
OPENS(openat64)

ssize_t write(int fd, const void *data, size_t size)
{
    if (!watching)
        return REAL(write)(fd, data, size);
    ssize_t done = fails() ? -1 : REAL(write)(fd, data, size > 7 ? size / 2 : size);
    note("write %zd %d %s\n", done, fd, SAID(done));
    return done;
}

int fchmod(int fd, mode_t mode)
{
    if (!watching)
        return REAL(fchmod)(fd, mode);
    int done = fails() ? -1 : REAL(fchmod)(fd, mode);
    note("mode %o %d %s\n", mode, fd, SAID(done));
    return done;
}

int fsync(int fd)
{
    if (!watching)
        return REAL(fsync)(fd);
    int done = fails() ? -1 : 0;
    note("sync - %d %s\n", fd, SAID(done));
    return done;
}

int close(int fd)
{
    if (!watching)
        return REAL(close)(fd);
    int done = REAL(close)(fd);
    if (fails())
        done = -1;
    note("close - %d %s\n", fd, SAID(done));
    return done;
}

int renameat(int old_folder, const char *old, int folder, const char *name)
{
    if (!watching)
        return REAL(renameat)(old_folder, old, folder, name);
    int done = fails() ? -1 : REAL(renameat)(old_folder, old, folder, name);
    note("rename %s %s %s\n", old, name, SAID(done));
    return done;
}

int unlinkat(int folder, const char *name, int flags)
{
    if (!watching)
        return REAL(unlinkat)(folder, name, flags);
    int done = fails() ? -1 : REAL(unlinkat)(folder, name, flags);
    note("unlink - %s %s\n", name, SAID(done));
    return done;
}
