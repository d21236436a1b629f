/* api_events: reading events: list, get. */
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/access.h"
#include "tests/emulator/api.h"
#include "tests/emulator/event.h"
#include "tests/emulator/list.h"
#include "tests/emulator/params.h"

#define UPDATED_MIN_REACH_MS (30LL * 86400000) /* the reach users met: 28 to 30 days */

struct query {
    const struct calendar *cal;
    enum role role;
    int64_t time_min, time_max, updated_min; /* ms; INT64_MIN, INT64_MAX, INT64_MIN: no bound */
    bool show_deleted, filter_types, filter_properties;
    const char *ical_uid, *text;
    struct event_view view;
    bool rich_deltas, rich_lists;
};

static bool type_wanted(const struct req *r, const char *type)
{
    for (size_t i = 0; i < r->n_params; i++) {
        if (strcmp(r->params[i].name, "eventTypes") == 0 && strcmp(r->params[i].value, type) == 0) {
            return true;
        }
    }
    return false;
}

static bool contains(struct json_object *o, const char *key, const char *text)
{
    const char *s = json_str(o, key);
    return s != NULL && strcasestr(s, text) != NULL;
}

static bool matches_text(struct json_object *o, const char *text)
{
    struct json_object *people = json_get_array(o, "attendees");
    struct json_object *organizer = json_get_object(o, "organizer");
    bool found = contains(o, "summary", text) || contains(o, "description", text) ||
                 contains(o, "location", text) || contains(organizer, "displayName", text) ||
                 contains(organizer, "email", text);
    for (size_t i = 0; !found && people && i < json_object_array_length(people); i++) {
        struct json_object *a = json_object_array_get_idx(people, i);
        found = contains(a, "displayName", text) || contains(a, "email", text);
    }
    return found;
}

/* All constraints must hold, as the reference says. */
static bool matches_properties(const struct req *r, struct json_object *o)
{
    struct json_object *ext = json_get_object(o, "extendedProperties");
    for (size_t i = 0; i < r->n_params; i++) {
        const char *name = r->params[i].name, *want = r->params[i].value;
        bool is_private = strcmp(name, "privateExtendedProperty") == 0;
        if (!is_private && strcmp(name, "sharedExtendedProperty") != 0) {
            continue;
        }
        char *key = xstrndup(want, strcspn(want, "="));
        const char *equals = strchr(want, '=');
        const char *has = json_str(json_get_object(ext, is_private ? "private" : "shared"), key);
        free(key);
        if (has == NULL || equals == NULL || strcmp(has, equals + 1) != 0) {
            return false;
        }
    }
    return true;
}

static bool shown_when_cancelled(const struct query *q, const struct item *it)
{
    if (q->show_deleted || q->updated_min != INT64_MIN) {
        return true;
    }
    /* Cancelled instances of live series are listed even so. */
    const struct item *master =
        it->event->series ? coll_get(&q->cal->events, it->event->series) : NULL;
    return master != NULL && !master->gone;
}

static bool wants_event(const struct listing *l, const struct item *it)
{
    const struct query *q = l->query;
    const struct event_facts *f = it->event;
    if (f->purged || (it->gone && !shown_when_cancelled(q, it)) ||
        (it->gone && f->master && q->view.busy_only)) { /* as with singleEvents=true */
        return false;
    }
    if (f->end_ms <= q->time_min || f->start_ms >= q->time_max || f->updated_us < q->updated_min) {
        return false;
    }
    if (q->ical_uid != NULL && (f->ical_uid == NULL || strcmp(f->ical_uid, q->ical_uid) != 0)) {
        return false;
    }
    if (q->filter_types && !type_wanted(l->r, f->type)) {
        return false;
    }
    if (q->text == NULL && !q->filter_properties) {
        return true;
    }
    struct json_object *o = json_read(it->text, it->len);
    bool good = o != NULL && (q->text == NULL || matches_text(o, q->text)) &&
                (!q->filter_properties || matches_properties(l->r, o));
    json_object_put(o);
    return good;
}

