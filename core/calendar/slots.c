/* slots: the ascending wall-clock times one rule names from one start on. */
#include "core/calendar/slots.h"

#include "core/base/floor.h"
#include "core/base/rfc3339.h"

/* DESIGN
 * A rule is a row of periods (years, months, weeks, days, hours ...) that are INTERVAL units apart.
 * Each period has a set of days and masks of hours, minutes and seconds; its slots are their
 * product, in order, or what BYSETPOS picks of it by index. So the period a window begins in is one
 * division away, a period's slots can be counted without being walked, and COUNT skips whole
 * periods.
 *
 * HOURLY and finer rules whose INTERVAL fits the next coarser unit are bound as that unit with a
 * mask: "every 15 minutes" is DAILY with four bits of minutes. What is left (every 7 minutes) steps
 * period by period, over days, hours and minutes it does not name in one step. */

#define ALL_60 (((uint64_t)1 << 60) - 1)
#define ALL_24 (((uint32_t)1 << 24) - 1)

/* Number of the period a local time is in. */
static int64_t period_of(const struct rrule *r, int64_t local)
{
    int64_t day = floor_div(local, 86400);
    int y, m, d;

    switch (r->freq) {
    case RRULE_YEARLY:
        civil_from_days(day, &y, &m, &d);
        return y;
    case RRULE_MONTHLY:
        civil_from_days(day, &y, &m, &d);
        return (int64_t)y * 12 + m - 1;
    case RRULE_WEEKLY: /* day -3 was a Monday */
        return floor_div(day + 3 - r->wkst, 7);
    case RRULE_DAILY:
        return day;
    case RRULE_HOURLY:
        return floor_div(local, 3600);
    case RRULE_MINUTELY:
        return floor_div(local, 60);
    case RRULE_SECONDLY:
        return local;
    }
    return local;
}

/* What RFC 5545 takes from the start when the rule does not name it. */
static void fill_days(struct rrule *r, int64_t start)
{
    int64_t day = floor_div(start, 86400);
    bool named = r->by_weekday || r->has_nth || r->by_monthday || r->by_monthday_neg ||
                 r->by_yearday.some || r->by_weekno || r->by_weekno_neg;
    int y, m, d;

    if (r->freq < RRULE_MONTHLY && r->has_nth) { /* numbers mean nothing there */
        for (int w = 0; w < 7; w++) {
            if (r->nth[w] | r->nth_neg[w])
                r->by_weekday |= (uint8_t)(1 << w);
        }
        r->has_nth = false;
    }
    if (named || r->freq < RRULE_WEEKLY)
        return;
    civil_from_days(day, &y, &m, &d);
    if (r->freq == RRULE_WEEKLY)
        r->by_weekday = (uint8_t)(1 << dayset_weekday(day));
    else
        r->by_monthday = (uint32_t)1 << d;
    if (r->freq == RRULE_YEARLY && !r->by_month)
        r->by_month = (uint16_t)(1 << m);
}

/* Numbers below `units` that are `at` plus a multiple of `step`. */
static uint64_t every(int64_t step, int at, int units)
{
    uint64_t mask = 0;

    for (int i = (int)(at % step); i < units; i += (int)step)
        mask |= (uint64_t)1 << i;
    return mask;
}

/* One step up the units if the interval fits: *ret_mask is what of the finer unit stays. */
static bool coarsen(struct rrule *r, int at, int units, uint64_t *ret_mask)
{
    if (r->interval % units == 0) {
        r->interval /= units;
        *ret_mask = (uint64_t)1 << at;
    } else if (units % r->interval == 0) {
        *ret_mask = every(r->interval, at, units);
        r->interval = 1;
    } else {
        return false;
    }
    r->freq++;
    return true;
}

