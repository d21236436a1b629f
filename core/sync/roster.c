/* roster: an account's calendars come and go with the entries of its calendar list.
 *
 * An entry that is missing from a list of changes says nothing; one that is missing from a full
 * listing, is marked deleted, or is not wanted by the config, retires its calendar. Retired
 * collections keep their name until their own run has stopped their channels and dropped the data
 * (retire.c). */
#include "core/sync/steps.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/order.h"
#include "core/google/decode.h"

void roster_change_release(struct roster_change *change)
{
    free(change->added.v);
    free(change->gone.v);
    *change = (struct roster_change){0};
}

struct census { /* the collections of the account's calendars, before and of those that stay */
    uint32_t account;
    struct numbers known, kept;
};

static bool count_known(void *arg, enum rc rc, const struct collection *c)
{
    struct census *census = arg;
    if (rc == RC_OK && c->account == census->account &&
        (c->kind == COLL_EVENTS || c->kind == COLL_ACL))
        numbers_add(&census->known, c->no);
    return true;
}

static void retire(struct txn *t, struct collection *c, struct roster_change *change)
{
    c->state = COLL_GONE;
    c->sync_token[0] = '\0';
    coll_put(t, c);
    numbers_add(&change->gone, c->no);
}

/* Makes the collection be there or not. */
static void settle(struct run *r, struct txn *t, enum coll_kind kind,
                   const struct roster_entry *entry, bool wanted, struct census *census,
                   struct roster_change *change)
{
    struct collection c;
    enum rc rc = coll_find(t, r->c.account, kind, span_of(entry->id), &c);
    bool there = (rc == RC_OK || rc == RC_BADDATA) && c.state != COLL_GONE;
    if (wanted && there)
        numbers_add(&census->kept, c.no);
    if (there && !wanted)
        retire(t, &c, change);
    if (there || !wanted)
        return;
    if (rc != RC_OK) {
        c = (struct collection){.account = r->c.account, .kind = kind};
        memcpy(c.calendar, entry->id, strlen(entry->id) + 1);
    }
    /* One that comes back before it was dropped starts over: its token went when it left. */
    c.state = COLL_NEW;
    c.watch = WATCH_UNTRIED;
    c.watch_error[0] = '\0';
    c.last_error[0] = '\0';
    memcpy(c.zone, entry->zone, sizeof(c.zone));
    coll_put(t, &c);
    numbers_add(&census->kept, c.no);
    numbers_add(&change->added, c.no);
}

static void apply_page(struct run *r, struct txn *t, const struct google_page *page,
                       struct census *census, struct roster_change *change)
{
    struct json_iter it = json_iter(page->items);
    struct span key, raw;
    while (json_next(&it, &key, &raw)) {
        struct roster_entry entry;
        if (google_decode_roster(raw, &entry, NULL) != RC_OK)
            continue; /* was logged when it was put */
        bool wanted = !entry.deleted && conf_account_wants(&r->seat->conf, entry.id, entry.primary);
        /* Only owners may read the access rules. */
        bool rules =
            r->seat->conf.acl && span_is(json_string_plain(json_get(raw, "accessRole")), "owner");
        settle(r, t, COLL_EVENTS, &entry, wanted, census, change);
        settle(r, t, COLL_ACL, &entry, wanted && rules, census, change);
    }
}

static void retire_missing(struct txn *t, struct census *census, struct roster_change *change)
{
    struct collection c;
    if (census->kept.n)
        qsort(census->kept.v, census->kept.n, sizeof(uint32_t), order_u32);
    for (size_t i = 0; i < census->known.n; i++) {
        uint32_t no = census->known.v[i];
        if (census->kept.n &&
            bsearch(&no, census->kept.v, census->kept.n, sizeof(uint32_t), order_u32))
            continue;
        if (coll_get(t, no, &c) == RC_OK && c.state != COLL_GONE)
            retire(t, &c, change);
    }
}

enum rc roster_apply(struct run *r, struct txn *t, const struct google_page *pages, size_t n,
                     bool full, struct roster_change *ret, struct err *e)
{
    struct census census = {.account = r->c.account};
    if (full)
        colls_each(t, count_known, &census);
    for (size_t i = 0; i < n; i++)
        apply_page(r, t, &pages[i], &census, ret);
    if (full)
        retire_missing(t, &census, ret);
    if (ret->added.n || ret->gone.n) { /* by the config perhaps, and then no entry has changed */
        r->c.version = txn_next_seq(t);
        r->c.changed_ms = clock_wall_ms();
    }
    free(census.known.v);
    free(census.kept.v);
    enum rc rc = txn_failed(t);
    return rc == RC_OK ? rc : err_set(e, rc, "the calendars could not be stored");
}

void roster_announce(struct run *r, const struct roster_change *change)
{
    struct queue *q = r->sync->opt.queue;
    for (size_t i = 0; i < change->added.n; i++)
        queue_add(q, change->added.v[i], r->c.account, QUEUE_NEW);
    for (size_t i = 0; i < change->gone.n; i++) {
        queue_drop(q, change->gone.v[i]); /* it waits no longer for what Google refused */
        queue_add(q, change->gone.v[i], r->c.account, QUEUE_SCHEDULE);
    }
    if (change->added.n || change->gone.n)
        log_notice(r->about, "calendar list: %zu collections came, %zu left", change->added.n,
                   change->gone.n);
}

bool roster_owe(struct txn *t, uint32_t account, uint32_t *ret_coll)
{
    struct collection roster;
    struct job job = {0};
    if (coll_find(t, account, COLL_ROSTER, (struct span){0}, &roster) != RC_OK ||
        job_get(t, roster.no, &job) != RC_OK)
        return false;
    job.resync = true;
    job_put(t, &job);
    *ret_coll = roster.no;
    return true;
}

/* Not as one who joins: a listing under way was perhaps asked before, and what it commits takes the
 * mark of roster_owe() with it. */
void roster_announce_owed(struct run *r, uint32_t coll)
{
    queue_add(r->sync->opt.queue, coll, r->c.account, QUEUE_RESYNC);
}
