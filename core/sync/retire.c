/* retire: the last run of a collection that left: its channels are stopped, then everything of it
 * is dropped. */
#include "core/sync/steps.h"

#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/log.h"

/* Drops it, unless it came back meanwhile. */
static enum rc drop(struct run *r, struct err *e)
{
    struct collection c;
    struct txn *t = NULL;
    enum rc rc = txn_write(r->sync->opt.store, &t, e);
    if (rc != RC_OK)
        return rc;
    if (coll_get(t, r->c.no, &c) != RC_OK || c.state != COLL_GONE) {
        txn_abort(t);
        return RC_OK;
    }
    coll_delete(t, r->c.no);
    CRASHPOINT("retire.commit.before");
    rc = txn_commit(t, e);
    if (rc != RC_OK)
        return rc;
    CRASHPOINT("retire.commit.after");
    queue_drop(r->sync->opt.queue, r->c.no);
    log_notice(r->about, "left the mirror: its data was dropped");
    return RC_OK;
}

enum rc retire_run(struct run *r, struct err *e)
{
    int64_t now = clock_wall_ms();
    for (size_t i = 0; i < r->n_channels && r->seat && r->seat->auth; i++) {
        const struct channel *ch = &r->channels[i];
        if (ch->state == CHANNEL_STOPPED || !ch->resource_id[0] ||
            (ch->expires_ms && ch->expires_ms <= now))
            continue;
        run_upstream(r);
        enum rc rc = google_stop(&r->call, ch->id, ch->resource_id, e);
        /* What cannot be stopped ends by itself: its pings are strays until then. */
        if (rc == RC_CANCELED || (rc == RC_AGAIN && r->ticket.fails < 5))
            return err_prefix(e, rc, "stopping a channel");
    }
    return drop(r, e);
}
