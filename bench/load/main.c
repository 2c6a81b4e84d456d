/* A neutral load generator for any NATS server: raw sockets, prebuilt bytes, no allocation per message.

   load PORT ROW key=value …      prints one JSON object: what was done, how long, own CPU time

   The rows and their keys are listed in rows.h. A connection may log in: auth and auth2 are further
   fields of CONNECT (auth2: of the second connection). `timeout` bounds the whole run, in seconds. */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(const Args *);
} ROWS[] = {
    {"publish", publish_row}, {"deliver", deliver_row}, {"request", request_row},
    {"jspublish", jspublish_row}, {"pull", pull_row}, {"waiting", waiting_row}, {"push", push_row},
    {"connect", connect_row}, {"idle", idle_row}, {"subscribe", subscribe_row},
};

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: load PORT ROW key=value …\n");
        return 2;
    }
    Args args = {argc - 3, argv + 3};
    begin_watch(atoi(argv[1]), argv[2], number_arg(&args, "timeout", 60));
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; ++i)
        if (!strcmp(argv[2], ROWS[i].name)) return ROWS[i].run(&args);
    fprintf(stderr, "load: unknown row %s\n", argv[2]);
    return 2;
}
