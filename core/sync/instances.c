/* instances: compares what clients are told of a calendar's instances with Google's own expansion.
 *
 * DESIGN. Google is asked for the window first, then increments are taken, then the mirror is
 * asked: what changed in between has change numbers after the begin and is left out, as in
 * verify.c. What is left cannot be repaired by anything that is fetched, since the events
 * themselves are equal: rules or time zones are understood in another way here. So it is told, and
 * not counted as drift. */
#include "core/sync/verify.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/must.h"
#include "core/base/order.h"
#include "core/base/rfc3339.h"
#include "core/sync/differ.h"
#include "core/sync/pages.h"
#include "storage/events.h"

#define BYTES_MOST (32u << 20) /* of either side */
#define TRIES_MOST 3

struct instance {
    struct span id, raw;
};

struct instances { /* `= { 0 }` is empty */
    struct instance *v;
    size_t n, size;
    struct buf text; /* owns the bytes of ours; offsets until all are there */
};

struct sides {
    struct run *r;
    int64_t min_ms, max_ms; /* the window; that of the job may be another by the end */
    uint64_t since;         /* the last change before Google was asked */
    int64_t settled_ms;
    bool fetched;       /* Google told all of them */
    struct pages pages; /* own the bytes of theirs */
    struct instances ours, theirs;
    struct buf items; /* JSON */
    uint64_t different;
};

static void sides_release(struct sides *s)
{
    pages_release(&s->pages);
    free(s->ours.v);
    free(s->theirs.v);
    buf_release(&s->ours.text);
    buf_release(&s->items);
}

static void add(struct instances *list, struct span raw)
{
    if (list->n == list->size) {
        list->size = list->size ? 2 * list->size : 256;
        list->v = must(reallocarray(list->v, list->size, sizeof(*list->v)));
    }
    list->v[list->n++] = (struct instance){.raw = raw};
}

static enum rc fetch(struct sides *s, struct err *e)
{
    struct run *r = s->r;
    struct page_guard guard = {0};
    char from[LIMIT_TOKEN_BYTES + 1] = "";
    size_t held = 0;
    do {
        struct google_page page = {0};
        run_upstream(r);
        enum rc rc = google_instances(&r->call, r->c.calendar, r->job.verify_min_ms,
                                      r->job.verify_max_ms, from, &page, e);
        if (rc != RC_OK)
            return rc;
        held += page.body.n;
        memcpy(from, page.next_page, sizeof(from));
        struct json_iter it = json_iter(page.items);
        struct span key, item;
        pages_add(&s->pages, &page);
        while (json_next(&it, &key, &item))
            add(&s->theirs, item);
        if (held > BYTES_MOST)
            return err_set(e, RC_FULL, "too many instances; choose a shorter window");
        if (from[0] && page_guard_loops(&guard, from))
            return err_set(e, RC_BADDATA, "the pages go in circles");
    } while (from[0]);
    return RC_OK;
}

/* Keeps one of ours. Its bytes may move until all are there, so raw.p is an offset yet. */
static bool keep(void *arg, struct span event)
{
    struct sides *s = arg;
    struct instances *list = &s->ours;
    worker_beat(s->r->w);
    struct span at = {(const char *)(uintptr_t)list->text.n, event.n};
    buf_add_span(&list->text, event);
    if (list->text.failed)
        return false;
    add(list, at);
    return true;
}

static enum rc expand(struct sides *s, struct err *e)
{
    struct run *r = s->r;
    const struct sync_options *opt = &r->sync->opt;
    s->ours.text.cap = BYTES_MOST;
    enum rc rc = opt->told(opt->store, r->c.no, s->min_ms, s->max_ms, keep, s, e);
    if (rc == RC_OK && s->ours.text.failed)
        rc = err_set(e, RC_FULL, "too many instances; choose a shorter window");
    for (size_t i = 0; i < s->ours.n; i++) {
        struct span *raw = &s->ours.v[i].raw;
        raw->p = s->ours.text.p + (uintptr_t)raw->p;
    }
    return rc;
}

static int by_id(const void *pa, const void *pb)
{
    const struct instance *a = pa, *b = pb;
    return order_span(&a->id, &b->id);
}

/* Ids of instances need no decoding. */
static void sort(struct instances *list)
{
    for (size_t i = 0; i < list->n; i++)
        list->v[i].id = json_string_plain(json_get(list->v[i].raw, "id"));
    if (list->n)
        qsort(list->v, list->n, sizeof(*list->v), by_id);
}

/* An event of this id, in any state, changed since. */
static bool changed_since(struct sides *s, struct txn *t, struct span id)
{
    struct event ev;
    return id.n > 0 && event_get(t, s->r->c.no, id, &ev) == RC_OK &&
           (ev.seq > s->since || ev.updated_ms > s->settled_ms);
}

static bool is_young(const struct sides *s, struct span raw)
{
    int64_t ms;
    return rfc3339_time(json_string_plain(json_get(raw, "updated")), &ms, NULL, NULL) &&
           ms > s->settled_ms;
}