static void bind_times(struct slots_plan *p, int64_t start)
{
    struct rrule *r = &p->rule;
    int tod = (int)(start - floor_div(start, 86400) * 86400);
    int h = tod / 3600, m = tod / 60 % 60, s = tod % 60;
    uint64_t mask;

    p->hours = r->by_hour ? r->by_hour : r->freq <= RRULE_HOURLY ? ALL_24 : (uint32_t)1 << h;
    p->minutes = r->by_minute                ? r->by_minute
                 : r->freq <= RRULE_MINUTELY ? ALL_60
                                             : (uint64_t)1 << m;
    p->seconds = r->by_second                ? r->by_second
                 : r->freq <= RRULE_SECONDLY ? ALL_60
                                             : (uint64_t)1 << s;
    if (r->by_setpos.some) /* it picks within the period as written */
        return;
    if (r->freq == RRULE_SECONDLY && coarsen(r, s, 60, &mask))
        p->seconds &= mask;
    if (r->freq == RRULE_MINUTELY && coarsen(r, m, 60, &mask))
        p->minutes &= mask;
    if (r->freq == RRULE_HOURLY && coarsen(r, h, 24, &mask))
        p->hours &= (uint32_t)mask;
}

static bool is_steady(const struct slots_plan *p)
{
    const struct rrule *r = &p->rule;

    if (r->by_setpos.some || r->by_month || r->by_yearday.some || r->by_weekno || r->by_weekno_neg)
        return false;
    if (r->freq == RRULE_MONTHLY)
        return !r->by_weekday && !r->has_nth && !r->by_monthday_neg && r->by_monthday >> 29 == 0;
    if (r->freq == RRULE_YEARLY || r->by_monthday || r->by_monthday_neg)
        return false;
    if (r->freq == RRULE_WEEKLY)
        return true;
    if (r->by_weekday)
        return false;
    return r->freq == RRULE_DAILY || (!r->by_hour && (r->freq == RRULE_HOURLY || !r->by_minute) &&
                                      (r->freq != RRULE_SECONDLY || !r->by_second));
}

enum rc slots_bind(struct slots_plan *ret, const struct rrule *rule, int64_t start, bool all_day,
                   struct err *e)
{
    struct slots_plan *p = ret;
    struct dayset week;

    if (all_day && rule->freq < RRULE_DAILY)
        return err_set(e, RC_BADDATA, "an all-day series can not repeat within the day");
    *p = (struct slots_plan){.rule = *rule, .start = start};
    if (all_day)
        p->rule.by_hour = 0, p->rule.by_minute = p->rule.by_second = 0;
    fill_days(&p->rule, start);
    bind_times(p, start);
    p->base = period_of(&p->rule, start);
    p->steady = is_steady(p);
    if (p->rule.freq == RRULE_WEEKLY && p->steady && !p->rule.has_nth) {
        dayset_of_week(&week, &p->rule, p->rule.wkst - 3);
        p->week = (uint8_t)week.bits[0];
    }
    return RC_OK;
}

static int bit_from(uint64_t mask, int from)
{
    mask = from > 63 ? 0 : mask & ~(uint64_t)0 << from;
    return mask ? __builtin_ctzll(mask) : -1;
}

static void first_time(struct slots *s)
{
    s->hour = __builtin_ctz(s->hours);
    s->minute = __builtin_ctzll(s->minutes);
    s->second = __builtin_ctzll(s->seconds);
}

/* To the first time of day not before the one given; false: none. */
static bool time_from(struct slots *s, int hour, int minute, int second)
{
    first_time(s);
    s->hour = bit_from(s->hours, hour);
    if (s->hour != hour)
        return s->hour >= 0;
    s->minute = bit_from(s->minutes, minute);
    if (s->minute == minute) {
        s->second = bit_from(s->seconds, second);
        if (s->second >= 0)
            return true;
        s->second = __builtin_ctzll(s->seconds);
        s->minute = bit_from(s->minutes, minute + 1);
    }
    if (s->minute >= 0)
        return true;
    s->minute = __builtin_ctzll(s->minutes);
    s->hour = bit_from(s->hours, hour + 1);
    return s->hour >= 0;
}

