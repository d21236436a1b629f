/* verify: finds drift: differences between the calendar here and at Google that nothing explains.
 *
 * DESIGN. A full listing differs from what is here for two reasons. The event changed at Google
 * since the last increment was taken: while pages were fetched, while a notification was on its way
 * or lost. Or the mirror is wrong. To tell one from the other, the increments since the last token
 * are taken once more, after the last page was fetched and before it is stored. They are committed
 * as always, and they name every event that changed up to that moment, which is later than any
 * page. Those have change numbers after the begin of the listing, as has all that other increments
 * brought while it was under way, and storage leaves them out of the comparison. What is left
 * differs although no token ever told of it. That is drift, in whatever direction: Google has an
 * event that is not here, has it in another form, or has it no more.
 *
 * Left out besides:
 * - What changed within the last minutes, by its own time: a listing may show a change before
 *   increments do (they are not from one snapshot at Google), or not yet.
 * - An earlier version than the one here: a listing may come from replicas of which one lags.
 * - Exceptions that came back with their series: another listing is owed for these (pull.c).
 * - Tombstones, here or there: they come and go without a difference. But a hole in a series that
 *   lives is one: the instance shows on one side.
 * - Another spelling: order of members, or clock times in another zone once the calendar moved.
 *
 * When the token died or its delta is too large to be taken, a change cannot be told from drift:
 * the listing repairs as always, nothing is counted, and the verdict says why.
 *
 * Verdict and repair are one transaction: what was counted was repaired. */
#include "core/sync/verify.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/sync/differ.h"
#include "core/sync/steps.h"
#include "storage/listing.h"

#define LOGGED_MOST 20

void verify_release(struct verify *v)
{
    buf_release(&v->lines);
}

void verify_begin(struct job *job, enum job_verify what)
{
    if (job->verify & what)
        job->verify = (job->verify & ~(uint32_t)what) | VERIFY_BEGUN(what);
}

enum rc verify_pull(struct run *r, struct verify *v, struct err *e)
{
    struct err why = {0};
    v->judged = false;
    v->settled_ms = clock_wall_ms() - plan_grace_ms(&r->set->rules);
    if (!r->c.sync_token[0]) {
        v->why_not = "there was no sync token";
        return RC_OK;
    }
    enum rc rc = pull_run(r, &why);
    if (rc == RC_STALE)
        v->why_not = "the sync token died";
    else if (rc == RC_FULL && r->too_large)
        v->why_not = "too much changed since the last increment";
    else if (rc == RC_BADDATA)
        v->why_not = "the increments make no sense";
    else if (rc != RC_OK)
        return err_set(e, rc, "%s", why.text);
    v->judged = rc == RC_OK;
    return RC_OK;
}

struct judging {
    struct run *r;
    struct txn *t;
    struct verify *v;
    struct buf items; /* JSON */
};

/* The series of an instance is there and lives. */
static bool series_lives(struct judging *j, const struct event *ev)
{
    struct event master;
    return ev->flags & EVENT_EXCEPTION &&
           event_get(j->t, j->r->c.no, ev->series, &master) == RC_OK &&
           !event_ended_series(&master);
}

/* An earlier version, as a listing may have one: of an event that is newer here, or of an instance
 * whose series has ended since (storage takes neither in for good). */
static bool is_late(struct judging *j, const struct event *ours, const struct event *theirs)
{
    struct event master;
    if (!theirs || !theirs->updated_ms)
        return false;
    if (ours && ours->updated_ms > theirs->updated_ms)
        return true;
    return theirs->flags & EVENT_EXCEPTION &&
           event_get(j->t, j->r->c.no, theirs->series, &master) == RC_OK &&
           event_outlived(theirs, &master);
}

/* One that increments do not name when its series lives again. */
static bool came_back(const struct judging *j, bool live_here, const struct event *theirs)
{
    return !live_here && theirs && theirs->flags & EVENT_EXCEPTION && j->r->job.resync;
}

/* Neither side shows it: a tombstone at most, and no hole in a series that the other side fills. */
static bool is_shadow(struct judging *j, const struct event *ours, const struct event *theirs)
{
    bool here = ours && !(ours->flags & EVENT_CANCELLED);
    bool there = theirs && !(theirs->flags & EVENT_CANCELLED);
    if (here || there)
        return false;
    return (ours && theirs) || !series_lives(j, ours ? ours : theirs);
}

