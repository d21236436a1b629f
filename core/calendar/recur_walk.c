/* recur_walk: the instances of a recurrence set within a window, in order. */
#include <stdlib.h>

#include "core/base/floor.h"
#include "core/base/must.h"
#include "core/calendar/recur.h"
#include "core/calendar/recur_set.h"

/* DESIGN
 * Each rule is a stream of keys; a walk merges the include streams and the sorted dates, drops
 * doubles by key and asks the exclude streams and lists. Keys of one stream ascend, though wall
 * time does not always: slots in a gap are placed after some that follow them on the clock. So when
 * a stream meets a gap it splits: `side` goes through the gap, `main` goes on behind it, and the
 * two are merged.
 *
 * Window bounds become bounds of wall time with the least and greatest offset of the day around
 * them. That takes in a few slots too many, which are dropped one by one, and never one too few. */

#define KEY_NONE INT64_MAX

struct stream {
    const struct recur_rule *rule;
    struct slots main, side;
    int64_t end_local;          /* with COUNT worked in */
    int64_t main_key, side_key; /* next of each, KEY_NONE = no more */
    int32_t side_offset;
    struct zone_span span; /* where main is */
};

struct recur_iter {
    const struct recur_set *set;
    int64_t min_ms, max_ms;
    int64_t end_key; /* no key from here on is wanted */
    int64_t budget;
    size_t date, ex_key; /* next of set->dates, set->ex_keys */
    size_t stream_count;
    struct stream streams[];
};

static int64_t clamp_ms(int64_t ms) /* to what can be placed, with days to spare */
{
    const int64_t most = (SLOTS_END + 10 * 86400) * 1000;

    return ms > most ? most : ms < -63000000000000 ? -63000000000000 : ms;
}

/* Wall time around keys [from, end): no slot before `from` has such a key, none at or after `end`
 * has. `span` is where one offset holds for all of it; else empty. */
struct frame {
    int64_t from, end;
    struct zone_span span;
};

static struct frame frame_of(const struct recur_set *set, int64_t from_key, int64_t end_key)
{
    struct frame f = {from_key, end_key, {INT64_MIN, INT64_MAX, INT64_MAX, 0}};
    int32_t least, most;

    if (set->all_day)
        return f;
    zone_offset_range(set->zone, from_key - 86400, end_key + 86400, &least, &most);
    f.from = from_key + least;
    f.end = end_key + most;
    f.span = least == most ? (struct zone_span){f.from, f.end, f.end, least}
                           : (struct zone_span){.lo = 1};
    if (set->second.lo < set->second.hi && from_key < set->key + 86400) {
        f.from = set->local;
        f.span = set->second;
    }
    return f;
}

static void pull_main(struct stream *s, const struct recur_set *set, int64_t *budget)
{
    int64_t local;

    if (!slots_next(&s->main, &local, budget)) {
        s->main_key = KEY_NONE;
        return;
    }
    if (local < s->span.lo || local >= s->span.hi)
        s->span = zone_local_span(set->zone, local);
    s->main_key = local - s->span.offset_s;
}

/* Splits the stream where main has come to a gap. Main may come to one before side is through with
 * the last: it is split when side is, whose keys are all smaller. */
static void split(struct stream *s, const struct recur_set *set, int64_t *budget)
{
    if (s->side_key != KEY_NONE || s->main_key == KEY_NONE ||
        s->main_key + s->span.offset_s < s->span.gap)
        return;
    s->side = s->main;
    s->side.end = s->span.hi < s->main.end ? s->span.hi : s->main.end;
    s->side_key = s->main_key;
    s->side_offset = s->span.offset_s;
    slots_seek(&s->main, s->main.plan, s->span.hi, s->main.end, budget);
    pull_main(s, set, budget);
}

static void pull_side(struct stream *s, int64_t *budget)
{
    int64_t local;

    s->side_key = slots_next(&s->side, &local, budget) ? local - s->side_offset : KEY_NONE;
}

static int64_t stream_top(const struct stream *s)
{
    int64_t key = s->main_key < s->side_key ? s->main_key : s->side_key;

    return key > s->rule->last_key ? KEY_NONE : key;
}

/* Past `key`, which is the top. */
static void stream_pop(struct stream *s, const struct recur_set *set, int64_t key, int64_t *budget)
{
    if (s->side_key == key)
        pull_side(s, budget);
    if (s->main_key == key)
        pull_main(s, set, budget);
    split(s, set, budget);
}

