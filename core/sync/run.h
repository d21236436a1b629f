/* run: what workers share, and one run of one collection. Private to core/sync. */
#ifndef CORE_SYNC_RUN_H
#define CORE_SYNC_RUN_H

#include <pthread.h>

#include "core/google/api.h"
#include "core/sync/plan.h"
#include "core/sync/seat.h"
#include "core/sync/sync.h"
#include "storage/accounts.h"
#include "storage/channels.h"
#include "storage/jobs.h"
#define RUN_LARGE_EVENTS 100 /* more in a transaction make it a large one */
/* What workers need of the config: immutable, counted, swapped by a reload. */
struct settings {
    atomic_uint refs;
    struct plan_rules rules;
    int64_t ttl_ms, backoff_min_ms, backoff_max_ms, retention_ms;
    char *address; /* webhook.public_url */
    size_t n_seats;
    struct seat *seats[]; /* each holds a reference */
};
struct worker {
    struct sync *sync;
    pthread_t thread;
    struct http_client *http;
    atomic_llong beat_ms; /* clock_awake_ms(); lies ahead while a request may take that long */
};
struct sync {
    struct sync_options opt;
    struct google *google;
    struct seat_world world;
    int64_t request_ms;           /* deadline of a request, connecting included */
    pthread_mutex_t change, lock; /* of making other settings from the present ones; a leaf: */
    struct settings *settings;    /* guarded by `lock` */
    bool once, loaded;       /* sync_run_once(): channels are left alone; the queue is filled */
    atomic_bool clock_wrong; /* as the log was told */
    struct worker *workers;
    unsigned n_workers;
    int64_t started_ms; /* wall clock */
};
struct settings *settings_get(struct sync *s);
void settings_put(struct settings *set); /* NULL ok */
struct run { /* one ticket being worked on; the structs hold what a transaction saw or wrote last */
    struct worker *w;
    struct sync *sync;
    struct settings *set;
    struct seat *seat; /* borrowed from `set`; NULL: the account left the config */
    struct queue_ticket ticket;
    struct google_call call;
    struct account account;
    struct collection c;
    struct job job;
    struct channel channels[PLAN_CHANNELS_MAX];
    size_t n_channels;
    bool busy_only;             /* as the head of its events says */
    struct channel grant;       /* when `granted`: goes into the next commit */
    unsigned covered, covering; /* enum queue_reason: answered; if this transaction commits */
    int64_t delay_ms;           /* until the next run; 0 = not decided yet */
    bool left, gave_way; /* a transaction found that it is gone; the worker was needed elsewhere */
    bool granted, large, unpacked; /* the next transaction will be; pack_is_owed() */
    bool as_of_now, too_large;     /* the view, behind a full listing; pull_run() gave up */
    char about[32];                /* "cal 12", for the log */
    struct queue_counters did;
};

/* coll_get(); of a damaged record, what storage makes of it. RC_BADDATA: nothing. */
enum rc run_coll(struct txn *t, uint32_t no, struct collection *ret);
enum rc run_read(struct run *r, struct txn *t); /* collection, job and channels, likewise */
/* A write transaction with run_read() in it. RC_CANCELED with r->left: the collection left. */
enum rc run_begin(struct run *r, struct txn **ret, struct err *e);
enum rc run_commit(struct run *r, struct txn *t, struct err *e); /* with due time and grant */
/* The new view is in the transaction: Google's at fresh_ms, or if not `whole` to be listed yet. */
void run_succeeded(struct run *r, int64_t fresh_ms, unsigned covered, bool whole);
void run_upstream(struct run *r); /* before a call: page size, a heartbeat until its deadline */
void worker_beat(void *worker);
struct plan_view run_view(const struct run *r);

#endif
