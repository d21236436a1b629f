/* rfc3339: dates and times to and from milliseconds UTC, without the C library's calendar.
 *
 * DESIGN. The civil conversions count years from March, so that the leap day is the last of its
 * year, and work within 400-year eras of 146,097 days (the method of Howard Hinnant,
 * "chrono-compatible low-level date algorithms"). No table, no loop, exact for every day. The
 * writers fill digits by hand: they run several times for each event of an answer. */
#include "core/base/rfc3339.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/floor.h"
#include "core/base/text.h"

enum { ERA_DAYS = 146097, ERA_YEARS = 400, EPOCH_DAYS = 719468 /* 0000-03-01 to 1970-01-01 */ };

static const int64_t first_ms = INT64_C(-62135596800000); /* 0001-01-01T00:00:00Z */
static const int64_t last_ms = INT64_C(253402300799999);  /* 9999-12-31T23:59:59.999Z */

int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = floor_div(y, ERA_YEARS);
    int64_t year_of_era = y - era * ERA_YEARS;
    int64_t month_from_march = month > 2 ? month - 3 : month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + day_of_era - EPOCH_DAYS;
}

void civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
    int64_t z = days + EPOCH_DAYS;
    int64_t era = floor_div(z, ERA_DAYS);
    int64_t day_of_era = z - era * ERA_DAYS;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *ret_year = (int)(year_of_era + era * ERA_YEARS + (month <= 2));
    *ret_month = month;
    *ret_day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
}

bool rfc3339_date(struct span s, int64_t *ret_days)
{
    if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-')
        return false;
    int year = text_digits(s.p, 4), month = text_digits(s.p + 5, 2), day = text_digits(s.p + 8, 2);
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
        return false;
    *ret_days = days_from_civil(year, month, day);
    return true;
}

/* The milliseconds of ".fff…" at the start of *s, which moves behind it; -1 for a bare point. */
static int take_fraction_ms(struct span *s)
{
    if (s->n == 0 || s->p[0] != '.')
        return 0;
    int ms = 0;
    size_t i = 1;
    for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
        static const int weight[] = {0, 100, 10, 1};
        if (i < 4)
            ms += (s->p[i] - '0') * weight[i];
    }
    if (i == 1)
        return -1;
    s->p += i;
    s->n -= i;
    return ms;
}

/* "Z" or "+hh:mm", the whole of s. */
static bool read_offset(struct span s, int32_t *ret_offset_s)
{
    if (s.n == 1 && (s.p[0] == 'Z' || s.p[0] == 'z')) {
        *ret_offset_s = 0;
        return true;
    }
    if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':')
        return false;
    int hours = text_digits(s.p + 1, 2), minutes = text_digits(s.p + 4, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    int32_t offset = hours * 3600 + minutes * 60;
    *ret_offset_s = s.p[0] == '-' ? -offset : offset;
    return true;
}

bool rfc3339_time(struct span s, int64_t *ret_ms, int32_t *ret_offset_s, bool *local)
{
    int64_t days;
    if (s.n < 19 || (s.p[10] != 'T' && s.p[10] != 't') || s.p[13] != ':' || s.p[16] != ':' ||
        !rfc3339_date((struct span){s.p, 10}, &days))
        return false;
    int hour = text_digits(s.p + 11, 2), minute = text_digits(s.p + 14, 2),
        second = text_digits(s.p + 17, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return false;
    struct span rest = {s.p + 19, s.n - 19};
    int ms = take_fraction_ms(&rest);
    int32_t offset = 0;
    bool floating = rest.n == 0;
    if (ms < 0 || (floating ? !local : !read_offset(rest, &offset)))
        return false;
    if (second == 60)
        second = 59;
    int64_t seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset;
    *ret_ms = seconds * 1000 + ms;
    if (ret_offset_s)
        *ret_offset_s = offset;
    if (local)
        *local = floating;
    return true;
}

static char *put2(char *p, int value)
{
    p[0] = (char)('0' + value / 10);
    p[1] = (char)('0' + value % 10);
    return p + 2;
}

static char *put_date(char *p, int64_t days)
{
    int year, month, day;
    civil_from_days(days, &year, &month, &day);
    p = put2(p, year / 100);
    p = put2(p, year % 100);
    *p++ = '-';
    p = put2(p, month);
    *p++ = '-';
    return put2(p, day);
}

static char *put_clock(char *p, int seconds_of_day)
{
    p = put2(p, seconds_of_day / 3600);
    *p++ = ':';
    p = put2(p, seconds_of_day / 60 % 60);
    *p++ = ':';
    return put2(p, seconds_of_day % 60);
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static int finish(const char *out, char *p)
{
    *p = '\0';
    return (int)(p - out);
}

int rfc3339_write_date(char out[RFC3339_MAX], int64_t days)
{
    days = clamp(days, floor_div(first_ms, DAY_MS), floor_div(last_ms, DAY_MS));
    return finish(out, put_date(out, days));
}

/* "2026-03-29T02:30:00" of a time that is in range. */
static char *put_time(char *p, int64_t ms)
{
    int64_t days = floor_div(ms, DAY_MS);
    p = put_date(p, days);
    *p++ = 'T';
    return put_clock(p, (int)((ms - days * DAY_MS) / 1000));
}

int rfc3339_write(char out[RFC3339_MAX], int64_t ms, int32_t offset_s)
{
    /* RFC 3339 has no seconds in an offset; the instant stays exact without them. */
    offset_s = (int32_t)clamp(offset_s - offset_s % 60, -86340, 86340);
    ms = clamp(ms, first_ms, last_ms);
    char *p = put_time(out, clamp(ms + offset_s * INT64_C(1000), first_ms, last_ms));
    if (offset_s == 0) {
        *p++ = 'Z';
        return finish(out, p);
    }
    int minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    *p++ = offset_s < 0 ? '-' : '+';
    p = put2(p, minutes / 60);
    *p++ = ':';
    return finish(out, put2(p, minutes % 60));
}

int rfc3339_write_ms(char out[RFC3339_MAX], int64_t ms)
{
    ms = clamp(ms, first_ms, last_ms);
    int fraction = (int)(ms - floor_s(ms) * 1000);
    char *p = put_time(out, ms);
    *p++ = '.';
    *p++ = (char)('0' + fraction / 100);
    p = put2(p, fraction % 100);
    *p++ = 'Z';
    return finish(out, p);
}

int rfc3339_write_http(char out[RFC3339_MAX], int64_t ms)
{
    static const char weekdays[7][6] = {"Thu, ", "Fri, ", "Sat, ", "Sun, ",
                                        "Mon, ", "Tue, ", "Wed, "}; /* 1970-01-01 was a Thursday */
    static const char months[12][6] = {" Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ",
                                       " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec "};
    ms = clamp(ms, first_ms, last_ms);
    int64_t days = floor_div(ms, DAY_MS);
    int year, month, day;
    civil_from_days(days, &year, &month, &day);
    char *p = mempcpy(out, weekdays[days - floor_div(days, 7) * 7], 5);
    p = put2(p, day);
    p = mempcpy(p, months[month - 1], 5);
    p = put2(p, year / 100);
    p = put2(p, year % 100);
    *p++ = ' ';
    p = put_clock(p, (int)((ms - days * DAY_MS) / 1000));
    return finish(out, mempcpy(p, " GMT", 4));
}
