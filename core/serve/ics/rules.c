/* ics_rules: the recurrence of a series as iCalendar says it: RRULE, RDATE, EXDATE.
 *
 * DESIGN. What Google stores is not always what RFC 5545 asks for, and programs differ where it is
 * not. So each line is written in the one form all of them read alike:
 * - A line that the mirror passes over, since it makes no sense, is left out.
 * - UNTIL of a timed series is an instant, in UTC; of an all-day one a date.
 * - COUNT next to UNTIL, or of a rule that does not name its own start (where programs disagree on
 *   whether that counts), becomes an UNTIL; such a start is also an RDATE, so that it is an
 *   instance everywhere.
 * - RDATE and EXDATE come one to a line, in the series' own zone, whatever zone or list they came
 *   in. They are read by a set that has nothing but them, so by the same reader as everywhere.
 * - EXRULE, which RFC 5545 took away, and EXDATE of a day in a timed series become an EXDATE for
 *   each instance that they take away, of the first WALKED instances.
 * - A slot whose exception is not in the feed is an EXDATE; one that has an exception although the
 *   rules do not name it is an RDATE, or programs that go by the rules would never find it. */
#include "core/serve/ics/rules.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/json.h"
#include "core/calendar/slots.h"

#define WALKED 20000  /* instances */
#define BUDGET 200000 /* steps of one walk */
#define DAY    INT64_C(86400)
#define DAY_MS INT64_C(86400000)
#define EXDATE "EXDATE"
#define LINE_IS(line, name) \
    ((line).n > sizeof(name) - 1 && strncasecmp((line).p, name, sizeof(name) - 1) == 0)

bool ics_slots_add(struct ics_slots *s, int64_t slot_s)
{
    if (s->n == s->room) {
        size_t room = s->room ? 2 * s->room : 8;
        int64_t *v = reallocarray(s->v, room, sizeof *v);
        if (!v)
            return false;
        s->v = v;
        s->room = room;
    }
    s->v[s->n++] = slot_s;
    return true;
}

void ics_series_release(struct ics_series *s)
{
    free(s->kept.v);
    free(s->gone.v);
    s->kept = s->gone = (struct ics_slots){0};
}

static int by_number(const void *pa, const void *pb)
{
    int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;
    return (a > b) - (a < b);
}

static void sort(struct ics_slots *s)
{
    if (s->n)
        qsort(s->v, s->n, sizeof *s->v, by_number);
}

static bool has(const struct ics_slots *sorted, int64_t slot_s)
{
    return sorted->n && bsearch(&slot_s, sorted->v, sorted->n, sizeof slot_s, by_number);
}

static int64_t floor_s(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

static int64_t start_slot(const struct ics_series *s)
{
    int64_t at = floor_s(s->start.start_ms);
    return s->clock.all_day ? at - ((at % DAY) + DAY) % DAY : at;
}

/* Wall time to slot. */
static int64_t place(const struct ics_series *s, int64_t local)
{
    return s->clock.all_day ? local : zone_local_to_utc(s->start.zone, local);
}

static bool names_start(const struct slots_plan *plan)
{
    int64_t budget = 2, local;
    struct slots walk;
    slots_seek(&walk, plan, plan->start, plan->start + 1, &budget);
    return slots_next(&walk, &local, &budget);
}

/* The rule's last slot or a moment behind it and before the next; INT64_MAX: it has no end, or none
 * that could be found. */
static int64_t last_slot(const struct ics_series *s, const struct slots_plan *plan, bool on_rule)
{
    const struct rrule *r = &plan->rule;
    int64_t last = INT64_MAX, budget = BUDGET;
    if (r->has_until && (s->clock.all_day || r->until.kind != STAMP_UTC))
        last =
            place(s, r->until.s + (r->until.kind == STAMP_DATE && !s->clock.all_day ? DAY - 1 : 0));
    else if (r->has_until)
        last = r->until.s;
    if (r->count == 0)
        return last;
    int64_t end = slots_count_end(plan, r->count - !on_rule, SLOTS_END, &budget);
    int64_t counted = budget < 0 || end == SLOTS_END ? INT64_MAX : place(s, end - 1);
    return counted < last ? counted : last;
}

/* Is this part of a rule written otherwise, or without meaning? */
static bool is_dropped(struct span part, bool all_day)
{
    static const char *const always[] = {"FREQ=", "UNTIL=", "COUNT=", "RSCALE=", "SKIP=", "X-"};
    static const char *const of_days[] = {"BYHOUR=", "BYMINUTE=", "BYSECOND="};
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        if (strncasecmp(part.p, always[i], strlen(always[i])) == 0)
            return true;
    for (size_t i = 0; all_day && i < sizeof of_days / sizeof of_days[0]; i++)
        if (strncasecmp(part.p, of_days[i], strlen(of_days[i])) == 0)
            return true;
    return part.n == 0;
}

static void add_upper(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.n; i++)
        buf_add_char(out,
                     text.p[i] >= 'a' && text.p[i] <= 'z' ? (char)(text.p[i] - 32) : text.p[i]);
}

