/* rules: the recurrence of a series as iCalendar says it: RRULE, RDATE, EXDATE. */
#ifndef CORE_SERVE_ICS_RULES_H
#define CORE_SERVE_ICS_RULES_H

#include "core/calendar/recur.h"
#include "core/model/event.h"
#include "core/serve/ics/clock.h"

/* Slots in seconds: instants, or dates' midnights as if UTC. */
struct ics_slots {
    int64_t *v;
    size_t n, room;
};
bool ics_slots_add(struct ics_slots *s, int64_t slot_s); /* false: no memory */

/* An instance that is as long as it alone is. */
struct ics_length {
    int64_t start_s, end_s;
};

/* A series on its way into a feed. */
struct ics_series {
    const struct event *master;
    struct recur_start start;
    struct ics_clock clock;
    const struct recur_set *set; /* as the mirror expands it */
    struct ics_slots kept;       /* slots that have an exception in the feed */
    struct ics_slots gone;       /* slots that have nothing */
    struct ics_length *lengths;  /* set by ics_rules_write(): to be made exceptions */
    size_t n_lengths, lengths_room;
};
void ics_series_release(struct ics_series *s);

/* Appends the lines. What clients would read in more than one way is said so that there is one:
 * see rules.c. */
void ics_rules_write(struct ics_series *s, struct buf *out);

#endif
