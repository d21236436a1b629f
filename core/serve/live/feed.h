/* feed: the change logs of many collections as one sequence of entries, from a cursor on.
 *
 * DESIGN. Sequence numbers are store-wide and one writer gives them out, so a number S is a point
 * in the history of all calendars at once: "everything up to S" needs no clock and no vector. But
 * what is written while a calendar is listed for the first time is shown to nobody until the
 * listing is whole, and what was pruned is gone. Each calendar therefore has a base, the number at
 * which its log began to be complete for readers. An entry's place is (pos, sub): pos is the row's
 * number, or the base if that is greater, sub the row's number. A reader whose place is before the
 * base is told `reset` at (base, 0): what it knows of this calendar is void. One that began at the
 * beginning (cursor 0) is then told all of the calendar, one place a row; others go and list it.
 *
 * Rows move to the end of the log when their item changes again. A reader that catches up page by
 * page is therefore told what happened since it began (cursor.from), until it has reached the end
 * of a snapshot: too much now and then, never too little. */
#ifndef CORE_SERVE_LIVE_FEED_H
#define CORE_SERVE_LIVE_FEED_H

#include "core/model/collection.h"
#include "core/model/event.h"
#include "core/serve/live/cursor.h"
#include "storage/changes.h"

/* In the order of change_type_choices (params.h), which has their names. */
enum feed_type {
    FEED_CREATED,
    FEED_UPDATED,
    FEED_DELETED,
    FEED_CALENDAR,
    FEED_FRESHNESS,
    FEED_RESET,
    FEED_TYPES
};

struct feed_entry {
    struct cursor at; /* of a reader that has been told it */
    enum feed_type type;
    const struct collection *coll;
    struct span id; /* of the event or, of a roster, the calendar; empty for a reset */
    bool initial;   /* tells what is there, not that it came just now */
    bool known;     /* the reader may have been told of it */
    bool gone;      /* nothing of it is stored any more, or shown */
    bool unseen;    /* it came left out and is so still: nobody was told of it */
    struct change_since since;
    struct span names;  /* of the members that differ, as change_since() gives them */
    struct event event; /* of an event that is stored; `raw` also of a calendar */
};

struct feed;
/* What is behind `after` and not behind `seq`, the last number of the snapshot. NULL: no memory. */
struct feed *feed_open(struct txn *t, const struct cursor *after, uint64_t seq);
/* Adds a collection that is ready; ones without news cost nothing. */
void feed_add(struct feed *f, uint32_t coll);

/* FEED_ROWS_MOST rows are looked at, then the caller opens another one at feed_place(). */
#define FEED_ROWS_MOST 2048
enum feed_step { FEED_ENTRY, FEED_END, FEED_PAUSE };
enum feed_step feed_next(struct feed *f, struct feed_entry *ret); /* valid until the next one */
struct cursor feed_place(const struct feed *f); /* at the end: of one who knows it all */
void feed_close(struct feed *f);                /* NULL ok */

#endif
