/* JetStream: acknowledged publishing, pulling and being pushed to. */
#define _GNU_SOURCE
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACK_MAX 512 /* bytes of one acknowledgement */

/* true: it was a PING, which is answered */
static int pinged(Conn *c, const char *head, size_t size) {
    if (size != 4 || memcmp(head, "PING", 4)) return 0;
    write_all(c, "PONG\r\n", 6);
    return 1;
}

int jspublish_row(const Args *args) {
    /* `subjects` over 1: each message goes to the next of so many, `subject`.0, `subject`.1 … */
    const char *subject = text_arg(args, "subject", "bench.a");
    long n = number_arg(args, "n", 100000), window = number_arg(args, "window", 1000);
    long subjects = number_arg(args, "subjects", 1), sent = 0, acked = 0;
    size_t size = number_arg(args, "size", 128);
    Conn c = connect_as(text_arg(args, "auth", ""));
    char *out = malloc(window * (size + 512) + 4096), text[512], tail[64];
    int64_t *took = malloc(n * sizeof *took), began_at = 0;
    listen_to(&c, "_INBOX.load.*");
    int k = snprintf(text, sizeof text, "PUB %s", subject);
    int t = snprintf(tail, sizeof tail, " _INBOX.load.0 %zu\r\n", size);
    double began = now(), used = own_cpu();
    while (acked < n) {
        size_t at = 0;
        while (sent < n && sent - acked < window) {
            memcpy(out + at, text, k);
            at += k;
            if (subjects > 1) {
                char digits[24], *d = digits + sizeof digits;
                long left = sent % subjects;
                do *--d = '0' + left % 10;
                while (left /= 10);
                out[at++] = '.';
                memcpy(out + at, d, digits + sizeof digits - d);
                at += digits + sizeof digits - d;
            }
            memcpy(out + at, tail, t);
            memset(out + at + t, 'x', size);
            memcpy(out + at + t + size, "\r\n", 2);
            at += t + size + 2;
            ++sent;
        }
        if (window == 1) began_at = now_ns();
        if (at) write_all(&c, out, at);
        do { /* at least one ack, then whatever is here */
            size_t m;
            char *head = line(&c, &m);
            if (pinged(&c, head, m)) continue;
            size_t total = last_number(head, m);
            char *what = body(&c, total);
            if (memmem(what, total, "error", 5)) die("a publish was refused");
            if (memmem(what, total, "NATS/1.0 503", 12)) die("no stream takes the subject");
            if (window == 1) took[acked] = now_ns() - began_at;
            ++acked;
        } while (acked < sent && more(&c));
    }
    result(n, now() - began, own_cpu() - used);
    if (window == 1) latencies(took, n);
    end_result();
    return 0;
}

/* copy the reply of MSG subject sid reply size behind PUB, with +ACK; bytes written */
static size_t acknowledge(char *out, const char *head, size_t size) {
    const char *reply = head, *end;
    for (int i = 0; i < 3; ++i) {
        reply = memchr(reply, ' ', head + size - reply);
        if (!reply) die("a message without reply came");
        ++reply;
    }
    end = memchr(reply, ' ', head + size - reply);
    if (!end || end - reply > ACK_MAX - 16) die("a message without reply came");
    memcpy(out, "PUB ", 4);
    memcpy(out + 4, reply, end - reply);
    memcpy(out + 4 + (end - reply), " 4\r\n+ACK\r\n", 10);
    return 14 + (end - reply);
}

int pull_row(const Args *args) {
    /* next: the subject of MSG.NEXT as this account sees it; `consumers` over 1: its name ends with
       a number below that, and the batches go round; `ack` 0: nothing is acknowledged */
    const char *next = text_arg(args, "next", "");
    long n = number_arg(args, "n", 100000), batch = number_arg(args, "batch", 500), got = 0, round = 0;
    long consumers = number_arg(args, "consumers", 1), acks_wanted = number_arg(args, "ack", 1);
    Conn c = connect_as(text_arg(args, "auth", ""));
    char *out = malloc(batch * ACK_MAX), text[1024], number[24] = "";
    int64_t *took = malloc((n / batch + 1) * sizeof *took);
    listen_to(&c, "_INBOX.load.*");
    double began = now(), used = own_cpu();
    while (got < n) {
        char request[128];
        long want = n - got < batch ? n - got : batch, here = 0;
        size_t acks = 0;
        int64_t at = now_ns();
        if (consumers > 1) snprintf(number, sizeof number, "%ld", round % consumers);
        int r = snprintf(request, sizeof request, "{\"batch\":%ld,\"expires\":20000000000}", want);
        int k = snprintf(text, sizeof text, "PUB %s%s _INBOX.load.%ld %d\r\n%s\r\n", next, number, round, r, request);
        write_all(&c, text, k);
        while (here < want) {
            size_t m;
            char *head = line(&c, &m);
            if (pinged(&c, head, m)) continue;
            if (head[0] != 'M') {
                fprintf(stderr, "load pull: %.*s\n", (int)m, head);
                die("a status came instead of a message");
            }
            if (acks_wanted) acks += acknowledge(out + acks, head, m);
            drop(&c, last_number(head, m));
            ++here;
        }
        write_all(&c, out, acks);
        took[round++] = now_ns() - at;
        got += here;
    }
    write_all(&c, "PING\r\n", 6);
    expect(&c, "PONG");
    result(n, now() - began, own_cpu() - used);
    if (batch == 1) latencies(took, round);
    end_result();
    return 0;
}

