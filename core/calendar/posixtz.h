/* posixtz: the POSIX TZ rule in a TZif footer ("CET-1CEST,M3.5.0,M10.5.0/3") and its yearly
 * changes. */
#ifndef CORE_CALENDAR_POSIXTZ_H
#define CORE_CALENDAR_POSIXTZ_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/span.h"

struct posixtz_change {
    char form; /* 'M' month.week.day, 'J' day 1..365 without 29 February, 'N' day 0..365 */
    int month, week, day;
    int32_t time_s; /* wall time of the day before the change; -167 h .. 167 h (RFC 8536 §3.3.1) */
};

struct posixtz {
    int32_t std_s, dst_s; /* seconds east of UTC */
    bool yearly;          /* has daylight saving; else only std_s counts */
    struct posixtz_change to_dst, to_std;
};

bool posixtz_read(struct posixtz *ret, struct span text);

/* Instants of the two changes in `year`. */
int64_t posixtz_dst_start(const struct posixtz *tz, int year);
int64_t posixtz_dst_end(const struct posixtz *tz, int year);

#endif
