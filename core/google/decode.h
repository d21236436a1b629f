/* decode: what the mirror needs to know of a resource, read from its JSON. Everything is optional
 * in it. */
#ifndef CORE_GOOGLE_DECODE_H
#define CORE_GOOGLE_DECODE_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/model/event.h"

/* The decoded strings of an event (id, iCalUID, recurringEventId live in `text` when they had
 * escapes). Overwritten by the next decode into it. */
struct event_text {
    struct buf text;
};

/* Reads one item of an event page (checked JSON). `zone` is the zone the page was rendered in.
 * RC_BADDATA only when it has no usable id (a string of 1..LIMIT_EVENT_ID_BYTES bytes without NUL);
 * anything else odd sets EVENT_ODD. RC_SYS: no memory. end_ms of a series is set to that of its
 * first instance: the caller widens it (it knows recurrence, we do not).
 *
 * Where Google's promises are broken, the least harmful reading is taken, and EVENT_ODD set:
 *   start missing        its original slot, else EVENT_UNTIMED (start = end = 0)
 *   original slot missing, of an exception: from the stamp in its id, else its start
 *   dateTime without offset (Google renders reads with one): as if UTC; an event that is hours off
 * in the index but keeps its true words in `raw` is found, one that is untimed is lost to every
 * window end missing, before the start, or a date where start has a time: no length (a day if
 * all-day) Not odd: tombstones with nothing but an id; holes without start; equal dates (one day). */
enum rc google_decode_event(struct span raw, struct span zone, struct event_text *text,
                            struct event *ret, struct err *e);

/* calendarList entry. RC_BADDATA: no usable id. */
struct roster_entry {
    char id[LIMIT_ID_BYTES + 1];
    bool deleted, primary;
    char zone[64]; /* "" when absent or odd */
};
enum rc google_decode_roster(struct span raw, struct roster_entry *ret, struct err *e);

/* Id of a setting, or of an access rule; *ret_deleted when it is a tombstone (role none).
 * RC_BADDATA: no usable id, or longer than `size`. */
enum rc google_decode_item(struct span raw, char *out_id, size_t size, bool *ret_deleted,
                           struct err *e);

#endif
