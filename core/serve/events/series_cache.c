/* series_cache: the series of calendars, compiled, so that a query need not read their rules again.
 */
#include "core/serve/events/series_cache.h"

#include <stdlib.h>
#include <string.h>

#include "core/serve/events/series.h"
#include "core/serve/events/window.h"
#include "storage/accounts.h"
#include "storage/changes.h"
#include "storage/events.h"

#define TABLES      64
#define SERIES_MAX  20000 /* in all tables; some 1.8 KB each */
#define CHANGES_MAX 1000  /* more since the table was made: made anew */

struct series_cache {
    struct series_table table[TABLES]; /* coll 0: free */
    size_t n_series;
    uint64_t clock;
};

struct series_cache *series_cache_new(void)
{
    return calloc(1, sizeof(struct series_cache));
}

static void series_release(struct series *s)
{
    recur_free(s->set);
    free(s->id);
}

static void table_clear(struct series_cache *cache, struct series_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        series_release(&t->v[i]);
    cache->n_series -= t->n;
    free(t->v);
    *t = (struct series_table){0};
}

void series_cache_free(struct series_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < TABLES; i++)
        table_clear(cache, &cache->table[i]);
    free(cache);
}

/* Index of the first series whose row is not below. */
static size_t place_of(const struct series_table *t, uint64_t row)
{
    size_t lo = 0, hi = t->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (t->v[mid].row < row)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void remove_at(struct series_cache *cache, struct series_table *t, size_t i)
{
    series_release(&t->v[i]);
    memmove(&t->v[i], &t->v[i + 1], (--t->n - i) * sizeof *t->v);
    cache->n_series--;
}

static bool grow(struct series_table *t)
{
    if (t->n < t->room)
        return true;
    size_t room = t->room ? 2 * t->room : 64;
    struct series *v = reallocarray(t->v, room, sizeof *v);
    if (!v)
        return false;
    t->v = v;
    t->room = room;
    return true;
}

/* Adds or replaces. False: no memory, or too many. */
static bool put(struct series_cache *cache, struct series_table *t, const struct event *master,
                const struct zone *zone)
{
    struct series s = {.row = master->row,
                       .seq = master->seq,
                       .flags = master->flags,
                       .start_ms = master->start_ms,
                       .end_ms = master->end_ms,
                       .id = malloc(master->id.n + 1),
                       .id_n = master->id.n};
    if (!s.id || cache->n_series >= SERIES_MAX || !grow(t)) {
        free(s.id);
        return false;
    }
    memcpy(s.id, master->id.p, master->id.n);
    s.id[s.id_n] = '\0';
    s.set = series_open(master, zone);
    instance_form_init(&s.form, master);
    size_t i = place_of(t, s.row);
    if (i < t->n && t->v[i].row == s.row) {
        series_release(&t->v[i]);
    } else {
        memmove(&t->v[i + 1], &t->v[i], (t->n++ - i) * sizeof *t->v);
        cache->n_series++;
    }
    t->v[i] = s;
    return true;
}

static bool build(struct series_cache *cache, struct series_table *t, struct txn *txn,
                  const struct collection *coll, const struct zone *zone)
{
    static const struct event_window all = EVENT_WINDOW_ALL;
    struct event master;
    bool ok = true;
    table_clear(cache, t);
    t->coll = coll->no;
    t->version = coll->version;
    memcpy(t->zone, coll->zone, sizeof t->zone);
    struct event_scan *scan = events_series(txn, coll, &all);
    while (ok && event_scan_next(scan, &master))
        ok = put(cache, t, &master, zone);
    event_scan_close(scan);
    return ok;
}

/* One changed item, by its id: a series now, or no longer, or never. */
static bool follow(struct series_cache *cache, struct series_table *t, struct txn *txn,
                   const struct change *change, const struct zone *zone)
{
    struct event ev;
    enum rc rc =
        change->kind == CHANGE_PUT ? event_get(txn, t->coll, change->id, &ev) : RC_NOTFOUND;
    if (rc == RC_OK && (ev.flags & EVENT_SERIES))
        return put(cache, t, &ev, zone);
    if (rc == RC_OK) {
        size_t i = place_of(t, ev.row);
        if (i < t->n && t->v[i].row == ev.row)
            remove_at(cache, t, i);
        return true;
    }
    for (size_t i = 0; i < t->n; i++)
        if (span_eq((struct span){t->v[i].id, t->v[i].id_n}, change->id)) {
            remove_at(cache, t, i);
            break;
        }
    return true;
}

static bool update(struct series_cache *cache, struct series_table *t, struct txn *txn,
                   const struct collection *coll, const struct zone *zone)
{
    struct change_iter *it = NULL;
    struct change change;
    unsigned n = 0;
    if (t->version > coll->version || strcmp(t->zone, coll->zone) != 0 ||
        changes_open(txn, coll, t->version, &it) != RC_OK)
        return build(cache, t, txn, coll, zone);
    bool ok = true;
    while (ok && changes_next(it, &change) && n++ <= CHANGES_MAX)
        ok = follow(cache, t, txn, &change, zone);
    changes_close(it);
    if (!ok || n > CHANGES_MAX)
        return build(cache, t, txn, coll, zone);
    t->version = coll->version;
    return true;
}

/* The calendar's table, or the one that was used longest ago. */
static struct series_table *find(struct series_cache *cache, uint32_t coll)
{
    struct series_table *oldest = &cache->table[0];
    for (size_t i = 0; i < TABLES; i++) {
        struct series_table *t = &cache->table[i];
        if (t->coll == coll)
            return t;
        if (t->used < oldest->used)
            oldest = t;
    }
    return oldest;
}

const struct series_table *series_cache_get(struct series_cache *cache, struct txn *t,
                                            const struct collection *coll, const struct zone *zone)
{
    struct series_table *table = find(cache, coll->no);
    bool ok = true;
    table->used = ++cache->clock;
    if (table->coll != coll->no)
        ok = build(cache, table, t, coll, zone);
    else if (table->version != coll->version)
        ok = update(cache, table, t, coll, zone);
    if (ok && txn_failed(t) == RC_OK)
        return table;
    table_clear(cache, table);
    return NULL;
}

/* The first calendar behind a number. */
struct next {
    uint32_t after;
    struct collection coll;
    bool found;
};

static bool pick_next(void *arg, enum rc rc, const struct collection *coll)
{
    struct next *next = arg;
    if (rc == RC_OK && coll->no > next->after && coll->kind == COLL_EVENTS &&
        coll->state == COLL_READY) {
        next->coll = *coll;
        next->found = true;
    }
    return !next->found;
}

bool series_cache_warm(struct series_cache *cache, struct store *s, uint32_t *after)
{
    struct txn *t = NULL;
    struct next next = {.after = *after};
    if (txn_read(s, &t, NULL) != RC_OK)
        return false;
    colls_each(t, pick_next, &next);
    if (next.found)
        (void)series_cache_get(cache, t, &next.coll, zone_of_collection(&next.coll));
    txn_abort(t);
    *after = next.coll.no;
    return next.found && cache->n_series < SERIES_MAX / 2;
}
