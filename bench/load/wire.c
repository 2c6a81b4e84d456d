/* See wire.h. */
#define _GNU_SOURCE
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SILENT_S 15 /* a receive blocks for a second at a time */

static int port;
static const char *row_name = "";
static double deadline;

const char *text_arg(const Args *args, const char *key, const char *fallback) {
    size_t n = strlen(key);
    for (int i = 0; i < args->count; ++i)
        if (!strncmp(args->words[i], key, n) && args->words[i][n] == '=') return args->words[i] + n + 1;
    return fallback;
}

long number_arg(const Args *args, const char *key, long fallback) {
    const char *text = text_arg(args, key, "");
    return *text ? atol(text) : fallback;
}

double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

double own_cpu(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

void die(const char *what) {
    fprintf(stderr, "load %s: %s (%s)\n", row_name, what, errno ? strerror(errno) : "-");
    exit(1);
}

void begin_watch(int to_port, const char *row, double timeout_s) {
    port = to_port;
    row_name = row;
    deadline = now() + timeout_s;
}

int server_port(void) { return port; }

void check_deadline(void) {
    if (now() > deadline) {
        errno = 0;
        die("took too long");
    }
}

void write_all(Conn *c, const char *data, size_t size) {
    while (size) {
        ssize_t sent = send(c->fd, data, size, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                check_deadline();
                continue;
            }
            die("send");
        }
        data += sent;
        size -= sent;
    }
}

void fill(Conn *c) {
    int silent = 0;
    if (c->start > 0) {
        memmove(c->in, c->in + c->start, c->end - c->start);
        c->end -= c->start;
        c->start = 0;
    }
    for (;;) {
        ssize_t got = recv(c->fd, c->in + c->end, IN_SIZE - c->end, 0);
        if (got > 0) {
            c->end += got;
            return;
        }
        if (got == 0) {
            errno = 0;
            die("server closed the connection");
        }
        if (errno != EAGAIN && errno != EINTR) die("recv");
        errno = 0;
        if (++silent >= SILENT_S) die("the server has sent nothing for too long");
        check_deadline();
    }
}

char *line(Conn *c, size_t *size) {
    for (;;) {
        char *end = memchr(c->in + c->start, '\n', c->end - c->start);
        if (end) {
            char *out = c->in + c->start;
            *size = end - out;
            if (*size && out[*size - 1] == '\r') --*size;
            c->start = end + 1 - c->in;
            return out;
        }
        fill(c);
    }
}

char *body(Conn *c, size_t size) {
    while (c->end - c->start < size + 2) fill(c);
    char *out = c->in + c->start;
    c->start += size + 2;
    return out;
}

void drop(Conn *c, size_t size) { body(c, size); }

int more(const Conn *c) { return memchr(c->in + c->start, '\n', c->end - c->start) != NULL; }

size_t last_number(const char *text, size_t size) {
    size_t at = size, out = 0;
    while (at && text[at - 1] != ' ') --at;
    for (; at < size; ++at) out = out * 10 + (text[at] - '0');
    return out;
}

void expect(Conn *c, const char *want) {
    for (;;) {
        size_t n;
        char *text = line(c, &n);
        if (n >= 4 && !memcmp(text, "-ERR", 4)) {
            fprintf(stderr, "load %s: the server says %.*s\n", row_name, (int)n, text);
            exit(1);
        }
        if (n == 4 && !memcmp(text, "PING", 4)) {
            write_all(c, "PONG\r\n", 6);
            continue;
        }
        if (n >= strlen(want) && !memcmp(text, want, strlen(want))) return;
        if (n > 3 && (!memcmp(text, "MSG", 3) || !memcmp(text, "HMS", 3))) drop(c, last_number(text, n));
    }
}

int open_socket(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval second = {1, 0};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0) die("socket");
    if (connect(fd, (struct sockaddr *)&a, sizeof a)) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
    return fd;
}

size_t connect_line(char *out, size_t size, const char *auth) {
    return snprintf(out, size,
        "CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1,\"headers\":true,"
        "\"no_responders\":true,\"lang\":\"c\",\"version\":\"0\"%s%s}\r\nPING\r\n",
        *auth ? "," : "", auth);
}

Conn connect_as(const char *auth) {
    Conn c = {0};
    int big = 4 << 20;
    char text[8192];
    c.fd = open_socket();
    c.in = malloc(IN_SIZE);
    setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
    expect(&c, "INFO");
    write_all(&c, text, connect_line(text, sizeof text, auth));
    expect(&c, "PONG");
    return c;
}

void listen_to(Conn *c, const char *subject) {
    char text[1024];
    int k = snprintf(text, sizeof text, "SUB %s 1\r\nPING\r\n", subject);
    write_all(c, text, k);
    expect(c, "PONG");
}

void result(long n, double seconds, double used) {
    printf("{\"n\":%ld,\"seconds\":%.6f,\"cpu\":%.6f,\"rate\":%.1f", n, seconds, used, n / seconds);
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

void latencies(int64_t *took_ns, long n) {
    qsort(took_ns, n, sizeof *took_ns, compare);
    printf(",\"p50_ns\":%lld,\"p99_ns\":%lld,\"p999_ns\":%lld,\"max_ns\":%lld", (long long)took_ns[n / 2],
        (long long)took_ns[n * 99 / 100], (long long)took_ns[n * 999 / 1000], (long long)took_ns[n - 1]);
}

void end_result(void) {
    printf("}\n");
    fflush(stdout);
}

void hold(void) {
    char rest[256];
    while (read(0, rest, sizeof rest) > 0) continue;
}

int told_to_stop(void) {
    struct pollfd p = {0, POLLIN, 0};
    return poll(&p, 1, 0) > 0;
}
