/* world: users, calendars, who may see what, and the one clock that stamps every change. */
#include "tests/emulator/world.h"

#include <stdlib.h>
#include <string.h>

static const char *const ROLES[] = {"none", "freeBusyReader", "reader", "writer", "owner"};

void world_init(struct world *w, uint64_t seed)
{
    *w = (struct world){.rng = {seed}};
}

static void calendar_free(struct calendar *c)
{
    coll_release(&c->events);
    coll_release(&c->acl);
    json_object_put(c->props);
    free(c->id);
    free(c->owner);
    free(c);
}

static void user_free(struct user *u)
{
    coll_release(&u->list);
    coll_release(&u->settings);
    free(u->email);
    free(u->name);
    free(u);
}

void world_release(struct world *w)
{
    for (size_t i = 0; i < w->n_calendars; i++) {
        calendar_free(w->calendar_list[i]);
    }
    for (size_t i = 0; i < w->n_users; i++) {
        user_free(w->user_list[i]);
    }
    free(w->calendar_list);
    free(w->user_list);
    map_free(&w->users);
    map_free(&w->calendars);
}

int64_t world_now_us(const struct world *w)
{
    return real_us() + w->clock_offset_ms * 1000;
}

int64_t world_now_ms(const struct world *w)
{
    return world_now_us(w) / 1000;
}

int64_t world_tick(struct world *w)
{
    int64_t now = world_now_us(w);
    w->last_us = now > w->last_us ? now : w->last_us + 1;
    return w->last_us;
}

struct user *world_user(const struct world *w, const char *email)
{
    return map_get(&w->users, email);
}

struct user *world_add_user(struct world *w, const char *email, const char *name)
{
    struct user *u = xalloc(sizeof(*u));
    u->email = xstrdup(email);
    u->name = xstrdup(name);
    coll_init(&u->list, COLL_LIST, email, world_tick(w));
    coll_init(&u->settings, COLL_SETTINGS, email, world_tick(w));
    w->user_list = xgrow(w->user_list, (w->n_users + 1) * sizeof(*w->user_list));
    w->user_list[w->n_users++] = u;
    map_put(&w->users, u->email, u);
    return u;
}

struct calendar *world_calendar(const struct world *w, const char *id)
{
    struct calendar *c = map_get(&w->calendars, id);
    return c != NULL && !c->deleted ? c : NULL;
}

struct calendar *world_add_calendar(struct world *w, const char *id, const char *owner,
                                    struct json_object *props, const struct zone *zone)
{
    struct calendar *c = xalloc(sizeof(*c));
    c->id = xstrdup(id);
    c->owner = xstrdup(owner);
    c->props = props;
    c->zone = zone;
    c->primary = strcmp(id, owner) == 0;
    coll_init(&c->events, COLL_EVENTS, id, world_tick(w));
    coll_init(&c->acl, COLL_ACL, id, world_tick(w));
    /* Generated calendars cannot be watched. */
    c->events.watchable = !ends_with(id, "@group.v.calendar.google.com");
    size_t n = w->n_calendars++;
    w->calendar_list = xgrow(w->calendar_list, (n + 1) * sizeof(*w->calendar_list));
    w->calendar_list[n] = c;
    map_put(&w->calendars, c->id, c);
    acl_set(w, c, "user", owner, ROLE_OWNER);
    return c;
}

char *world_new_id(struct world *w, size_t length)
{
    static const char ALPHABET[] = "0123456789abcdefghijklmnopqrstuv";
    char *id = xalloc(length + 1);
    for (size_t i = 0; i < length; i++) {
        id[i] = ALPHABET[rng_below(&w->rng, 32)];
    }
    return id;
}

const char *role_name(int role)
{
    return ROLES[role];
}

int role_of_name(const char *name)
{
    for (int i = 0; name != NULL && i < (int)(sizeof(ROLES) / sizeof(*ROLES)); i++) {
        if (strcmp(ROLES[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static enum role rule_role(const struct calendar *c, const char *type, const char *value)
{
    char *id = value ? xprintf("%s:%s", type, value) : xstrdup(type);
    const struct item *rule = coll_get(&c->acl, id);
    free(id);
    return rule != NULL && !rule->gone ? (enum role)rule->role : ROLE_NONE;
}

enum role world_role(const struct user *u, const struct calendar *c)
{
    enum role best = rule_role(c, "default", NULL);
    if (u != NULL) {
        const char *at = strchr(u->email, '@');
        enum role own = rule_role(c, "user", u->email);
        enum role domain = at ? rule_role(c, "domain", at + 1) : ROLE_NONE;
        best = own > best ? own : best;
        best = domain > best ? domain : best;
    }
    return best;
}

static void put_etag(struct json_object *o, int64_t seq)
{
    char *etag = xprintf("\"%lld\"", (long long)(2 * seq));
    json_put_str(o, "etag", etag);
    free(etag);
}

static struct item *item_of(struct coll *c, const char *id)
{
    struct item *it = coll_get(c, id);
    return it ? it : coll_add(c, id);
}

struct item *acl_set(struct world *w, struct calendar *c, const char *type, const char *value,
                     enum role role)
{
    char *id = value ? xprintf("%s:%s", type, value) : xstrdup(type);
    struct item *it = item_of(&c->acl, id);
    int64_t seq = world_tick(w);
    struct json_object *o = json_object_new_object(), *scope = json_object_new_object();
    json_put_str(o, "kind", "calendar#aclRule");
    put_etag(o, seq);
    json_put_str(o, "id", id);
    json_put_str(scope, "type", type);
    json_put_str(scope, "value", value);
    json_put(o, "scope", scope);
    json_put_str(o, "role", role_name((int)role));
    item_set_text(it, json_text(o));
    it->role = (int)role;
    it->gone = role == ROLE_NONE;
    coll_touch(&c->acl, it, seq);
    json_object_put(o);
    free(id);
    return it;
}

struct item *list_set(struct world *w, struct user *u, const struct calendar *c,
                      struct json_object *own)
{
    struct item *it = item_of(&u->list, c->id);
    item_set_text(it, json_text(own));
    it->gone = false;
    coll_touch(&u->list, it, world_tick(w));
    return it;
}

struct item *setting_set(struct world *w, struct user *u, const char *id, const char *value)
{
    struct item *it = item_of(&u->settings, id);
    int64_t seq = world_tick(w);
    struct json_object *o = json_object_new_object();
    json_put_str(o, "kind", "calendar#setting");
    put_etag(o, seq);
    json_put_str(o, "id", id);
    json_put_str(o, "value", value);
    item_set_text(it, json_text(o));
    coll_touch(&u->settings, it, seq);
    json_object_put(o);
    return it;
}
