/* A neutral load generator for any NATS server: raw sockets, prebuilt bytes, no per-message allocation.

   load PORT ROW key=value …      prints one JSON object: what was done, how long, own CPU time

   Rows
     publish      n size            one connection publishes, nobody listens; ends with PING/PONG
     deliver      n size subs subject pattern [header]   one publisher, `subs` subscribers
     request      n size subject serve      one request at a time; latencies in ns
     jspublish    n size window subject     acked publishes, `window` in flight
     pull         n batch next ack          pull batches and acknowledge each message

   A connection may log in: auth/auth2 = the JSON of CONNECT (auth2: the second connection), with the
   nonce signed beforehand being impossible, so JWT users are bearer tokens. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_SUBS 64
#define IN_SIZE (1 << 20)

typedef struct {
    int fd;
    char *in;
    size_t start, end; /* unread bytes in `in` */
} Conn;

static int port;
static const char *deadline_note = "";
static double deadline;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static double cpu(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static void die(const char *what) {
    fprintf(stderr, "load: %s (%s) %s\n", what, errno ? strerror(errno) : "-", deadline_note);
    exit(1);
}

static void check_deadline(void) {
    if (now() > deadline) {
        errno = 0;
        die("took too long");
    }
}

static void write_all(Conn *c, const char *data, size_t size) {
    while (size) {
        ssize_t sent = send(c->fd, data, size, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) continue;
            die("send");
        }
        data += sent;
        size -= sent;
    }
}

/* more bytes; blocks up to a second at a time */
static void fill(Conn *c) {
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
        check_deadline();
    }
}

/* next line without its CRLF; a pointer into the buffer, valid until the next fill */
static char *line(Conn *c, size_t *size) {
    for (;;) {
        char *nl = memchr(c->in + c->start, '\n', c->end - c->start);
        if (nl) {
            char *out = c->in + c->start;
            *size = nl - out;
            if (*size && out[*size - 1] == '\r') --*size;
            c->start = nl + 1 - c->in;
            return out;
        }
        fill(c);
    }
}

static char *body(Conn *c, size_t size) {
    while (c->end - c->start < size + 2) fill(c);
    char *out = c->in + c->start;
    c->start += size + 2;
    return out;
}

static size_t last_number(const char *text, size_t size) {
    size_t at = size, out = 0;
    while (at && text[at - 1] != ' ') --at;
    for (; at < size; ++at) out = out * 10 + (text[at] - '0');
    return out;
}

static void expect(Conn *c, const char *want) {
    for (;;) {
        size_t n;
        char *text = line(c, &n);
        if (n >= 4 && !memcmp(text, "-ERR", 4)) {
            fprintf(stderr, "load: server says %.*s\n", (int)n, text);
            exit(1);
        }
        if (n == 4 && !memcmp(text, "PING", 4)) {
            write_all(c, "PONG\r\n", 6);
            continue;
        }
        if (n >= strlen(want) && !memcmp(text, want, strlen(want))) return;
        if (n > 3 && (!memcmp(text, "MSG", 3) || !memcmp(text, "HMS", 3))) body(c, last_number(text, n));
    }
}

static Conn connect_as(const char *auth) {
    Conn c = {0};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1, big = 4 << 20;
    struct timeval second = {1, 0};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c.fd = socket(AF_INET, SOCK_STREAM, 0);
    c.in = malloc(IN_SIZE);
    setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
    if (connect(c.fd, (struct sockaddr *)&a, sizeof a)) die("connect");
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
    expect(&c, "INFO");
    char text[8192];
    int n = snprintf(text, sizeof text,
        "CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1,\"headers\":true,"
        "\"no_responders\":true,\"lang\":\"c\",\"version\":\"0\"%s%s}\r\nPING\r\n",
        *auth ? "," : "", auth);
    write_all(&c, text, n);
    expect(&c, "PONG");
    return c;
}

static const char *arg(int argc, char **argv, const char *key, const char *fallback) {
    size_t n = strlen(key);
    for (int i = 3; i < argc; ++i)
        if (!strncmp(argv[i], key, n) && argv[i][n] == '=') return argv[i] + n + 1;
    return fallback;
}

