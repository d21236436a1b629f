/* series_cache: the series of calendars, compiled, so that a query need not read their rules again.
 *
 * A table holds every series of one calendar at one version of it and is brought up to date by the
 * change log. One loop's, like the calls it serves. */
#ifndef CORE_SERVE_EVENTS_SERIES_CACHE_H
#define CORE_SERVE_EVENTS_SERIES_CACHE_H

#include "core/calendar/recur.h"
#include "core/model/collection.h"
#include "core/model/event.h"
#include "core/serve/events/instance.h"
#include "storage/store.h"

struct series {
    uint64_t row;
    uint64_t seq;             /* of its last change */
    uint32_t flags;           /* enum event_flag */
    int64_t start_ms, end_ms; /* extent, as in struct event */
    struct recur_set *set;    /* NULL: its start makes no sense, it has no instances */
    struct instance_form form;
    char *id;
    size_t id_n;
};

/* What event_get_again() needs, and window_has(). */
static inline struct event series_known(const struct series *s)
{
    return (struct event){.id = {s->id, s->id_n},
                          .row = s->row,
                          .flags = s->flags,
                          .start_ms = s->start_ms,
                          .end_ms = s->end_ms};
}

struct series_table {
    uint32_t coll;
    uint64_t version;
    char zone[64];    /* of the calendar, which all-day series are compiled for */
    struct series *v; /* ascending by row */
    size_t n, room;
    uint64_t used; /* when, for choosing which table goes */
};

struct series_cache;
struct series_cache *series_cache_new(void);        /* NULL without memory */
void series_cache_free(struct series_cache *cache); /* NULL ok */

/* The calendar's table as this transaction sees the calendar. Valid until the next call. NULL:
 * there are too many series to keep, or no memory: the store has to be asked. */
const struct series_table *series_cache_get(struct series_cache *cache, struct txn *t,
                                            const struct collection *coll, const struct zone *zone);

/* Makes the table of the next calendar behind number *after, before anybody asks: the first query
 * of a process need not be a slow one. False: there is no more to do. */
bool series_cache_warm(struct series_cache *cache, struct store *s, uint32_t *after);

#endif
