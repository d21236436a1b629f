/* event_view: events as a reader sees them, and instances that have no item of their own. */
#include "tests/emulator/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void event_render(const struct event_view *v, const struct item *it, struct buf *out)
{
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
