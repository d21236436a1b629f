/* steps: what a run is made of. Each leaves the store in a state it can go on from.
 *
 * Private to core/sync. */
#ifndef CORE_SYNC_STEPS_H
#define CORE_SYNC_STEPS_H

#include "core/sync/numbers.h"
#include "core/sync/run.h"

#define PRUNE_ROWS 10000 /* of the change log, in one transaction */

/* worker.c, sync.c */
void *worker_main(void *worker);
enum rc workers_start(struct sync *s, unsigned n, struct err *e);
/* Tells the queue of collections that it does not know yet, and of those that left. */
void sync_announce(struct sync *s);

/* Takes into the ticket what pings came in since it was given; false: none did. For a pull. */
bool run_more(struct run *r);
/* Events: what changed. RC_STALE: the token is dead. RC_FULL with too_large: list instead. */
enum rc pull_run(struct run *r, struct err *e);
/* Events: all of them, page by page. */
enum rc full_run(struct run *r, enum listing_reason reason, struct err *e);
/* Puts the events of a large listing closer together, if that is owed. */
enum rc full_pack(struct run *r, struct err *e);
/* The small kinds, in full for a reason; LISTING_NONE: what changed. */
enum rc items_run(struct run *r, enum listing_reason reason, struct err *e);
/* Opens one; RC_OK also when it was refused. Granted, it is r->grant until a commit notes it. */
enum rc channel_open(struct run *r, struct err *e);
void channel_note_grant(struct run *r, struct txn *t); /* run_commit() calls it */
/* The commit of its own, when no other came. */
enum rc channel_settle_grant(struct run *r, struct err *e);
/* Carries out the fates of the plan. */
enum rc channel_settle(struct run *r, const struct plan *plan, struct err *e);
/* A collection that is GONE: stops its channels, drops everything. */
enum rc retire_run(struct run *r, struct err *e);

/* roster.c: within the transaction of items_run(): calendars come and go with the entries. */
struct roster_change {
    struct numbers added, gone; /* collections, for the queue once it is committed */
};
enum rc roster_apply(struct run *r, struct txn *t, const struct google_page *pages, size_t n,
                     bool full, struct roster_change *ret, struct err *e);
void roster_announce(struct run *r, const struct roster_change *change);
void roster_change_release(struct roster_change *change);
/* The account's calendar list is owed a full listing: true if the queue is to be told of it. */
bool roster_owe(struct txn *t, uint32_t account, uint32_t *ret_coll);
void roster_announce_owed(struct run *r, uint32_t coll); /* once that is committed */

/* edge.c: what becomes of a run; whether its account is parked. */
struct queue_result edge_result(struct run *r, enum rc rc, const struct err *e);
bool edge_parked(struct run *r, struct queue_result *ret);
/* Access rules that are not asked for, since the account was refused the scope. */
struct queue_result edge_refused(struct run *r);

/* patience.c: asked by the client of a run, which is `run`; what the account shows by it. */
int64_t run_patience(void *run, int64_t ms);
void run_note_patience(struct run *r);

/* accounts.c: makes the store's accounts those of the config; numbers the seats of `set`. */
enum rc accounts_match(struct sync *s, struct settings *set, struct err *e);
/* Instead, while nothing can be written: leaves `set` those that the store follows already. */
enum rc accounts_known(struct sync *s, struct settings *set, struct err *e);
/* trouble.c: stores the state of the seat's account; the log is told when it is another one. */
void account_trouble(struct sync *s, struct seat *seat, enum account_state state,
                     const char *reason);
void account_works(struct sync *s, struct seat *seat);
void account_tell(struct seat *seat, enum account_state state, const char *reason); /* log only */
/* Tells the log when our clock and Google's part, or meet again. */
void clock_look(struct sync *s, int64_t skew_ms);
enum rc account_mark(struct store *s, uint32_t account, enum account_state state,
                     const char *reason, struct err *e);

#endif