static bool wants_change(const struct listing *l, const struct item *it)
{
    const struct query *q = l->query;
    if (it->event->purged && it->tomb == NULL) {
        return false; /* dropped by a test: nothing tells of it */
    }
    return !q->filter_types || it->gone || type_wanted(l->r, it->event->type);
}

static void render_event(const struct listing *l, const struct item *it, struct buf *out)
{
    const struct query *q = l->query;
    struct event_view view = q->view;
    bool rich = l->delta ? q->rich_deltas : q->rich_lists;
    /* Cancelled instances are short in both; see the README, "tombstones". */
    view.tombs = rich && !(it->event->series && !q->rich_deltas) ? TOMB_RICH : TOMB_MINIMAL;
    event_render(&view, it, out);
}

static void put_member(struct buf *out, const char *key, const char *value)
{
    buf_printf(out, ",\"%s\":", key);
    buf_quote(out, value);
}

static void put_head(const struct listing *l, struct buf *out)
{
    const struct query *q = l->query;
    const struct calendar *c = q->cal;
    char updated[TIME_TEXT_MAX];
    struct item *entry = coll_get(&l->r->user->list, c->id);
    struct json_object *own = entry && !entry->gone ? json_read(entry->text, entry->len) : NULL;
    struct json_object *reminders = json_get_array(own, "defaultReminders");
    time_write_ms(updated, coll_stamp(&c->events) / 1000);
    put_member(out, "summary", json_str_or(c->props, "summary", c->id));
    put_member(out, "description", json_str_or(c->props, "description", ""));
    put_member(out, "updated", updated);
    put_member(out, "timeZone", zone_name(c->zone));
    put_member(out, "accessRole", role_name((int)q->role));
    buf_printf(out, ",\"defaultReminders\":%s", reminders ? json_text(reminders) : "[]");
    json_object_put(own);
}

void event_tomb_rules(const struct emu *e, bool *ret_rich_lists, bool *ret_rich_deltas)
{
    const char *mode = e->pages.tombstones ? e->pages.tombstones : "minimal";
    *ret_rich_deltas = strcmp(mode, "rich") == 0;
    *ret_rich_lists = strcmp(mode, "minimal") != 0;
}

/* Whoever may see busy times alone is shown instances, as with singleEvents=true. */
static bool all_simple(const struct calendar *c)
{
    for (size_t i = 0; i < c->events.n; i++) {
        const struct item *it = c->events.items[i];
        if (it->event->master && !event_is_simple_series(it)) {
            return false;
        }
    }
    return true;
}

static bool is_tokenless(const struct emu *e, const struct calendar *c)
{
    return e->pages.tokenless != NULL && strcmp(e->pages.tokenless, c->id) == 0;
}

/* Reads the parameters; false: answered. */
static bool read_query(struct req *r, struct listing *l, struct query *q)
{
    bool single = false;
    const char *order = req_param(r, "orderBy");
    if (!param_bool(r, "singleEvents", &single) ||
        !param_bool(r, "showDeleted", &q->show_deleted) ||
        !param_time(r, "timeMin", &q->time_min) || !param_time(r, "timeMax", &q->time_max) ||
        !param_time(r, "updatedMin", &q->updated_min) ||
        !param_zone(r, "timeZone", &q->view.zone) ||
        !param_count(r, "maxAttendees", &q->view.max_attendees)) {
        return false;
    }
    if (single || (q->role == ROLE_FREEBUSY && !all_simple(q->cal))) {
        reply_not_implemented(r, "The emulator does not expand series: use singleEvents=false and "
                                 "at least the role reader.");
        return false;
    }
    q->view.busy_only = q->role == ROLE_FREEBUSY;
    q->view.now_ms = world_now_ms(&r->emu->world);
    if (order != NULL && strcmp(order, "startTime") != 0 && strcmp(order, "updated") != 0) {
        reply_bad_param(r, "orderBy", order,
                        "match the following regular expression: 'startTime|updated'");
        return false;
    }
    if (order != NULL && *order == 's') {
        reply_bad(r, "badRequest",
                  "The requested ordering is not available for the particular query.");
        return false;
    }
    if (q->time_min != INT64_MIN && q->time_max != INT64_MAX &&
        q->time_min / 1000 >= q->time_max / 1000) {
        reply_error(r, &TIME_RANGE_EMPTY);
        return false;
    }
    if (q->updated_min != INT64_MIN) {
        if (q->updated_min < world_now_ms(&r->emu->world) - UPDATED_MIN_REACH_MS) {
            reply_error(r, &(struct api_error){
                               410, "calendar", "updatedMinTooLongAgo",
                               "The requested minimum modification time lies too far in the past.",
                               "parameter", "updatedMin"});
            return false;
        }
        q->updated_min *= 1000;
    }
    /* Milliseconds of the bounds are ignored, says the reference. */
    q->time_min = q->time_min == INT64_MIN ? INT64_MIN : q->time_min / 1000 * 1000;
    q->time_max = q->time_max == INT64_MAX ? INT64_MAX : q->time_max / 1000 * 1000;
    q->ical_uid = req_param(r, "iCalUID");
    q->text = req_param(r, "q");
    q->filter_types = req_param(r, "eventTypes") != NULL;
    q->filter_properties = req_param(r, "privateExtendedProperty") != NULL ||
                           req_param(r, "sharedExtendedProperty") != NULL;
    l->by_updated = order != NULL;
    l->no_token = order != NULL || q->text != NULL || q->updated_min != INT64_MIN ||
                  q->ical_uid != NULL || q->filter_properties || is_tokenless(r->emu, q->cal);
    return true;
}

