/* timetext: dates and times as Google writes them. */
#include "tests/emulator/zone.h"

#include <stdio.h>
#include <string.h>

static bool digits(const char *s, int n, int *ret)
{
    int v = 0;
    for (int i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return false;
        }
        v = v * 10 + s[i] - '0';
    }
    *ret = v;
    return true;
}

static bool date_prefix(const char *s, int64_t *ret_days)
{
    int y, m, d, y2, m2, d2;
    if (strnlen(s, 10) < 10 || !digits(s, 4, &y) || s[4] != '-' || !digits(s + 5, 2, &m) ||
        s[7] != '-' || !digits(s + 8, 2, &d) || y < 1 || m < 1 || m > 12 || d < 1) {
        return false;
    }
    int64_t days = days_of_date(y, m, d);
    date_of_days(days, &y2, &m2, &d2);
    *ret_days = days;
    return y == y2 && m == m2 && d == d2;
}

bool date_parse(const char *s, int64_t *ret_days)
{
    return strlen(s) == 10 && date_prefix(s, ret_days);
}

/* "Z", "+hh:mm", "+hhmm" or "+hh"; the whole rest of the text. */
static bool offset_parse(const char *s, int32_t *ret)
{
    int h, m = 0;
    if ((*s == 'Z' || *s == 'z') && s[1] == '\0') {
        *ret = 0;
        return true;
    }
    if ((*s != '+' && *s != '-') || strlen(s) < 3 || !digits(s + 1, 2, &h)) {
        return false;
    }
    const char *rest = s + 3;
    rest += *rest == ':';
    if (*rest && (strlen(rest) != 2 || !digits(rest, 2, &m))) {
        return false;
    }
    *ret = (h * 60 + m) * (*s == '-' ? -60 : 60);
    return h < 24 && m < 60;
}

bool time_parse(const char *s, int64_t *ret_ms, bool *ret_wall)
{
    int64_t days;
    int h, m, sec, frac = 0, unit = 100;
    int32_t offset = 0;
    if (!date_prefix(s, &days) || strlen(s) < 19 || (s[10] != 'T' && s[10] != 't') ||
        !digits(s + 11, 2, &h) || s[13] != ':' || !digits(s + 14, 2, &m) || s[16] != ':' ||
        !digits(s + 17, 2, &sec) || h > 23 || m > 59 || sec > 60) {
        return false;
    }
    const char *rest = s + 19;
    if (*rest == '.') {
        for (rest++; *rest >= '0' && *rest <= '9'; rest++) {
            frac += (*rest - '0') * unit;
            unit /= 10;
        }
    }
    bool wall = *rest == '\0';
    if ((wall && ret_wall == NULL) || (!wall && !offset_parse(rest, &offset))) {
        return false;
    }
    if (ret_wall != NULL) {
        *ret_wall = wall;
    }
    *ret_ms = (days * 86400 + h * 3600 + m * 60 + (sec > 59 ? 59 : sec) - offset) * 1000 + frac;
    return true;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return (a >= 0 ? a : a - b + 1) / b;
}

struct parts {
    int year, month, day, hour, minute, second;
    int64_t days;
};

static struct parts parts_of(int64_t wall_s)
{
    struct parts p = {.days = floor_div(wall_s, 86400)};
    int rest = (int)(wall_s - p.days * 86400);
    date_of_days(p.days, &p.year, &p.month, &p.day);
    p.hour = rest / 3600;
    p.minute = rest / 60 % 60;
    p.second = rest % 60;
    return p;
}

void date_write(char out[TIME_TEXT_MAX], int64_t days)
{
    struct parts p = parts_of(days * 86400);
    snprintf(out, TIME_TEXT_MAX, "%04d-%02d-%02d", p.year, p.month, p.day);
}

void time_write(char out[TIME_TEXT_MAX], int64_t utc_ms, const struct zone *z)
{
    int64_t s = floor_div(utc_ms, 1000);
    /* Local mean times have seconds, which RFC 3339 cannot say: round towards zero. */
    int32_t offset = z ? zone_offset(z, s) / 60 * 60 : 0;
    struct parts p = parts_of(s + offset);
    int n = snprintf(out, TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", p.year, p.month, p.day,
                     p.hour, p.minute, p.second);
    if (offset == 0) {
        snprintf(out + n, TIME_TEXT_MAX - (size_t)n, "Z");
    } else {
        int32_t size = offset < 0 ? -offset : offset;
        snprintf(out + n, TIME_TEXT_MAX - (size_t)n, "%c%02d:%02d", offset < 0 ? '-' : '+',
                 size / 3600, size / 60 % 60);
    }
}

void time_write_ms(char out[TIME_TEXT_MAX], int64_t utc_ms)
{
    int64_t s = floor_div(utc_ms, 1000);
    struct parts p = parts_of(s);
    snprintf(out, TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", p.year, p.month, p.day,
             p.hour, p.minute, p.second, (int)(utc_ms - s * 1000));
}

void time_write_stamp(char out[TIME_TEXT_MAX], int64_t utc_ms)
{
    struct parts p = parts_of(floor_div(utc_ms, 1000));
    snprintf(out, TIME_TEXT_MAX, "%04d%02d%02dT%02d%02d%02dZ", p.year, p.month, p.day, p.hour,
             p.minute, p.second);
}

void time_write_http(char out[TIME_TEXT_MAX], int64_t utc_ms)
{
    static const char DAYS[7][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char MONTHS[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct parts p = parts_of(floor_div(utc_ms, 1000));
    snprintf(out, TIME_TEXT_MAX, "%s, %02d %s %04d %02d:%02d:%02d GMT", DAYS[(p.days % 7 + 7) % 7],
             p.day, MONTHS[p.month - 1], p.year, p.hour, p.minute, p.second);
}
