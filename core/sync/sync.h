/* sync: keeps the store equal to Google: workers that list, pull, watch, follow the calendar list.
 *
 * The only module that joins core/google and storage. A collection of kind COLORS holds one item,
 * "colors". */
#ifndef CORE_SYNC_SYNC_H
#define CORE_SYNC_SYNC_H

#include "core/conf/conf.h"
#include "core/queue/queue.h"
#include "storage/store.h"

struct vault;
struct sync;
struct sync_options {
    struct store *store;     /* borrowed until sync_free() */
    struct queue *queue;     /* likewise; the daemon also gives it to core/ping and core/serve */
    const struct conf *conf; /* borrowed during the call: what is needed is copied */
    struct vault *vault;     /* of logins, borrowed likewise; NULL: none can be used */
    /* Set when the accounts could not be written down, for the reason left in *e: until a
     * sync_reload() succeeds, those that the store knows are followed. NULL: sync_new() fails. */
    bool *ret_owed;
    /* What clients are told of instances, as serve_told(). NULL: they cannot be verified. */
    enum rc (*told)(struct store *store, uint32_t coll, int64_t min_ms, int64_t max_ms,
                    bool (*each)(void *arg, struct span event), void *arg, struct err *e);
};
/* Makes the records of accounts that are new in the config, parks those whose credential is
 * unusable (with the sentence for the operator), marks what left the config, repairs what is
 * damaged. Fails on storage trouble only. */
enum rc sync_new(struct sync **ret, const struct sync_options *opt, struct err *e);
void sync_free(struct sync *s); /* NULL ok; stopped */

/* Fills the queue with what the store says is owed: before the webhook is opened, or the first
 * notifications would find nobody. */
enum rc sync_load(struct sync *s, struct err *e);
/* Loads, unless that was done, and starts the workers. */
enum rc sync_start(struct sync *s, unsigned workers, struct err *e);
/* Interrupts requests under way, lets commits end, joins: within two seconds unless the disk hangs.
 */
void sync_stop(struct sync *s);

/* Takes up another config: intervals, accounts, lists of calendars, credentials. URLs and rates of
 * [google] stay, and the webhook's. */
enum rc sync_reload(struct sync *s, const struct conf *conf, struct err *e);
/* The credential of this account is another one now, or none: it is read and tried at once. */
void sync_credential_changed(struct sync *s, const char *account);

/* For the watchdog: how long ago the least lively worker made progress (a turn of its loop, bytes
 * that moved). A request under way counts as alive until its own deadline. 0 when no worker runs.
 */
int64_t sync_oldest_heartbeat_ms(const struct sync *s);

struct sync_progress {
    uint64_t calendars, done, failed; /* of those asked for */
    uint64_t items;                   /* listed so far */
};
/* Instead of sync_start(), without a daemon: lists one calendar or all (NULL) in full with
 * `workers` threads, then stops. No channel is opened or stopped. `progress` is called some times a
 * second. RC_NOTFOUND: no such calendar; otherwise the first failure, when one was left after three
 * attempts. */
enum rc sync_run_once(struct sync *s, const char *calendar, unsigned workers,
                      void (*progress)(void *arg, const struct sync_progress *p), void *arg,
                      struct err *e);

#endif
