/* freebusy: freeBusy.query: when calendars are busy, in merged blocks.
 *
 * Busy is what is opaque, not cancelled, and not declined by the calendar's own attendee; tentative
 * counts. What is wrong with one calendar is said in its entry, the others are answered; only when
 * all of them are too much work is it the range that is refused. A calendar of which a record is
 * damaged is an error until it has been fetched again: a block that is missing would be a lie. */
#include "core/calendar/freebusy.h"

#include <stdlib.h>

#include "core/base/floor.h"
#include "core/base/json.h"
#include "core/base/rfc3339.h"
#include "core/serve/events/expand.h"
#include "core/serve/fault.h"
#include "core/serve/fresh.h"
#include "core/serve/handlers.h"
#include "core/serve/events/render.h"
#include "core/serve/scope.h"
#include "core/serve/events/window.h"

#define CALENDARS_MAX 50 /* Google's own bounds */
#define GROUPS_MAX    100
#define ITEMS_MAX     1000

struct query {
    struct call *c;
    int64_t min_ms, max_ms;
    struct render render;
    int64_t calendars_max;
    struct span items;
    unsigned computed, too_long; /* calendars gone through; of them, those that took too much */
};

/* One calendar's intervals. */
struct busy {
    struct interval *v;
    size_t n, room;
};

/* A member that is there; null is as good as absent. */
static struct span given(struct call *c, const char *name)
{
    struct span value = json_get(c->body, name);
    return json_type_of(value) == JSON_NULL ? (struct span){0} : value;
}

static bool read_bound(struct call *c, const char *name, int64_t *ret_ms)
{
    char text[64];
    struct span value = given(c, name);
    int64_t ms;
    if (value.n == 0)
        return call_fail(c, FAULT_REQUIRED, name, NULL);
    if (!json_string_copy(value, text, sizeof text) ||
        !rfc3339_time(span_of(text), &ms, NULL, NULL))
        return call_fail(c, FAULT_BAD_REQUEST, name, NULL);
    *ret_ms = floor_s(ms) * 1000;
    return true;
}

static bool read_most(struct call *c, const char *name, int64_t cap, int64_t *ret)
{
    struct span value = given(c, name);
    *ret = cap;
    if (value.n == 0)
        return true;
    return (json_int64(value, ret) && *ret >= 1 && *ret <= cap) ||
           call_fail(c, FAULT_INVALID, name, "Invalid value for: %s", name);
}

static bool read_zone(struct call *c, struct render *ret)
{
    char name[ZONE_NAME_MAX];
    struct span value = given(c, "timeZone");
    *ret = (struct render){0};
    if (value.n == 0)
        return true;
    if (json_string_copy(value, name, sizeof name))
        *ret = render_in_zone(name);
    return ret->zone || call_fail(c, FAULT_INVALID, "timeZone", "Invalid value for: timeZone");
}

static bool read_query(struct query *q)
{
    struct call *c = q->c;
    struct err e = {0};
    int64_t groups_max;
    if (json_check(c->body, &e) != RC_OK || json_type_of(c->body) != JSON_OBJECT)
        return call_fail(c, FAULT_PARSE, NULL, NULL);
    q->items = given(c, "items");
    if (q->items.n && json_type_of(q->items) != JSON_ARRAY)
        return call_fail(c, FAULT_INVALID, "items", "Invalid value for: items");
    if (!read_bound(c, "timeMin", &q->min_ms) || !read_bound(c, "timeMax", &q->max_ms) ||
        !read_zone(c, &q->render) ||
        !read_most(c, "calendarExpansionMax", CALENDARS_MAX, &q->calendars_max) ||
        !read_most(c, "groupExpansionMax", GROUPS_MAX, &groups_max))
        return false;
    return q->max_ms > q->min_ms || call_fail(c, FAULT_RANGE_EMPTY, "timeMax", NULL);
}

static bool is_busy(void *arg, const struct event *ev)
{
    (void)arg;
    return !(ev->flags & (EVENT_CANCELLED | EVENT_TRANSPARENT | EVENT_DECLINED));
}

static bool add_interval(struct busy *b, int64_t start_ms, int64_t end_ms)
{
    if (b->n == b->room) {
        size_t room = b->room ? 2 * b->room : 64;
        struct interval *v = reallocarray(b->v, room, sizeof *v);
        if (!v)
            return false;
        b->v = v;
        b->room = room;
    }
    b->v[b->n++] = (struct interval){start_ms, end_ms};
    return true;
}

/* RC_FULL: too much work for one query. */
static enum rc gather(struct query *q, const struct collection *coll, struct busy *b, struct err *e)
{
    struct expand *x = NULL;
    struct expand_item item;
    bool room = true;
    struct expand_query what = {.txn = q->c->txn,
                                .coll = coll,
                                .zone = zone_of_collection(coll),
                                .min_ms = q->min_ms,
                                .max_ms = q->max_ms,
                                .after = EXPAND_BEGIN,
                                .budget = q->c->conf->api.instance_budget,
                                .keep = is_busy};
    what.known = series_cache_get(q->c->series, what.txn, coll, what.zone);
    enum rc rc = expand_open(&x, &what, e);
    while (rc == RC_OK && room && expand_next(x, &item))
        room = add_interval(b, item.place.start_ms, item.end_ms);
    if (rc == RC_OK)
        rc = expand_close(x, e);
    if (rc)
        return rc;
    b->n = freebusy_merge(b->v, b->n, q->min_ms, q->max_ms);
    return room ? RC_OK : err_set(e, RC_SYS, "out of memory");
}

