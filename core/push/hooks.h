/* hooks: the programs and URLs of the configuration that are told of every change, and the thread
 * that does so. */
#ifndef CORE_PUSH_HOOKS_H
#define CORE_PUSH_HOOKS_H

#include "core/base/buf.h"
#include "core/conf/conf.h"
#include "core/push/feed.h"
#include "storage/store.h"

struct hooks;

/* `mirror` and `ledger` (opened as STORE_PUSH) are borrowed until hooks_free(). A hook that is new
 * begins with what comes from now on. What cannot be written down yet is tried again. */
enum rc hooks_new(struct hooks **ret, struct store *mirror, struct store *ledger,
                  const struct conf *conf, const struct push_feed *feed, struct err *e);
void hooks_free(struct hooks *h); /* NULL ok; not running */
enum rc hooks_start(struct hooks *h, struct err *e);
void hooks_stop(struct hooks *h); /* ends programs that run: they are run again; joins */
int64_t hooks_heartbeat_ms(const struct hooks *h);

/* The functions below are thread-safe. */
void hooks_reload(struct hooks *h, const struct conf *conf);

/* An array with an object for each hook: counters, what fails and why, dead letters. */
void hooks_write(struct hooks *h, struct buf *out);

void hooks_count(struct hooks *h, uint64_t *ret_delivered, uint64_t *ret_failed,
                 uint64_t *ret_dead);

/* Dead letters of a hook: one by its number, or all (0). `drop`: they are gone; else they are
 * delivered again, in order, and those that still fail stay. *ret_n: how many. RC_NOTFOUND: no such
 * hook is configured and no such letter is there. */
enum rc hooks_dead(struct hooks *h, const char *hook, uint64_t number, bool drop, uint64_t *ret_n,
                   struct err *e);

#endif
