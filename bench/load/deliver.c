/* Core messaging: one connection publishes as fast as the server reads, others count bytes. */
#define _GNU_SOURCE
#include "rows.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SUBS_MAX 64

typedef struct {
    char *data;
    size_t unit;  /* bytes of one publication */
    size_t bytes; /* of the whole buffer, about 64 KiB */
} Publications;

static Publications publications(const Args *args) {
    Publications p;
    const char *subject = text_arg(args, "subject", "bench.a");
    const char *header = *text_arg(args, "header", "") ? "NATS/1.0\r\nBench: 1\r\n\r\n" : "";
    size_t size = number_arg(args, "size", 128), header_size = strlen(header), n;
    char head[1024];
    if (header_size)
        n = snprintf(head, sizeof head, "HPUB %s %zu %zu\r\n%s", subject, header_size, header_size + size, header);
    else
        n = snprintf(head, sizeof head, "PUB %s %zu\r\n", subject, size);
    p.unit = n + size + 2;
    long count = 65536 / p.unit + 1;
    p.bytes = p.unit * count;
    p.data = malloc(p.bytes);
    for (long i = 0; i < count; ++i) {
        char *at = p.data + i * p.unit;
        memcpy(at, head, n);
        memset(at + n, 'x', size);
        memcpy(at + n + size, "\r\n", 2);
    }
    return p;
}

/* send what the socket takes of the `total` bytes, of which `at` are sent */
static size_t send_on(Conn *c, const Publications *p, size_t at, size_t total) {
    size_t offset = at % p->bytes, left = p->bytes - offset;
    if (left > total - at) left = total - at;
    ssize_t sent = send(c->fd, p->data + offset, left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) return sent;
    if (sent < 0 && errno != EAGAIN && errno != EINTR) die("send");
    return 0;
}

int publish_row(const Args *args) {
    long n = number_arg(args, "n", 100000);
    Conn c = connect_as(text_arg(args, "auth", ""));
    Publications p = publications(args);
    struct pollfd poll_for = {c.fd, POLLOUT, 0};
    size_t at = 0, total = n * p.unit;
    double began = now(), used = own_cpu();
    while (at < total) {
        if (poll(&poll_for, 1, 1000) == 0) check_deadline();
        at += send_on(&c, &p, at, total);
    }
    write_all(&c, "PING\r\n", 6);
    expect(&c, "PONG");
    result(n, now() - began, own_cpu() - used);
    end_result();
    return 0;
}

int deliver_row(const Args *args) {
    long n = number_arg(args, "n", 100000);
    int subs = number_arg(args, "subs", 1);
    const char *auth = text_arg(args, "auth", "");
    const char *pattern = text_arg(args, "pattern", text_arg(args, "subject", "bench.a"));
    Conn readers[SUBS_MAX], pub = connect_as(auth);
    struct pollfd polls[SUBS_MAX + 1];
    Publications p = publications(args);
    size_t expected = 0, got[SUBS_MAX] = {0}, at = 0, total = n * p.unit;
    if (subs < 1 || subs > SUBS_MAX) die("subs out of bounds");
    for (int i = 0; i < subs; ++i) {
        readers[i] = connect_as(text_arg(args, "auth2", auth));
        listen_to(&readers[i], pattern);
        polls[i] = (struct pollfd){readers[i].fd, POLLIN, 0};
    }
    polls[subs] = (struct pollfd){pub.fd, POLLOUT, 0};
    write_all(&pub, p.data, p.unit); /* the first tells how many bytes each delivery has */
    for (int i = 0; i < subs; ++i) {
        size_t k;
        char *text = line(&readers[i], &k);
        if (k && text[0] == 'P') text = line(&readers[i], &k); /* a PING came first */
        expected = k + 2 + last_number(text, k) + 2;
        drop(&readers[i], last_number(text, k));
    }
    double began = now(), used = own_cpu();
    for (;;) {
        int done = at == total;
        for (int i = 0; i < subs; ++i) done &= got[i] >= expected * n;
        if (done) break;
        polls[subs].events = at < total ? POLLOUT : 0;
        if (poll(polls, subs + 1, 1000) == 0) check_deadline();
        for (int i = 0; i < subs; ++i) {
            if (!(polls[i].revents & POLLIN)) continue;
            ssize_t k = recv(readers[i].fd, readers[i].in, IN_SIZE, MSG_DONTWAIT);
            errno = 0;
            if (k == 0) die("a subscriber was closed");
            if (k > 0) got[i] += k;
        }
        if (at < total && polls[subs].revents & POLLOUT) at += send_on(&pub, &p, at, total);
    }
    result(n * subs, now() - began, own_cpu() - used);
    end_result();
    return 0;
}
