/* event_view: events as a reader sees them, and instances that have no item of their own. */
#include "tests/emulator/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HALF_YEAR_MS (183LL * 86400000)

/* "<series>_20230717T013000Z" or "<series>_20230717". */
static bool split_instance_id(const char *id, size_t *ret_master, struct json_object **ret_original,
                              const struct calendar *cal)
{
    const char *stamp = strrchr(id, '_');
    int y, m, d, h = 0, min = 0, s = 0, used = 0;
    if (stamp == NULL || stamp == id) {
        return false;
    }
    stamp++;
    char text[TIME_TEXT_MAX];
    struct json_object *when;
    if (strlen(stamp) == 16 &&
        sscanf(stamp, "%4d%2d%2dT%2d%2d%2dZ%n", &y, &m, &d, &h, &min, &s, &used) == 6 &&
        used == 16) {
        int64_t ms = (days_of_date(y, m, d) * 86400 + h * 3600 + min * 60 + s) * 1000;
        time_write(text, ms, cal->zone);
        when = json_object_new_object();
        json_put_str(when, "dateTime", text);
    } else if (strlen(stamp) == 8 && sscanf(stamp, "%4d%2d%2d%n", &y, &m, &d, &used) == 3 &&
               used == 8) {
        date_write(text, days_of_date(y, m, d));
        when = json_object_new_object();
        json_put_str(when, "date", text);
    } else {
        return false;
    }
    *ret_master = (size_t)(stamp - 1 - id);
    *ret_original = when;
    return true;
}

bool instance_parse(const struct calendar *cal, const char *id, struct instance *ret)
{
    size_t n;
    struct json_object *original;
    if (!split_instance_id(id, &n, &original, cal)) {
        return false;
    }
    char *master_id = xstrndup(id, n);
    struct item *master = coll_get(&cal->events, master_id);
    free(master_id);
    int64_t slot = 0;
    bool fits = master != NULL && !master->gone && master->event->master &&
                event_instant(original, cal->zone, &slot) && slot >= master->event->start_ms &&
                slot <= master->event->end_ms;
    struct json_object *o = fits ? json_read(master->text, master->len) : NULL;
    if (o == NULL || event_is_all_day(o, "start") != (json_str(original, "date") != NULL)) {
        json_object_put(o);
        json_object_put(original);
        return false;
    }
    json_put_str(original, "timeZone", json_str(json_get(o, "start"), "timeZone"));
    json_object_put(o);
    *ret = (struct instance){master, original};
    return true;
}

/* The slot plus the length of the series' events; wall time is kept for all-day ones. */
static struct json_object *instance_end(const struct calendar *cal, struct json_object *master,
                                        struct json_object *original)
{
    char text[TIME_TEXT_MAX];
    struct json_object *end = json_object_new_object();
    if (json_str(original, "date") != NULL) {
        int64_t from = 0, to = 0, slot = 0;
        date_parse(json_str(json_get(master, "start"), "date"), &from);
        date_parse(json_str(json_get(master, "end"), "date"), &to);
        date_parse(json_str(original, "date"), &slot);
        date_write(text, slot + to - from);
        json_put_str(end, "date", text);
    } else {
        int64_t from = 0, to = 0, slot = 0;
        event_instant(json_get(master, "start"), cal->zone, &from);
        event_instant(json_get(master, "end"), cal->zone, &to);
        event_instant(original, cal->zone, &slot);
        time_write(text, slot + to - from, cal->zone);
        json_put_str(end, "dateTime", text);
    }
    json_put_str(end, "timeZone", json_str(json_get(master, "end"), "timeZone"));
    return end;
}

struct json_object *instance_make(const struct calendar *cal, const struct instance *i,
                                  const char *id)
{
    struct json_object *o = json_read(i->master->text, i->master->len);
    json_put(o, "end", instance_end(cal, o, i->original));
    json_put(o, "start", json_copy(i->original));
    json_put(o, "originalStartTime", json_copy(i->original));
    json_put_str(o, "recurringEventId", i->master->id);
    json_object_object_del(o, "recurrence");
    json_put_str(o, "id", id);
    char *link = event_html_link(cal, id);
    json_put_str(o, "htmlLink", link);
    free(link);
    return event_reorder(o);
}

static void hide_details(struct json_object **o)
{
    static const char *const SHOWN[] = {"kind",
                                        "etag",
                                        "id",
                                        "status",
                                        "htmlLink",
                                        "created",
                                        "updated",
                                        "start",
                                        "end",
                                        "recurrence",
                                        "recurringEventId",
                                        "originalStartTime",
                                        "transparency",
                                        "visibility",
                                        "iCalUID",
                                        "sequence",
                                        "eventType"};
    struct json_object *shown = json_object_new_object();
    for (size_t i = 0; i < sizeof(SHOWN) / sizeof(*SHOWN); i++) {
        if (json_has(*o, SHOWN[i])) {
            json_put(shown, SHOWN[i], json_object_get(json_get(*o, SHOWN[i])));
        }
    }
    json_object_put(*o);
    *o = shown;
}

