/* rrule: one recurrence rule (RFC 5545 §3.3.10), parsed into sets. */
#include "core/calendar/rrule.h"

#include <stddef.h>
#include <string.h>

static const char *const freq_names[] = {"SECONDLY", "MINUTELY", "HOURLY", "DAILY",
                                         "WEEKLY",   "MONTHLY",  "YEARLY"};
static const char *const weekday_names[] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};

/* Cuts the text up to `sep` off the front of *rest; false when nothing is left. */
static bool take_item(struct span *rest, char sep, struct span *ret)
{
    const char *end;

    if (!rest->p)
        return false;
    end = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
    *ret = (struct span){rest->p, end ? (size_t)(end - rest->p) : rest->n};
    *rest = end ? (struct span){end + 1, rest->n - ret->n - 1} : (struct span){0};
    return true;
}

/* A signed number at the front; returns how many bytes it has, 0 for none or too long. */
static size_t read_int(struct span s, int *ret)
{
    size_t i = s.n && (s.p[0] == '+' || s.p[0] == '-');
    size_t first = i;
    int v = 0;

    for (; i < s.n && i < first + 4 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        v = v * 10 + (s.p[i] - '0');
    if (i == first)
        return 0;
    *ret = s.p[0] == '-' ? -v : v;
    return i;
}

static enum rc read_freq(struct rrule *r, struct span v, struct err *e)
{
    for (int i = RRULE_SECONDLY; i <= RRULE_YEARLY; i++) {
        if (span_is_word(v, freq_names[i])) {
            r->freq = (enum rrule_freq)i;
            return RC_OK;
        }
    }
    return err_set(e, RC_BADDATA, "\"%.*s\" is no frequency", (int)(v.n < 40 ? v.n : 40), v.p);
}

/* A positive number, however many digits it has. */
static bool read_positive(struct span v, int64_t *ret)
{
    int64_t sum = 0;

    if (v.n && v.p[0] == '+')
        v.p++, v.n--;
    if (v.n == 0)
        return false;
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] < '0' || v.p[i] > '9')
            return false;
        if (sum <= RRULE_INTERVAL_MAX)
            sum = sum * 10 + (v.p[i] - '0');
    }
    *ret = sum < RRULE_INTERVAL_MAX ? sum : RRULE_INTERVAL_MAX;
    return sum > 0;
}

static enum rc read_interval(struct rrule *r, struct span v, struct err *e)
{
    if (!read_positive(v, &r->interval))
        return err_set(e, RC_BADDATA, "not a positive number");
    return RC_OK;
}

static enum rc read_count(struct rrule *r, struct span v, struct err *e)
{
    if (!read_positive(v, &r->count))
        return err_set(e, RC_BADDATA, "not a positive number");
    return RC_OK;
}

static enum rc read_until(struct rrule *r, struct span v, struct err *e)
{
    if (!stamp_read(&r->until, v))
        return err_set(e, RC_BADDATA, "not a date or time");
    r->has_until = true;
    return RC_OK;
}

static enum rc read_weekday(struct span v, uint8_t *ret, struct err *e)
{
    for (uint8_t i = 0; i < 7; i++) {
        if (span_is_word(v, weekday_names[i])) {
            *ret = i;
            return RC_OK;
        }
    }
    return err_set(e, RC_BADDATA, "\"%.*s\" is no day of the week", (int)(v.n < 8 ? v.n : 8), v.p);
}

static enum rc read_wkst(struct rrule *r, struct span v, struct err *e)
{
    return read_weekday(v, &r->wkst, e);
}

static enum rc read_byday(struct rrule *r, struct span v, struct err *e)
{
    struct span item;
    uint8_t day = 0;

    while (take_item(&v, ',', &item)) {
        int n = 0;
        size_t used = read_int(item, &n);
        enum rc rc = read_weekday((struct span){item.p + used, item.n - used}, &day, e);
        if (rc != RC_OK)
            return rc;
        if (used && (n == 0 || n < -53 || n > 53))
            return err_set(e, RC_BADDATA, "%d is out of range", n);
        if (n > 0)
            r->nth[day] |= (uint64_t)1 << n;
        else if (n < 0)
            r->nth_neg[day] |= (uint64_t)1 << -n;
        else
            r->by_weekday |= (uint8_t)(1 << day);
        r->has_nth |= n != 0;
    }
    return RC_OK;
}

/* The parts that are lists of numbers. Numbers below zero go to `neg` (its size 0: there are none).
 */
static const struct list_part {
    const char *name;
    int lo, hi;
    size_t pos, neg;
    size_t bytes; /* of each set; 0: struct rrule_days at `pos` */
} list_parts[] = {
#define SET(name, lo, hi, field)                                                           \
    {                                                                                      \
        name, lo, hi, offsetof(struct rrule, field), 0, sizeof(((struct rrule *)0)->field) \
    }
#define SETS(name, hi, field, field_neg)                                               \
    {                                                                                  \
        name, 1, hi, offsetof(struct rrule, field), offsetof(struct rrule, field_neg), \
            sizeof(((struct rrule *)0)->field)                                         \
    }
    SET("BYSECOND", 0, 60, by_second),
    SET("BYMINUTE", 0, 59, by_minute),
    SET("BYHOUR", 0, 23, by_hour),
    SET("BYMONTH", 1, 12, by_month),
    SETS("BYMONTHDAY", 31, by_monthday, by_monthday_neg),
    SETS("BYWEEKNO", 53, by_weekno, by_weekno_neg),
    {"BYYEARDAY", 1, 366, offsetof(struct rrule, by_yearday), 0, 0},
    {"BYSETPOS", 1, 366, offsetof(struct rrule, by_setpos), 0, 0},
};