void events_list(struct req *r)
{
    static const char *const NOT_WITH_TOKEN[] = {"iCalUID",
                                                 "orderBy",
                                                 "privateExtendedProperty",
                                                 "q",
                                                 "sharedExtendedProperty",
                                                 "timeMin",
                                                 "timeMax",
                                                 "updatedMin",
                                                 NULL};
    static const char *const NO_FALSE[] = {"showDeleted", NULL};
    struct calendar *c = access_calendar(r, ROLE_FREEBUSY);
    if (c == NULL) {
        return;
    }
    struct query q = {.cal = c,
                      .role = access_role(r, c),
                      .time_min = INT64_MIN,
                      .time_max = INT64_MAX,
                      .updated_min = INT64_MIN,
                      .view = {.cal = c, .self = r->user->email}};
    struct listing l = {.r = r,
                        .coll = &c->events,
                        .kind = "calendar#events",
                        .page_default = 250,
                        .page_cap = 2500,
                        .wants = wants_event,
                        .wants_delta = wants_change,
                        .render = render_event,
                        .head = put_head,
                        .not_with_token = NOT_WITH_TOKEN,
                        .no_false = NO_FALSE,
                        .query = &q};
    q.view.hide_private = q.role < ROLE_WRITER;
    event_tomb_rules(r->emu, &q.rich_lists, &q.rich_deltas);
    if (read_query(r, &l, &q)) {
        list_answer(&l);
    }
}

void events_get(struct req *r)
{
    struct calendar *c = access_calendar(r, ROLE_READER);
    if (c == NULL) {
        return;
    }
    struct event_view view = {.cal = c,
                              .self = r->user->email,
                              .hide_private = access_role(r, c) < ROLE_WRITER,
                              .tombs = TOMB_RICH};
    if (!param_zone(r, "timeZone", &view.zone) ||
        !param_count(r, "maxAttendees", &view.max_attendees)) {
        return;
    }
    const char *id = r->arg[1];
    struct item *it = coll_get(&c->events, id);
    struct instance instance;
    if (it != NULL) {
        buf_str(&r->out, "");
        event_render(&view, it, &r->out);
        char *text = r->out.p;
        r->out = (struct buf){0};
        r->etag = etag_of_text(text);
        req_answer_text(r, 200, text);
        r->indent = 1;
        free(text);
    } else if (instance_parse(c, id, &instance)) {
        req_answer(r, 200, instance_make(c, &instance, id));
        json_object_put(instance.original);
    } else {
        reply_error(r, &NOT_FOUND);
    }
}

void events_instances(struct req *r)
{
    if (access_calendar(r, ROLE_READER) != NULL) {
        reply_not_implemented(r, "The emulator does not expand series.");
    }
}

void freebusy_query(struct req *r)
{
    reply_not_implemented(r, "The emulator does not compute free/busy times.");
}
