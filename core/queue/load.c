/* load: fills the queue at start with what the store says is owed. */
#include "core/queue/load.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/queue/queue.h"
#include "storage/accounts.h"
#include "storage/jobs.h"

struct walk {
    struct queue *queue;
    struct txn *txn;
    int64_t now_ms;
    enum rc rc;
};

/* Everything is due: while we were down, pings may have been lost, and the configuration and the
 * calendar list may have changed. Only what failed waits on as it was told to. */
static bool load_one(void *arg, enum rc rc, const struct collection *c)
{
    struct walk *walk = arg;
    if (rc != RC_OK)
        log_warning(NULL, "cal %u: its record is damaged", c->no);
    if (c->account == 0)
        return true;
    struct job job = {0};
    walk->rc = job_get(walk->txn, c->no, &job);
    if (walk->rc != RC_OK)
        return false;
    queue_restore(
        walk->queue, c->account,
        &(struct queue_owed){
            .coll = c->no,
            .pinged = job.pinged,
            .pulled = job.pulled,
            .ping_ms = job.ping_ms,
            .delay_ms = c->fails ? job.due_ms - walk->now_ms : 0,
            .reasons = (c->state == COLL_NEW ? QUEUE_NEW : 0) | (job.resync ? QUEUE_RESYNC : 0),
        });
    return true;
}

enum rc queue_load(struct queue *q, struct store *s, struct err *e)
{
    struct walk walk = {.queue = q, .now_ms = clock_wall_ms()};
    enum rc rc = txn_read(s, &walk.txn, e);
    if (rc != RC_OK)
        return rc;
    colls_each(walk.txn, load_one, &walk);
    rc = walk.rc != RC_OK ? err_set(e, walk.rc, "the list of what is owed could not be read")
                          : txn_failed(walk.txn);
    txn_abort(walk.txn);
    return rc;
}
