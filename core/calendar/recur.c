/* recur: builds a recurrence set from a start and the lines of `recurrence`. */
#include "core/calendar/recur.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "core/base/floor.h"
#include "core/base/must.h"
#include "core/base/order.h"
#include "core/base/text.h"
#include "core/calendar/recur_set.h"

#define DATE_TOO_FAR_MS 400000000000000 /* beyond any year we place; keeps sums from overflow */

/* Wall time in the set's zone to key, for timed sets. */
static int64_t place(const struct recur_set *set, int64_t local)
{
    if (local >= set->second.lo && local < set->second.hi)
        return local - set->second.offset_s;
    return zone_local_to_utc(set->zone, local);
}

static void set_timed_start(struct recur_set *s, const struct recur_start *start)
{
    int64_t at = floor_s(start->start_ms);
    int64_t end_local, end_ms = start->end_ms;

    if (start->wall) {
        s->local = at;
        s->key = zone_local_to_utc(s->zone, at);
        end_ms = zone_local_to_utc(s->zone, floor_s(end_ms)) * 1000;
    } else {
        int32_t offset = zone_offset_at(s->zone, at);
        s->key = at;
        s->local = at + offset;
        if (zone_second_pass(s->zone, at, &end_local))
            s->second = (struct zone_span){s->local, end_local, end_local, offset};
    }
    s->duration_ms = end_ms > s->key * 1000 ? end_ms - s->key * 1000 : 0;
}

enum rc recur_new(struct recur_set **ret, const struct recur_start *start, struct err *e)
{
    int64_t first = floor_s(start->start_ms);
    struct recur_set *s;

    if (first < -62135596800 - 86400 || first >= SLOTS_END || start->end_ms > DATE_TOO_FAR_MS ||
        start->end_ms < -DATE_TOO_FAR_MS)
        return err_set(e, RC_BADDATA, "start or end is outside the years 1 to 9999");
    s = must(calloc(1, sizeof(*s)));
    s->zone = start->zone;
    s->all_day = start->all_day;
    if (s->all_day) {
        int64_t day = recur_day_of(first);
        s->local = s->key = day * 86400;
        s->days = recur_day_of(floor_s(start->end_ms)) - day;
        if (s->days < 0)
            s->days = 0;
    } else {
        set_timed_start(s, start);
    }
    *ret = s;
    return RC_OK;
}

void recur_free(struct recur_set *set)
{
    if (!set)
        return;
    free(set->rules);
    free(set->dates);
    free(set->ex_keys);
    free(set->ex_days);
    free(set);
}

/* Room for one more of `bytes` each; NULL with the error set. */
static void *grow(void *v, size_t count, size_t *size, size_t bytes, enum rc *ret_rc, struct err *e)
{
    if (count >= RECUR_DATES_MAX) {
        *ret_rc = err_set(e, RC_FULL, "more than %d dates", RECUR_DATES_MAX);
        return NULL;
    }
    if (count < *size)
        return v;
    *size = *size ? *size * 2 : 4;
    return must(realloc(v, *size * bytes));
}

static enum rc add_date(struct recur_set *s, int64_t key, int64_t duration_ms, struct err *e)
{
    enum rc rc = RC_OK;
    struct recur_date *v = grow(s->dates, s->date_count, &s->date_size, sizeof(*v), &rc, e);

    if (v) {
        s->dates = v;
        v[s->date_count++] = (struct recur_date){key, duration_ms};
    }
    return rc;
}

static enum rc add_number(int64_t **v, size_t *count, size_t *size, int64_t n, struct err *e)
{
    enum rc rc = RC_OK;
    int64_t *grown = grow(*v, *count, size, sizeof(n), &rc, e);

    if (grown) {
        *v = grown;
        grown[(*count)++] = n;
    }
    return rc;
}