static void write_error(struct call *c, const char *domain, const char *reason)
{
    buf_printf(&c->out, "{\"errors\":[{\"domain\":\"%s\",\"reason\":\"%s\"}],\"busy\":[]}", domain,
               reason);
}

static void write_blocks(struct query *q, const struct busy *b)
{
    struct buf *out = &q->c->out;
    buf_add_text(out, "{\"busy\":[");
    for (size_t i = 0; i < b->n; i++) {
        buf_add_text(out, i ? ",{\"start\":" : "{\"start\":");
        render_time(&q->render, b->v[i].start_ms, out);
        buf_add_text(out, ",\"end\":");
        render_time(&q->render, b->v[i].end_ms, out);
        buf_add_char(out, '}');
    }
    buf_add_text(out, "]}");
}

static void write_calendar(struct query *q, struct span id, int64_t number)
{
    struct call *c = q->c;
    struct collection coll;
    enum access access; /* either will do */
    struct busy b = {0};
    struct err e = {0};
    if (number >= q->calendars_max) {
        write_error(c, "global", "tooManyCalendarsRequested");
        return;
    }
    enum rc rc = scope_find_calendar(c, id, &coll, &access);
    if (rc) {
        write_error(c, "global", rc == RC_NOTFOUND ? "notFound" : "internalError");
        return;
    }
    rc = gather(q, &coll, &b, &e);
    q->computed++;
    q->too_long += rc == RC_FULL;
    fresh_add(c, &coll);
    if (rc == RC_FULL) {
        write_error(c, "calendar", "timeRangeTooLong");
    } else if (rc || events_damaged(c->store, coll.no)) {
        if (rc) {
            (void)err_prefix(&e, rc, "freeBusy of cal %u", coll.no);
            fault_log(&e);
        }
        write_error(c, "global", "internalError");
    } else {
        write_blocks(q, &b);
    }
    free(b.v);
}

/* The ids answered so far, decoded: the same one may be spelt in many ways. */
struct named {
    struct buf text; /* one behind the other */
    size_t n, end[ITEMS_MAX];
};

/* False: this one was named before, or there is no memory (text.failed). */
static bool is_first(struct named *named, struct span id)
{
    size_t at = 0;
    for (size_t i = 0; i < named->n; at = named->end[i++])
        if (span_eq((struct span){named->text.p + at, named->end[i] - at}, id))
            return false;
    buf_add_span(&named->text, id);
    named->end[named->n++] = named->text.n;
    return !named->text.failed;
}

static bool write_entries(struct query *q, struct named *named)
{
    struct call *c = q->c;
    struct json_iter it = json_iter(q->items);
    struct span item;
    for (int i = 0; json_next(&it, NULL, &item); i++) {
        struct span id = json_get(item, "id");
        char text[LIMIT_ID_BYTES + 1];
        if (i == ITEMS_MAX)
            return call_fail(c, FAULT_INVALID, "items", "Too many items.");
        if (id.n == 0)
            return call_fail(c, FAULT_REQUIRED, "items", NULL);
        if (!json_string_copy(id, text, sizeof text))
            return call_fail(c, FAULT_INVALID, "items", "Invalid resource id value.");
        if (!is_first(named, span_of(text)))
            continue;
        if (named->n > 1)
            buf_add_char(&c->out, ',');
        buf_add_json(&c->out, span_of(text));
        buf_add_char(&c->out, ':');
        write_calendar(q, span_of(text), (int64_t)named->n - 1);
    }
    if (named->text.failed)
        return call_fail(c, FAULT_INTERNAL, NULL, NULL);
    if (q->too_long && q->too_long == q->computed)
        return call_fail(c, FAULT_RANGE_TOO_LONG, "timeMax", NULL);
    return true;
}

static bool write_calendars(struct query *q)
{
    struct named named = {0};
    bool ok = write_entries(q, &named);
    buf_release(&named.text);
    return ok;
}

void freebusy_query(struct call *c)
{
    struct query q = {.c = c};
    char text[RFC3339_MAX];
    if (!read_query(&q) || !call_read(c))
        return;
    (void)rfc3339_write_ms(text, q.min_ms);
    buf_printf(&c->out, "{\"kind\":\"calendar#freeBusy\",\"timeMin\":\"%s\"", text);
    (void)rfc3339_write_ms(text, q.max_ms);
    buf_printf(&c->out, ",\"timeMax\":\"%s\",\"calendars\":{", text);
    if (write_calendars(&q))
        buf_add_text(&c->out, "}}");
}