static int64_t local_of(const struct slots *s)
{
    return (s->days.first + s->day) * 86400 + s->hour * 3600 + s->minute * 60 + s->second;
}

static int64_t times_a_day(const struct slots *s)
{
    return (int64_t)__builtin_popcount(s->hours) * __builtin_popcountll(s->minutes) *
           __builtin_popcountll(s->seconds);
}

static int nth_bit(uint64_t mask, int64_t n)
{
    while (n--)
        mask &= mask - 1;
    return __builtin_ctzll(mask);
}

/* Makes the index-th slot of the period, BYSETPOS aside, the next one. */
static void go_to_index(struct slots *s, int64_t index)
{
    int seconds = __builtin_popcountll(s->seconds);
    int minutes = __builtin_popcountll(s->minutes);
    int64_t a_day = times_a_day(s);
    int64_t rest = index % a_day;

    s->day = dayset_nth(&s->days, (int)(index / a_day));
    s->second = nth_bit(s->seconds, rest % seconds);
    s->minute = nth_bit(s->minutes, rest / seconds % minutes);
    s->hour = nth_bit(s->hours, rest / seconds / minutes);
}

/* Its inverse for the next slot. */
static int64_t index_of(const struct slots *s)
{
    int seconds = __builtin_popcountll(s->seconds);
    int minutes = __builtin_popcountll(s->minutes);
    int64_t n = dayset_count_below(&s->days, s->day);

    n = n * __builtin_popcount(s->hours) +
        __builtin_popcount(s->hours & (((uint32_t)1 << s->hour) - 1));
    n = n * minutes + __builtin_popcountll(s->minutes & (((uint64_t)1 << s->minute) - 1));
    return n * seconds + __builtin_popcountll(s->seconds & (((uint64_t)1 << s->second) - 1));
}

/* BYSETPOS: the first index >= from that is picked, or -1. */
static int64_t picked_from(const struct slots *s, int64_t from)
{
    const struct rrule_days *set = &s->plan->rule.by_setpos;
    int64_t back =
        s->total - from < 366 ? s->total - from : 366; /* how far from the end, 1 = last */
    int64_t best = -1;

    for (int64_t i = from; i < 366 && i < s->total; i = (i | 63) + 1) {
        uint64_t word = set->pos[i / 64] & ~(uint64_t)0 << i % 64;
        if (word) {
            best = (i & ~(int64_t)63) + __builtin_ctzll(word);
            break;
        }
    }
    if (best >= s->total)
        best = -1;
    for (int64_t i = back - 1; i >= 0; i = (i & ~(int64_t)63) - 1) {
        uint64_t word = set->neg[i / 64] & ~(uint64_t)0 >> (63 - i % 64);
        if (word) {
            i = s->total - (i & ~(int64_t)63) - 64 + __builtin_clzll(word);
            return best < 0 || i < best ? i : best;
        }
    }
    return best;
}

static bool pick(struct slots *s, int64_t from)
{
    s->pos = picked_from(s, from);
    if (s->pos >= 0)
        go_to_index(s, s->pos);
    return s->pos >= 0;
}

/* position() for a `from` behind the period's begin, without BYSETPOS. */
static bool position_within(struct slots *s, int64_t from)
{
    int64_t day = floor_div(from, 86400);
    int tod = (int)(from - day * 86400);

    day -= s->days.first;
    s->day = day < (int64_t)s->days.words * 64 ? dayset_next(&s->days, (int)day) : -1;
    if (s->day == day && time_from(s, tod / 3600, tod / 60 % 60, tod % 60))
        return true;
    if (s->day == day)
        s->day = dayset_next(&s->days, s->day + 1);
    if (s->day >= 0)
        first_time(s);
    return s->day >= 0;
}

/* To the first slot of the loaded period that is >= from; false: it has none. */
static bool position(struct slots *s, int64_t from)
{
    if (s->plan->rule.by_setpos.some) {
        bool found = pick(s, 0);
        while (found && local_of(s) < from)
            found = pick(s, s->pos + 1);
        return found;
    }
    if (from > s->days.first * 86400)
        return position_within(s, from);
    s->day = dayset_next(&s->days, 0);
    if (s->day >= 0)
        first_time(s);
    return s->day >= 0;
}

