/* told: what clients are told of a calendar's instances, for whoever wants to check that. */
#include "core/base/json.h"
#include "core/serve/events/expand.h"
#include "core/serve/events/render.h"
#include "core/serve/events/window.h"
#include "core/serve/serve.h"
#include "storage/accounts.h"

#define BUDGET 20000000 /* instances gone through: a guard against hostile rules only */

static bool lives(void *arg, const struct event *ev)
{
    (void)arg;
    return !(ev->flags & EVENT_CANCELLED);
}

enum rc serve_told(struct store *s, uint32_t no, int64_t min_ms, int64_t max_ms,
                   bool (*each)(void *arg, struct span event), void *arg, struct err *e)
{
    struct collection coll;
    struct expand_query q = {.coll = &coll,
                             .min_ms = min_ms,
                             .max_ms = max_ms,
                             .after = EXPAND_BEGIN,
                             .budget = BUDGET,
                             .keep = lives};
    struct expand_item item;
    struct expand *x = NULL;
    struct buf out = {0};
    enum rc rc = txn_read(s, &q.txn, e);
    if (rc != RC_OK)
        return rc;
    rc = coll_get(q.txn, no, &coll);
    if (rc != RC_OK)
        (void)err_set(e, rc, "the calendar's record cannot be read");
    q.zone = rc == RC_OK ? zone_of_collection(&coll) : NULL;
    if (rc == RC_OK)
        rc = expand_open(&x, &q, e);
    struct render render = render_in_zone(rc == RC_OK ? coll.zone : "");
    for (bool more = true; rc == RC_OK && more && expand_next(x, &item);) {
        buf_reset(&out);
        if (item.computed)
            instance_write(item.form, item.ev, &render, &item.at, &out);
        else
            render_event(&render, item.ev, item.ev->raw, &out);
        more = !out.failed && each(arg, buf_span(&out));
    }
    if (x) {
        enum rc end = expand_close(x, e);
        rc = rc == RC_OK ? end : rc;
    }
    if (rc == RC_OK && txn_failed(q.txn) != RC_OK)
        rc = err_set(e, txn_failed(q.txn), "the calendar cannot be read");
    txn_abort(q.txn);
    buf_release(&out);
    return rc;
}
