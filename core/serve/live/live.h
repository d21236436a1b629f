/* live: what of the local API stays open and hears of changes: streams and long polls.
 *
 * All of it belongs to the thread of the API's loop. It sleeps until a commit wakes it (hub.h). */
#ifndef CORE_SERVE_LIVE_LIVE_H
#define CORE_SERVE_LIVE_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

struct call;
struct httpd_request;
struct live;
struct serve;
struct txn;

enum rc live_new(struct live **ret, struct serve *s, struct err *e);
void live_free(struct live *l); /* NULL ok; the loop does not run */
/* The loop runs: from its next turn on commits wake it. Any thread. */
void live_start(struct live *l);

/* After each turn of the loop. Returns in how many ms it wants the next one; -1: no wish. When
 * stopping, every stream is told so and ends. */
int64_t live_turn(struct live *l, bool stopping);
/* A long poll that is to be looked at again; NULL: none. *ret_deadline_ms (monotonic): until when
 * it may wait; *ret_from: the number from which it has waited. */
struct httpd_request *live_take_ready(struct live *l, int64_t *ret_deadline_ms, uint64_t *ret_from);
/* The config has changed: streams whose client is gone end. */
void live_reload(struct live *l);

/* How many streams and long polls a client has open. */
unsigned live_readers(const struct live *l, const char *client);
unsigned live_waiters(const struct live *l, const char *client); /* long polls alone */

struct live_counters {
    unsigned streams, waiting; /* open now */
    uint64_t opened, cut;      /* since the start; cut: for being slow */
};
struct live_counters live_counters(const struct live *l);

#endif
