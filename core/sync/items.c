/* items: the small collections: calendar list, settings, access rules, colours; a whole one fits in
 * memory.
 *
 * One transaction per pull, whether of changes or in full; in full, what was not listed is removed.
 */
#include "core/sync/steps.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/must.h"
#include "core/base/order.h"
#include "core/google/decode.h"
#include "core/sync/head.h"
#include "core/sync/pages.h"
#include "storage/changes.h"
#include "storage/events.h"
#include "storage/items.h"

#define ITEMS_BYTES_MAX (32u << 20)

struct ids { /* of a full listing */
    struct span *v;
    size_t n;
    struct buf text;
};

/* The item's `id` is the buffer, which is written to. */
static bool decode(const struct run *r, struct span raw, char id[LIMIT_ID_BYTES + 1],
                   struct item *ret)
{
    struct roster_entry entry;
    struct item item = {.raw = raw};
    bool ok = true;
    if (r->c.kind == COLL_COLORS) {
        memcpy(id, "colors", sizeof("colors"));
    } else if (r->c.kind != COLL_ROSTER) {
        ok = google_decode_item(raw, id, LIMIT_ID_BYTES + 1, &item.deleted, NULL) == RC_OK;
    } else if ((ok = google_decode_roster(raw, &entry, NULL) == RC_OK)) {
        memcpy(id, entry.id, strlen(entry.id) + 1);
        item.deleted = entry.deleted;
        item.left_out =
            !entry.deleted && !conf_account_wants(&r->seat->conf, entry.id, entry.primary);
    }
    item.id = span_of(ok ? id : "");
    *ret = item;
    return ok;
}

static void put_page(struct run *r, struct txn *t, const struct google_page *page, struct ids *seen)
{
    struct json_iter it = json_iter(page->items);
    struct span key, raw;
    while (json_next(&it, &key, &raw)) {
        char id[LIMIT_ID_BYTES + 1];
        struct item item;
        if (!decode(r, raw, id, &item)) {
            log_warning(r->about, "an entry without a usable id was left out");
            continue;
        }
        r->did.changes += item_put(t, &r->c, &item);
        buf_add(&seen->text, id, strlen(id) + 1);
        seen->n++;
    }
}

/* Removes what is stored but was not listed. */
static void sweep(struct run *r, struct txn *t, struct ids *seen)
{
    txn_needs(t, &seen->text);
    if (txn_failed(t) != RC_OK)
        return;
    seen->v = must(calloc(seen->n + 1, sizeof(struct span)));
    const char *at = buf_text(&seen->text);
    for (size_t i = 0; i < seen->n; i++, at += strlen(at) + 1)
        seen->v[i] = span_of(at);
    qsort(seen->v, seen->n, sizeof(struct span), order_span);

    struct buf gone = {0};
    struct item item;
    struct item_iter *it = items_open(t, r->c.no, (struct span){0});
    while (items_next(it, &item)) {
        if (bsearch(&item.id, seen->v, seen->n, sizeof(struct span), order_span))
            continue;
        buf_add_span(&gone, item.id);
        buf_add_char(&gone, '\0');
    }
    items_close(it);
    txn_needs(t, &gone);
    for (size_t i = 0; i < gone.n; i += strlen(gone.p + i) + 1)
        r->did.changes += item_remove(t, &r->c, span_of(gone.p + i));
    buf_release(&gone);
    free(seen->v);
    seen->v = NULL;
}

static enum rc commit(struct run *r, struct pages *p, enum listing_reason reason, int64_t asked_ms,
                      struct err *e)
{
    bool full = reason != LISTING_NONE;
    struct roster_change roster = {0};
    struct ids seen = {0};
    struct txn *t = NULL;
    enum rc rc = run_begin(r, &t, e);
    if (rc != RC_OK)
        return rc;
    if (reason == LISTING_DAMAGED)
        coll_repair(t, &r->c);
    for (size_t i = 0; i < p->n; i++)
        put_page(r, t, &p->v[i], &seen);
    if (full)
        sweep(r, t, &seen);
    buf_release(&seen.text);
    if (r->c.kind != COLL_COLORS)
        (void)head_store(r, t, &p->v[p->n - 1], full);
    if (r->c.kind == COLL_ROSTER)
        rc = roster_apply(r, t, p->v, p->n, full, &roster, e);
    memcpy(r->c.sync_token, p->v[p->n - 1].next_sync, sizeof(r->c.sync_token));
    r->c.state = COLL_READY;
    if (full) {
        r->c.full_ms = asked_ms;
        (void)changes_prune(t, &r->c, asked_ms - r->set->retention_ms, PRUNE_ROWS);
    }
    run_succeeded(r, asked_ms, full ? QUEUE_PING | QUEUE_NEW | QUEUE_RESYNC : QUEUE_PING, true);
    CRASHPOINT("items.commit.before");
    if (rc == RC_OK)
        rc = run_commit(r, t, e);
    else
        txn_abort(t);
    if (rc == RC_OK) {
        CRASHPOINT("items.commit.after");
        if (full)
            events_damage_clear(r->sync->opt.store, r->c.no);
        roster_announce(r, &roster);
    }
    roster_change_release(&roster);
    return rc;
}

/* The palette is one resource without tokens: its answer is made into a list of one. */
static enum rc fetch_colors(struct run *r, struct pages *p, struct err *e)
{
    struct buf raw = {0};
    run_upstream(r);
    enum rc rc = google_get(&r->call, "colors", &raw, e);
    if (rc != RC_OK)
        return rc;
    p->v = must(calloc(1, sizeof(*p->v)));
    p->n = p->size = 1;
    buf_add_char(&p->v[0].body, '[');
    buf_add_span(&p->v[0].body, buf_span(&raw));
    buf_add_char(&p->v[0].body, ']');
    buf_release(&raw);
    must_hold(&p->v[0].body);
    p->v[0].items = buf_span(&p->v[0].body);
    return RC_OK;
}

enum rc items_run(struct run *r, enum listing_reason reason, struct err *e)
{
    struct pages p = {0};
    int64_t asked_ms = clock_wall_ms();
    enum rc rc;
    if (r->c.kind == COLL_COLORS)
        rc = fetch_colors(r, &p, e);
    else
        rc = pages_fetch(r, &p, reason == LISTING_NONE ? r->c.sync_token : "", ITEMS_BYTES_MAX, e);
    if (rc == RC_OK)
        rc = commit(r, &p, r->c.kind == COLL_COLORS ? LISTING_VERIFY : reason, asked_ms, e);
    if (rc == RC_OK && reason == LISTING_NONE)
        r->did.pulls++;
    else if (rc == RC_OK)
        r->did.listings++;
    pages_release(&p);
    return rc;
}
