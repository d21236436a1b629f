/* rules: the recurrence of a series as iCalendar says it: RRULE, RDATE, EXDATE.
 *
 * DESIGN. What Google stores is not always what RFC 5545 asks for, and programs differ where it is
 * not. So each line is written in the one form all of them read alike:
 * - A line that the mirror passes over, since it makes no sense, is left out.
 * - Rules: see rule.c. A start that no rule names is also an RDATE, so that it is an instance
 *   everywhere.
 * - RDATE and EXDATE come one to a line, in the series' own zone, whatever zone or list they came
 *   in. They are read by a set that has nothing but them, so by the same reader as everywhere.
 * - EXRULE, which RFC 5545 took away, and EXDATE of a day in a timed series become an EXDATE for
 *   each instance that they take away, of the first WALKED instances.
 * - An RDATE with a length of its own is a plain RDATE and an exception in its slot: many programs
 *   do not read the PERIOD that it was.
 * - A slot whose exception is not in the feed is an EXDATE; one that has an exception although the
 *   rules do not name it is an RDATE, or programs that go by the rules would never find it. */
#include "core/serve/ics/rules.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/floor.h"
#include "core/base/json.h"
#include "core/base/must.h"
#include "core/base/order.h"
#include "core/base/text.h"
#include "core/serve/ics/line.h"
#include "core/serve/ics/rule.h"

#define WALKED 5000   /* instances */
#define BUDGET 200000 /* steps of one walk */
#define EXDATE "EXDATE"

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
    free(s->lengths);
    s->lengths = NULL;
    s->n_lengths = s->lengths_room = 0;
    s->kept = s->gone = (struct ics_slots){0};
}

static void sort(struct ics_slots *s)
{
    if (s->n)
        qsort(s->v, s->n, sizeof *s->v, order_i64);
}

static bool has(const struct ics_slots *sorted, int64_t slot_s)
{
    return sorted->n && bsearch(&slot_s, sorted->v, sorted->n, sizeof slot_s, order_i64);
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
        must_hold(&l->text);
        *ret = text_trim(buf_span(&l->text));
        return true;
    }
    return false;
}

static bool line_is(struct span line, const char *name)
{
    size_t n = strlen(name);
    return line.n > n && strncasecmp(line.p, name, n) == 0 &&
           (line.p[n] == ':' || line.p[n] == ';');
}

/* What is behind the colon that ends a line's name and parameters. */
static struct span value_of(struct span line)
{
    bool quoted = false;
    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] == '"')
            quoted = !quoted;
        else if (line.p[i] == ':' && !quoted)
            return (struct span){line.p + i + 1, line.n - i - 1};
    }
    return (struct span){0};
}

static struct lines open_lines(const struct ics_series *s)
{
    return (struct lines){.it = json_iter(json_get(s->master->raw, "recurrence"))};
}

/* A set with the lines of one kind only; EXDATE lines are put in as if they were RDATE.
 * NULL: too many of them. */
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
        bool dates = line_is(line, "RDATE"), excluded = line_is(line, EXDATE);
        if (kind == LINES_EXDATE && excluded) {
            buf_reset(&as_rdate);
            buf_add_text(&as_rdate, "RDATE");
            buf_add(&as_rdate, line.p + strlen(EXDATE), line.n - strlen(EXDATE));
            must_hold(&as_rdate);
            line = buf_span(&as_rdate);
        } else if (!(dates && kind != LINES_EXDATE) &&
                   !(line_is(line, "RRULE") && kind == LINES_NAMING)) {
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
        struct span value = value_of(line);
        odd = line_is(line, "EXRULE") ||
              (line_is(line, EXDATE) && !s->clock.all_day && value.n &&
               !memchr(value.p, 'T', value.n) && !memchr(value.p, 't', value.n));
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
    bool ok = true;
    if (!plain)
        return false;
    struct recur_iter *all = recur_open(plain, INT64_MIN, INT64_MAX, BUDGET);
    struct recur_iter *rest = recur_open(s->set, INT64_MIN, INT64_MAX, BUDGET);
    bool some = recur_next(rest, &left);
    for (int i = 0; ok && i < WALKED && recur_next(all, &have); i++) {
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
    bool ok = true;
    if (!dates)
        return false;
    struct recur_iter *it = recur_open(dates, INT64_MIN, INT64_MAX, INT64_MAX);
    while (ok && recur_next(it, &at)) {
        /* A set always has its start. */
        if (slot_of(&at) != ics_start_slot(s) ||
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
            ics_put_at(out, "EXDATE", &s->clock, all.v[i]);
    out->failed |= !ok;
    free(all.v);
}

static bool is_slot(const struct ics_series *s, int64_t slot_s)
{
    struct recur_instance at;
    return recur_find_slot(s->set, slot_s * 1000, &at, NULL) != RC_NOTFOUND;
}

static bool add_length(struct ics_series *s, const struct recur_instance *at)
{
    if (s->n_lengths == s->lengths_room) {
        size_t room = s->lengths_room ? 2 * s->lengths_room : 4;
        struct ics_length *v = reallocarray(s->lengths, room, sizeof *v);
        if (!v)
            return false;
        s->lengths = v;
        s->lengths_room = room;
    }
    s->lengths[s->n_lengths++] = (struct ics_length){slot_of(at), floor_s(at->end_ms)};
    return true;
}

static void write_rdates(struct ics_series *s, bool start_named, struct buf *out)
{
    struct recur_set *dates = partial_set(s, LINES_RDATE);
    struct recur_instance at;
    int64_t length_ms = s->start.end_ms - s->start.start_ms;
    struct recur_iter *it = dates ? recur_open(dates, INT64_MIN, INT64_MAX, INT64_MAX) : NULL;
    bool ok = it;
    while (ok && recur_next(it, &at)) {
        if (slot_of(&at) != ics_start_slot(s) || !start_named)
            ics_put_at(out, "RDATE", &s->clock, slot_of(&at));
        if (!s->clock.all_day && length_ms >= 0 && at.end_ms - at.start_ms != length_ms &&
            !has(&s->kept, slot_of(&at)))
            ok = add_length(s, &at);
    }
    out->failed |= !ok;
    (void)!recur_close(it, NULL);
    recur_free(dates);
    for (size_t i = 0; i < s->kept.n; i++)
        if ((i == 0 || s->kept.v[i] != s->kept.v[i - 1]) && !is_slot(s, s->kept.v[i]))
            ics_put_at(out, "RDATE", &s->clock, s->kept.v[i]);
}

void ics_rules_write(struct ics_series *s, struct buf *out)
{
    struct lines l = open_lines(s);
    struct span line;
    bool start_named = false;
    while (next_line(&l, &line)) {
        if (line_is(line, "RRULE"))
            ics_rule_write(s, value_of(line), &start_named, out);
    }
    buf_release(&l.text);
    sort(&s->kept);
    write_rdates(s, start_named, out);
    write_exdates(s, out);
}
