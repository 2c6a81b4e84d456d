/* Requests, one at a time per client: what it takes until the answer is here. */
#define _GNU_SOURCE
#include "rows.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS_MAX 64

static size_t size;
static char payload[65536];

static void ask(Conn *c, const char *subject, long number) {
    char text[2048 + sizeof payload];
    int k = snprintf(text, 2048, "PUB %s _INBOX.load.%ld %zu\r\n", subject, number, size);
    memcpy(text + k, payload, size);
    memcpy(text + k + size, "\r\n", 2);
    write_all(c, text, k + size + 2);
}

/* one request that has come is answered with as many bytes as were asked with */
static void serve_one(Conn *c) {
    char text[512 + sizeof payload];
    size_t m;
    char *head = line(c, &m);
    while (m == 4) { /* PING */
        write_all(c, "PONG\r\n", 6);
        head = line(c, &m);
    }
    size_t total = last_number(head, m); /* MSG subject sid reply total */
    char *reply = head, *end;
    for (int i = 0; i < 3; ++i) reply = memchr(reply, ' ', head + m - reply) + 1;
    end = memchr(reply, ' ', head + m - reply);
    int k = snprintf(text, 512, "PUB %.*s %zu\r\n", (int)(end - reply), reply, size);
    drop(c, total);
    memcpy(text + k, payload, size);
    memcpy(text + k + size, "\r\n", 2);
    write_all(c, text, k + size + 2);
}

static void answer(Conn *c) {
    for (;;) {
        size_t m;
        char *head = line(c, &m);
        if (m == 4 && !memcmp(head, "PING", 4)) {
            write_all(c, "PONG\r\n", 6);
            continue;
        }
        if (m > 4 && !memcmp(head, "-ERR", 4)) die("the server refused a request");
        size_t total = last_number(head, m);
        int headed = head[0] == 'H';
        char *what = body(c, total);
        if (headed && total > 12 && !memcmp(what, "NATS/1.0 ", 9)) {
            fprintf(stderr, "load request: the answer is the status %.3s\n", what + 9);
            exit(1);
        }
        return;
    }
}

int request_row(const Args *args) {
    /* subject: what is requested; serve: where the responder listens (empty: the server answers) */
    const char *subject = text_arg(args, "subject", "bench.a"), *auth = text_arg(args, "auth", "");
    const char *serve = text_arg(args, "serve", subject);
    long n = number_arg(args, "n", 100000), asked = 0, done = 0;
    int clients = number_arg(args, "clients", 1), until_told = *text_arg(args, "until", "") != 0;
    Conn askers[CLIENTS_MAX], server = {0};
    int64_t *took = malloc(n * sizeof *took), began_at[CLIENTS_MAX];
    struct pollfd polls[CLIENTS_MAX];
    if (clients < 1 || clients > CLIENTS_MAX || (clients > 1 && *serve)) die("clients out of bounds");
    size = number_arg(args, "size", 128);
    if (size > sizeof payload) die("size out of bounds");
    memset(payload, 'x', size);
    for (int i = 0; i < clients; ++i) {
        askers[i] = connect_as(auth);
        listen_to(&askers[i], "_INBOX.load.*");
        polls[i] = (struct pollfd){askers[i].fd, POLLIN, 0};
    }
    if (*serve) {
        server = connect_as(text_arg(args, "auth2", auth));
        listen_to(&server, serve);
    }
    double began = now(), used = own_cpu();
    if (clients == 1) {
        while (done < n && !(until_told && (done & 63) == 0 && done && told_to_stop())) {
            int64_t t = now_ns();
            ask(&askers[0], subject, done);
            if (*serve) serve_one(&server);
            answer(&askers[0]);
            took[done++] = now_ns() - t;
        }
    } else {
        /* each client has an inbox of its own numbers, so that nobody hears another's answer */
        for (int i = 0; i < clients; ++i) {
            char inbox[64];
            snprintf(inbox, sizeof inbox, "UNSUB 1\r\nSUB _INBOX.load.%d 2\r\n", i);
            write_all(&askers[i], inbox, strlen(inbox));
            began_at[i] = now_ns();
            ask(&askers[i], subject, i);
            ++asked;
        }
        while (done < n) {
            if (poll(polls, clients, 1000) == 0) check_deadline();
            for (int i = 0; i < clients; ++i) {
                if (!(polls[i].revents & POLLIN)) continue;
                answer(&askers[i]);
                if (done < n) took[done++] = now_ns() - began_at[i];
                if (asked < n) {
                    began_at[i] = now_ns();
                    ask(&askers[i], subject, i);
                    ++asked;
                }
            }
        }
    }
    result(done, now() - began, own_cpu() - used);
    latencies(took, done);
    end_result();
    return 0;
}
