/* api_misc: access rules, settings and colours. */
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/access.h"
#include "tests/emulator/api.h"
#include "tests/emulator/list.h"
#include "tests/emulator/palette.h"
#include "tests/emulator/params.h"

static void render_text(const struct listing *l, const struct item *it, struct buf *out)
{
    (void)l;
    buf_add(out, it->text, it->len);
}

static bool wants_live(const struct listing *l, const struct item *it)
{
    const bool *show_deleted = l->query;
    return !it->gone || (show_deleted != NULL && *show_deleted);
}

static void answer_item(struct req *r, const struct item *it)
{
    r->etag = etag_of_text(it->text);
    req_answer_text(r, 200, it->text);
    r->indent = 1;
}

void acl_list(struct req *r)
{
    static const char *const NO_FALSE[] = {"showDeleted", NULL};
    struct calendar *c = access_calendar(r, ROLE_OWNER);
    bool show_deleted = false;
    if (c == NULL || !param_bool(r, "showDeleted", &show_deleted)) {
        return;
    }
    struct listing l = {.r = r,
                        .coll = &c->acl,
                        .kind = "calendar#acl",
                        .page_default = 100,
                        .page_cap = 250,
                        .wants = wants_live,
                        .render = render_text,
                        .no_false = NO_FALSE,
                        .query = &show_deleted};
    list_answer(&l);
}

static struct item *find_rule(struct req *r, struct calendar **ret_calendar)
{
    *ret_calendar = access_calendar(r, ROLE_OWNER);
    struct item *it = *ret_calendar ? coll_get(&(*ret_calendar)->acl, r->arg[1]) : NULL;
    if (*ret_calendar != NULL && (it == NULL || it->gone)) {
        reply_error(r, &NOT_FOUND);
        return NULL;
    }
    char *etag = it ? etag_of_text(it->text) : NULL;
    bool good = it == NULL || access_if_match(r, etag);
    free(etag);
    return good ? it : NULL;
}

void acl_get(struct req *r)
{
    struct calendar *c;
    struct item *it = find_rule(r, &c);
    if (it != NULL) {
        answer_item(r, it);
    }
}

/* Who loses all access loses the entry of the calendar list with it. */
static void drop_entries(struct emu *e, const struct calendar *c)
{
    struct world *w = &e->world;
    for (size_t i = 0; i < w->n_users; i++) {
        struct coll *list = &w->user_list[i]->list;
        struct item *it = coll_get(list, c->id);
        if (it != NULL && !it->gone && world_role(w->user_list[i], c) == ROLE_NONE) {
            it->gone = true;
            coll_touch(list, it, world_tick(w));
            emu_changed(e, list);
        }
    }
}

static void put_rule(struct req *r, struct calendar *c, const char *type, const char *value,
                     enum role role)
{
    struct item *it = acl_set(&r->emu->world, c, type, value, role);
    drop_entries(r->emu, c);
    emu_changed(r->emu, &c->acl);
    answer_item(r, it);
}

void acl_insert(struct req *r)
{
    struct calendar *c = access_calendar(r, ROLE_OWNER);
    struct json_object *o = c ? access_body(r) : NULL;
    if (o == NULL) {
        return;
    }
    struct json_object *scope = json_get_object(o, "scope");
    const char *type = json_str(scope, "type"), *value = json_str(scope, "value");
    int role = role_of_name(json_str(o, "role"));
    bool is_default = type != NULL && strcmp(type, "default") == 0;
    bool known = type != NULL && (is_default || strcmp(type, "user") == 0 ||
                                  strcmp(type, "group") == 0 || strcmp(type, "domain") == 0);
    if (role < 0 || !known || (!is_default && value == NULL)) {
        reply_bad(r, "invalid", "Invalid scope or role value.");
    } else {
        put_rule(r, c, type, is_default ? NULL : value, (enum role)role);
    }
    json_object_put(o);
}

void acl_patch(struct req *r)
{
    struct calendar *c;
    struct item *it = find_rule(r, &c);
    struct json_object *o = it ? access_body(r) : NULL;
    if (o == NULL) {
        return;
    }
    struct json_object *old = json_read(it->text, it->len);
    struct json_object *scope = json_get_object(old, "scope");
    int role = json_has(o, "role") ? role_of_name(json_str(o, "role")) : it->role;
    if (role < 0) {
        reply_bad(r, "invalid", "Invalid scope or role value.");
    } else {
        put_rule(r, c, json_str(scope, "type"), json_str(scope, "value"), (enum role)role);
    }
    json_object_put(old);
    json_object_put(o);
}

void acl_delete(struct req *r)
{
    struct calendar *c;
    struct item *it = find_rule(r, &c);
    if (it == NULL) {
        return;
    }
    struct json_object *old = json_read(it->text, it->len);
    struct json_object *scope = json_get_object(old, "scope");
    put_rule(r, c, json_str(scope, "type"), json_str(scope, "value"), ROLE_NONE);
    json_object_put(old);
    free(r->etag);
    r->etag = NULL;
    req_answer_empty(r, 204);
}

void settings_list(struct req *r)
{
    struct listing l = {.r = r,
                        .coll = &r->user->settings,
                        .kind = "calendar#settings",
                        .page_default = 100,
                        .page_cap = 250,
                        .wants = wants_live,
                        .render = render_text};
    list_answer(&l);
}

void settings_get(struct req *r)
{
    struct item *it = coll_get(&r->user->settings, r->arg[0]);
    if (it == NULL) {
        reply_error(r, &NOT_FOUND);
    } else {
        answer_item(r, it);
    }
}

void colors_get(struct req *r)
{
    req_answer(r, 200, palette_describe());
}