/* HOURLY and finer: the set of one hour, minute or second. When it is empty *ret_skip is the local
 * time up to which all periods are. */
static void load_part_of_day(struct slots *s, int64_t local, int64_t *ret_skip)
{
    const struct slots_plan *p = s->plan;
    int64_t day = floor_div(local, 86400);
    int tod = (int)(local - day * 86400);

    s->days.words = 1;
    s->days.bits[0] = 0;
    if (s->days.bits[1] == 0 || s->days.first != day) /* the verdict on a day is kept in bits[1] */
        s->days.bits[1] = dayset_has_day(&p->rule, day) ? 1 : 2;
    s->days.first = day;
    s->hours &= (uint32_t)1 << tod / 3600;
    if (p->rule.freq < RRULE_HOURLY)
        s->minutes &= (uint64_t)1 << tod / 60 % 60;
    if (p->rule.freq < RRULE_MINUTELY)
        s->seconds &= (uint64_t)1 << tod % 60;
    if (s->days.bits[1] == 2)
        *ret_skip = (day + 1) * 86400;
    else if (!s->hours)
        *ret_skip = day * 86400 + (tod / 3600 + 1) * 3600;
    else if (!s->minutes)
        *ret_skip = day * 86400 + (tod / 60 + 1) * 60;
    else
        s->days.bits[0] = s->seconds ? 1 : 0;
}

/* Local time a period begins at. */
static int64_t period_begin(const struct rrule *r, int64_t n)
{
    switch (r->freq) {
    case RRULE_YEARLY:
        return n > 9999 ? SLOTS_END : days_from_civil((int)n, 1, 1) * 86400;
    case RRULE_MONTHLY:
        return n >= 120000 ? SLOTS_END
                           : days_from_civil((int)(n / 12), (int)(n % 12) + 1, 1) * 86400;
    case RRULE_WEEKLY:
        return (n * 7 - 3 + r->wkst) * 86400;
    case RRULE_DAILY:
        return n * 86400;
    case RRULE_HOURLY:
        return n * 3600;
    case RRULE_MINUTELY:
        return n * 60;
    case RRULE_SECONDLY:
        return n;
    }
    return n;
}

/* Loads s->period. false: it begins at or after the end. *ret_skip as in load_part_of_day(). */
static bool load(struct slots *s, int64_t *ret_skip)
{
    const struct slots_plan *p = s->plan;
    int64_t begin = period_begin(&p->rule, s->period);

    if (begin >= s->end)
        return false;
    s->hours = p->hours;
    s->minutes = p->minutes;
    s->seconds = p->seconds;
    if (p->rule.freq < RRULE_DAILY) {
        load_part_of_day(s, begin, ret_skip);
    } else if (p->rule.freq == RRULE_YEARLY) {
        dayset_of_year(&s->days, &p->rule, (int)s->period);
    } else if (p->rule.freq == RRULE_MONTHLY) {
        dayset_of_month(&s->days, &p->rule, (int)(s->period / 12), (int)(s->period % 12) + 1);
    } else if (p->rule.freq == RRULE_WEEKLY && !p->week) {
        dayset_of_week(&s->days, &p->rule, begin / 86400);
    } else {
        s->days.first = begin / 86400;
        s->days.words = 1;
        s->days.bits[0] = p->week ? p->week : dayset_has_day(&p->rule, s->days.first);
    }
    return true;
}

/* The first period at or after the one `local` is in that the interval hits. */
static int64_t period_from(const struct slots_plan *p, int64_t local)
{
    int64_t behind = period_of(&p->rule, local) - p->base;

    return p->base + (behind + p->rule.interval - 1) / p->rule.interval * p->rule.interval;
}

