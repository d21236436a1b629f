/* stamp: iCalendar's compact dates, times and durations. */
#include "core/calendar/stamp.h"

#include "core/base/rfc3339.h"
#include "core/base/text.h"

static bool read_date(const char *p, int64_t *ret_days)
{
    int y = text_digits(p, 4), m = text_digits(p + 4, 2), d = text_digits(p + 6, 2);
    int y2, m2, d2;
    int64_t days;

    if (y < 1 || m < 1 || m > 12 || d < 1 || d > 31)
        return false;
    days = days_from_civil(y, m, d);
    civil_from_days(days, &y2, &m2, &d2);
    if (d2 != d)
        return false;
    *ret_days = days;
    return true;
}

bool stamp_read(struct stamp *ret, struct span s)
{
    struct stamp v = {.kind = STAMP_DATE};
    int64_t days;
    int h, m, sec;

    if (s.n < 8 || !read_date(s.p, &days))
        return false;
    v.s = days * 86400;
    if (s.n > 8) {
        if ((s.n != 15 && s.n != 16) || (s.p[8] != 'T' && s.p[8] != 't'))
            return false;
        h = text_digits(s.p + 9, 2);
        m = text_digits(s.p + 11, 2);
        sec = text_digits(s.p + 13, 2);
        if (h < 0 || h > 23 || m < 0 || m > 59 || sec < 0 || sec > 60)
            return false;
        v.kind = STAMP_LOCAL;
        if (s.n == 16) {
            if (s.p[15] != 'Z' && s.p[15] != 'z')
                return false;
            v.kind = STAMP_UTC;
        }
        v.s += h * 3600 + m * 60 + (sec == 60 ? 59 : sec);
    }
    *ret = v;
    return true;
}

bool stamp_read_duration(int64_t *ret_s, struct span s)
{
    static const struct {
        char letter;
        bool time; /* only after the T */
        int32_t seconds;
    } units[] = {{'W', false, 604800},
                 {'D', false, 86400},
                 {'H', true, 3600},
                 {'M', true, 60},
                 {'S', true, 1}};
    size_t next = 0; /* units come in this order, each once */
    bool in_time = false;
    int64_t sum = 0;

    if (s.n && s.p[0] == '+')
        s.p++, s.n--;
    if (s.n < 3 || (s.p[0] | 0x20) != 'p')
        return false;
    s.p++, s.n--;
    while (s.n) {
        int64_t v = 0;
        size_t n = 0;

        if (!in_time && (s.p[0] | 0x20) == 't') {
            in_time = true;
            s.p++, s.n--;
        }
        for (; n < s.n && n < 9 && s.p[n] >= '0' && s.p[n] <= '9'; n++)
            v = v * 10 + (s.p[n] - '0');
        if (n == 0 || n == s.n)
            return false;
        while (next < 5 && (units[next].letter != (s.p[n] & ~0x20) || units[next].time != in_time))
            next++;
        if (next == 5)
            return false;
        sum += v * units[next++].seconds;
        s.p += n + 1, s.n -= n + 1;
    }
    *ret_s = sum;
    return true;
}

int stamp_write(char out[STAMP_MAX], struct stamp stamp)
{
    static const unsigned char kept[] = {0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 14, 15, 17, 18, 19};
    char text[RFC3339_MAX]; /* "2026-03-29T02:30:00Z" */
    int n = stamp.kind == STAMP_DATE ? 8 : stamp.kind == STAMP_LOCAL ? 15 : 16;

    (void)rfc3339_write(text, stamp.s * 1000, 0);
    for (int i = 0; i < n; i++)
        out[i] = text[kept[i]];
    out[n] = '\0';
    return n;
}
