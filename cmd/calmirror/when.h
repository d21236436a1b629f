/* when: points in time as a person writes them on a command line. */
#ifndef CMD_CALMIRROR_WHEN_H
#define CMD_CALMIRROR_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/span.h"

/* What a person may write. */
#define WHEN_FORMS_AND(line)                                                    \
    "a date (2026-11-22), a time (2026-11-22T09:00:00+01:00), now, today," line \
    "tomorrow, or a span from now (+7d, -12h)"
#define WHEN_FORMS WHEN_FORMS_AND(" ")

/* A date (its midnight here), an RFC 3339 time with or without offset (without: local), now, today,
 * tomorrow, or +SPAN and -SPAN from now (+7d). */
bool when_read(const char *text, int64_t now_ms, int64_t *ret_ms);

/* A moment of the Calendar API ({"date"} or {"dateTime"}) in this machine's zone: days since 1970
 * and, unless it is a date (*ret_ms is its midnight here), the instant. */
struct when {
    bool all_day;
    int64_t day; /* civil days since 1970-01-01, here */
    int64_t ms;
};
bool when_of(struct span moment, struct when *ret);
bool when_at(int64_t ms, struct when *ret);
/* The midnight here that begins a civil day. */
bool when_midnight(int64_t day, int64_t *ret_ms);
/* "Mon 23 Nov 09:00", or "Mon 23 Nov" of a date. Returns `out`; "?" when it cannot be read. */
const char *when_show(struct span moment, char *out, size_t size);
/* "Mon 23 Nov", or the whole of it: "Monday, 23 November 2026". */
const char *when_day(int64_t day, bool whole, char *out, size_t size);

#endif
