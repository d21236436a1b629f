/* decode: what the mirror needs to know of a resource, read from its JSON. Everything is optional in it. */
#ifndef CORE_GOOGLE_DECODE_H
#define CORE_GOOGLE_DECODE_H

#include "core/base/err.h"
#include "core/model/event.h"

/* The decoded strings of an event (id, iCalUID, recurringEventId live in `text` when they had escapes). */
struct event_text {
    struct buf text;
};

/* Reads one item of an event page (checked JSON). `zone` is the zone the page was rendered in. RC_BADDATA only
 * when it has no usable id; anything else odd sets EVENT_ODD. end_ms of a series is set to that of
 * its first instance: the caller widens it (it knows recurrence, we do not). */
enum rc google_decode_event(struct span raw, struct span zone, struct event_text *text, struct event *ret,
                            struct err *e);

/* calendarList entry. */
struct roster_entry {
    char id[1025];
    bool deleted, hidden, primary;
    char zone[64];
};
enum rc google_decode_roster(struct span raw, struct roster_entry *ret, struct err *e);

/* Id of a setting, or of an access rule; *ret_deleted when it is a tombstone (role none). */
enum rc google_decode_item(struct span raw, char *out_id, size_t size, bool *ret_deleted, struct err *e);

#endif
