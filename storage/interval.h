/* interval: where an event stands on the time axis, so that overlap can be searched.
 *
 * DESIGN. Events are clustered by (class, time, row). Singles are classed by duration: what
 * overlaps a window and lasts at most D began after min - D, so one short range per class finds it,
 * however long other events are. Most ranges are walked past a page or two that has nothing to
 * give, so the classes are few, and close where most events are. All-day events, whose times are
 * wall time, have classes of their own. A series stands at the END of its extent, so that those
 * that ended before the window are not even touched. collection.classes remembers which classes a
 * calendar ever used. */
#ifndef STORAGE_INTERVAL_H
#define STORAGE_INTERVAL_H

#include "core/model/event.h"
#include "storage/events.h"

enum interval_class {
    CLASS_NONE = 0,
    CLASS_TIMED = 1,   /* the first of those for timed singles, shortest first */
    CLASS_ALL_DAY = 9, /* likewise */
    CLASS_SERIES = 14,
    CLASS_SERIES_ALL_DAY,
    CLASS_UNTIMED,
    CLASS_COUNT /* at most 32: bits of collection.classes */
};

struct spot {
    uint8_t class;
    int64_t time;
    uint64_t row;
};

/* Where the event belongs; its end is not before its start. The row is not set. */
struct spot interval_spot(const struct event *ev);
/* Of the classes for singles: the earliest start that can overlap what begins at `min`. */
int64_t interval_earliest(uint8_t class, int64_t min);

struct interval {
    int64_t min, max;
};
/* The half of the window that the class is compared with. */
struct interval interval_of_window(const struct event_window *w, uint8_t class);
bool interval_overlaps(const struct interval *i, int64_t start, int64_t end);

#endif
