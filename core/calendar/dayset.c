/* dayset: which days of a year, month, week or day a rule names. */
#include "core/calendar/dayset.h"

#include <string.h>

#include "core/base/rfc3339.h"

static void set_bit(uint64_t *bits, int i)
{
    bits[i / 64] |= (uint64_t)1 << i % 64;
}

/* The days of one week day among `len` days that begin on `first_weekday`: numbered from either
 * end. */
static void add_nth(uint64_t *bits, const struct rrule *r, int weekday, int first_weekday, int len)
{
    int first = (weekday - first_weekday + 7) % 7;
    int last = first + (len - 1 - first) / 7 * 7;

    for (uint64_t m = r->nth[weekday]; m; m &= m - 1) {
        int i = first + 7 * (__builtin_ctzll(m) - 1);
        if (i < len)
            set_bit(bits, i);
    }
    for (uint64_t m = r->nth_neg[weekday]; m; m &= m - 1) {
        int i = last - 7 * (__builtin_ctzll(m) - 1);
        if (i >= 0)
            set_bit(bits, i);
    }
}

/* BYDAY, numbered and plain days added up. */
static void add_weekdays(uint64_t *bits, const struct rrule *r, int first_weekday, int len)
{
    for (int w = 0; w < 7; w++) {
        if (r->has_nth)
            add_nth(bits, r, w, first_weekday, len);
        if (r->by_weekday & 1 << w) {
            for (int i = (w - first_weekday + 7) % 7; i < len; i += 7)
                set_bit(bits, i);
        }
    }
}

/* BYMONTHDAY and, when `weekdays`, BYDAY within one month. */
static uint64_t month_bits(const struct rrule *r, int len, int first_weekday, bool weekdays)
{
    uint64_t set = ((uint64_t)1 << len) - 1;

    if (r->by_monthday || r->by_monthday_neg) {
        uint64_t named = r->by_monthday >> 1;
        for (uint32_t m = r->by_monthday_neg; m; m &= m - 1) {
            int i = len - __builtin_ctz(m);
            if (i >= 0)
                named |= (uint64_t)1 << i;
        }
        set &= named;
    }
    if (weekdays && (r->by_weekday || r->has_nth)) {
        uint64_t named = 0;
        add_weekdays(&named, r, first_weekday, len);
        set &= named;
    }
    return set;
}

static int64_t first_week(int year, int wkst) /* its first day: the week with 4 January in it */
{
    int64_t jan4 = days_from_civil(year, 1, 4);

    return jan4 - (dayset_weekday(jan4) - wkst + 7) % 7;
}

static bool weekno_ok(const struct rrule *r, int year, int64_t day)
{
    int64_t first = first_week(year, r->wkst);
    int64_t next;
    int week, weeks;

    if (day < first) {
        next = first;
        first = first_week(year - 1, r->wkst);
    } else {
        next = first_week(year + 1, r->wkst);
        if (day >= next) {
            first = next;
            next = first_week(year + 2, r->wkst);
        }
    }
    week = (int)((day - first) / 7) + 1;
    weeks = (int)((next - first) / 7);
    return (r->by_weekno >> week & 1) || (r->by_weekno_neg >> (weeks + 1 - week) & 1);
}

static bool yearday_ok(const struct rrule *r, int index, int year_days)
{
    int back = year_days - 1 - index;

    return (r->by_yearday.pos[index / 64] >> index % 64 & 1) ||
           (r->by_yearday.neg[back / 64] >> back % 64 & 1);
}

/* Takes out what BYYEARDAY and BYWEEKNO do not name. `offset` is the first day's index in its year.
 */
static void filter(struct dayset *s, const struct rrule *r, int year, int offset, int len)
{
    if (r->by_yearday.some) {
        for (int i = dayset_next(s, 0); i >= 0; i = dayset_next(s, i + 1)) {
            if (!yearday_ok(r, offset + i, year_is_leap(year) ? 366 : 365))
                s->bits[i / 64] &= ~((uint64_t)1 << i % 64);
        }
    }
    if (r->by_weekno || r->by_weekno_neg) {
        for (int i = 0; i < len;) {
            int end = i + 7 - (dayset_weekday(s->first + i) - r->wkst + 7) % 7;
            bool ok = weekno_ok(r, year, s->first + i);
            for (; i < end && i < len; i++) {
                if (!ok)
                    s->bits[i / 64] &= ~((uint64_t)1 << i % 64);
            }
        }
    }
}