/* From s->period on to one that has a slot >= from, and to that slot. */
static void find_period(struct slots *s, int64_t from, int64_t *budget)
{
    for (;;) {
        int64_t skip = INT64_MIN;

        s->live = false;
        if (--*budget < 0 || !load(s, &skip))
            return;
        s->total = s->plan->rule.by_setpos.some ? dayset_count(&s->days) * times_a_day(s) : 0;
        s->live = position(s, from);
        if (s->live)
            return;
        s->period =
            skip == INT64_MIN ? s->period + s->plan->rule.interval : period_from(s->plan, skip);
    }
}

void slots_seek(struct slots *s, const struct slots_plan *plan, int64_t from, int64_t end,
                int64_t *budget)
{
    s->plan = plan;
    s->end = end < SLOTS_END ? end : SLOTS_END;
    s->live = false;
    s->days.bits[1] = 0;
    if (from < plan->start)
        from = plan->start;
    if (from >= s->end || !plan->hours || !plan->minutes || !plan->seconds)
        return;
    s->period = period_from(plan, from);
    find_period(s, from, budget);
}

/* To the next time of the same day; false: there is none. */
static bool next_time(struct slots *s)
{
    s->second = bit_from(s->seconds, s->second + 1);
    if (s->second >= 0)
        return true;
    s->second = __builtin_ctzll(s->seconds);
    s->minute = bit_from(s->minutes, s->minute + 1);
    if (s->minute >= 0)
        return true;
    s->minute = __builtin_ctzll(s->minutes);
    s->hour = bit_from(s->hours, s->hour + 1);
    if (s->hour >= 0)
        return true;
    s->hour = __builtin_ctz(s->hours);
    return false;
}

/* To the next slot of the same period; false: there is none. */
static bool step(struct slots *s)
{
    if (s->plan->rule.by_setpos.some)
        return pick(s, s->pos + 1);
    if (next_time(s))
        return true;
    s->day = dayset_next(&s->days, s->day + 1);
    return s->day >= 0;
}

bool slots_next(struct slots *s, int64_t *ret_local, int64_t *budget)
{
    int64_t local;

    if (!s->live || --*budget < 0)
        return false;
    local = local_of(s);
    if (local >= s->end) {
        s->live = false;
        return false;
    }
    *ret_local = local;
    if (!step(s)) {
        s->period += s->plan->rule.interval;
        find_period(s, local, budget);
    }
    return true;
}

/* Slots of the loaded period from the next one on. Those of BYSETPOS are counted one by one. */
static int64_t slots_left(const struct slots *s, int64_t *budget)
{
    int64_t n = 0;

    if (!s->plan->rule.by_setpos.some)
        return dayset_count(&s->days) * times_a_day(s) - index_of(s);
    for (int64_t i = s->pos; i >= 0; i = picked_from(s, i + 1))
        n++;
    *budget -= n;
    return n;
}

bool slots_names_start(const struct slots_plan *plan)
{
    int64_t budget = 2, local;
    struct slots s;

    slots_seek(&s, plan, plan->start, plan->start + 1, &budget);
    return slots_next(&s, &local, &budget);
}

int64_t slots_count_end(const struct slots_plan *plan, int64_t count, int64_t end, int64_t *budget)
{
    struct slots s;
    int64_t left, skip;

    slots_seek(&s, plan, plan->start, end, budget);
    for (bool whole = false; s.live; whole = true) {
        left = slots_left(&s, budget);
        if (count <= left) {
            if (plan->rule.by_setpos.some) {
                while (--count > 0)
                    pick(&s, s.pos + 1);
            } else {
                go_to_index(&s, index_of(&s) + count - 1);
            }
            return local_of(&s) < s.end ? local_of(&s) + 1 : end;
        }
        count -= left;
        skip = whole && plan->steady ? (count - 1) / left : 0;
        if (skip > RRULE_INTERVAL_MAX / plan->rule.interval)
            return end;
        count -= skip * left;
        s.period += (skip + 1) * plan->rule.interval;
        find_period(&s, plan->start, budget);
    }
    return end;
}
