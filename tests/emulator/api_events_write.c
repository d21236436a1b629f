/* api_events_write: changing events: insert, import, patch, update, delete, move. */
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/access.h"
#include "tests/emulator/api.h"
#include "tests/emulator/event.h"

static struct event_write write_by(struct req *r, struct calendar *c)
{
    return (struct event_write){.emu = r->emu, .cal = c, .creator = r->user->email};
}

static void answer_event(struct req *r, const struct calendar *c, const struct item *it)
{
    struct event_view view = {.cal = c, .tombs = TOMB_RICH};
    struct buf text = {0};
    event_render(&view, it, &text);
    req_answer_text(r, 200, text.p);
    r->indent = 1;
    r->etag = etag_of_text(text.p);
    buf_free(&text);
}

/* Stores and answers; `it` NULL makes a new event. */
static void store_and_answer(struct req *r, struct calendar *c, struct item *it,
                             struct json_object *o, bool only_private)
{
    struct event_write w = write_by(r, c);
    w.only_private = only_private;
    it = event_store(&w, it, o);
    if (it == NULL) {
        reply_error(r, w.why);
    } else {
        answer_event(r, c, it);
    }
}

static bool id_good(const char *id)
{
    size_t n = strlen(id);
    return n >= 5 && n <= 1024 && strspn(id, "0123456789abcdefghijklmnopqrstuv") == n;
}

void events_insert(struct req *r)
{
    struct calendar *c = access_calendar(r, ROLE_WRITER);
    struct json_object *o = c ? access_body(r) : NULL;
    if (o == NULL) {
        return;
    }
    const char *id = json_str(o, "id");
    if (id != NULL && !id_good(id)) {
        reply_error(r, &BAD_RESOURCE_ID);
    } else if (id != NULL && coll_get(&c->events, id) != NULL) {
        reply_error(r, &DUPLICATE);
    } else {
        if (id == NULL) {
            char *made = world_new_id(&r->emu->world, 26);
            json_put_str(o, "id", made);
            free(made);
        }
        store_and_answer(r, c, NULL, event_writable(o), false);
        return;
    }
    json_object_put(o);
}

static struct item *find_by_uid(const struct calendar *c, const char *uid)
{
    for (size_t i = 0; i < c->events.n; i++) {
        const struct event_facts *f = c->events.items[i]->event;
        if (f->ical_uid != NULL && strcmp(f->ical_uid, uid) == 0 && f->series == NULL) {
            return c->events.items[i];
        }
    }
    return NULL;
}

void events_import(struct req *r)
{
    struct calendar *c = access_calendar(r, ROLE_WRITER);
    struct json_object *o = c ? access_body(r) : NULL;
    if (o == NULL) {
        return;
    }
    const char *uid = json_str(o, "iCalUID");
    if (uid == NULL) {
        json_object_put(o);
        reply_bad(r, "required", "Required");
        return;
    }
    struct item *it = find_by_uid(c, uid);
    struct json_object *organizer = json_object_get(json_get_object(o, "organizer"));
    char *id = it ? xstrdup(it->id) : NULL;
    if (id == NULL) {
        char *made = world_new_id(&r->emu->world, 40);
        id = xprintf("_%s", made); /* as ids of imported events look */
        free(made);
    }
    o = event_writable(o);
    if (organizer != NULL) {
        json_put(o, "organizer", organizer);
    }
    json_put_str(o, "id", id);
    free(id);
    store_and_answer(r, c, it, o, false);
}

/* The event named in the path as an object to be changed, owned by the caller. *ret_item stays NULL
 * for an instance that has no item of its own yet. NULL after an answer. */
static struct json_object *event_to_change(struct req *r, struct calendar *c,
                                           struct item **ret_item)
{
    const char *id = r->arg[1];
    struct item *it = coll_get(&c->events, id);
    struct instance instance;
    struct json_object *o = NULL;
    if (it != NULL) {
        o = json_read(it->text, it->len);
    } else if (instance_parse(c, id, &instance)) {
        o = instance_make(c, &instance, id);
        json_object_put(instance.original);
    }
    if (o == NULL) {
        reply_error(r, &NOT_FOUND);
        return NULL;
    }
    if (!access_if_match(r, json_str(o, "etag"))) {
        json_object_put(o);
        return NULL;
    }
    *ret_item = it;
    return o;
}

/* Time, place and rule count as a new version of the invitation. */
static void bump_sequence(struct json_object *before, struct json_object *o)
{
    static const char *const COUNTED[] = {"start", "end", "location", "recurrence"};
    bool changed = false;
    for (size_t i = 0; i < sizeof(COUNTED) / sizeof(*COUNTED); i++) {
        changed =
            changed || !json_object_equal(json_get(before, COUNTED[i]), json_get(o, COUNTED[i]));
    }
    int64_t was = json_int(before, "sequence", 0), now = json_int(o, "sequence", 0);
    if (changed && now <= was) {
        json_put_int(o, "sequence", was + 1);
    }
}

