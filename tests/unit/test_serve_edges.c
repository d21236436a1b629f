/* test_serve_edges: every kind of list shows what overlaps its window, no less and no more, in its
 * order, on pages of any size; free/busy is busy there.
 *
 * DESIGN. One calendar of which each part begins or ends where another does: over a change of
 * clocks, with and without length, days and times, series and what stands in their slots. All bear
 * one UID, so that each kind of list can be asked for all of it. What a list must show is reckoned
 * from the table of parts; it is asked for windows that begin or end at each edge, a second before
 * and a second behind. */
#include "core/base/order.h"
#include "core/base/rfc3339.h"
#include "tests/unit/serve_fixture.h"

#define SINGLE EV "?singleEvents=true"
#define SINCE  "2026-01-01T00:00:00Z"
#define PICK   ",\"summary\":\"pick\""
#define FREE   ",\"transparency\":\"transparent\""
#define BERLIN "\"timeZone\":\"" ZONE "\""

enum shape { WHOLE, REPLACED, HOLE, TOMB };

/* What is stored, in this order; a day of no length counts as one. */
static const struct {
    const char *id, *times, *more;
} stored[] = {
    {"long", "2026-03-20T10:00:00Z 2026-03-30T07:00:00Z", FREE},
    {"hour", "2026-03-28T07:00:00Z 2026-03-28T08:00:00Z", PICK},
    {"mark", "2026-03-29T07:00:00Z 2026-03-29T07:00:00Z", PICK},
    {"day", "2026-03-29 2026-03-30", PICK},
    {"none", "2026-03-30 2026-03-30", ""},
    {"ser", "2026-03-28T08:00:00Z 2026-03-28T09:00:00Z",
     PICK ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=4\"]"},
    {"ser_20260330T070000Z", "2026-03-27T12:00:00Z 2026-03-27T13:00:00Z",
     PICK
     ",\"recurringEventId\":\"ser\",\"originalStartTime\":{\"dateTime\":\"2026-03-30T07:00:00Z\"}"},
    {"ser_20260331T070000Z", NULL,
     ",\"recurringEventId\":\"ser\",\"originalStartTime\":{\"dateTime\":\"2026-03-31T07:00:00Z\"}"},
    {"tick", "2026-03-22T23:00:00Z 2026-03-22T23:00:00Z",
     ",\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=2\"]"},
    {"days", "2026-03-28 2026-03-30",
     FREE ",\"recurrence\":[\"RRULE:FREQ=DAILY;INTERVAL=2;COUNT=3\"]"},
    {"days_20260330", "2026-04-02T08:00:00Z 2026-04-02T09:00:00Z",
     ",\"recurringEventId\":\"days\",\"originalStartTime\":{\"date\":\"2026-03-30\"}"},
    {"days_20260401", "2026-04-05 2026-04-06",
     ",\"recurringEventId\":\"days\",\"originalStartTime\":{\"date\":\"2026-04-01\"}"},
    {"nil", "2026-03-29 2026-03-29", ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=2\"]"},
    {"ghost", NULL, ",\"recurringEventId\":\"ser\""}, /* of which not even the slot is known */
    {"tomb", NULL, ""},
};
#define STORED (sizeof stored / sizeof *stored)

