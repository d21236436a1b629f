/* api_list: the calendar list of a user. */
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/access.h"
#include "tests/emulator/api.h"
#include "tests/emulator/list.h"
#include "tests/emulator/palette.h"
#include "tests/emulator/params.h"

/* What the user may set on an entry; the rest belongs to the calendar. */
static const char *const OWN[] = {
    "summaryOverride", "colorId",  "backgroundColor",  "foregroundColor",
    "hidden",          "selected", "defaultReminders", "notificationSettings"};

static const char *const ORDER[] = {"kind",
                                    "etag",
                                    "id",
                                    "summary",
                                    "description",
                                    "location",
                                    "timeZone",
                                    "summaryOverride",
                                    "colorId",
                                    "backgroundColor",
                                    "foregroundColor",
                                    "hidden",
                                    "selected",
                                    "accessRole",
                                    "defaultReminders",
                                    "notificationSettings",
                                    "primary",
                                    "deleted",
                                    "conferenceProperties",
                                    "dataOwner"};

struct query {
    const struct user *user;
    bool show_deleted, show_hidden;
    int min_role;
};

static struct json_object *own_members(struct json_object *o)
{
    struct json_object *own = json_object_new_object();
    for (size_t i = 0; i < sizeof(OWN) / sizeof(*OWN); i++) {
        if (json_has(o, OWN[i])) {
            json_put(own, OWN[i], json_object_get(json_get(o, OWN[i])));
        }
    }
    return own;
}

static const struct calendar *calendar_of(const struct req *r, const struct item *it)
{
    return map_get(&r->emu->world.calendars, it->id);
}

static bool is_deleted(const struct req *r, const struct item *it)
{
    const struct calendar *c = calendar_of(r, it);
    return it->gone || c == NULL || c->deleted || world_role(r->user, c) == ROLE_NONE;
}

static void put_shared_members(const struct req *r, struct json_object *o, const struct calendar *c)
{
    static const char *const SHARED[] = {"summary", "description", "location",
                                         "conferenceProperties"};
    for (size_t i = 0; i < sizeof(SHARED) / sizeof(*SHARED); i++) {
        if (json_has(c->props, SHARED[i])) {
            json_put(o, SHARED[i], json_object_get(json_get(c->props, SHARED[i])));
        }
    }
    if (!json_has(c->props, "summary")) {
        json_put_str(o, "summary", c->id); /* as the head of its events has it */
    }
    json_put_str(o, "timeZone", zone_name(c->zone));
    json_put_str(o, "accessRole", role_name((int)world_role(r->user, c)));
    if (c->primary && strcmp(c->id, r->user->email) == 0) {
        json_put_bool(o, "primary", true);
    }
    if (!c->primary) {
        json_put_str(o, "dataOwner", c->owner);
    }
}

static struct json_object *entry_of(const struct req *r, const struct item *it)
{
    struct json_object *o = json_object_new_object();
    if (!is_deleted(r, it)) {
        json_object_put(o);
        o = json_read(it->text, it->len);
        put_shared_members(r, o, calendar_of(r, it));
        if (!json_has(o, "defaultReminders")) {
            json_put(o, "defaultReminders", json_object_new_array());
        }
        palette_fill(o);
        if (!json_flag(o, "hidden", false)) {
            json_object_object_del(o, "hidden");
        }
        if (!json_flag(o, "selected", false)) {
            json_object_object_del(o, "selected");
        }
    } else {
        json_put_bool(o, "deleted", true);
    }
    char *etag = xprintf("\"%lld\"", (long long)(2 * it->seq));
    json_put_str(o, "kind", "calendar#calendarListEntry");
    json_put_str(o, "etag", etag);
    json_put_str(o, "id", it->id);
    free(etag);
    return json_reorder(o, ORDER, sizeof(ORDER) / sizeof(*ORDER));
}

static void render_entry(const struct listing *l, const struct item *it, struct buf *out)
{
    struct json_object *o = entry_of(l->r, it);
    buf_str(out, json_text(o));
    json_object_put(o);
}

static bool is_hidden(const struct item *it)
{
    struct json_object *o = json_read(it->text, it->len);
    bool hidden = json_flag(o, "hidden", false);
    json_object_put(o);
    return hidden;
}