/* True when the change touches nothing but the caller's reminders. */
static bool only_reminders(struct json_object *patch)
{
    return json_object_object_length(patch) == 1 && json_get(patch, "reminders") != NULL;
}

void events_patch(struct req *r)
{
    struct calendar *c = access_calendar(r, ROLE_WRITER);
    struct json_object *patch = c ? access_body(r) : NULL;
    struct item *it = NULL;
    struct json_object *o = patch ? event_to_change(r, c, &it) : NULL;
    if (o != NULL) {
        struct json_object *before = json_copy(o);
        patch = event_writable(patch);
        json_object_object_del(patch, "id");
        json_object_object_del(patch, "iCalUID");
        json_merge(o, patch);
        bump_sequence(before, o);
        json_object_put(before);
        store_and_answer(r, c, it, o, only_reminders(patch));
    }
    json_object_put(patch);
}

void events_update(struct req *r)
{
    static const char *const KEPT[] = {
        "id",       "created",          "creator",           "organizer",
        "iCalUID",  "recurringEventId", "originalStartTime", "eventType",
        "htmlLink", "hangoutLink"};
    struct calendar *c = access_calendar(r, ROLE_WRITER);
    struct json_object *o = c ? access_body(r) : NULL;
    struct item *it = NULL;
    struct json_object *before = o ? event_to_change(r, c, &it) : NULL;
    if (before == NULL) {
        json_object_put(o);
        return;
    }
    o = event_writable(o);
    for (size_t i = 0; i < sizeof(KEPT) / sizeof(*KEPT); i++) {
        if (json_has(before, KEPT[i])) {
            json_put(o, KEPT[i], json_object_get(json_get(before, KEPT[i])));
        }
    }
    bump_sequence(before, o);
    json_object_put(before);
    store_and_answer(r, c, it, o, false);
}

void events_delete(struct req *r)
{
    struct calendar *c = access_calendar(r, ROLE_WRITER);
    struct item *it = NULL;
    struct json_object *o = c ? event_to_change(r, c, &it) : NULL;
    if (o == NULL) {
        return;
    }
    struct event_write w = write_by(r, c);
    if (it != NULL && it->gone) {
        reply_error(r, &DELETED);
    } else if (it != NULL) {
        event_cancel(&w, it);
        req_answer_empty(r, 204);
    } else {
        json_put_str(o, "status", "cancelled");
        struct item *made = event_store(&w, NULL, json_object_get(o));
        if (made == NULL) {
            reply_error(r, w.why);
        } else {
            req_answer_empty(r, 204);
        }
    }
    json_object_put(o);
}

/* As it will be in its new calendar, which is then the organizer. */
static struct json_object *moved_copy(const struct item *it)
{
    struct json_object *o = json_read(it->text, it->len);
    json_object_object_del(o, "organizer");
    json_object_object_del(o, "htmlLink");
    return o;
}

static struct json_object *moved_exceptions(const struct calendar *c, const char *master)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < c->events.n; i++) {
        const struct item *it = c->events.items[i];
        if (it->event->series != NULL && !it->event->purged &&
            strcmp(it->event->series, master) == 0) {
            json_object_array_add(list, moved_copy(it));
        }
    }
    return list;
}

void events_move(struct req *r)
{
    struct calendar *c = access_calendar(r, ROLE_WRITER);
    const char *destination = req_param(r, "destination");
    if (c == NULL) {
        return;
    }
    if (destination == NULL) {
        reply_error(r, &(struct api_error){400, "global", "required", "Required", "parameter",
                                           "destination"});
        return;
    }
    bool own = strcmp(destination, "primary") == 0;
    struct calendar *to = world_calendar(&r->emu->world, own ? r->user->email : destination);
    struct item *it = coll_get(&c->events, r->arg[1]);
    if (it == NULL || it->gone || to == NULL || access_role(r, to) == ROLE_NONE) {
        reply_error(r, &NOT_FOUND);
        return;
    }
    if (access_role(r, to) < ROLE_WRITER) {
        reply_error(r, &NO_WRITER);
        return;
    }
    struct item *there = coll_get(&to->events, it->id);
    if (it->event->series != NULL || to == c || (there != NULL && !there->gone)) {
        reply_error(r,
                    &(struct api_error){400, "calendar", "cannotChangeOrganizer",
                                        "Cannot change the organizer of an instance.", NULL, NULL});
        return;
    }
    struct json_object *o = moved_copy(it), *exceptions = moved_exceptions(c, it->id);
    struct event_write from = write_by(r, c), there_too = write_by(r, to);
    event_cancel(&from, it);
    store_and_answer(r, to, there, o, false);
    for (size_t i = 0; i < json_object_array_length(exceptions); i++) {
        struct json_object *one = json_object_array_get_idx(exceptions, i);
        event_store(&there_too, coll_get(&to->events, json_str(one, "id")), json_object_get(one));
    }
    json_object_put(exceptions);
}

void events_quick_add(struct req *r)
{
    if (access_calendar(r, ROLE_WRITER) != NULL) {
        reply_not_implemented(r, "The emulator does not read natural language.");
    }
}