static void bound_rule(const struct recur_set *s, struct recur_rule *rule)
{
    const struct rrule *r = &rule->plan.rule;

    rule->end_local = SLOTS_END;
    rule->last_key = INT64_MAX;
    rule->count = -1;
    if (r->has_until) {
        if (s->all_day)
            rule->end_local = recur_day_of(r->until.s) * 86400 + 1;
        else if (r->until.kind == STAMP_UTC)
            rule->last_key = r->until.s;
        else
            rule->end_local = r->until.s + (r->until.kind == STAMP_DATE ? 86400 : 1);
    }
    if (r->count) /* the start is the first of COUNT even when the rule does not name it */
        rule->count = r->count - (!rule->exclude && !slots_names_start(&rule->plan));
}

static enum rc add_rule(struct recur_set *s, bool exclude, struct span value, struct err *e)
{
    struct recur_rule *rules;
    struct rrule parsed;
    enum rc rc = rrule_parse(&parsed, value, e);

    if (rc != RC_OK)
        return rc;
    if (s->rule_count >= RECUR_RULES_MAX)
        return err_set(e, RC_FULL, "more than %d rules", RECUR_RULES_MAX);
    s->rules = must(realloc(s->rules, (s->rule_count + 1) * sizeof(*rules)));
    rules = s->rules + s->rule_count;
    *rules = (struct recur_rule){.exclude = exclude};
    rc = slots_bind(&rules->plan, &parsed, s->local, s->all_day, e);
    if (rc != RC_OK)
        return rc;
    bound_rule(s, rules);
    s->rule_count++;
    return RC_OK;
}

/* A date or time to a key. `zone` is its TZID, NULL for the set's own. */
static int64_t key_of(const struct recur_set *s, struct stamp at, const struct zone *zone)
{
    if (s->all_day)
        return recur_day_of(at.s) * 86400;
    if (at.kind == STAMP_UTC)
        return at.s;
    if (at.kind == STAMP_DATE) /* that day, at the series' time of day */
        return place(s, at.s + s->local - recur_day_of(s->local) * 86400);
    return zone ? zone_local_to_utc(zone, at.s) : place(s, at.s);
}

static enum rc add_rdate(struct recur_set *s, struct span item, const struct zone *zone,
                         struct err *e)
{
    const char *slash = memchr(item.p, '/', item.n);
    struct span first = {item.p, slash ? (size_t)(slash - item.p) : item.n};
    int64_t duration_ms = -1, seconds, key;
    struct stamp at, end;

    if (!stamp_read(&at, first))
        return err_set(e, RC_BADDATA, "not a date or time");
    key = key_of(s, at, zone);
    if (slash && !s->all_day) {
        struct span rest = {slash + 1, item.n - first.n - 1};
        if (stamp_read(&end, rest))
            seconds = key_of(s, end, zone) - key;
        else if (!stamp_read_duration(&seconds, rest))
            return err_set(e, RC_BADDATA, "not a period");
        if (seconds < 0)
            return err_set(e, RC_BADDATA, "a period ends before it starts");
        if (seconds > DATE_TOO_FAR_MS / 1000)
            return err_set(e, RC_BADDATA, "a period is too long");
        duration_ms = seconds * 1000;
    }
    return add_date(s, key, duration_ms, e);
}

static enum rc add_exdate(struct recur_set *s, struct span item, const struct zone *zone,
                          struct err *e)
{
    struct stamp at;

    if (!stamp_read(&at, item))
        return err_set(e, RC_BADDATA, "not a date or time");
    if (at.kind == STAMP_DATE && !s->all_day)
        return add_number(&s->ex_days, &s->ex_day_count, &s->ex_day_size, recur_day_of(at.s), e);
    return add_number(&s->ex_keys, &s->ex_key_count, &s->ex_key_size, key_of(s, at, zone), e);
}

