/* vevent: one event as a VEVENT, out of its JSON. */
#ifndef CORE_SERVE_ICS_VEVENT_H
#define CORE_SERVE_ICS_VEVENT_H

#include "core/model/event.h"
#include "core/serve/ics/clock.h"
#include "core/serve/ics/rules.h"

/* What holds for a whole feed. */
struct ics_feed {
    struct buf *out;
    bool busy_only;                /* times alone: no word of what, where and who */
    bool no_titles;                /* the account may see no more than free and busy */
    struct span default_reminders; /* the calendar's: an array */
    struct span salt;              /* UIDs are hidden with it under busy_only */
    struct buf text;               /* scratch */
};

/* An event by itself: a single one, or an exception whose series is not in the feed. */
void ics_put_single(struct ics_feed *f, const struct event *ev);
/* The series itself. */
void ics_put_series(struct ics_feed *f, struct ics_series *s);
/* An exception of it. */
void ics_put_exception(struct ics_feed *f, const struct ics_series *s, const struct event *ev);

/* Is the slot that an exception stands in a date? */
bool ics_slot_is_date(const struct event *exception);

#endif
