/* What the generator can do; each row connects, loads, and prints one JSON object. */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "wire.h"

/* deliver.c */
int publish_row(const Args *args);   /* n size subject: nobody listens; ends with PING/PONG */
int deliver_row(const Args *args);   /* n size subject pattern subs [header]: one publisher, `subs` subscribers */
/* request.c */
int request_row(const Args *args);   /* n size subject serve clients [until=stdin]: latencies */
/* jetstream.c */
int jspublish_row(const Args *args); /* n size window subject [subjects]: acked publishes, `window` in flight */
int pull_row(const Args *args);      /* n batch next [consumers ack]: pull batches, acknowledge each message */
int waiting_row(const Args *args);   /* n size subject next request waiting burst: many pulls wait all the time */
int push_row(const Args *args);      /* n create config deliver: make a push consumer, acknowledge each message */
/* connections.c */
int connect_row(const Args *args);   /* n clients [jwt seed]: connect, PING/PONG, close */
int idle_row(const Args *args);      /* n: connections that stay until standard input ends */
int subscribe_row(const Args *args); /* n prefix: subscriptions that stay until standard input ends */

#endif
