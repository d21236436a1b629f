/* api_calendars: the calendars themselves. */
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/access.h"
#include "tests/emulator/api.h"
#include "tests/emulator/event.h"

static const char *const SETTABLE[] = {"summary", "description", "location",
                                       "conferenceProperties"};

static char *etag_of(const struct calendar *c)
{
    char *text = xprintf("%s %s", json_text(c->props), zone_name(c->zone));
    char *etag = xprintf("\"%08x\"", hash32(text));
    free(text);
    return etag;
}

static void answer_calendar(struct req *r, const struct calendar *c)
{
    struct json_object *o = json_object_new_object();
    char *etag = etag_of(c);
    json_put_str(o, "kind", "calendar#calendar");
    json_put_str(o, "etag", etag);
    json_put_str(o, "id", c->id);
    for (size_t i = 0; i < sizeof(SETTABLE) / sizeof(*SETTABLE); i++) {
        if (json_has(c->props, SETTABLE[i])) {
            json_put(o, SETTABLE[i], json_object_get(json_get(c->props, SETTABLE[i])));
        }
    }
    json_put_str(o, "timeZone", zone_name(c->zone));
    if (!c->primary) {
        json_put_str(o, "dataOwner", c->owner);
    }
    r->etag = etag;
    req_answer(r, 200, o);
}

void calendars_get(struct req *r)
{
    struct calendar *c = access_calendar(r, ROLE_FREEBUSY);
    if (c != NULL) {
        answer_calendar(r, c);
    }
}

/* timeZone of a body; false: answered. */
static bool read_zone(struct req *r, struct json_object *o, const struct zone **ret)
{
    const char *name = json_str(o, "timeZone");
    const struct zone *z = name ? zone_get(name) : *ret;
    if (z == NULL) {
        reply_bad(r, "invalid", "Invalid time zone definition.");
        return false;
    }
    *ret = z;
    return true;
}

void calendars_insert(struct req *r)
{
    struct json_object *o = access_body(r);
    const struct zone *zone = zone_get("UTC");
    if (o == NULL) {
        return;
    }
    if (json_str(o, "summary") == NULL) {
        reply_bad(r, "required", "Missing title.");
    } else if (read_zone(r, o, &zone)) {
        struct world *w = &r->emu->world;
        char *random = world_new_id(w, 26);
        char *id = xprintf("c_%s@group.calendar.google.com", random);
        struct calendar *c = world_add_calendar(w, id, r->user->email, json_copy(o), zone);
        struct json_object *own = json_object_new_object();
        json_put_bool(own, "selected", true);
        list_set(w, r->user, c, own);
        json_object_put(own);
        emu_changed(r->emu, &r->user->list);
        answer_calendar(r, c);
        free(random);
        free(id);
    }
    json_object_put(o);
}

/* The etag and sync tokens of calendar list entries do not move by this, says the reference. */
static void change_calendar(struct req *r, bool replace)
{
    struct calendar *c = access_calendar(r, ROLE_OWNER);
    char *etag = c ? etag_of(c) : NULL;
    struct json_object *o = c && access_if_match(r, etag) ? access_body(r) : NULL;
    const struct zone *zone = c ? c->zone : NULL;
    free(etag);
    if (o == NULL) {
        return;
    }
    if (read_zone(r, o, &zone)) {
        if (replace) {
            json_object_put(c->props);
            c->props = json_object_new_object();
        }
        json_merge(c->props, o);
        if (zone != c->zone) {
            c->zone = zone;
            for (size_t i = 0; i < c->events.n; i++) {
                event_rerender(c, c->events.items[i]);
            }
        }
        answer_calendar(r, c);
    }
    json_object_put(o);
}

void calendars_patch(struct req *r)
{
    change_calendar(r, false);
}

void calendars_update(struct req *r)
{
    change_calendar(r, true);
}

void calendars_delete(struct req *r)
{
    struct calendar *c = access_calendar(r, ROLE_OWNER);
    struct world *w = &r->emu->world;
    if (c == NULL) {
        return;
    }
    if (c->primary) {
        reply_bad(r, "cannotDeletePrimaryCalendar", "Cannot delete the primary calendar.");
        return;
    }
    c->deleted = true;
    for (size_t i = 0; i < w->n_users; i++) {
        struct coll *list = &w->user_list[i]->list;
        struct item *it = coll_get(list, c->id);
        if (it != NULL && !it->gone) {
            it->gone = true;
            coll_touch(list, it, world_tick(w));
            emu_changed(r->emu, list);
        }
    }
    req_answer_empty(r, 204);
}

void calendars_clear(struct req *r)
{
    struct calendar *c = access_calendar(r, ROLE_OWNER);
    if (c == NULL) {
        return;
    }
    if (!c->primary) {
        reply_bad(r, "invalid", "Only the primary calendar can be cleared.");
        return;
    }
    struct event_write w = {.emu = r->emu, .cal = c, .creator = r->user->email};
    for (size_t i = 0; i < c->events.n; i++) {
        struct item *it = c->events.items[i];
        if (!it->gone && !it->event->purged) {
            event_cancel(&w, it);
        }
    }
    req_answer_empty(r, 204);
}
