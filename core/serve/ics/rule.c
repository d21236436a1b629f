/* rule: one rule of a series as an RRULE that all programs read alike.
 *
 * DESIGN. The parts are written as they came, but for these: FREQ comes first; UNTIL of a timed
 * series is an instant, in UTC, of an all-day one a date; COUNT next to UNTIL, or of a rule that
 * does not name its own start (where programs disagree on whether that counts), becomes an UNTIL.
 * A rule that names nothing behind the start is left out: there are programs that look for its next
 * instance for ever. */
#include "core/serve/ics/rule.h"

#include <string.h>
#include <strings.h>

#include "core/base/floor.h"
#include "core/calendar/slots.h"
#include "core/serve/ics/line.h"

#define BUDGET 200000 /* steps of one walk */
#define DAY    INT64_C(86400)

int64_t ics_start_slot(const struct ics_series *s)
{
    int64_t at = floor_s(s->start.start_ms);
    return s->clock.all_day ? at - ((at % DAY) + DAY) % DAY : at;
}

/* Wall time to slot. */
static int64_t place(const struct ics_series *s, int64_t local)
{
    return s->clock.all_day ? local : zone_local_to_utc(s->start.zone, local);
}

/* Does it name anything behind the start? When that takes too long to find out, yes. */
static bool names_more(const struct slots_plan *plan)
{
    int64_t budget = BUDGET, local;
    struct slots walk;
    slots_seek(&walk, plan, plan->start + 1, SLOTS_END, &budget);
    return slots_next(&walk, &local, &budget) || budget < 0;
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

void ics_rule_write(const struct ics_series *s, struct span value, bool *start_named,
                    struct buf *out)
{
    static const char *const freqs[] = {"SECONDLY", "MINUTELY", "HOURLY", "DAILY",
                                        "WEEKLY",   "MONTHLY",  "YEARLY"};
    struct rrule rule;
    struct slots_plan plan;
    struct buf text = {0};
    int64_t start = floor_s(s->start.start_ms);
    int64_t local =
        s->clock.all_day ? ics_start_slot(s) : start + zone_offset_at(s->start.zone, start);
    if (rrule_parse(&rule, value, NULL) != RC_OK ||
        slots_bind(&plan, &rule, local, s->clock.all_day, NULL) != RC_OK)
        return;
    bool on_rule = slots_names_start(&plan);
    if ((rule.count && rule.count == !on_rule) || !names_more(&plan) ||
        last_slot(s, &plan, on_rule) < ics_start_slot(s))
        return;
    *start_named |= on_rule;
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
