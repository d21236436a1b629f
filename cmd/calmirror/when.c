/* when: points in time as a person writes them on a command line. */
#include "cmd/calmirror/when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/floor.h"
#include "core/base/json.h"
#include "core/base/rfc3339.h"
#include "core/base/text.h"

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

bool when_midnight(int64_t day, int64_t *ret_ms)
{
    return from_local(day * DAY_MS, ret_ms);
}

bool when_at(int64_t ms, struct when *ret)
{
    struct tm tm;
    time_t seconds = (time_t)floor_s(ms);
    if (!localtime_r(&seconds, &tm))
        return false;
    *ret = (struct when){.day = days_from_civil(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday),
                         .ms = ms};
    return true;
}

bool when_of(struct span moment, struct when *ret)
{
    int64_t day, ms;
    int32_t offset_s;
    struct span date = json_string_plain(json_get(moment, "date"));
    if (date.n > 0) {
        if (!rfc3339_date(date, &day) || !when_midnight(day, &ms))
            return false;
        *ret = (struct when){.all_day = true, .day = day, .ms = ms};
        return true;
    }
    return rfc3339_time(json_string_plain(json_get(moment, "dateTime")), &ms, &offset_s, NULL) &&
           when_at(ms, ret);
}

const char *when_day(int64_t day, bool whole, char *out, size_t size)
{
    struct tm tm;
    time_t seconds = (time_t)(day * (DAY_MS / 1000));
    bool ok = gmtime_r(&seconds, &tm);
    ok = ok && (whole ? strftime(out, size, "%A, %d %B %Y", &tm)
                      : strftime(out, size, "%a %d %b", &tm)) > 0;
    if (!ok)
        (void)snprintf(out, size, "?");
    return out;
}

const char *when_show(struct span moment, char *out, size_t size)
{
    struct when w;
    struct tm tm;
    if (!when_of(moment, &w)) {
        (void)snprintf(out, size, "?");
        return out;
    }
    if (w.all_day)
        return when_day(w.day, false, out, size);
    time_t seconds = (time_t)(w.ms / 1000);
    if (!localtime_r(&seconds, &tm) || strftime(out, size, "%a %d %b %H:%M", &tm) == 0)
        (void)snprintf(out, size, "?");
    return out;
}