static void stream_seek(struct stream *s, const struct recur_set *set, const struct frame *f,
                        int64_t *budget)
{
    s->side_key = KEY_NONE;
    s->span = f->span;
    slots_seek(&s->main, &s->rule->plan, f->from, s->end_local, budget);
    pull_main(s, set, budget);
    split(s, set, budget);
}

static size_t first_date(const struct recur_set *set, int64_t key)
{
    size_t lo = 0, n = set->date_count;

    while (n) {
        size_t half = n / 2;
        if (set->dates[lo + half].key < key) {
            lo += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return lo;
}

static size_t first_number(const int64_t *v, size_t n, int64_t key)
{
    size_t lo = 0;

    while (n) {
        size_t half = n / 2;
        if (v[lo + half] < key) {
            lo += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return lo;
}

/* Keys of the frame, dates from date_key on, all below end_key. */
static struct recur_iter *open_frame(const struct recur_set *set, const struct frame *f,
                                     int64_t date_key, int64_t end_key, int64_t budget)
{
    struct recur_iter *it = must(malloc(sizeof(*it) + set->rule_count * sizeof(it->streams[0])));

    it->set = set;
    it->min_ms = INT64_MIN;
    it->max_ms = INT64_MAX;
    it->end_key = end_key;
    it->budget = budget;
    it->date = first_date(set, date_key);
    it->ex_key = first_number(set->ex_keys, set->ex_key_count, date_key);
    it->stream_count = set->rule_count;
    for (size_t i = 0; i < set->rule_count; i++) {
        struct stream *s = &it->streams[i];
        s->rule = &set->rules[i];
        s->end_local = f->end < s->rule->end_local ? f->end : s->rule->end_local;
        if (s->rule->count == 0)
            s->end_local = INT64_MIN;
        else if (s->rule->count > 0)
            s->end_local =
                slots_count_end(&s->rule->plan, s->rule->count, s->end_local, &it->budget);
        stream_seek(s, set, f, &it->budget);
    }
    return it;
}

struct recur_iter *recur_open(const struct recur_set *set, int64_t min_ms, int64_t max_ms,
                              int64_t budget)
{
    int64_t min = clamp_ms(min_ms), max = clamp_ms(max_ms);
    int64_t from_key, date_key, end_key = floor_s(max) + 1;
    int32_t least, most;
    struct recur_iter *it;
    struct frame f;

    if (set->all_day) {
        from_key = floor_s(min);
        zone_offset_range(set->zone, from_key - 86400, end_key + 86400, &least, &most);
        from_key += least - set->days * 86400;
        date_key = from_key;
        end_key += most;
    } else {
        from_key = floor_s(min - set->duration_ms);
        date_key = floor_s(min - set->longest_ms);
    }
    f = frame_of(set, from_key, end_key);
    it = open_frame(set, &f, date_key, end_key, budget);
    it->min_ms = min_ms;
    it->max_ms = max_ms;
    return it;
}

static bool is_excluded(struct recur_iter *it, int64_t key)
{
    const struct recur_set *set = it->set;

    while (it->ex_key < set->ex_key_count && set->ex_keys[it->ex_key] < key)
        it->ex_key++;
    if (it->ex_key < set->ex_key_count && set->ex_keys[it->ex_key] == key)
        return true;
    if (set->ex_day_count) {
        int64_t day = recur_day_of(key + zone_offset_at(set->zone, key));
        size_t i = first_number(set->ex_days, set->ex_day_count, day);
        if (i < set->ex_day_count && set->ex_days[i] == day)
            return true;
    }
    for (size_t i = 0; i < it->stream_count; i++) {
        struct stream *s = &it->streams[i];
        if (!s->rule->exclude)
            continue;
        if (stream_top(s) < key)
            stream_pop(s, set, stream_top(s), &it->budget);
        if (stream_top(s) < key) { /* not the next one either: jump */
            struct frame f = frame_of(set, key, key + 1);
            stream_seek(s, set, &f, &it->budget);
        }
        while (stream_top(s) < key)
            stream_pop(s, set, stream_top(s), &it->budget);
        if (stream_top(s) == key)
            return true;
    }
    return false;
}

/* The instance of a key; false: it is outside the window. */
static bool make(const struct recur_iter *it, int64_t key, int64_t duration_ms,
                 struct recur_instance *ret)
{
    const struct recur_set *set = it->set;
    struct recur_instance in = {.start_ms = key * 1000, .slot_ms = key * 1000};

    if (set->all_day) {
        in.start_ms = zone_local_to_utc(set->zone, key) * 1000;
        in.end_ms = zone_local_to_utc(set->zone, key + set->days * 86400) * 1000;
    } else {
        in.end_ms = in.start_ms + (duration_ms < 0 ? set->duration_ms : duration_ms);
    }
    if (in.end_ms <= it->min_ms || in.start_ms >= it->max_ms)
        return false;
    *ret = in;
    return true;
}

bool recur_next(struct recur_iter *it, struct recur_instance *ret)
{
    const struct recur_set *set = it ? it->set : NULL;

    while (it) {
        int64_t key = it->date < set->date_count ? set->dates[it->date].key : KEY_NONE;
        int64_t duration_ms = -1;

        for (size_t i = 0; i < it->stream_count; i++) {
            if (!it->streams[i].rule->exclude && stream_top(&it->streams[i]) < key)
                key = stream_top(&it->streams[i]);
        }
        if (key >= it->end_key || it->budget < 0)
            return false;
        for (size_t i = 0; i < it->stream_count; i++) {
            struct stream *s = &it->streams[i];
            if (!s->rule->exclude && stream_top(s) == key)
                stream_pop(s, set, key, &it->budget);
        }
        if (it->date < set->date_count && set->dates[it->date].key == key)
            duration_ms = set->dates[it->date++].duration_ms;
        if (!is_excluded(it, key) && make(it, key, duration_ms, ret))
            return true;
    }
    return false;
}

enum rc recur_close(struct recur_iter *it, struct err *e)
{
    bool spent = it && it->budget < 0;

    free(it);
    if (spent)
        return err_set(e, RC_FULL, "the recurrence takes too many steps to follow");
    return RC_OK;
}

enum rc recur_find_slot(const struct recur_set *set, int64_t slot_ms, struct recur_instance *ret,
                        struct err *e)
{
    int64_t key = floor_s(slot_ms);
    struct recur_instance in = {0};
    struct recur_iter *it;
    struct frame f;
    bool found;
    enum rc rc;

    if ((set->all_day && key % 86400) || clamp_ms(slot_ms) != slot_ms)
        return err_set(e, RC_NOTFOUND, "the series has no such instance");
    f = frame_of(set, key, key + 1);
    it = open_frame(set, &f, key, key + 1, RECUR_BUDGET);
    do {
        found = recur_next(it, &in);
    } while (found && in.slot_ms < slot_ms);
    rc = recur_close(it, e);
    if (found && in.slot_ms == slot_ms) {
        *ret = in;
        return RC_OK;
    }
    return rc != RC_OK ? rc : err_set(e, RC_NOTFOUND, "the series has no such instance");
}

/* The greatest key a rule can have, KEY_NONE for no end. */
static int64_t last_key(const struct recur_set *set, const struct recur_rule *rule)
{
    int64_t budget = RECUR_BUDGET;
    int64_t end = rule->end_local;
    int32_t least, most;

    if (rule->count < 0 && !rule->plan.rule.has_until)
        return KEY_NONE;
    if (rule->count == 0)
        return INT64_MIN;
    if (rule->count > 0)
        end = slots_count_end(&rule->plan, rule->count, end, &budget);
    if (budget < 0)
        return rule->last_key;
    if (set->all_day)
        return end - 1;
    zone_offset_range(set->zone, end - 2 * 86400, end + 2 * 86400, &least, &most);
    return end - 1 - least < rule->last_key ? end - 1 - least : rule->last_key;
}

void recur_bounds(const struct recur_set *set, int64_t *ret_start_ms, int64_t *ret_end_ms)
{
    int64_t first = set->dates[0].key;
    int64_t last = set->dates[set->date_count - 1].key;

    if (!set->all_day) { /* a start in a gap is placed after what follows it on the clock */
        struct zone_span span = zone_local_span(set->zone, set->local);
        if (set->local >= span.gap && span.gap - span.offset_s < first)
            first = span.gap - span.offset_s;
    }
    for (size_t i = 0; i < set->rule_count; i++) {
        int64_t key = set->rules[i].exclude ? INT64_MIN : last_key(set, &set->rules[i]);
        if (key > last)
            last = key;
    }
    if (set->all_day) {
        *ret_start_ms = zone_local_to_utc(set->zone, first) * 1000;
        *ret_end_ms = last == KEY_NONE
                          ? INT64_MAX
                          : zone_local_to_utc(set->zone, last + set->days * 86400) * 1000;
    } else {
        *ret_start_ms = first * 1000;
        *ret_end_ms = last == KEY_NONE ? INT64_MAX : last * 1000 + set->longest_ms;
    }
}
