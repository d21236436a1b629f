/* queue: what is due when, one run at a time per collection, nothing lost and nothing doubled.
 * Shared by the workers (take, finish), the ping listener (ping, marked) and the local API (resync,
 * counters). One mutex, a leaf. Due times: monotonic clock inside, wall clock in storage/jobs. */
#ifndef CORE_QUEUE_QUEUE_H
#define CORE_QUEUE_QUEUE_H

#include "core/base/err.h"
#include "storage/store.h"

enum queue_reason {
    QUEUE_PING = 1u << 0,     /* a ping was not yet pulled */
    QUEUE_SCHEDULE = 1u << 1, /* poll, retry, channel renewal: the worker looks what is due */
    QUEUE_RESYNC = 1u << 2,   /* an operator asked for a full listing */
    QUEUE_NEW = 1u << 3,      /* just appeared: first listing */
};

struct queue;
struct queue *queue_new(void);
void queue_free(struct queue *q);
/* How many threads take (1 until told). One account gets half of them at most while others wait,
 * all accounts together whose last run failed or was slow get half at most. */
void queue_set_workers(struct queue *q, unsigned n);
void queue_set_settle(struct queue *q, int64_t ms); /* from a ping to its run; 0 until told */
/* At start: every collection in the store, with what is owed to it. */
enum rc queue_load(struct queue *q, struct store *s, struct err *e);
/* Due now for `reasons`; a known one merges. SCHEDULE alone means "look again". */
void queue_add(struct queue *q, uint32_t coll, uint32_t account, unsigned reasons);
void queue_poke(struct queue *q, uint32_t coll); /* "look again"; nothing if nobody follows it */
void queue_poke_all(struct queue *q);            /* the rules have changed */
void queue_drop(struct queue *q, uint32_t coll); /* it is gone; a run under way ends by itself */
/* Nothing of this account is taken for so long (rate limit, credentials refused); 0 ends a hold. */
void queue_hold(struct queue *q, uint32_t account, int64_t delay_ms);

/* A verified ping. True: make it durable (jobs: pinged = *ret_serial), then queue_marked(), then
 * answer it. False: one that no run has taken yet is durable, or nobody follows the collection. */
bool queue_ping(struct queue *q, uint32_t coll, uint64_t *ret_serial);
void queue_marked(struct queue *q, uint32_t coll, uint64_t serial);
/* The caller made jobs.resync durable. True: one was asked for already or runs; this one joins. */
bool queue_resync(struct queue *q, uint32_t coll);

struct queue_ticket {
    uint32_t coll, account;
    unsigned reasons;  /* enum queue_reason */
    uint32_t fails;    /* runs before this one that failed, in a row */
    uint64_t pinged;   /* a complete pull commits jobs.pulled = this */
    int64_t pinged_ms; /* wall clock of the first ping not yet covered; 0 none */
    int64_t due_in_ms; /* until its scheduled run: > 0 when something else made it run now */
};
/* Waits for the next due collection; the account served longest ago goes first. `alive` is called
 * at least once a second meanwhile. RC_CANCELED after queue_stop(). */
enum rc queue_take(struct queue *q, struct queue_ticket *ret, void (*alive)(void *), void *arg);
/* Do others wait for the worker that a run of this account has? */
bool queue_is_short(struct queue *q, uint32_t account);
/* During a run: takes into the ticket what pings came in since; false: none did. */
bool queue_more(struct queue *q, struct queue_ticket *t);
struct queue_result {
    unsigned covered; /* reasons fulfilled (PING: up to ticket->pinged); others stay owed */
    bool failed;      /* nothing that comes in makes it run before delay_ms */
    bool slow;        /* it had to wait, for a quota or an answer: so will the account's next one */
    int64_t delay_ms; /* >= 0, until the next run; sooner if something came in during this one */
};
void queue_finish(struct queue *q, const struct queue_ticket *t, const struct queue_result *result);
void queue_stop(struct queue *q);

struct queue_counters { /* since the start of the process */
    uint64_t pings, pulls, empty_pulls, listings, upstream_calls, changes, failures;
    uint32_t fails; /* in a row */
    bool running;
    int64_t due_in_ms; /* negative: overdue */
};
bool queue_counters(struct queue *q, uint32_t coll, struct queue_counters *ret);
/* Adds what one run did: pulls, empty_pulls, listings, upstream_calls, changes. */
void queue_count(struct queue *q, uint32_t coll, const struct queue_counters *add);
struct queue_totals {
    uint64_t collections, due, running, pings, pings_refused;
};
void queue_totals(struct queue *q, struct queue_totals *ret);
void queue_count_refused_ping(struct queue *q);

#endif
