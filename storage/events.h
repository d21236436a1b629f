/* events: a calendar's events by id, by time, by `updated`, by iCalUID and by series.
 *
 * Every function that changes something updates *c (counts, version, classes); the caller writes *c
 * with coll_put() in the same transaction. Readers get spans into LMDB. */
#ifndef STORAGE_EVENTS_H
#define STORAGE_EVENTS_H

#include "core/model/collection.h"
#include "core/model/event.h"
#include "storage/store.h"

/* RC_NOTFOUND, RC_BADDATA (damaged: the transaction stays good; see events_damaged). */
enum rc event_get(struct txn *t, uint32_t coll, struct span id, struct event *ret);
/* The same by more than the id, and faster where all of it still holds: `known` has id, row, flags,
 * start_ms and end_ms as they once were read. */
enum rc event_get_again(struct txn *t, uint32_t coll, const struct event *known, struct event *ret);

/* Puts the newest form of an event; equal content changes nothing. True if something changed. */
bool event_put(struct txn *t, struct collection *c, const struct event *ev);
/* It is no longer known at Google at all: leaves a removal row in the change log. */
bool event_remove(struct txn *t, struct collection *c, struct span id);

/* One scan = one ascending walk; filters by overlap only, the rest is the caller's. Do not write
 * during it. */
struct event_scan;

struct event_window {
    int64_t min_ms, max_ms;                   /* timed events: end > min and start < max */
    int64_t floating_min_ms, floating_max_ms; /* all-day events, in the calendar's wall time */
};
#define EVENT_WINDOW_ALL                           \
    {                                              \
        INT64_MIN, INT64_MAX, INT64_MIN, INT64_MAX \
    }

/* Where a walk stands: strictly after this (start, row). {INT64_MIN, 0} = from the beginning. */
struct event_place {
    int64_t start_ms;
    uint64_t row;
};

/* Single events and exceptions (also cancelled ones that have a time) overlapping the window,
 * ascending by (start_ms, row). A zero-length event at t overlaps when min < t < max or min == t <
 * max; a bound of INT64_MIN or INT64_MAX is none. Series masters are not in it. */
struct event_scan *events_by_time(struct txn *t, const struct collection *c,
                                  const struct event_window *w, struct event_place after);
/* Masters whose extent [start, end] overlaps the window, in no particular order: at its end an
 * instance of no length may lie. */
struct event_scan *events_series(struct txn *t, const struct collection *c,
                                 const struct event_window *w);
/* Everything changed at Google at or after min_ms, ascending by (updated, row); start_ms of `after`
 * means updated. */
struct event_scan *events_by_updated(struct txn *t, const struct collection *c, int64_t min_ms,
                                     struct event_place after);
struct event_scan *events_by_ical_uid(struct txn *t, const struct collection *c, struct span uid);
/* The exceptions (cancelled or not) of a series, in no particular order. */
struct event_scan *events_of_series(struct txn *t, const struct collection *c,
                                    struct span master_id);
/* Those with EVENT_ODD, ascending by (updated, row); and how many they are. */
struct event_scan *events_odd(struct txn *t, const struct collection *c);
uint64_t events_odd_count(struct txn *t, uint32_t coll);
/* Every event, ascending by id. */
struct event_scan *events_by_id(struct txn *t, const struct collection *c, struct span after_id);

/* False at the end, and when the transaction failed. Damaged ones are skipped and counted. */
bool event_scan_next(struct event_scan *s, struct event *ret);
void event_scan_close(struct event_scan *s); /* NULL ok */

/* How often reads met a damaged record in this collection since it was last repaired (0: never).
 * The sync side looks at it and owes the calendar a full listing of reason LISTING_DAMAGED.
 * Thread-safe. */
uint64_t events_damaged(struct store *s, uint32_t coll);
void events_damage_clear(struct store *s, uint32_t coll);

#endif
