/* Connections and subscriptions: how many a second, and many that stay. */
#define _GNU_SOURCE
#include "rows.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 64
#define ED25519 1087 /* OpenSSL's number of the algorithm */

/* --- the nonce is signed with libcrypto, which every Python with ssl has --- */

static void *signing_key;
static void *(*new_context)(void);
static int (*sign_init)(void *, void *, void *, void *, void *);
static int (*sign_it)(void *, unsigned char *, size_t *, const unsigned char *, size_t);
static void (*free_context)(void *);

static void *found(void *library, const char *name) {
    void *out = dlsym(library, name);
    if (!out) die(name);
    return out;
}

static void load_key(const char *hex) {
    unsigned char seed[32];
    void *library = dlopen("libcrypto.so.3", RTLD_NOW);
    if (!library) library = dlopen("libcrypto.so.1.1", RTLD_NOW);
    errno = 0;
    if (!library) die("libcrypto is not on this machine: nobody can sign the nonce");
    void *(*new_key)(int, void *, const unsigned char *, size_t);
    new_key = found(library, "EVP_PKEY_new_raw_private_key");
    new_context = found(library, "EVP_MD_CTX_new");
    sign_init = found(library, "EVP_DigestSignInit");
    sign_it = found(library, "EVP_DigestSign");
    free_context = found(library, "EVP_MD_CTX_free");
    for (int i = 0; i < 32; ++i) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) die("seed is not 64 hexadecimal digits");
        seed[i] = byte;
    }
    signing_key = new_key(ED25519, NULL, seed, sizeof seed);
    if (!signing_key) die("not a key");
}

/* the signature of `text`, base64 without padding, URL alphabet: 86 letters */
static void sign(const char *text, size_t size, char *out) {
    static const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char raw[66] = {0};
    size_t length = 64;
    void *context = new_context();
    sign_init(context, NULL, NULL, NULL, signing_key);
    if (sign_it(context, raw, &length, (const unsigned char *)text, size) != 1) die("sign");
    free_context(context);
    for (int i = 0, o = 0; i < 66; i += 3) {
        unsigned three = raw[i] << 16 | raw[i + 1] << 8 | raw[i + 2];
        for (int shift = 18; shift >= 0 && o < 86; shift -= 6) out[o++] = letters[three >> shift & 63];
    }
    out[86] = 0;
}

typedef struct {
    int fd, greeted;
    size_t have;
    int64_t began;
    char in[8192];
} Newcomer;

static void arrive(Newcomer *c) {
    c->fd = open_socket();
    c->greeted = 0;
    c->have = 0;
    c->began = now_ns();
}

/* what came belongs to the handshake; true when it is complete */
static int greeted(Newcomer *c, const char *jwt) {
    ssize_t got = recv(c->fd, c->in + c->have, sizeof c->in - 1 - c->have, MSG_DONTWAIT);
    errno = 0;
    if (got <= 0) die("a connection was closed before it was accepted");
    c->have += got;
    c->in[c->have] = 0;
    if (!c->greeted) {
        char text[8192], auth[7000] = "", signature[96];
        if (!memchr(c->in, '\n', c->have)) return 0;
        if (*jwt) {
            char *nonce = strstr(c->in, "\"nonce\":\""), *end;
            if (!nonce) die("the server sent no nonce");
            nonce += 9;
            end = strchr(nonce, '"');
            sign(nonce, end - nonce, signature);
            snprintf(auth, sizeof auth, "\"jwt\":\"%s\",\"sig\":\"%s\"", jwt, signature);
        }
        Conn sender = {.fd = c->fd};
        write_all(&sender, text, connect_line(text, sizeof text, auth));
        c->greeted = 1;
        c->have = 0;
        return 0;
    }
    if (!memcmp(c->in, "-ERR", 4)) {
        fprintf(stderr, "load connect: the server says %.60s\n", c->in);
        exit(1);
    }
    return strstr(c->in, "PONG\r\n") != NULL;
}

int connect_row(const Args *args) {
    long n = number_arg(args, "n", 1000), begun = 0, done = 0;
    int clients = number_arg(args, "clients", 16);
    const char *jwt = text_arg(args, "jwt", ""), *seed = text_arg(args, "seed", "");
    static Newcomer all[CLIENTS_MAX];
    struct pollfd polls[CLIENTS_MAX];
    int64_t *took = malloc(n * sizeof *took);
    if (clients < 1 || clients > CLIENTS_MAX || clients > n) die("clients out of bounds");
    if (*seed) load_key(seed);
    double began = now(), used = own_cpu();
    for (int i = 0; i < clients; ++i, ++begun) arrive(&all[i]);
    while (done < n) {
        for (int i = 0; i < clients; ++i) polls[i] = (struct pollfd){all[i].fd, POLLIN, 0};
        if (poll(polls, clients, 1000) == 0) check_deadline();
        for (int i = 0; i < clients; ++i) {
            if (all[i].fd < 0 || !(polls[i].revents & (POLLIN | POLLHUP))) continue;
            if (!greeted(&all[i], jwt)) continue;
            took[done++] = now_ns() - all[i].began;
            close(all[i].fd);
            all[i].fd = -1;
            if (begun < n) {
                arrive(&all[i]);
                ++begun;
            }
        }
    }
    result(n, now() - began, own_cpu() - used);
    latencies(took, n);
    end_result();
    return 0;
}

int idle_row(const Args *args) {
    long n = number_arg(args, "n", 1000);
    const char *auth = text_arg(args, "auth", "");
    Conn first = connect_as(auth);
    double began = now(), used = own_cpu();
    for (long i = 1; i < n; ++i) {
        Conn c = {.fd = open_socket(), .in = first.in};
        char text[8192];
        expect(&c, "INFO");
        write_all(&c, text, connect_line(text, sizeof text, auth));
        expect(&c, "PONG");
        check_deadline();
    }
    result(n, now() - began, own_cpu() - used);
    end_result();
    hold();
    return 0;
}

int subscribe_row(const Args *args) {
    /* subscriptions to prefix.0, prefix.1 … on one connection */
    long n = number_arg(args, "n", 1000);
    const char *prefix = text_arg(args, "prefix", "idle");
    Conn c = connect_as(text_arg(args, "auth", ""));
    char *out = malloc(1 << 16);
    size_t at = 0;
    double began = now(), used = own_cpu();
    for (long i = 0; i < n; ++i) {
        at += snprintf(out + at, 256, "SUB %s.%ld %ld\r\n", prefix, i, i + 1);
        if (at > (1 << 16) - 256 || i == n - 1) {
            write_all(&c, out, at);
            at = 0;
        }
    }
    write_all(&c, "PING\r\n", 6);
    expect(&c, "PONG");
    result(n, now() - began, own_cpu() - used);
    end_result();
    hold();
    return 0;
}
