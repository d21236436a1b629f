/* stamp: iCalendar's compact dates, times and durations ("20260329", "20260329T023000Z",
 * "PT1H30M"). */
#ifndef CORE_CALENDAR_STAMP_H
#define CORE_CALENDAR_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/span.h"

enum stamp_kind { STAMP_DATE, STAMP_LOCAL, STAMP_UTC };

struct stamp {
    enum stamp_kind kind;
    int64_t s; /* seconds since 1970-01-01, wall time counted as if UTC; a date is its midnight */
};

#define STAMP_MAX 20

/* Strict: the whole span, an existing date, years 1..9999; second 60 is read as 59, 't' and 'z' as
 * capitals. */
bool stamp_read(struct stamp *ret, struct span s);

/* RFC 5545 §3.3.6 with days of 86,400 s; not negative. */
bool stamp_read_duration(int64_t *ret_s, struct span s);

/* Returns the length. Years as the writers of rfc3339.h have them. */
int stamp_write(char out[STAMP_MAX], struct stamp stamp);

#endif
