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

#define MISSED_MS 60000 /* down for longer than this, pings may have been lost */

/* Everything is looked at, which costs nothing upstream when nothing is due: what is due may have
 * changed while we were down (another configuration, a calendar that left), and what is older than
 * a minute is pulled. Only what failed waits on as it was told to. */
static bool load_one(void *arg, enum rc rc, const struct collection *c)
{
    struct walk *walk = arg;
    if (rc != RC_OK)
        log_warning(NULL, "cal %u: its record is damaged", c->no);
    if (c->account == 0)
        return true;
    struct job job = {0};
    int64_t age = walk->now_ms - c->fresh_ms;
    bool missed = age > MISSED_MS || age < 0;
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
            .delay_ms = missed && !c->fails ? 0 : job.due_ms - walk->now_ms,
            .look = !c->fails,
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
