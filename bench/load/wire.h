/* One connection to a NATS server: raw sockets, a read buffer, lines and bodies. Knows no row. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define IN_SIZE (1 << 20)

typedef struct {
    int fd;
    char *in;
    size_t start, end; /* unread bytes in `in` */
} Conn;

/* What the command line says; every row reads its own keys. */
typedef struct {
    int count;
    char **words;
} Args;

const char *text_arg(const Args *args, const char *key, const char *fallback);
long number_arg(const Args *args, const char *key, long fallback);

double now(void);
int64_t now_ns(void);
double own_cpu(void);
void die(const char *what);
void begin_watch(int port, const char *row, double timeout_s);
void check_deadline(void);
int server_port(void);

void write_all(Conn *c, const char *data, size_t size);
void fill(Conn *c);                      /* more bytes; blocks */
char *line(Conn *c, size_t *size);       /* next line without its end, valid until the next fill */
char *body(Conn *c, size_t size);        /* a payload and its end */
void drop(Conn *c, size_t size);         /* the same for one that is not looked at */
int more(const Conn *c);                 /* is a line's end here already? */
size_t last_number(const char *text, size_t size);
void expect(Conn *c, const char *want);  /* read on until a line begins so */

int open_socket(void);
size_t connect_line(char *out, size_t size, const char *auth);
Conn connect_as(const char *auth);
void listen_to(Conn *c, const char *subject); /* SUB and wait until it holds */

/* The JSON object that every row prints; a row adds its own keys and calls `end_result`. */
void result(long n, double seconds, double used);
void latencies(int64_t *took_ns, long n);
void end_result(void);
void hold(void); /* the result is out: stay until standard input ends */
int told_to_stop(void);

#endif