static void result(long n, double seconds, double used) {
    printf("{\"n\":%ld,\"seconds\":%.6f,\"cpu\":%.6f,\"rate\":%.1f", n, seconds, used, n / seconds);
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* `count` publications of `size` bytes, repeated in one buffer of about 64 KiB */
static char *publications(const char *subject, size_t size, const char *header, size_t *unit, long *in_buffer) {
    char head[1024], *out;
    size_t header_size = strlen(header), n;
    if (header_size)
        n = snprintf(head, sizeof head, "HPUB %s %zu %zu\r\n%s", subject, header_size, header_size + size, header);
    else
        n = snprintf(head, sizeof head, "PUB %s %zu\r\n", subject, size);
    *unit = n + size + 2;
    *in_buffer = 65536 / *unit + 1;
    out = malloc(*unit * *in_buffer);
    for (long i = 0; i < *in_buffer; ++i) {
        char *at = out + i * *unit;
        memcpy(at, head, n);
        memset(at + n, 'x', size);
        memcpy(at + n + size, "\r\n", 2);
    }
    return out;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: load PORT ROW key=value …\n");
        return 2;
    }
    port = atoi(argv[1]);
    const char *row = argv[2];
    deadline_note = row;
    deadline = now() + atof(arg(argc, argv, "timeout", "60"));
    long n = atol(arg(argc, argv, "n", "100000"));
    size_t size = atol(arg(argc, argv, "size", "128"));
    const char *subject = arg(argc, argv, "subject", "bench.a");
    const char *auth = arg(argc, argv, "auth", "");
    const char *auth2 = arg(argc, argv, "auth2", auth);

    if (!strcmp(row, "publish") || !strcmp(row, "deliver")) {
        int subs = strcmp(row, "deliver") ? 0 : atoi(arg(argc, argv, "subs", "1"));
        const char *pattern = arg(argc, argv, "pattern", subject);
        const char *header = strcmp(arg(argc, argv, "header", ""), "") ? "NATS/1.0\r\nBench: 1\r\n\r\n" : "";
        Conn readers[MAX_SUBS], pub = connect_as(auth);
        struct pollfd polls[MAX_SUBS + 1];
        size_t unit, expected = 0, got[MAX_SUBS] = {0}, at = 0, total;
        long per_buffer;
        char *data = publications(subject, size, header, &unit, &per_buffer);
        for (int i = 0; i < subs; ++i) {
            char text[512];
            readers[i] = connect_as(auth2);
            int k = snprintf(text, sizeof text, "SUB %s 1\r\nPING\r\n", pattern);
            write_all(&readers[i], text, k);
            expect(&readers[i], "PONG");
            fcntl(readers[i].fd, F_SETFL, O_NONBLOCK);
            polls[i] = (struct pollfd){readers[i].fd, POLLIN, 0};
        }
        if (subs) { /* one message tells how many bytes each delivery has */
            write_all(&pub, data, unit);
            for (int i = 0; i < subs; ++i) {
                size_t k;
                fcntl(readers[i].fd, F_SETFL, 0);
                char *text = line(&readers[i], &k);
                expected = k + 2 + last_number(text, k) + 2;
                body(&readers[i], last_number(text, k));
                fcntl(readers[i].fd, F_SETFL, O_NONBLOCK);
                got[i] = 0;
            }
        }
        double began = now(), used = cpu();
        total = n * unit;
        fcntl(pub.fd, F_SETFL, O_NONBLOCK);
        polls[subs] = (struct pollfd){pub.fd, POLLOUT, 0};
        for (;;) {
            int done = at == total;
            for (int i = 0; i < subs; ++i) done &= got[i] >= expected * n;
            if (done) break;
            polls[subs].events = at < total ? POLLOUT : 0;
            if (poll(polls, subs + 1, 1000) == 0) check_deadline();
            for (int i = 0; i < subs; ++i) {
                if (!(polls[i].revents & POLLIN)) continue;
                ssize_t k = recv(readers[i].fd, readers[i].in, IN_SIZE, 0);
                if (k == 0) die("a subscriber was closed");
                if (k > 0) got[i] += k;
            }
            if (polls[subs].revents & POLLOUT && at < total) {
                size_t offset = at % (unit * per_buffer), left = unit * per_buffer - offset;
                if (left > total - at) left = total - at;
                ssize_t k = send(pub.fd, data + offset, left, MSG_NOSIGNAL);
                if (k > 0) at += k;
                else if (errno != EAGAIN) die("send");
            }
        }
        if (!subs) {
            fcntl(pub.fd, F_SETFL, 0);
            write_all(&pub, "PING\r\n", 6);
            expect(&pub, "PONG");
        }
        result(n, now() - began, cpu() - used);
        printf("}\n");
        return 0;
    }

    if (!strcmp(row, "request")) {
        /* subject: what is requested; serve: where the responder listens (empty: somebody else does) */
        const char *serve = arg(argc, argv, "serve", subject);
        Conn asker = connect_as(auth), server = {0};
        int64_t *took = malloc(n * sizeof *took);
        char text[2048], payload[65536];
        memset(payload, 'x', size);
        int k = snprintf(text, sizeof text, "SUB _INBOX.load.* 1\r\nPING\r\n");
        write_all(&asker, text, k);
        expect(&asker, "PONG");
        if (*serve) {
            server = connect_as(auth2);
            k = snprintf(text, sizeof text, "SUB %s 1\r\nPING\r\n", serve);
            write_all(&server, text, k);
            expect(&server, "PONG");
        }
        double began = now(), used = cpu();
        for (long i = 0; i < n; ++i) {
            size_t m;
            int64_t t = now_ns();
            k = snprintf(text, sizeof text, "PUB %s _INBOX.load.%ld %zu\r\n", subject, i, size);
            memcpy(text + k, payload, size);
            memcpy(text + k + size, "\r\n", 2);
            write_all(&asker, text, k + size + 2);
            if (*serve) {
                char *head = line(&server, &m), reply[512], *space;
                while (m == 4) head = line(&server, &m); /* PING */
                size_t total = last_number(head, m);
                char *end = head + m; /* subject sid reply [header] total */
                *end = 0;
                strtok_r(head, " ", &space);
                strtok_r(NULL, " ", &space);
                strtok_r(NULL, " ", &space);
                snprintf(reply, sizeof reply, "%s", strtok_r(NULL, " ", &space));
                body(&server, total);
                k = snprintf(text, sizeof text, "PUB %s %zu\r\n", reply, size);
                memcpy(text + k, payload, size);
                memcpy(text + k + size, "\r\n", 2);
                write_all(&server, text, k + size + 2);
            }
            for (;;) {
                char *head = line(&asker, &m);
                if (m == 4 && !memcmp(head, "PING", 4)) continue;
                body(&asker, last_number(head, m));
                break;
            }
            took[i] = now_ns() - t;
        }
        double seconds = now() - began;
        qsort(took, n, sizeof *took, compare);
        result(n, seconds, cpu() - used);
        printf(",\"p50_ns\":%lld,\"p99_ns\":%lld,\"p999_ns\":%lld}\n", (long long)took[n / 2],
            (long long)took[n * 99 / 100], (long long)took[n * 999 / 1000]);
        return 0;
    }

    if (!strcmp(row, "jspublish")) {
        long window = atol(arg(argc, argv, "window", "1000")), sent = 0, acked = 0;
        Conn c = connect_as(auth);
        char *out = malloc(window * (size + 256) + 4096), text[256];
        int k = snprintf(text, sizeof text, "SUB _INBOX.load.* 1\r\nPING\r\n");
        write_all(&c, text, k);
        expect(&c, "PONG");
        k = snprintf(text, sizeof text, "PUB %s _INBOX.load.0 %zu\r\n", subject, size);
        double began = now(), used = cpu();
        while (acked < n) {
            size_t fill_to = 0;
            while (sent < n && sent - acked < window) {
                memcpy(out + fill_to, text, k);
                memset(out + fill_to + k, 'x', size);
                memcpy(out + fill_to + k + size, "\r\n", 2);
                fill_to += k + size + 2;
                ++sent;
            }
            if (fill_to) write_all(&c, out, fill_to);
            do { /* at least one ack, then whatever is here */
                size_t m;
                char *head = line(&c, &m);
                if (m == 4 && !memcmp(head, "PING", 4)) {
                    write_all(&c, "PONG\r\n", 6);
                    continue;
                }
                char *b = body(&c, last_number(head, m));
                if (memmem(b, last_number(head, m), "error", 5)) die("publish was refused");
                ++acked;
            } while (acked < sent && memchr(c.in + c.start, '\n', c.end - c.start));
        }
        result(n, now() - began, cpu() - used);
        printf("}\n");
        return 0;
    }

    if (!strcmp(row, "pull")) {
        /* next: subject of MSG.NEXT as this account sees it */
        const char *next = arg(argc, argv, "next", "");
        long batch = atol(arg(argc, argv, "batch", "500")), got = 0;
        Conn c = connect_as(auth);
        char *out = malloc(batch * 512 + 4096), text[512];
        int k = snprintf(text, sizeof text, "SUB _INBOX.load.* 1\r\nPING\r\n");
        write_all(&c, text, k);
        expect(&c, "PONG");
        double began = now(), used = cpu();
        long round = 0;
        while (got < n) {
            char request[128];
            long want = n - got < batch ? n - got : batch, here = 0;
            size_t acks = 0;
            int r = snprintf(request, sizeof request, "{\"batch\":%ld,\"expires\":20000000000}", want);
            k = snprintf(text, sizeof text, "PUB %s _INBOX.load.%ld %d\r\n%s\r\n", next, round++, r, request);
            write_all(&c, text, k);
            while (here < want) {
                size_t m;
                char *head = line(&c, &m);
                if (m == 4 && !memcmp(head, "PING", 4)) {
                    write_all(&c, "PONG\r\n", 6);
                    continue;
                }
                if (head[0] == 'H') {
                    fprintf(stderr, "load: %.*s\n", (int)m, head);
                    die("a status came instead of a message");
                }
                /* MSG subject sid reply size */
                char *reply = head, *end;
                for (int i = 0; i < 3; ++i) reply = memchr(reply, ' ', head + m - reply) + 1;
                end = memchr(reply, ' ', head + m - reply);
                memcpy(out + acks, "PUB ", 4);
                memcpy(out + acks + 4, reply, end - reply);
                memcpy(out + acks + 4 + (end - reply), " 4\r\n+ACK\r\n", 10);
                acks += 14 + (end - reply);
                body(&c, last_number(head, m));
                ++here;
            }
            write_all(&c, out, acks);
            got += here;
        }
        write_all(&c, "PING\r\n", 6);
        expect(&c, "PONG");
        result(n, now() - began, cpu() - used);
        printf("}\n");
        return 0;
    }
    fprintf(stderr, "load: unknown row %s\n", row);
    return 2;
}
