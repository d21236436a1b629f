/* posixtz: the POSIX TZ rule in a TZif footer and its yearly changes. */
#include "core/calendar/posixtz.h"

#include "core/base/rfc3339.h"

static char peek(const struct span *s)
{
    return s->n ? s->p[0] : '\0';
}

static bool take(struct span *s, char c)
{
    if (peek(s) != c || c == '\0')
        return false;
    s->p++;
    s->n--;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool take_number(struct span *s, int lo, int hi, int *ret)
{
    int v = 0;
    int digits = 0;

    for (; is_digit(peek(s)) && digits < 4; digits++) {
        v = v * 10 + (peek(s) - '0');
        take(s, peek(s));
    }
    if (digits == 0 || v < lo || v > hi)
        return false;
    *ret = v;
    return true;
}

/* Abbreviations name nothing we need: "CET" or "<+0330>". */
static bool skip_name(struct span *s)
{
    int n = 0;

    if (take(s, '<')) {
        for (; peek(s) != '>' && peek(s) != '\0'; n++)
            take(s, peek(s));
        return n > 0 && take(s, '>');
    }
    for (; is_alpha(peek(s)); n++)
        take(s, peek(s));
    return n >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct span *s, int max_hours, int32_t *ret)
{
    int h, m = 0, sec = 0;
    int sign = take(s, '-') ? -1 : 1;

    if (sign == 1)
        take(s, '+');
    if (!take_number(s, 0, max_hours, &h))
        return false;
    if (take(s, ':') && !take_number(s, 0, 59, &m))
        return false;
    if (take(s, ':') && !take_number(s, 0, 59, &sec))
        return false;
    *ret = sign * (h * 3600 + m * 60 + sec);
    return true;
}

static bool take_change(struct span *s, struct posixtz_change *ret)
{
    struct posixtz_change c = {.time_s = 2 * 3600};

    if (!take(s, ','))
        return false;
    if (take(s, 'M')) {
        c.form = 'M';
        if (!take_number(s, 1, 12, &c.month) || !take(s, '.') || !take_number(s, 1, 5, &c.week) ||
            !take(s, '.') || !take_number(s, 0, 6, &c.day))
            return false;
    } else if (take(s, 'J')) {
        c.form = 'J';
        if (!take_number(s, 1, 365, &c.day))
            return false;
    } else {
        c.form = 'N';
        if (!take_number(s, 0, 365, &c.day))
            return false;
    }
    if (take(s, '/') && !take_time(s, 167, &c.time_s))
        return false;
    *ret = c;
    return true;
}

bool posixtz_read(struct posixtz *ret, struct span text)
{
    struct posixtz tz = {0};

    if (!skip_name(&text) || !take_time(&text, 24, &tz.std_s))
        return false;
    tz.std_s = -tz.std_s; /* POSIX counts west */
    if (text.n == 0) {
        *ret = tz;
        return true;
    }
    if (!skip_name(&text))
        return false;
    tz.dst_s = tz.std_s + 3600;
    if (peek(&text) != ',') {
        if (!take_time(&text, 24, &tz.dst_s))
            return false;
        tz.dst_s = -tz.dst_s;
    }
    tz.yearly = true;
    if (!take_change(&text, &tz.to_dst) || !take_change(&text, &tz.to_std) || text.n != 0)
        return false;
    *ret = tz;
    return true;
}

/* Wall time of the change, by the clock in force before it. */
static int64_t change_local(const struct posixtz_change *c, int year)
{
    int64_t day;

    if (c->form == 'M') {
        int64_t first = days_from_civil(year, c->month, 1);
        int64_t next = c->month == 12 ? days_from_civil(year + 1, 1, 1)
                                      : days_from_civil(year, c->month + 1, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday; 0 = Sunday */

        day = first + (c->day - weekday + 7) % 7 + 7 * (c->week - 1);
        while (day >= next)
            day -= 7;
    } else {
        day = days_from_civil(year, 1, 1) + c->day;
        if (c->form == 'J' && !(year_is_leap(year) && c->day >= 60))
            day--;
    }
    return day * 86400 + c->time_s;
}

int64_t posixtz_dst_start(const struct posixtz *tz, int year)
{
    return change_local(&tz->to_dst, year) - tz->std_s;
}

int64_t posixtz_dst_end(const struct posixtz *tz, int year)
{
    return change_local(&tz->to_std, year) - tz->dst_s;
}