static void set_bit(struct rrule *r, const struct list_part *part, int n)
{
    char *set = (char *)r + (n < 0 && part->bytes ? part->neg : part->pos);
    int bit = n < 0 ? -n : n;

    switch (part->bytes) {
    case 0: {
        struct rrule_days *days = (struct rrule_days *)set;
        uint64_t *words = n < 0 ? days->neg : days->pos;
        words[(bit - 1) / 64] |= (uint64_t)1 << (bit - 1) % 64;
        days->some = true;
        break;
    }
    case sizeof(uint16_t):
        *(uint16_t *)set |= (uint16_t)(1u << bit);
        break;
    case sizeof(uint32_t):
        *(uint32_t *)set |= (uint32_t)1 << bit;
        break;
    default:
        *(uint64_t *)set |= (uint64_t)1 << (part->hi == 60 && bit == 60 ? 59 : bit);
    }
}

static enum rc read_list(struct rrule *r, const struct list_part *part, struct span v,
                         struct err *e)
{
    bool negative = part->bytes == 0 || part->neg != 0;
    struct span item;

    while (take_item(&v, ',', &item)) {
        int n;
        if (item.n == 0 || read_int(item, &n) != item.n)
            return err_set(e, RC_BADDATA, "\"%.*s\" is no number", (int)(item.n < 20 ? item.n : 20),
                           item.p);
        if ((n < part->lo || n > part->hi) && !(negative && n < 0 && n >= -part->hi))
            return err_set(e, RC_BADDATA, "%d is out of range", n);
        set_bit(r, part, n);
    }
    return RC_OK;
}

/* RFC 7529. Only what changes nothing is accepted: another calendar would give other days. */
static enum rc read_rscale(struct rrule *r, struct span v, struct err *e)
{
    (void)r;
    if (!span_is_word(v, "GREGORIAN"))
        return err_set(e, RC_BADDATA, "only GREGORIAN is supported");
    return RC_OK;
}

static enum rc read_skip(struct rrule *r, struct span v, struct err *e)
{
    (void)r;
    if (!span_is_word(v, "OMIT"))
        return err_set(e, RC_BADDATA, "only OMIT is supported");
    return RC_OK;
}

static const struct {
    const char *name;
    enum rc (*read)(struct rrule *r, struct span v, struct err *e);
} parts[] = {
    {"FREQ", read_freq},   {"INTERVAL", read_interval}, {"COUNT", read_count},
    {"UNTIL", read_until}, {"BYDAY", read_byday},       {"WKST", read_wkst},
    {"SKIP", read_skip},   {"RSCALE", read_rscale},
};

#define PARTS      (sizeof(parts) / sizeof(parts[0]))
#define LIST_PARTS (sizeof(list_parts) / sizeof(list_parts[0]))

static enum rc read_part(struct rrule *r, struct span part, unsigned *seen, struct err *e)
{
    const char *eq = memchr(part.p, '=', part.n);
    struct span name = {part.p, eq ? (size_t)(eq - part.p) : part.n};
    struct span value = eq ? (struct span){eq + 1, part.n - name.n - 1} : (struct span){0};
    int shown = (int)(name.n < 40 ? name.n : 40);
    unsigned i;
    enum rc rc;

    if (name.n >= 2 && (name.p[0] | 0x20) == 'x' && name.p[1] == '-')
        return RC_OK;
    for (i = 0; i < PARTS + LIST_PARTS; i++) {
        if (span_is_word(name, i < PARTS ? parts[i].name : list_parts[i - PARTS].name))
            break;
    }
    if (i == PARTS + LIST_PARTS)
        return err_set(e, RC_BADDATA, "\"%.*s\" is no part of a rule", shown, name.p);
    if (*seen & 1u << i)
        return err_set(e, RC_BADDATA, "%.*s is given twice", shown, name.p);
    *seen |= 1u << i;
    if (value.n == 0)
        return err_set(e, RC_BADDATA, "%.*s has no value", shown, name.p);
    rc = i < PARTS ? parts[i].read(r, value, e) : read_list(r, &list_parts[i - PARTS], value, e);
    return rc == RC_OK ? rc : err_prefix(e, rc, "%.*s", shown, name.p);
}

enum rc rrule_parse(struct rrule *ret, struct span value, struct err *e)
{
    struct rrule r = {.interval = 1};
    unsigned seen = 0;
    struct span part;

    while (take_item(&value, ';', &part)) {
        enum rc rc = part.n ? read_part(&r, part, &seen, e) : RC_OK;
        if (rc != RC_OK)
            return rc;
    }
    if (!(seen & 1))
        return err_set(e, RC_BADDATA, "FREQ is missing");
    *ret = r;
    return RC_OK;
}
