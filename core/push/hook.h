/* hook: hooks in memory, for the files that run them. Private to core/push. */
#ifndef CORE_PUSH_HOOK_H
#define CORE_PUSH_HOOK_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/base/secret.h"
#include "core/http/pool.h"
#include "core/push/command.h"
#include "core/push/hooks.h"
#include "core/push/sched.h"
#include "storage/hub.h"

#define HOOK_POSTS_MOST   8  /* of one hook under way at once; of programs one */
#define HOOK_RUNNING_MOST 64 /* deliveries under way: the places of all classes */
struct hook_lane {    /* a collection's changes on their way to a hook, or its dead letters */
    struct lane lane; /* first */
    struct hook *hook;
    uint32_t coll; /* 0: dead letters */
    struct push_place at;
    int64_t failed_ms;            /* wall clock since which it fails; 0: it does not */
    bool moved, gone;             /* `at` is not yet written down; the collection was dropped */
    uint64_t letter, last_letter; /* dead letters: delivered again up to here; to be, up to there */
    struct push_place sending;    /* these three: what is under way; of a letter, pos: its number */
    struct buf body;
    struct command command;
    char *error; /* of the last attempt; NULL: it succeeded */
    struct hook_lane *next;
};
struct hook {
    struct group group;           /* first: a lane's group is its hook */
    const struct conf_hook *conf; /* NULL: it is no longer in the configuration */
    char name[LIMIT_NAME_BYTES + 1];
    struct secret secrets[2];
    bool unread; /* one of them, for want of descriptors or memory: it is read again soon */
    struct push_place start; /* where collections without a mark begin */
    struct hook_lane *lanes, letters;
    uint64_t delivered, attempts_failed;
    uint64_t dead, dead_bytes;       /* letters that are there now */
    int64_t delivered_ms, failed_ms; /* wall clock of the last */
    uint64_t given_up, dropped; /* changes, and letters, since the log told of them: at said_ms */
    _Atomic int64_t said_ms;    /* of log_due() */
    struct hook *next;
};
struct hook_result { /* of an attempt */
    struct hook_lane *lane;
    bool ok, dead; /* dead: it was the last one */
    int64_t retry_after_ms;
};
struct hooks {
    struct store *mirror, *ledger;
    struct push_feed feed;
    pthread_mutex_t lock;            /* guards all below up to `pool` */
    const struct conf *conf, *taken; /* in force; of which the hooks are, or NULL */
    struct hook *all;
    struct sched sched;
    bool reload, owed;      /* `conf` is not taken yet; that was tried */
    struct http_pool *pool; /* from here on the thread's alone */
    struct hub_listener listener;
    struct hook_result *results;
    unsigned n_results;
    int64_t flushed_ms;
    pthread_t thread;
    bool running, news_lost, moved; /* news came and nothing could be read; a lane has moved */
    atomic_bool stopping;
    _Atomic int64_t heartbeat_ms;
};
/* With the lock held. Takes up a new configuration; what of it failed before, only `again`. */
bool hooks_take_reload(struct hooks *h, bool again);
void hooks_sweep(struct hooks *h); /* likewise: frees what has left, lanes too, and is over */
struct hook *hook_find(struct hooks *h, const char *name);
/* The lane of a collection, made if need be. */
struct hook_lane *hook_lane_of(struct hook *hook, uint32_t coll, struct txn *ledger);
void hooks_forget(struct hooks *h, uint32_t coll, struct txn *ledger); /* it was dropped */
/* Begins the delivery of lane->body. `delivery` names it for the receiver. */
enum rc hook_send(struct hooks *h, struct hook_lane *lane, const char *type, const char *account,
                  const char *delivery, struct err *e);

#endif