void dayset_of_year(struct dayset *ret, const struct rrule *r, int year)
{
    int len = year_is_leap(year) ? 366 : 365;
    bool in_month = !r->has_nth || r->by_month; /* else numbers in BYDAY count within the year */
    int at = 0;

    ret->first = days_from_civil(year, 1, 1);
    ret->words = DAYSET_WORDS;
    memset(ret->bits, 0, sizeof(ret->bits));
    for (int m = 1; m <= 12; m++) {
        int days = days_of_month(year, m);
        if (!r->by_month || r->by_month & 1 << m) {
            uint64_t bits = month_bits(r, days, dayset_weekday(ret->first + at), in_month);
            ret->bits[at / 64] |= bits << at % 64;
            if (at % 64 + days > 64)
                ret->bits[at / 64 + 1] |= bits >> (64 - at % 64);
        }
        at += days;
    }
    if (!in_month) {
        uint64_t named[DAYSET_WORDS] = {0};
        add_weekdays(named, r, dayset_weekday(ret->first), len);
        for (int i = 0; i < DAYSET_WORDS; i++)
            ret->bits[i] &= named[i];
    }
    filter(ret, r, year, 0, len);
}

void dayset_of_month(struct dayset *ret, const struct rrule *r, int year, int month)
{
    int len = days_of_month(year, month);

    ret->first = days_from_civil(year, month, 1);
    ret->words = 1;
    ret->bits[0] = 0;
    if (r->by_month && !(r->by_month & 1 << month))
        return;
    ret->bits[0] = month_bits(r, len, dayset_weekday(ret->first), true);
    if (r->by_yearday.some || r->by_weekno || r->by_weekno_neg)
        filter(ret, r, year, (int)(ret->first - days_from_civil(year, 1, 1)), len);
}

bool dayset_has_day(const struct rrule *r, int64_t day)
{
    int year, month, mday;

    if (r->by_weekday && !(r->by_weekday & 1 << dayset_weekday(day)))
        return false;
    if (!r->by_month && !r->by_monthday && !r->by_monthday_neg && !r->by_yearday.some &&
        !r->by_weekno && !r->by_weekno_neg)
        return true;
    civil_from_days(day, &year, &month, &mday);
    if (r->by_month && !(r->by_month & 1 << month))
        return false;
    if ((r->by_monthday || r->by_monthday_neg) && !(r->by_monthday >> mday & 1) &&
        !(r->by_monthday_neg >> (days_of_month(year, month) + 1 - mday) & 1))
        return false;
    if (r->by_yearday.some &&
        !yearday_ok(r, (int)(day - days_from_civil(year, 1, 1)), year_is_leap(year) ? 366 : 365))
        return false;
    return (!r->by_weekno && !r->by_weekno_neg) || weekno_ok(r, year, day);
}

void dayset_of_week(struct dayset *ret, const struct rrule *r, int64_t first)
{
    ret->first = first;
    ret->words = 1;
    ret->bits[0] = 0;
    for (int i = 0; i < 7; i++) {
        if (dayset_has_day(r, first + i))
            ret->bits[0] |= (uint64_t)1 << i;
    }
}

int dayset_next(const struct dayset *s, int from)
{
    for (unsigned w = (unsigned)from / 64; w < s->words; w++) {
        uint64_t m = s->bits[w];
        if (w == (unsigned)from / 64)
            m &= ~(uint64_t)0 << from % 64;
        if (m)
            return (int)w * 64 + __builtin_ctzll(m);
    }
    return -1;
}

int dayset_count(const struct dayset *s)
{
    int n = 0;

    for (unsigned w = 0; w < s->words; w++)
        n += __builtin_popcountll(s->bits[w]);
    return n;
}

int dayset_count_below(const struct dayset *s, int index)
{
    int n = 0;

    for (int w = 0; w < index / 64; w++)
        n += __builtin_popcountll(s->bits[w]);
    if (index % 64)
        n += __builtin_popcountll(s->bits[index / 64] & (((uint64_t)1 << index % 64) - 1));
    return n;
}

int dayset_nth(const struct dayset *s, int n)
{
    int base = 0;
    uint64_t m;

    for (unsigned w = 0;; w++) {
        int here = __builtin_popcountll(s->bits[w]);
        if (n < here) {
            m = s->bits[w];
            break;
        }
        n -= here;
        base += 64;
    }
    while (n--)
        m &= m - 1;
    return base + __builtin_ctzll(m);
}