static bool wants_entry(const struct listing *l, const struct item *it)
{
    const struct query *q = l->query;
    if (is_deleted(l->r, it)) {
        return q->show_deleted;
    }
    return (q->show_hidden || !is_hidden(it)) &&
           (int)world_role(l->r->user, calendar_of(l->r, it)) >= q->min_role;
}

void calendar_list_list(struct req *r)
{
    static const char *const NOT_WITH_TOKEN[] = {"minAccessRole", NULL};
    static const char *const NO_FALSE[] = {"showDeleted", "showHidden", NULL};
    struct query q = {.user = r->user};
    const char *role = req_param(r, "minAccessRole");
    if (!param_bool(r, "showDeleted", &q.show_deleted) ||
        !param_bool(r, "showHidden", &q.show_hidden)) {
        return;
    }
    q.min_role = role ? role_of_name(role) : ROLE_NONE;
    if (role != NULL && q.min_role <= ROLE_NONE) {
        reply_bad_param(r, "minAccessRole", role,
                        "match the following regular expression: "
                        "'freeBusyReader|owner|reader|writer'");
        return;
    }
    struct listing l = {.r = r,
                        .coll = &r->user->list,
                        .kind = "calendar#calendarList",
                        .page_default = 100,
                        .page_cap = 250,
                        .wants = wants_entry,
                        .render = render_entry,
                        .not_with_token = NOT_WITH_TOKEN,
                        .no_false = NO_FALSE,
                        .no_token = role != NULL,
                        .query = &q};
    list_answer(&l);
}

/* The entry named in the path; NULL after an answer. */
static struct item *find_entry(struct req *r)
{
    const char *id = strcmp(r->arg[0], "primary") == 0 ? r->user->email : r->arg[0];
    struct item *it = coll_get(&r->user->list, id);
    if (it == NULL || is_deleted(r, it)) {
        reply_error(r, &NOT_FOUND);
        return NULL;
    }
    return it;
}

static void answer_entry(struct req *r, const struct item *it)
{
    struct json_object *o = entry_of(r, it);
    r->etag = xstrdup(json_str(o, "etag"));
    req_answer(r, 200, o);
}

void calendar_list_get(struct req *r)
{
    struct item *it = find_entry(r);
    if (it != NULL) {
        answer_entry(r, it);
    }
}

static void put_entry(struct req *r, const struct calendar *c, struct json_object *own)
{
    struct item *it = list_set(&r->emu->world, r->user, c, own);
    json_object_put(own);
    emu_changed(r->emu, &r->user->list);
    answer_entry(r, it);
}

void calendar_list_insert(struct req *r)
{
    struct json_object *o = access_body(r);
    if (o == NULL) {
        return;
    }
    const char *id = json_str(o, "id");
    const struct calendar *c = id ? world_calendar(&r->emu->world, id) : NULL;
    if (id == NULL) {
        reply_bad(r, "required", "Required");
    } else if (c == NULL || access_role(r, c) == ROLE_NONE) {
        reply_error(r, &NOT_FOUND);
    } else {
        put_entry(r, c, own_members(o));
    }
    json_object_put(o);
}

/* False: answered with 412. */
static bool entry_matches(struct req *r, const struct item *it)
{
    char *etag = xprintf("\"%lld\"", (long long)(2 * it->seq));
    bool good = access_if_match(r, etag);
    free(etag);
    return good;
}

static void change_entry(struct req *r, bool replace)
{
    struct item *it = find_entry(r);
    struct json_object *o = it && entry_matches(r, it) ? access_body(r) : NULL;
    if (o == NULL) {
        return;
    }
    struct json_object *own = replace ? own_members(o) : json_read(it->text, it->len);
    if (!replace) {
        json_merge(own, o);
        struct json_object *merged = own_members(own);
        json_object_put(own);
        own = merged;
    }
    json_object_put(o);
    put_entry(r, calendar_of(r, it), own);
}

void calendar_list_patch(struct req *r)
{
    change_entry(r, false);
}

void calendar_list_update(struct req *r)
{
    change_entry(r, true);
}

void calendar_list_delete(struct req *r)
{
    struct item *it = find_entry(r);
    if (it == NULL) {
        return;
    }
    it->gone = true;
    coll_touch(&r->user->list, it, world_tick(&r->emu->world));
    emu_changed(r->emu, &r->user->list);
    req_answer_empty(r, 204);
}