/* one more pull of one message, with inbox number `number`; bytes written */
static size_t ask_for_one(char *out, const char *next, const char *request, long number) {
    return sprintf(out, "PUB %s _INBOX.load.%ld %zu\r\n%s\r\n", next, number, strlen(request), request);
}

int waiting_row(const Args *args) {
    /* `waiting` pulls of one message each (`request` is their body) wait all the time; `burst`
       messages are published at once, and each that comes is acknowledged and asked for again */
    const char *next = text_arg(args, "next", ""), *subject = text_arg(args, "subject", "bench.a");
    const char *request = text_arg(args, "request", "");
    long n = number_arg(args, "n", 100000), waiting = number_arg(args, "waiting", 10), got = 0, asked = 0;
    long burst = number_arg(args, "burst", 10);
    size_t size = number_arg(args, "size", 128), unit = strlen(subject) + 32 + size, at = 0;
    Conn c = connect_as(text_arg(args, "auth", ""));
    char *out = malloc((waiting + burst) * (ACK_MAX + strlen(next) + strlen(request) + 64));
    char *messages = malloc(burst * unit);
    if (waiting < burst) die("fewer pulls than messages at once");
    for (long i = 0; i < burst; ++i) {
        at += sprintf(messages + at, "PUB %s %zu\r\n", subject, size);
        memset(messages + at, 'x', size);
        memcpy(messages + at + size, "\r\n", 2);
        at += size + 2;
    }
    size_t published = at;
    listen_to(&c, "_INBOX.load.*");
    for (at = 0; asked < waiting; ++asked) at += ask_for_one(out + at, next, request, asked);
    write_all(&c, out, at);
    write_all(&c, "PING\r\n", 6);
    expect(&c, "PONG");
    double began = now(), used = own_cpu();
    while (got < n) {
        write_all(&c, messages, published); /* behind the pulls: one that does not wait would be refused */
        at = 0;
        for (long here = 0; here < burst; ++here, ++got) {
            size_t m;
            char *head = line(&c, &m);
            while (pinged(&c, head, m)) head = line(&c, &m);
            if (head[0] != 'M') die("a status came instead of a message");
            at += acknowledge(out + at, head, m);
            at += ask_for_one(out + at, next, request, asked++);
            drop(&c, last_number(head, m));
        }
        write_all(&c, out, at);
    }
    write_all(&c, "PING\r\n", 6);
    expect(&c, "PONG");
    result(got, now() - began, own_cpu() - used);
    end_result();
    return 0;
}

int push_row(const Args *args) {
    /* create: subject of CONSUMER.CREATE; config: its body, which delivers to _PUSH.load */
    const char *create = text_arg(args, "create", ""), *config = text_arg(args, "config", "");
    long n = number_arg(args, "n", 100000), got = 0;
    Conn c = connect_as(text_arg(args, "auth", ""));
    char *out = malloc(IN_SIZE), *text = malloc(strlen(create) + strlen(config) + 128);
    listen_to(&c, "_PUSH.load");
    int k = sprintf(text, "SUB _INBOX.load 2\r\nPUB %s _INBOX.load %zu\r\n%s\r\n", create, strlen(config), config);
    double began = now(), used = own_cpu();
    write_all(&c, text, k);
    while (got < n) {
        size_t acks = 0;
        do {
            size_t m;
            char *head = line(&c, &m);
            if (pinged(&c, head, m)) continue;
            if (m > 16 && !memcmp(head, "MSG _INBOX.load ", 16)) {
                size_t total = last_number(head, m);
                char *what = body(&c, total);
                if (memmem(what, total, "\"error\"", 7)) {
                    fprintf(stderr, "load push: %.*s\n", (int)total, what);
                    exit(1);
                }
                continue;
            }
            if (head[0] != 'M') die("not a message");
            acks += acknowledge(out + acks, head, m);
            drop(&c, last_number(head, m));
            ++got;
        } while (got < n && acks < IN_SIZE - ACK_MAX && more(&c));
        if (acks) write_all(&c, out, acks);
    }
    write_all(&c, "PING\r\n", 6);
    expect(&c, "PONG");
    result(n, now() - began, own_cpu() - used);
    end_result();
    return 0;
}
