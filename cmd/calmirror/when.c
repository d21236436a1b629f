/* when: points in time as a person writes them on a command line. */
#include "cmd/calmirror/when.h"

#include <string.h>
#include <time.h>

#include "core/base/rfc3339.h"
#include "core/base/text.h"

#define DAY_MS INT64_C(86400000)

/* Of a clock time in the machine's zone, given as if it were UTC. */
static bool from_local(int64_t wall_ms, int64_t *ret_ms)
{
    struct tm tm;
    time_t seconds = (time_t)(wall_ms / 1000);
    if (!gmtime_r(&seconds, &tm))
        return false;
    tm.tm_isdst = -1;
    time_t t = mktime(&tm);
    if (t == (time_t)-1)
        return false;
    *ret_ms = (int64_t)t * 1000;
    return true;
}

static bool midnight_here(int64_t now_ms, int days, int64_t *ret_ms)
{
    struct tm tm;
    time_t now = (time_t)(now_ms / 1000);
    if (!localtime_r(&now, &tm))
        return false;
    return from_local(
        (days_from_civil(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) + days) * DAY_MS, ret_ms);
}

bool when_read(const char *text, int64_t now_ms, int64_t *ret_ms)
{
    struct span s = span_of(text);
    int64_t days, ms;
    int32_t offset_s;
    bool local = false;
    if (span_is(s, "now")) {
        *ret_ms = now_ms;
        return true;
    }
    if (span_is(s, "today") || span_is(s, "tomorrow"))
        return midnight_here(now_ms, s.n > 5, ret_ms);
    if (s.n > 1 && (text[0] == '+' || text[0] == '-')) {
        if (!text_to_duration_ms((struct span){text + 1, s.n - 1}, &ms))
            return false;
        *ret_ms = text[0] == '+' ? now_ms + ms : now_ms - ms;
        return true;
    }
    if (rfc3339_date(s, &days))
        return from_local(days * DAY_MS, ret_ms);
    if (!rfc3339_time(s, &ms, &offset_s, &local))
        return false;
    if (local)
        return from_local(ms, ret_ms);
    *ret_ms = ms;
    return true;
}