/* Appends the members that differ to `out`; false: none does. */
static bool members_differ(const struct event *ours, const struct event *theirs, struct buf *out)
{
    static const char *const times[] = {"start", "end", "originalStartTime", NULL};
    bool moved = ours->zone_hash != theirs->zone_hash && ours->start_ms == theirs->start_ms &&
                 ours->end_ms == theirs->end_ms && ours->original_ms == theirs->original_ms;
    return differ_write(out, ours->raw, theirs->raw, moved ? times : NULL) > 0;
}

static void note_line(struct verify *v, const char *what, struct span id, struct span fields)
{
    struct json_iter it = json_iter(fields);
    struct span key, field;
    const char *before = ": ";
    if (v->drift > LOGGED_MOST)
        return;
    buf_printf(&v->lines, "event %.*s %s", (int)id.n, id.p, what);
    while (json_next(&it, &key, &field)) {
        struct span name = json_string_plain(json_get(field, "field"));
        buf_add_text(&v->lines, before);
        buf_add_span(&v->lines, name);
        before = ", ";
    }
    buf_add_char(&v->lines, '\0');
}

static void count(struct judging *j, const char *what, const char *words, struct span id,
                  struct span fields)
{
    j->v->drift++;
    note_line(j->v, words, id, fields);
    if (j->v->drift > DIFFER_LISTED_MOST || j->items.n + fields.n > DIFFER_LISTED_BYTES)
        return;
    buf_add_text(&j->items, j->items.n ? ",{\"id\":" : "{\"id\":");
    buf_add_json(&j->items, id);
    buf_printf(&j->items, ",\"what\":\"%s\",\"fields\":", what);
    buf_add_span(&j->items, fields);
    buf_add_char(&j->items, '}');
}

static void judge(void *arg, const struct event *ours, const struct event *theirs)
{
    struct judging *j = arg;
    struct buf fields = {.cap = SIZE_MAX};
    bool live_here = ours && !(ours->flags & EVENT_CANCELLED);
    bool live_there = theirs && !(theirs->flags & EVENT_CANCELLED);
    const struct event *seen = theirs ? theirs : ours;
    if (seen->updated_ms > j->v->settled_ms || is_late(j, ours, theirs) ||
        is_shadow(j, ours, theirs) || came_back(j, live_here, theirs))
        return;
    buf_add_char(&fields, '[');
    if (live_here && live_there) {
        bool differs = members_differ(ours, theirs, &fields);
        buf_add_char(&fields, ']');
        if (differs)
            count(j, "changed", "differs from Google's", ours->id, buf_span(&fields));
    } else {
        buf_add_char(&fields, ']');
        if (live_there || !ours)
            count(j, "missing", "is at Google and not here", theirs->id, buf_span(&fields));
        else
            count(j, "removed", "is here and not at Google", ours->id, buf_span(&fields));
    }
    txn_needs(j->t, &fields);
    buf_release(&fields);
}

void verify_judge(struct run *r, struct txn *t, struct verify *v)
{
    struct judging j = {.r = r, .t = t, .v = v};
    struct buf verdict = {0};
    v->drift = 0;
    buf_reset(&v->lines);
    if (v->judged)
        listing_compare(t, &r->c, judge, &j);
    buf_printf(&verdict, "{\"at_ms\":%lld,\"judged\":%s,\"reason\":", (long long)clock_wall_ms(),
               v->judged ? "true" : "false");
    buf_add_json(&verdict, span_of(v->judged ? "" : v->why_not));
    buf_printf(&verdict, ",\"compared\":%llu,\"differences\":%llu,\"items\":[",
               (unsigned long long)r->c.listing.items, (unsigned long long)v->drift);
    buf_add_span(&verdict, buf_span(&j.items));
    buf_add_text(&verdict, "]}");
    txn_needs(t, &j.items);
    txn_needs(t, &verdict);
    coll_set_verdict(t, r->c.no, VERIFY_EVENTS, buf_span(&verdict));
    r->c.drift += v->drift;
    buf_release(&verdict);
    buf_release(&j.items);
}

void verify_log(const struct run *r, const struct verify *v)
{
    if (!v->judged)
        log_notice(r->about, "verified, but drift could not be told from changes: %s", v->why_not);
    for (size_t at = 0; at < v->lines.n; at += strlen(v->lines.p + at) + 1)
        log_warning(r->about, "drift: %s", v->lines.p + at);
    if (v->drift > LOGGED_MOST)
        log_warning(r->about, "drift: and %llu more", (unsigned long long)(v->drift - LOGGED_MOST));
    if (v->drift)
        log_warning(r->about, "drift: %llu differences, all repaired",
                    (unsigned long long)v->drift);
}