static void judge(struct sides *s, struct txn *t, const struct instance *ours,
                  const struct instance *theirs)
{
    /* Of these Google's form is its own: a link, a validator, and when it last touched the slot. */
    static const char *const ignored[] = {"etag", "htmlLink", "updated", "sequence", NULL};
    const struct instance *one = ours ? ours : theirs;
    struct span series = json_string_plain(json_get(one->raw, "recurringEventId"));
    struct buf fields = {.cap = SIZE_MAX};
    buf_add_char(&fields, '[');
    bool same = ours && theirs && differ_write(&fields, ours->raw, theirs->raw, ignored) == 0;
    buf_add_char(&fields, ']');
    if (!same && !changed_since(s, t, one->id) && !changed_since(s, t, series) &&
        !(theirs && is_young(s, theirs->raw)) && s->different++ < DIFFER_LISTED_MOST &&
        s->items.n + fields.n <= DIFFER_LISTED_BYTES) {
        buf_add_text(&s->items, s->items.n ? ",{\"id\":" : "{\"id\":");
        buf_add_json(&s->items, one->id);
        buf_printf(&s->items, ",\"what\":\"%s\",\"fields\":",
                   !ours     ? "missing"
                   : !theirs ? "removed"
                             : "changed");
        buf_add_span(&s->items, buf_span(&fields));
        buf_add_char(&s->items, '}');
    }
    txn_needs(t, &fields);
    buf_release(&fields);
}

/* Side by side, by id. */
static enum rc compare(struct sides *s, struct err *e)
{
    struct txn *t = NULL;
    enum rc rc = txn_read(s->r->sync->opt.store, &t, e);
    if (rc != RC_OK)
        return rc;
    sort(&s->ours);
    sort(&s->theirs);
    for (size_t i = 0, k = 0; i < s->ours.n || k < s->theirs.n;) {
        const struct instance *ours = i < s->ours.n ? &s->ours.v[i] : NULL;
        const struct instance *theirs = k < s->theirs.n ? &s->theirs.v[k] : NULL;
        int order = !ours ? 1 : !theirs ? -1 : by_id(ours, theirs);
        judge(s, t, order <= 0 ? ours : NULL, order >= 0 ? theirs : NULL);
        i += order <= 0;
        k += order >= 0;
    }
    txn_needs(t, &s->items);
    rc = txn_failed(t);
    txn_abort(t);
    return rc == RC_OK ? rc : err_set(e, rc, "what differs could not be gathered");
}

static enum rc conclude(struct sides *s, const char *why_not, struct err *e)
{
    struct run *r = s->r;
    struct buf verdict = {0};
    struct txn *t = NULL;
    enum rc rc = run_begin(r, &t, e);
    if (rc != RC_OK)
        return rc;
    buf_printf(&verdict,
               "{\"at_ms\":%lld,\"min_ms\":%lld,\"max_ms\":%lld,\"judged\":%s,\"reason\":",
               (long long)clock_wall_ms(), (long long)s->min_ms, (long long)s->max_ms,
               why_not[0] ? "false" : "true");
    buf_add_json(&verdict, span_of(why_not));
    buf_printf(&verdict, ",\"compared\":%zu,\"differences\":%llu,\"items\":[", s->theirs.n,
               (unsigned long long)s->different);
    buf_add_span(&verdict, buf_span(&s->items));
    buf_add_text(&verdict, "]}");
    txn_needs(t, &verdict);
    coll_set_verdict(t, r->c.no, VERIFY_INSTANCES, buf_span(&verdict));
    r->job.verify &= ~VERIFY_BEGUN(VERIFY_INSTANCES);
    rc = run_commit(r, t, e);
    buf_release(&verdict);
    if (rc == RC_OK && s->different)
        log_err(r->about, "instances: %llu of them are not what Google makes of the same events",
                (unsigned long long)s->different);
    return rc;
}

static enum rc begin(struct sides *s, struct err *e)
{
    struct run *r = s->r;
    struct txn *t = NULL;
    enum rc rc = run_begin(r, &t, e);
    if (rc != RC_OK)
        return rc;
    s->since = txn_last_seq(t);
    s->min_ms = r->job.verify_min_ms;
    s->max_ms = r->job.verify_max_ms;
    verify_begin(&r->job, VERIFY_INSTANCES);
    return run_commit(r, t, e);
}

static enum rc gather(struct sides *s, struct verify *v, struct err *e)
{
    enum rc rc = fetch(s, e);
    s->fetched = rc == RC_OK;
    if (rc == RC_OK)
        rc = verify_pull(s->r, v, e);
    s->settled_ms = v->settled_ms;
    if (rc == RC_OK && v->judged)
        rc = expand(s, e);
    return rc == RC_OK && v->judged ? compare(s, e) : rc;
}

/* Trying again is of no use, or was of none. That Google does not tell its instances is no failure
 * of the calendar: its pulls see to that. */
static bool is_hopeless(const struct sides *s, enum rc rc)
{
    const struct run *r = s->r;
    if (rc == RC_FULL || rc == RC_BADDATA || rc == RC_INVALID)
        return true;
    if (s->fetched || r->gave_way)
        return false;
    return rc == RC_NOTFOUND || rc == RC_STALE ||
           (rc == RC_AGAIN && r->ticket.fails + 1 >= TRIES_MOST);
}

enum rc verify_instances(struct run *r, struct err *e)
{
    struct sides s = {.r = r};
    struct verify v = {0};
    struct err why = {0};
    enum rc rc = begin(&s, &why);
    if (rc == RC_OK && r->sync->opt.told)
        rc = gather(&s, &v, &why);
    else if (rc == RC_OK)
        v.why_not = "nothing is served here";
    if (rc == RC_OK)
        rc = conclude(&s, v.judged ? "" : v.why_not, e);
    else if (is_hopeless(&s, rc))
        rc = conclude(&s, why.text, e);
    else
        rc = err_set(e, rc, "instances: %s", why.text);
    verify_release(&v);
    sides_release(&s);
    return rc;
}
