/* expand: a calendar as single events and instances, in order of start, one after another.
 *
 * A merge of the stored single events and exceptions with the instances of all series, so that a
 * page costs what is on it, however long the window. Order: start, then row (of the event, or of
 * the master), then slot: an event that does not change keeps its place. */
#ifndef CORE_SERVE_EVENTS_EXPAND_H
#define CORE_SERVE_EVENTS_EXPAND_H

#include "core/calendar/recur.h"
#include "core/model/collection.h"
#include "core/model/event.h"
#include "core/serve/events/instance.h"
#include "core/serve/events/series_cache.h"
#include "storage/events.h"

struct expand_place {
    int64_t start_ms, row, slot_ms;
};
#define EXPAND_BEGIN                    \
    {                                   \
        INT64_MIN, INT64_MIN, INT64_MIN \
    }

/* By start, row and slot: below 0 when `a` comes first. */
int expand_place_compare(const struct expand_place *a, const struct expand_place *b);

struct expand_query {
    struct txn *txn;
    const struct collection *coll;
    const struct zone *zone;          /* the calendar's */
    int64_t min_ms, max_ms;           /* INT64_MIN, INT64_MAX: no bound */
    bool touching;                    /* what ends at min_ms is in too */
    struct span series;               /* only of this series; empty: the whole calendar */
    bool computed;                    /* of this series: without its exceptions */
    const struct series_table *known; /* all series of the calendar; NULL: the store is asked */
    struct expand_place after;        /* strictly */
    int64_t budget;                   /* most instances to go through */
    /* Is this event, or are the instances of this master, wanted at all? */
    bool (*keep)(void *arg, const struct event *ev);
    void *arg;
};

struct expand_item {
    struct expand_place place;
    int64_t end_ms;
    const struct event *ev; /* the event, or the master */
    bool computed;          /* an instance of the master `ev`: `at` and `form` say which and how */
    struct recur_instance at;
    const struct instance_form *form;
};

struct expand;
/* The transaction outlives it. RC_SYS: no memory. */
enum rc expand_open(struct expand **ret, const struct expand_query *q, struct err *e);
/* False at the end, or when it cannot go on (see expand_close). The item is valid until the next
 * call. */
bool expand_next(struct expand *x, struct expand_item *ret);
/* RC_FULL: the budget ran out, or a rule is too much work: what came is not all. NULL ok. */
enum rc expand_close(struct expand *x, struct err *e);

#endif
