/* event: Google's event resource: made from what a client wrote, kept as text, shown to a reader.
 */
#ifndef EMULATOR_EVENT_H
#define EMULATOR_EVENT_H

#include "tests/emulator/emu.h"
#include "tests/emulator/reply.h"

/* Who writes, and when. */
struct event_write {
    struct emu *emu;
    struct calendar *cal;
    const char *creator;         /* e-mail */
    bool seeding;                /* keep the times, creator, organizer and unknown members given */
    bool only_private;           /* nothing but reminders changes: `updated` stays */
    const struct api_error *why; /* of a refusal */
};

/* Completes `o` (taken), checks it and stores it as `it`, or as a new item when that is NULL.
 * NULL with w->why set when it is refused; then nothing has changed. */
struct item *event_store(struct event_write *w, struct item *it, struct json_object *o);
/* Deletes a single event, a series or an instance that has its own item. */
void event_cancel(struct event_write *w, struct item *it);
/* Stores any text as an event, however broken. */
struct item *event_store_raw(struct emu *e, struct calendar *cal, const char *id,
                             struct json_object *o);
/* The same, but neither deltas nor notifications tell of it: as if Google had lost a change. */
void event_slip_in(struct calendar *cal, const char *id, struct json_object *o);
/* Text and facts of an item again, after the zone of its calendar changed. */
void event_rerender(struct calendar *cal, struct item *it);

/* Milliseconds of an EventDateTime; all-day dates begin at midnight in `zone`. */
bool event_instant(struct json_object *when, const struct zone *zone, int64_t *ret_ms);
bool event_is_all_day(struct json_object *o, const char *key);
/* Rewrites a dateTime with the offset of `zone`; `own` is the calendar's. */
void event_show_in_zone(struct json_object *o, const char *key, const struct zone *own,
                        const struct zone *zone);
char *event_html_link(const struct calendar *cal, const char *id);
struct json_object *event_reorder(struct json_object *o); /* Google's order; takes o */
/* The members of a resource that a client may write. Takes `o`. */
struct json_object *event_writable(struct json_object *o);

/* An instance id taken apart: its series and original slot. The rule is not consulted: any slot
 * at or after the start of the series will do. */
struct instance {
    struct item *master;
    struct json_object *original; /* EventDateTime, owned */
};
bool instance_parse(const struct calendar *cal, const char *id, struct instance *ret);
/* The instance as if it had its own item. */
struct json_object *instance_make(const struct calendar *cal, const struct instance *i,
                                  const char *id);

enum tomb_shape { TOMB_RICH, TOMB_MINIMAL };

/* How one reader sees events. */
struct event_view {
    const struct calendar *cal;
    const struct zone *zone; /* NULL: the calendar's */
    const char *self;        /* whose attendee entry survives maxAttendees */
    int64_t max_attendees;   /* 0: all */
    bool hide_private;
    int64_t now_ms; /* for busy_only */
    bool busy_only; /* instances for series, and of nothing more than the times */
    enum tomb_shape tombs;
};
/* Whether the instances of a series can be told here: of FREQ=DAILY or WEEKLY with COUNT alone, in
 * steps of whole days of UTC. */
bool event_is_simple_series(const struct item *it);
/* Whether cancelled events keep their details, in listings and in deltas. */
void event_tomb_rules(const struct emu *e, bool *ret_rich_lists, bool *ret_rich_deltas);
void event_render(const struct event_view *v, const struct item *it, struct buf *out);

#endif