static enum rc add_dates(struct recur_set *s, bool exclude, struct span list,
                         const struct zone *zone, struct err *e)
{
    while (list.n) {
        const char *comma = memchr(list.p, ',', list.n);
        struct span item = {list.p, comma ? (size_t)(comma - list.p) : list.n};
        enum rc rc = item.n == 0 ? RC_OK
                     : exclude   ? add_exdate(s, item, zone, e)
                                 : add_rdate(s, item, zone, e);
        if (rc != RC_OK)
            return err_prefix(e, rc, "\"%.*s\"", (int)(item.n < 40 ? item.n : 40), item.p);
        list.p += item.n + (comma != NULL);
        list.n -= item.n + (comma != NULL);
    }
    return RC_OK;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Up to the first of `stops` that is outside quotes, or all. */
static struct span until_any(struct span s, const char *stops)
{
    bool quoted = false;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            quoted = !quoted;
        else if (!quoted && s.p[i] && strchr(stops, s.p[i]))
            return (struct span){s.p, i};
    }
    return s;
}

/* The zone a TZID parameter names; NULL when it does not or nobody knows it. */
static const struct zone *param_zone(struct span param)
{
    char name[ZONE_NAME_MAX];

    if (param.n < 5 || strncasecmp(param.p, "TZID=", 5) != 0)
        return NULL;
    param.p += 5, param.n -= 5;
    if (param.n >= 2 && param.p[0] == '"')
        param.p++, param.n -= 2;
    return text_copy(name, sizeof(name), param) ? zone_find(name) : NULL;
}

enum rc recur_add(struct recur_set *set, struct span line, struct err *e)
{
    static const struct {
        const char *name;
        bool rule, exclude;
    } kinds[] = {{"RRULE", true, false},
                 {"EXRULE", true, true},
                 {"RDATE", false, false},
                 {"EXDATE", false, true}};
    const struct zone *zone = NULL;
    struct span name, rest;
    enum rc rc;

    assert(!set->sealed);
    while (line.n && is_space(line.p[0]))
        line.p++, line.n--;
    while (line.n && is_space(line.p[line.n - 1]))
        line.n--;
    name = until_any(line, ":;");
    rest = (struct span){line.p + name.n, line.n - name.n};
    if (line.n == 0 || (name.n >= 2 && strncasecmp(name.p, "X-", 2) == 0))
        return RC_OK;
    while (rest.n && rest.p[0] == ';') {
        struct span param = until_any((struct span){rest.p + 1, rest.n - 1}, ":;");
        if (!zone)
            zone = param_zone(param);
        rest = (struct span){param.p + param.n, rest.n - 1 - param.n};
    }
    if (rest.n == 0)
        return err_set(e, RC_BADDATA, "a line of the recurrence has no value");
    rest.p++, rest.n--;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!span_is_word(name, kinds[i].name))
            continue;
        rc = kinds[i].rule ? add_rule(set, kinds[i].exclude, rest, e)
                           : add_dates(set, kinds[i].exclude, rest, zone, e);
        return rc == RC_OK ? rc : err_prefix(e, rc, "%s", kinds[i].name);
    }
    return err_set(e, RC_BADDATA, "\"%.*s\" is no line of a recurrence",
                   (int)(name.n < 40 ? name.n : 40), name.p);
}

static int by_key(const void *a, const void *b)
{
    const struct recur_date *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->duration_ms < y->duration_ms) - (x->duration_ms > y->duration_ms);
}

/* Sorts an array unless it is in order, as it mostly came. */
static void sort_numbers(int64_t *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (v[i] < v[i - 1]) {
            qsort(v, n, sizeof(*v), order_i64);
            return;
        }
    }
}

enum rc recur_seal(struct recur_set *set, struct err *e)
{
    size_t kept = 0;
    enum rc rc = add_date(set, set->key, -1, e);

    if (rc != RC_OK)
        return rc;
    qsort(set->dates, set->date_count, sizeof(*set->dates), by_key);
    set->longest_ms = set->duration_ms;
    for (size_t i = 0; i < set->date_count; i++) {
        if (kept && set->dates[kept - 1].key == set->dates[i].key)
            continue; /* the longer period came first */
        set->dates[kept++] = set->dates[i];
        if (set->dates[i].duration_ms > set->longest_ms)
            set->longest_ms = set->dates[i].duration_ms;
    }
    set->date_count = kept;
    sort_numbers(set->ex_keys, set->ex_key_count);
    sort_numbers(set->ex_days, set->ex_day_count);
    set->sealed = true;
    return RC_OK;
}