static struct span take_part(struct span *value)
{
    const char *semicolon = memchr(value->p, ';', value->n);
    struct span part = {value->p, semicolon ? (size_t)(semicolon - value->p) : value->n};
    value->p += part.n + (semicolon != NULL);
    value->n -= part.n + (semicolon != NULL);
    return part;
}

static void write_until(const struct ics_series *s, int64_t last, struct buf *text)
{
    char stamp[STAMP_MAX];
    struct stamp until = {s->clock.all_day ? STAMP_DATE : STAMP_UTC, last};
    (void)stamp_write(stamp, until);
    buf_printf(text, ";UNTIL=%s", stamp);
}

/* *start_named: some rule names the start. */
static void write_rule(const struct ics_series *s, struct span value, bool *start_named,
                       struct buf *out)
{
    static const char *const freqs[] = {"SECONDLY", "MINUTELY", "HOURLY", "DAILY",
                                        "WEEKLY",   "MONTHLY",  "YEARLY"};
    struct rrule rule;
    struct slots_plan plan;
    struct buf text = {0};
    int64_t start = floor_s(s->start.start_ms);
    int64_t local = s->clock.all_day ? start_slot(s) : start + zone_offset_at(s->start.zone, start);
    if (rrule_parse(&rule, value, NULL) != RC_OK ||
        slots_bind(&plan, &rule, local, s->clock.all_day, NULL) != RC_OK)
        return;
    bool on_rule = names_start(&plan);
    *start_named |= on_rule;
    if (rule.count && rule.count == !on_rule)
        return;
    bool counts = rule.count && on_rule && !rule.has_until;
    int64_t last = counts ? INT64_MAX : last_slot(s, &plan, on_rule);
    buf_printf(&text, "FREQ=%s", freqs[rule.freq]);
    while (value.n) {
        struct span part = take_part(&value);
        if (is_dropped(part, s->clock.all_day))
            continue;
        buf_add_char(&text, ';');
        add_upper(&text, part);
    }
    if (counts)
        buf_printf(&text, ";COUNT=%lld", (long long)rule.count);
    else if (last != INT64_MAX)
        write_until(s, last, &text);
    out->failed |= text.failed;
    ics_put_raw(out, "RRULE", buf_span(&text));
    buf_release(&text);
}

/* The lines of a series' recurrence, one after another. */
struct lines {
    struct json_iter it;
    struct buf text;
};

static bool next_line(struct lines *l, struct span *ret)
{
    struct span value;
    while (json_next(&l->it, NULL, &value)) {
        buf_reset(&l->text);
        if (!json_string(value, &l->text))
            continue;
        struct span line = buf_span(&l->text);
        while (line.n && strchr(" \t\r\n", line.p[0]))
            line.p++, line.n--;
        while (line.n && strchr(" \t\r\n", line.p[line.n - 1]))
            line.n--;
        *ret = line;
        return true;
    }
    return false;
}

static struct lines open_lines(const struct ics_series *s)
{
    return (struct lines){.it = json_iter(json_get(s->master->raw, "recurrence"))};
}

/* A set with the lines of one kind only; EXDATE lines are put in as if they were RDATE.
 * NULL: no memory. */
enum lines_kind { LINES_RDATE, LINES_EXDATE, LINES_NAMING };

static struct recur_set *partial_set(const struct ics_series *s, enum lines_kind kind)
{
    struct recur_set *set = NULL;
    struct lines l = open_lines(s);
    struct buf as_rdate = {0};
    struct span line;
    if (recur_new(&set, &s->start, NULL) != RC_OK)
        return NULL;
    while (next_line(&l, &line)) {
        bool dates = LINE_IS(line, "RDATE"), excluded = LINE_IS(line, EXDATE);
        if (kind == LINES_EXDATE && excluded) {
            buf_reset(&as_rdate);
            buf_add_text(&as_rdate, "RDATE");
            buf_add(&as_rdate, line.p + strlen(EXDATE), line.n - strlen(EXDATE));
            line = buf_span(&as_rdate);
        } else if (!(dates && kind != LINES_EXDATE) &&
                   !(LINE_IS(line, "RRULE") && kind == LINES_NAMING)) {
            continue;
        }
        if (recur_add(set, line, NULL) != RC_OK)
            continue;
    }
    buf_release(&as_rdate);
    buf_release(&l.text);
    if (recur_seal(set, NULL) == RC_OK)
        return set;
    recur_free(set);
    return NULL;
}

/* Does it exclude by other means than instants? */
static bool is_odd(const struct ics_series *s)
{
    struct lines l = open_lines(s);
    struct span line;
    bool odd = false;
    while (!odd && next_line(&l, &line)) {
        const char *colon = memchr(line.p, ':', line.n);
        odd = LINE_IS(line, "EXRULE") || (LINE_IS(line, EXDATE) && !s->clock.all_day && colon &&
                                          !memchr(colon, 'T', line.n - (size_t)(colon - line.p)));
    }
    buf_release(&l.text);
    return odd;
}