/* What can be seen of it, and when. */
static const struct part {
    const char *id, *of; /* the record that shows it */
    const char *start, *end;
    enum shape shape;
} parts[] = {
    {"long", "long", "2026-03-20T10:00:00Z", "2026-03-30T07:00:00Z", WHOLE},
    {"hour", "hour", "2026-03-28T07:00:00Z", "2026-03-28T08:00:00Z", WHOLE},
    {"mark", "mark", "2026-03-29T07:00:00Z", "2026-03-29T07:00:00Z", WHOLE},
    {"day", "day", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", WHOLE},
    {"none", "none", "2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z", WHOLE},
    {"ser_20260328T080000Z", "ser", "2026-03-28T08:00:00Z", "2026-03-28T09:00:00Z", WHOLE},
    {"ser_20260329T070000Z", "ser", "2026-03-29T07:00:00Z", "2026-03-29T08:00:00Z", WHOLE},
    {"", "ser", "2026-03-30T07:00:00Z", "2026-03-30T08:00:00Z", REPLACED},
    {"", "ser", "2026-03-31T07:00:00Z", "2026-03-31T08:00:00Z", REPLACED},
    {"ser_20260330T070000Z", "ser_20260330T070000Z", "2026-03-27T12:00:00Z", "2026-03-27T13:00:00Z",
     WHOLE},
    {"ser_20260331T070000Z", "ser_20260331T070000Z", "2026-03-31T07:00:00Z", "2026-03-31T07:00:00Z",
     HOLE},
    {"tick_20260322T230000Z", "tick", "2026-03-22T23:00:00Z", "2026-03-22T23:00:00Z", WHOLE},
    {"tick_20260329T220000Z", "tick", "2026-03-29T22:00:00Z", "2026-03-29T22:00:00Z", WHOLE},
    {"days_20260328", "days", "2026-03-27T23:00:00Z", "2026-03-29T22:00:00Z", WHOLE},
    {"", "days", "2026-03-29T22:00:00Z", "2026-03-31T22:00:00Z", REPLACED},
    {"", "days", "2026-03-31T22:00:00Z", "2026-04-02T22:00:00Z", REPLACED},
    {"days_20260401", "days_20260401", "2026-04-04T22:00:00Z", "2026-04-05T22:00:00Z", WHOLE},
    {"days_20260330", "days_20260330", "2026-04-02T08:00:00Z", "2026-04-02T09:00:00Z", WHOLE},
    {"nil_20260329", "nil", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", WHOLE},
    {"nil_20260330", "nil", "2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z", WHOLE},
    {"ghost", "ghost", NULL, NULL, HOLE},
    {"tomb", "tomb", NULL, NULL, TOMB},
};
#define PARTS (sizeof parts / sizeof *parts)

static int row_of(const char *id)
{
    for (size_t i = 0; i < STORED; i++)
        if (strcmp(stored[i].id, id) == 0)
            return (int)i;
    fail_msg("%s: not stored", id);
    return 0;
}

/* When it was changed, in seconds behind SINCE: the last ones first, and always three at once. */
static unsigned changed_s(int row)
{
    return (unsigned)(STORED - (size_t)row) / 3;
}

static int64_t ms_of(const char *text)
{
    int64_t ms = 0;
    assert_true(rfc3339_time(span_of(text), &ms, NULL, NULL));
    return ms;
}

static void put_moment(struct buf *b, const char *name, struct span at)
{
    if (at.n == 10)
        buf_printf(b, ",\"%s\":{\"date\":\"%.*s\"}", name, 10, at.p);
    else
        buf_printf(b, ",\"%s\":{\"dateTime\":\"%.*s\"," BERLIN "}", name, (int)at.n, at.p);
}

static void make_world(struct world *w)
{
    struct buf b = {0};
    for (size_t i = 0; i < STORED; i++) {
        const char *times = stored[i].times, *blank = times ? strchr(times, ' ') : NULL;
        buf_reset(&b);
        buf_printf(&b, "{\"id\":\"%s\",\"etag\":\"\\\"%lld\\\"\",\"status\":\"%s\"%s", stored[i].id,
                   (ms_of(SINCE) / 1000 + (long long)changed_s((int)i)) * 2000000,
                   times ? "confirmed" : "cancelled", stored[i].more);
        if (blank) {
            buf_printf(&b, ",\"iCalUID\":\"u@x\",\"updated\":\"2026-01-01T00:00:%02uZ\"",
                       changed_s((int)i));
            put_moment(&b, "start", (struct span){times, (size_t)(blank - times)});
            put_moment(&b, "end", span_of(blank + 1));
        }
        buf_add_char(&b, '}');
        world_event(w, &w->me, buf_text(&b));
    }
    buf_release(&b);
}

/* A kind of list, and what is known of it. */
enum order { ANY_ORDER, BY_START, BY_UPDATED };
enum about { EXPANDED = 1, DELETED = 2, SINCE_THEN = 4, TOUCHING = 8, PICKED = 16 };

static const struct form {
    const char *target;
    enum order order;
    unsigned about; /* enum about */
    const char *of; /* the only series, and what stands in its slots; NULL: all */
} forms[] = {
    {EV "?x=1", ANY_ORDER, 0, NULL},
    {EV "?showDeleted=true", ANY_ORDER, DELETED, NULL},
    {EV "?orderBy=updated", BY_UPDATED, 0, NULL},
    {EV "?orderBy=updated&showDeleted=true", BY_UPDATED, DELETED, NULL},
    {EV "?iCalUID=u%40x", ANY_ORDER, 0, NULL},
    {EV "?iCalUID=u%40x&orderBy=updated", BY_UPDATED, 0, NULL},
    {EV "?updatedMin=" SINCE, ANY_ORDER, SINCE_THEN, NULL},
    {SINGLE, ANY_ORDER, EXPANDED, NULL},
    {SINGLE "&showDeleted=true", ANY_ORDER, EXPANDED | DELETED, NULL},
    {SINGLE "&orderBy=startTime", BY_START, EXPANDED, NULL},
    {SINGLE "&orderBy=updated", BY_UPDATED, EXPANDED, NULL},
    {SINGLE "&orderBy=updated&showDeleted=true", BY_UPDATED, EXPANDED | DELETED, NULL},
    {SINGLE "&iCalUID=u%40x", ANY_ORDER, EXPANDED, NULL},
    {SINGLE "&updatedMin=" SINCE, ANY_ORDER, EXPANDED | SINCE_THEN, NULL},
    {SINGLE "&orderBy=updated&updatedMin=" SINCE, BY_UPDATED, EXPANDED | SINCE_THEN, NULL},
    {EV "?q=pick", ANY_ORDER, PICKED, NULL},
    {EV "?q=pick&orderBy=updated", BY_UPDATED, PICKED, NULL},
    {EV "?q=pick&iCalUID=u%40x", ANY_ORDER, PICKED, NULL},
    {EV "?q=pick&updatedMin=" SINCE, ANY_ORDER, PICKED | SINCE_THEN, NULL},
    {SINGLE "&q=pick", ANY_ORDER, EXPANDED | PICKED, NULL},
    {SINGLE "&q=pick&orderBy=updated", BY_UPDATED, EXPANDED | PICKED, NULL},
    {SINGLE "&q=pick&updatedMin=" SINCE, ANY_ORDER, EXPANDED | PICKED | SINCE_THEN, NULL},
    {EV "/ser/instances?x=1", BY_START, EXPANDED | TOUCHING, "ser"},
    {EV "/days/instances?x=1", BY_START, EXPANDED | TOUCHING, "days"},
    {EV "/ser/instances?originalStart=2026-03-30T07:00:00Z", BY_START, EXPANDED | TOUCHING,
     "ser_20260330"},
    {EV "/days/instances?originalStart=2026-04-01", BY_START, EXPANDED | TOUCHING, "days_20260401"},
    {EV "/ser/instances?showDeleted=true", BY_START, EXPANDED | DELETED | TOUCHING, "ser"},
};
#define FORMS (sizeof forms / sizeof *forms)

static bool is_in(const struct part *p, const struct form *f, int64_t min_ms, int64_t max_ms)
{
    bool open = min_ms == INT64_MIN && max_ms == INT64_MAX;
    if (!p->start)
        return (f->about & SINCE_THEN) || open;
    int64_t start = ms_of(p->start), end = ms_of(p->end);
    return start < max_ms &&
           (end > min_ms || (end == min_ms && ((f->about & TOUCHING) || start == end)));
}

static bool is_shown(const struct part *p, const struct form *f)
{
    if ((f->about & PICKED) && !strstr(stored[row_of(p->shape == HOLE ? "ser" : p->of)].more, PICK))
        return false;
    if (f->of && strncmp(p->of, f->of, strlen(f->of)) != 0)
        return false;
    if (p->shape == REPLACED)
        return !(f->about & EXPANDED);
    if (!p->start && (f->about & EXPANDED))
        return f->about & SINCE_THEN;
    if (p->shape == TOMB)
        return f->about & (DELETED | SINCE_THEN);
    return p->shape != HOLE || !(f->about & EXPANDED) || (f->about & (DELETED | SINCE_THEN));
}

/* What stands in the list for it. */
static const char *name_of(const struct part *p, const struct form *f)
{
    return (f->about & EXPANDED) ? p->id : p->of;
}

static const struct form *sorting; /* for compare() */

static int compare(const void *pa, const void *pb)
{
    const struct part *a = *(const struct part *const *)pa, *b = *(const struct part *const *)pb;
    if (sorting->order == ANY_ORDER)
        return strcmp(name_of(a, sorting), name_of(b, sorting));
    int rows = row_of(a->of) - row_of(b->of);
    int changes = (int)changed_s(row_of(a->of)) - (int)changed_s(row_of(b->of));
    if (sorting->order == BY_UPDATED && (changes || rows))
        return changes ? changes : rows;
    int starts = strcmp(a->start, b->start);
    return starts ? starts : rows;
}

static void reckon(const struct form *f, int64_t min_ms, int64_t max_ms, struct buf *out)
{
    const struct part *v[PARTS];
    size_t n = 0;
    for (size_t i = 0; i < PARTS; i++) {
        const struct part *p = &parts[i];
        bool again = n > 0 && !(f->about & EXPANDED) && strcmp(v[n - 1]->of, p->of) == 0;
        if (is_in(p, f, min_ms, max_ms) && is_shown(p, f) && !again)
            v[n++] = p;
    }
    sorting = f;
    qsort(v, n, sizeof(*v), compare);
    for (size_t i = 0; i < n; i++)
        buf_printf(out, " %s", name_of(v[i], f));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* All pages of a list, the token leading from one to the next. *ret_sync, unless NULL: the sync
 * token behind them. */
static void ask(struct world *w, const struct form *f, const char *window, unsigned size,
                struct buf *out, char ret_sync[2048])
{
    char ids[64][64], next[2048];
    size_t n = 0;
    struct buf target = {0};
    buf_printf(&target, "%s&maxResults=%u%s", f->target, size, window);
    do {
        struct http_answer a = get(w, 200, buf_text(&target));
        struct json_iter it = json_iter(json_get(span_of(a.body), "items"));
        struct span item;
        for (unsigned on_page = 0; json_next(&it, NULL, &item); on_page++) {
            assert_true(n < 64 && on_page < size);
            assert_true(json_string_copy(json_get(item, "id"), ids[n++], sizeof(ids[0])));
        }
        buf_reset(&target);
        buf_printf(&target, "%.*s?maxResults=%u&pageToken=%s", (int)strcspn(f->target, "?"),
                   f->target, size, member(&a, "nextPageToken", next));
        if (ret_sync)
            (void)member(&a, "nextSyncToken", ret_sync);
        http_answer_release(&a);
    } while (next[0]);
    if (f->order == ANY_ORDER)
        qsort(ids, n, sizeof(ids[0]), by_text);
    for (size_t i = 0; i < n; i++)
        buf_printf(out, " %s", ids[i]);
    buf_release(&target);
}

static void check(struct world *w, int64_t min_ms, int64_t max_ms, unsigned size)
{
    struct buf window = {0}, want = {0}, have = {0};
    char text[RFC3339_MAX];
    if (min_ms != INT64_MIN) {
        (void)rfc3339_write_ms(text, min_ms);
        buf_printf(&window, "&timeMin=%s", text);
    }
    if (max_ms != INT64_MAX) {
        (void)rfc3339_write_ms(text, max_ms);
        buf_printf(&window, "&timeMax=%s", text);
    }
    for (size_t i = 0; i < FORMS; i++) {
        buf_reset(&want);
        buf_reset(&have);
        reckon(&forms[i], min_ms, max_ms, &want);
        ask(w, &forms[i], buf_text(&window), size, &have, NULL);
        if (!span_eq(buf_span(&want), buf_span(&have)))
            fail_msg("%s%s, %u on a page:%s instead of%s", forms[i].target, buf_text(&window), size,
                     buf_text(&have), buf_text(&want));
    }
    buf_release(&window);
    buf_release(&want);
    buf_release(&have);
}

static bool is_free(const struct part *p)
{
    return p->shape != WHOLE || strstr(stored[row_of(p->of)].more, FREE);
}

/* The end of the block that begins here; `at`, when it is free. */
static int64_t block_end(int64_t at, int64_t max_ms)
{
    int64_t end = at;
    for (bool grown = true; grown && end < max_ms;) {
        grown = false;
        for (size_t i = 0; i < PARTS; i++)
            if (!is_free(&parts[i]) && ms_of(parts[i].start) <= end && ms_of(parts[i].end) > end) {
                end = ms_of(parts[i].end);
                grown = true;
            }
    }
    return end < max_ms ? end : max_ms;
}

/* Free time ends where the next part begins. */
static int64_t free_end(int64_t at, int64_t max_ms)
{
    int64_t next = max_ms;
    for (size_t i = 0; i < PARTS; i++)
        if (!is_free(&parts[i]) && ms_of(parts[i].start) > at && ms_of(parts[i].start) < next)
            next = ms_of(parts[i].start);
    return next;
}

static void check_busy(struct world *w, int64_t min_ms, int64_t max_ms)
{
    struct buf want = {0}, body = {0};
    char from[RFC3339_MAX], to[RFC3339_MAX];
    const char *sep = "";
    buf_add_text(&want, "{\"busy\":[");
    for (int64_t at = min_ms, end; at < max_ms; at = free_end(end, max_ms)) {
        end = block_end(at, max_ms);
        (void)rfc3339_write(from, at, 0);
        (void)rfc3339_write(to, end, 0);
        if (end > at)
            buf_printf(&want, "%s{\"start\":\"%s\",\"end\":\"%s\"}", sep, from, to);
        sep = end > at ? "," : sep;
    }
    buf_add_text(&want, "]}");
    (void)rfc3339_write_ms(from, min_ms);
    (void)rfc3339_write_ms(to, max_ms);
    buf_printf(&body, "{\"timeMin\":\"%s\",\"timeMax\":\"%s\",\"items\":[{\"id\":\"primary\"}]}",
               from, to);
    struct http_answer a =
        http_ask(w->port, "POST", "/calendar/v3/freeBusy?prettyPrint=false", "", buf_text(&body));
    if (a.status != 200 ||
        !span_eq(json_path(span_of(a.body), "calendars", "primary", NULL), buf_span(&want)))
        fail_msg("%s: %s instead of %s", buf_text(&body), a.body, buf_text(&want));
    http_answer_release(&a);
    buf_release(&want);
    buf_release(&body);
}

/* Windows that begin or end at an edge, or a second beside it. */
static void check_edge(struct world *w, int64_t edge_ms)
{
    for (int64_t at = edge_ms - 1000; at <= edge_ms + 1000; at += 1000) {
        check(w, at, INT64_MAX, 4);
        check(w, INT64_MIN, at, 5);
        check_busy(w, at, at + 2000);
    }
    check(w, edge_ms, edge_ms + 1000, 2);
    check_busy(w, edge_ms, edge_ms + DAY_MS);
}

static void test_every_edge(void **state)
{
    struct world *w = *state;
    int64_t edges[2 * PARTS];
    size_t n = 0;
    make_world(w);
    check_busy(w, ms_of("2026-03-01T00:00:00Z"), ms_of("2026-05-01T00:00:00Z"));
    for (unsigned size = 1; size < 10; size++)
        check(w, INT64_MIN, INT64_MAX, size);
    for (size_t i = 0; i < PARTS; i++)
        if (parts[i].start) {
            edges[n++] = ms_of(parts[i].start);
            edges[n++] = ms_of(parts[i].end);
        }
    qsort(edges, n, sizeof(*edges), order_i64);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || edges[i] != edges[i - 1])
            check_edge(w, edges[i]);
}

/* What changed since a token is told once, in the order of change, on pages of any size: what the
 * list would show, and what is no more. */
static void test_every_delta(void **state)
{
    struct world *w = *state;
    char sync[2048], again[2048], target[2300];
    static const char *const shown[] = {"s1", "s2", "s3"}, *const gone[] = {"g1", "g2", "g3"},
                             *const others[] = {"o1", "o2", "o3"};
    const char *focus = ",\"eventType\":\"focusTime\"";
    for (size_t i = 0; i < 3; i++)
        world_day(w, gone[i], "2026-03-28", "2026-03-29", "");
    struct buf all = {0}, have = {0};
    ask(w, &(struct form){EV "?eventTypes=focusTime", BY_START, 0, NULL}, "", 1, &all, sync);
    assert_true(sync[0]);
    for (size_t i = 0; i < 3; i++) {
        world_day(w, shown[i], "2026-03-28", "2026-03-29", focus);
        world_remove(w, &w->me, gone[i]);
        world_day(w, others[i], "2026-03-28", "2026-03-29", "");
    }
    (void)snprintf(target, sizeof(target), EV "?eventTypes=focusTime&syncToken=%s", sync);
    for (unsigned size = 1; size < 8; size++) {
        buf_reset(&have);
        ask(w, &(struct form){target, BY_START, 0, NULL}, "", size, &have, again);
        assert_string_equal(buf_text(&have), " s1 g1 s2 g2 s3 g3");
    }
    (void)snprintf(target, sizeof(target), EV "?eventTypes=focusTime&syncToken=%s", again);
    expect_ids(w, target, "");
    /* Who sees instances is not told which of them went with what is no more. */
    (void)snprintf(target, sizeof(target), SINGLE "&syncToken=%s", sync);
    expect_error(w, 410, "fullSyncRequired", target);
    buf_release(&all);
    buf_release(&have);
}

/* However many of a series' slots are taken, and whichever: the others are shown. */
static void test_every_hole(void **state)
{
    struct world *w = *state;
    struct buf json = {0}, want = {0};
    char target[64];
    for (unsigned holes = 0; holes < 1 << 6; holes++) {
        (void)snprintf(target, sizeof(target), "s%02u", holes);
        world_day(w, target, "2026-03-01", "2026-03-02",
                  ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=6\"]");
        buf_reset(&want);
        for (unsigned day = 1; day <= 6; day++) {
            if (!(holes >> (day - 1) & 1)) {
                buf_printf(&want, "%ss%02u_2026030%u", want.n ? " " : "", holes, day);
                continue;
            }
            buf_reset(&json);
            buf_printf(&json,
                       "{\"id\":\"s%02u_2026030%u\",\"status\":\"cancelled\",\"recurringEventId\":"
                       "\"s%02u\",\"originalStartTime\":{\"date\":\"2026-03-0%u\"}}",
                       holes, day, holes, day);
            world_event(w, &w->me, buf_text(&json));
        }
        (void)snprintf(target, sizeof(target), EV "/s%02u/instances", holes);
        expect_ids(w, target, want.n ? buf_text(&want) : "");
    }
    buf_release(&json);
    buf_release(&want);
}

/* Two days that begin at one instant, since the clocks left one out: each once, page by page. */
static void test_a_day_that_never_was(void **state)
{
    struct world *w = *state;
    (void)snprintf(w->me.zone, sizeof(w->me.zone), "Pacific/Apia");
    world_day(w, "d", "2011-12-29", "2011-12-30", ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=4\"]");
    static const char *const targets[] = {SINGLE, SINGLE "&orderBy=updated",
                                          SINGLE "&orderBy=updated&timeMax=2012-02-01T00:00:00Z",
                                          EV "/d/instances"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        expect_pages(w, targets[i], 1, "d_20111229|d_20111230|d_20111231|d_20120101", NULL);
}

/* Birthdays begin before time does. */
static void test_before_1970(void **state)
{
    struct world *w = *state;
    world_day(w, "b", "1968-05-01", "1968-05-02",
              ",\"recurrence\":[\"RRULE:FREQ=YEARLY;COUNT=3\"]");
    world_day(w, "moon", "1969-07-20", "1969-07-21", "");
    static const char *const by_start[] = {SINGLE, SINGLE "&orderBy=startTime"},
                             *const by_updated[] = {
                                 SINGLE "&orderBy=updated",
                                 SINGLE "&orderBy=updated&timeMin=1968-01-01T00:00:00Z",
                                 SINGLE "&orderBy=updated&timeMax=2000-01-01T00:00:00Z",
                                 SINGLE "&orderBy=updated&updatedMin=2000-01-01T00:00:00Z"};
    for (size_t i = 0; i < sizeof by_start / sizeof *by_start; i++)
        expect_pages(w, by_start[i], 1, "b_19680501|b_19690501|moon|b_19700501", NULL);
    for (size_t i = 0; i < sizeof by_updated / sizeof *by_updated; i++)
        expect_pages(w, by_updated[i], 1, "b_19680501|b_19690501|b_19700501|moon", NULL);
    expect_pages(w, EV "/b/instances", 1, "b_19680501|b_19690501|b_19700501", NULL);
    expect_pages(w, EV "?timeMax=1970-01-01T00:00:00Z", 1, "moon|b", NULL);
}

/* A calendar that gets another time zone: its days begin when they begin there. */
static void test_a_calendar_that_moves(void **state)
{
    struct world *w = *state;
    world_day(w, "d", "2026-03-02", "2026-03-03",
              ",\"recurrence\":[\"RRULE:FREQ=DAILY;INTERVAL=2;COUNT=3\"]");
    static const char *const zones[] = {ZONE, "America/New_York", ZONE};
    static const char *const begins[] = {"2026-03-01T23:00:00Z", "2026-03-02T05:00:00Z",
                                         "2026-03-01T23:00:00Z"};
    /* Behind the begin of the first: from its last second, between it and the next, at that. */
    static const struct {
        int64_t min_ms, max_ms;
        const char *id;
    } windows[] = {{DAY_MS - 1000, DAY_MS, "d_20260302"},
                   {DAY_MS, 2 * DAY_MS, ""},
                   {2 * DAY_MS, 2 * DAY_MS + 1000, "d_20260304"}};
    for (size_t i = 0; i < 3; i++) {
        struct txn *t = begin_write(w->f.store);
        (void)snprintf(w->me.zone, sizeof(w->me.zone), "%s", zones[i]);
        w->me.version = txn_next_seq(t);
        coll_put(t, &w->me);
        commit(t);
        for (size_t k = 0; k < 3; k++) {
            char window[128], target[192], min[RFC3339_MAX], max[RFC3339_MAX];
            (void)rfc3339_write_ms(min, ms_of(begins[i]) + windows[k].min_ms);
            (void)rfc3339_write_ms(max, ms_of(begins[i]) + windows[k].max_ms);
            (void)snprintf(window, sizeof(window), "&timeMin=%s&timeMax=%s", min, max);
            (void)snprintf(target, sizeof(target), SINGLE "%s", window);
            expect_ids(w, target, windows[k].id);
            (void)snprintf(target, sizeof(target), EV "?x=1%s", window);
            expect_ids(w, target, windows[k].id[0] ? "d" : "");
        }
    }
}

static size_t count(const struct http_answer *a)
{
    struct json_iter it = json_iter(json_get(span_of(a->body), "items"));
    struct span item;
    size_t n = 0;
    while (json_next(&it, NULL, &item))
        n++;
    return n;
}

/* As large as was asked for, from page to page anew, up to Google's own bounds. */
static void test_page_sizes(void **state)
{
    struct world *w = *state;
    char next[2048];
    struct buf target = {0};
    static const struct {
        const char *asked;
        size_t n;
    } pages[] = {
        {"", 250}, {"&maxResults=1", 1}, {"&maxResults=3", 3}, {"&maxResults=1000000", 2500}};
    world_many(w, 2800, 1, 2800);
    buf_add_text(&target, EV "?x=1");
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        buf_add_text(&target, pages[i].asked);
        struct http_answer a = get(w, 200, buf_text(&target));
        assert_int_equal(count(&a), pages[i].n);
        assert_true(member(&a, "nextPageToken", next)[0]);
        http_answer_release(&a);
        buf_reset(&target);
        buf_printf(&target, EV "?pageToken=%s", next);
    }
    struct http_answer last = get(w, 200, buf_text(&target));
    assert_int_equal(count(&last), 2800 - 250 - 1 - 3 - 2500);
    http_answer_release(&last);
    buf_release(&target);
}

static int setup_budget(void **state)
{
    return world_setup_with(state, "instance_budget = 100\n");
}

/* A series that takes too many steps to follow is not passed over in silence: the next Monday that
 * is a 29th of February comes in 2044. */
static void test_too_much_work(void **state)
{
    struct world *w = *state;
    world_timed(w, "leap", "2016-02-29T09:00:00", "2016-02-29T10:00:00",
                ",\"recurrence\":[\"RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO\"]");
#define TO_2050 "timeMin=2026-01-01T00:00:00Z&timeMax=2050-01-01T00:00:00Z"
    expect_error(w, 400, "timeRangeTooLong", SINGLE "&" TO_2050);
    expect_error(w, 400, "timeRangeTooLong", SINGLE "&orderBy=updated&" TO_2050);
    expect_error(w, 400, "timeRangeTooLong", EV "/leap/instances?" TO_2050);
    expect_ids(w, EV "?" TO_2050, "leap");
    expect_ids(w, SINGLE "&timeMin=2044-02-20T00:00:00Z&timeMax=2044-03-10T00:00:00Z",
               "leap_20440229T080000Z");
#undef TO_2050
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_every_edge),
        WORLD(test_every_delta),
        WORLD(test_every_hole),
        WORLD(test_a_day_that_never_was),
        WORLD(test_a_calendar_that_moves),
        WORLD(test_before_1970),
        WORLD(test_page_sizes),
        cmocka_unit_test_setup_teardown(test_too_much_work, setup_budget, world_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