/* More attendees than asked for: only the reader's own entry stays. */
static void cut_attendees(struct json_object *o, const char *self)
{
    struct json_object *list = json_get_array(o, "attendees"), *own = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *a = json_object_array_get_idx(list, i);
        if (self != NULL && strcmp(json_str_or(a, "email", ""), self) == 0) {
            json_object_array_add(own, json_object_get(a));
        }
    }
    json_put(o, "attendees", own);
    json_put_bool(o, "attendeesOmitted", true);
}

/* How many instances, and days between two; false: not for us. */
static bool read_simple_rule(const struct item *it, int *ret_count, int *ret_days)
{
    struct json_object *o = json_read(it->text, it->len);
    struct json_object *rules = json_get_array(o, "recurrence");
    const char *rule = rules && json_object_array_length(rules) == 1
                           ? json_object_get_string(json_object_array_get_idx(rules, 0))
                           : NULL;
    char freq[8];
    int used = 0;
    bool simple = rule != NULL &&
                  sscanf(rule, "RRULE:FREQ=%6[A-Z];COUNT=%d%n", freq, ret_count, &used) == 2 &&
                  rule[used] == '\0';
    *ret_days = simple && strcmp(freq, "WEEKLY") == 0 ? 7 : 1;
    simple = simple && (*ret_days == 7 || strcmp(freq, "DAILY") == 0);
    json_object_put(o);
    return simple;
}

bool event_is_simple_series(const struct item *it)
{
    int count, days;
    return read_simple_rule(it, &count, &days);
}

static void cut_to_tomb(struct json_object *o)
{
    static const char *const GONE[] = {"htmlLink", "created",      "updated",    "start",
                                       "end",      "transparency", "visibility", "iCalUID",
                                       "sequence", "eventType"};
    for (size_t i = 0; i < sizeof(GONE) / sizeof(*GONE); i++) {
        json_object_object_del(o, GONE[i]);
    }
    json_put_str(o, "status", "cancelled");
}

/* What an event is to whoever may see busy times alone. Of a deleted series the instances of half a
 * year around now are told and no others, as was seen of deltas with singleEvents=true. */
static void render_busy(const struct event_view *v, const struct item *it, struct buf *out)
{
    int count = 0, days = 0;
    bool series = it->event->master && read_simple_rule(it, &count, &days), first = true;
    for (int i = 0; i < (series ? count : 1); i++) {
        char stamp[TIME_TEXT_MAX], *id = NULL;
        int64_t slot = it->event->start_ms + (int64_t)i * days * 86400000;
        struct instance instance;
        struct json_object *o = series ? NULL : json_read(it->text, it->len);
        if (series) {
            time_write_stamp(stamp, slot);
            id = xprintf("%s_%s", it->id, stamp);
            if (coll_get(&v->cal->events, id) == NULL &&
                (!it->gone || llabs(slot - v->now_ms) < HALF_YEAR_MS)) {
                char text[TIME_TEXT_MAX];
                instance = (struct instance){(struct item *)it, json_object_new_object()};
                time_write(text, slot, v->cal->zone);
                json_put_str(instance.original, "dateTime", text);
                o = instance_make(v->cal, &instance, id);
                json_object_put(instance.original);
            }
            free(id);
        }
        if (o == NULL) {
            continue;
        }
        hide_details(&o);
        if (it->gone) {
            cut_to_tomb(o);
        }
        buf_str(out, first ? "" : ",");
        buf_str(out, json_text(o));
        json_object_put(o);
        first = false;
    }
}

void event_render(const struct event_view *v, const struct item *it, struct buf *out)
{
    if (v->busy_only) {
        render_busy(v, it, out);
        return;
    }
    /* A cancelled instance has the short form everywhere unless the rich one is asked for. */
    if (it->gone && it->tomb != NULL && v->tombs == TOMB_MINIMAL) {
        buf_str(out, it->tomb);
        return;
    }
    bool hide = v->hide_private && it->event->hidden;
    if (!hide && v->zone == NULL && v->max_attendees == 0) {
        buf_add(out, it->text, it->len);
        return;
    }
    struct json_object *o = json_read(it->text, it->len);
    if (o == NULL) {
        buf_add(out, it->text, it->len);
        return;
    }
    if (hide) {
        hide_details(&o);
    }
    struct json_object *guests = json_get_array(o, "attendees");
    if (v->max_attendees > 0 && guests != NULL &&
        (int64_t)json_object_array_length(guests) > v->max_attendees) {
        cut_attendees(o, v->self);
    }
    if (v->zone != NULL) {
        event_show_in_zone(o, "start", v->cal->zone, v->zone);
        event_show_in_zone(o, "end", v->cal->zone, v->zone);
        event_show_in_zone(o, "originalStartTime", v->cal->zone, v->zone);
    }
    o = event_reorder(o);
    buf_str(out, json_text(o));
    json_object_put(o);
}