static int64_t slot_of(const struct recur_instance *at)
{
    return floor_s(at->slot_ms);
}

/* Adds what the lines that name instances have, and the series has not. */
static bool add_difference(const struct ics_series *s, struct ics_slots *to)
{
    struct recur_set *plain = partial_set(s, LINES_NAMING);
    struct recur_instance have, left = {0};
    bool ok = plain;
    if (!plain)
        return false;
    struct recur_iter *all = recur_open(plain, INT64_MIN, INT64_MAX, BUDGET);
    struct recur_iter *rest = recur_open(s->set, INT64_MIN, INT64_MAX, BUDGET);
    bool some = rest && recur_next(rest, &left);
    for (int i = 0; ok && all && i < WALKED && recur_next(all, &have); i++) {
        if (some && left.slot_ms == have.slot_ms)
            some = recur_next(rest, &left);
        else if (!some || left.slot_ms > have.slot_ms)
            ok = ics_slots_add(to, slot_of(&have));
    }
    (void)!recur_close(all, NULL);
    (void)!recur_close(rest, NULL);
    recur_free(plain);
    return ok;
}

/* Adds the instants of EXDATE lines. */
static bool add_excluded(const struct ics_series *s, struct ics_slots *to)
{
    struct recur_set *dates = partial_set(s, LINES_EXDATE);
    struct recur_instance at;
    bool ok = dates;
    if (!dates)
        return false;
    struct recur_iter *it = recur_open(dates, INT64_MIN, INT64_MAX, INT64_MAX);
    while (ok && it && recur_next(it, &at)) {
        /* A set always has its start. */
        if (slot_of(&at) != start_slot(s) ||
            recur_find_slot(s->set, at.slot_ms, &at, NULL) == RC_NOTFOUND)
            ok = ics_slots_add(to, slot_of(&at));
    }
    (void)!recur_close(it, NULL);
    recur_free(dates);
    return ok;
}

static void write_exdates(struct ics_series *s, struct buf *out)
{
    struct ics_slots all = {0};
    bool ok = add_excluded(s, &all) && (!is_odd(s) || add_difference(s, &all));
    for (size_t i = 0; ok && i < s->gone.n; i++)
        ok = ics_slots_add(&all, s->gone.v[i]);
    sort(&all);
    for (size_t i = 0; i < all.n; i++)
        if ((i == 0 || all.v[i] != all.v[i - 1]) && !has(&s->kept, all.v[i]))
            ics_put_at(out, icalproperty_new_exdate, &s->clock, all.v[i]);
    out->failed |= !ok;
    free(all.v);
}

static bool is_slot(const struct ics_series *s, int64_t slot_s)
{
    struct recur_instance at;
    return recur_find_slot(s->set, slot_s * 1000, &at, NULL) != RC_NOTFOUND;
}

static void write_rdates(const struct ics_series *s, bool start_named, struct buf *out)
{
    struct recur_set *dates = partial_set(s, LINES_RDATE);
    struct recur_instance at;
    int64_t length_ms = s->start.end_ms - s->start.start_ms;
    struct recur_iter *it = dates ? recur_open(dates, INT64_MIN, INT64_MAX, INT64_MAX) : NULL;
    while (it && recur_next(it, &at)) {
        bool own_length = !s->clock.all_day && at.end_ms - at.start_ms != length_ms;
        if (slot_of(&at) == start_slot(s) && start_named)
            continue;
        if (own_length && length_ms >= 0)
            ics_put_period(out, &s->clock, floor_s(at.start_ms), floor_s(at.end_ms));
        else
            ics_put_rdate(out, &s->clock, slot_of(&at));
    }
    out->failed |= !it;
    (void)!recur_close(it, NULL);
    recur_free(dates);
    for (size_t i = 0; i < s->kept.n; i++)
        if ((i == 0 || s->kept.v[i] != s->kept.v[i - 1]) && !is_slot(s, s->kept.v[i]))
            ics_put_rdate(out, &s->clock, s->kept.v[i]);
}

void ics_rules_write(struct ics_series *s, struct buf *out)
{
    struct lines l = open_lines(s);
    struct span line;
    bool start_named = false, rules = false;
    while (next_line(&l, &line)) {
        const char *colon = LINE_IS(line, "RRULE") ? memchr(line.p, ':', line.n) : NULL;
        if (!colon)
            continue;
        rules = true;
        write_rule(s, (struct span){colon + 1, line.n - (size_t)(colon + 1 - line.p)}, &start_named,
                   out);
    }
    buf_release(&l.text);
    sort(&s->kept);
    write_rdates(s, start_named || !rules, out);
    write_exdates(s, out);
}
