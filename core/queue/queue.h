/* queue: what is due when, one run at a time per collection, nothing lost and nothing doubled.
 *
 * Shared by the workers (take, finish), the ping listener (ping, marked) and the local API (resync,
 * counters). One mutex, a leaf: no call out of here while it is held. Due times are on the monotonic clock
 * inside and on the wall clock in storage/jobs. */
#ifndef CORE_QUEUE_QUEUE_H
#define CORE_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "storage/store.h"

enum queue_reason {
    QUEUE_PING = 1u << 0,      /* a ping was not yet pulled */
    QUEUE_SCHEDULE = 1u << 1,  /* poll, retry, channel renewal, verification: the worker looks what is due */
    QUEUE_RESYNC = 1u << 2,    /* an operator asked for a full listing */
    QUEUE_NEW = 1u << 3,       /* just appeared: first listing */
};

struct queue;
struct queue *queue_new(void);
void queue_free(struct queue *q);
/* At start: every collection in the store that is not gone, with what is owed to it. */
enum rc queue_load(struct queue *q, struct store *s, struct err *e);

void queue_add(struct queue *q, uint32_t coll, uint32_t account, unsigned reasons); /* known ones: merges */
void queue_drop(struct queue *q, uint32_t coll); /* it is gone; a run under way ends by itself */

/* A verified ping. True: it must be made durable (jobs: pinged = *ret_serial) and then queue_marked() called before
 * it is answered. False: an earlier ping that no pull has covered yet is already durable. */
bool queue_ping(struct queue *q, uint32_t coll, uint64_t *ret_serial);
void queue_marked(struct queue *q, uint32_t coll, uint64_t serial); /* now a worker may take it */

/* True if a resync was already asked for or runs (the caller joins it). The caller made jobs.resync durable. */
bool queue_resync(struct queue *q, uint32_t coll);

struct queue_ticket {
    uint32_t coll, account;
    unsigned reasons;   /* enum queue_reason */
    uint64_t pinged;    /* a complete pull commits jobs.pulled = this */
    int64_t pinged_ms;  /* wall clock of the first ping not yet covered; 0 none: for the freshness measure */
};
/* Waits for the next due collection that no worker has. Fair between accounts: the one that waited longest first;
 * at most `most_per_account` runs of one account at once when others wait. `alive` is called at least once a
 * second while waiting. RC_CANCELED after queue_stop(). */
enum rc queue_take(struct queue *q, struct queue_ticket *ret, void (*alive)(void *arg), void *arg);
/* Done: next run in `delay_ms` (>= 0), at once if something came in meanwhile. `covered`: the pings up to
 * ticket->pinged were pulled. */
void queue_finish(struct queue *q, const struct queue_ticket *t, bool covered, int64_t delay_ms);
void queue_stop(struct queue *q);

struct queue_counters { /* since the start of the process */
    uint64_t pings, pulls, listings, upstream_calls, changes, failures;
    bool running;
    int64_t due_in_ms; /* negative: overdue */
};
bool queue_counters(struct queue *q, uint32_t coll, struct queue_counters *ret);
/* Adds what one run did. */
void queue_count(struct queue *q, uint32_t coll, const struct queue_counters *add);

struct queue_totals {
    uint64_t collections, due, running, pings, pings_refused;
};
void queue_totals(struct queue *q, struct queue_totals *ret);
void queue_count_refused_ping(struct queue *q);

/* Backoff as a pure function: truncated exponential with jitter; `retry_after_ms` (or -1) is a lower bound.
 * random: 0..65535. */
int64_t queue_backoff_ms(uint32_t fails, int64_t min_ms, int64_t max_ms, int64_t retry_after_ms, unsigned random);

#endif
