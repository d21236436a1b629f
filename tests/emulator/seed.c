/* seed: the world to begin with, from JSON. */
#include "tests/emulator/seed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/event.h"

#define SEED_FILE_MAX (256L << 20)
#define DEFAULT_USER  "me@example.com"
#define DEFAULT_TOKEN "test-token"

/* The first complaint stays. */
static bool fail(char **ret_why, const char *where, const char *what)
{
    if (*ret_why == NULL) {
        *ret_why = xprintf("%s: %s", where, what);
    }
    return false;
}

static size_t length_of(struct json_object *list)
{
    return list ? json_object_array_length(list) : 0;
}

static void add_tokens(struct emu *e, const char *email, struct json_object *u)
{
    struct json_object *list = json_get_array(u, "tokens");
    for (size_t i = 0; i < length_of(list); i++) {
        struct json_object *t = json_object_array_get_idx(list, i);
        bool unknown = false, plain = json_object_is_type(t, json_type_string);
        const char *scope = json_str(t, "scope");
        uint32_t scopes = scope ? scopes_parse(scope, &unknown) : UINT32_MAX;
        const char *token = plain ? json_object_get_string(t) : json_str(t, "token");
        if (token != NULL) {
            auth_add_token(&e->auth, &e->world, token, email, scopes, json_int(t, "life_s", 0));
        }
    }
    list = json_get_array(u, "refresh_tokens");
    for (size_t i = 0; i < length_of(list); i++) {
        struct json_object *t = json_object_array_get_idx(list, i);
        if (json_object_is_type(t, json_type_string)) {
            auth_add_grant(&e->auth, json_object_get_string(t), email, NULL, UINT32_MAX);
        }
    }
}

static struct user *user_of(struct emu *e, const char *email, const char *name)
{
    struct user *u = world_user(&e->world, email);
    return u ? u : world_add_user(&e->world, email, name);
}

static bool add_user(struct emu *e, struct json_object *o, char **ret_why)
{
    const char *email = json_str(o, "email");
    if (email == NULL) {
        return fail(ret_why, "users", "email is missing");
    }
    struct user *u = user_of(e, email, json_str(o, "name"));
    u->no_calendar = json_flag(o, "no_calendar", false);
    add_tokens(e, email, o);
    struct json_object *settings = json_get_object(o, "settings");
    if (settings != NULL) {
        json_object_object_foreach(settings, id, value)
        {
            setting_set(&e->world, u, id, json_object_get_string(value));
            emu_changed(e, &u->settings);
        }
    }
    return true;
}

static bool add_account(struct emu *e, struct json_object *o, char **ret_why)
{
    const char *email = json_str(o, "email"), *key = json_str(o, "public_key");
    if (email == NULL || key == NULL) {
        return fail(ret_why, "service_accounts", "email and public_key are needed");
    }
    struct service_account *sa = xalloc(sizeof(*sa));
    bool unknown;
    const char *scopes = json_str(o, "delegation");
    *sa = (struct service_account){.email = xstrdup(email),
                                   .public_key = xstrdup(key),
                                   .delegate_all = json_flag(o, "delegation", false),
                                   .delegated = scopes ? scopes_parse(scopes, &unknown) : 0};
    auth_add_account(&e->auth, sa);
    user_of(e, email, NULL)->service_account = true;
    /* Its own primary calendar, empty and on nobody's list. */
    if (world_calendar(&e->world, email) == NULL) {
        world_add_calendar(&e->world, email, email, json_object_new_object(), zone_get("UTC"));
    }
    return true;
}

/* An exception in a seed may leave out its id. */
static void complete_instance(struct json_object *o, const struct zone *zone)
{
    const char *series = json_str(o, "recurringEventId");
    struct json_object *original = json_get_object(o, "originalStartTime");
    int64_t ms;
    if (series == NULL || json_str(o, "id") != NULL || !event_instant(original, zone, &ms)) {
        return;
    }
    char stamp[TIME_TEXT_MAX];
    const char *date = json_str(original, "date");
    time_write_stamp(stamp, ms);
    char *id = date ? xprintf("%s_%.4s%.2s%.2s", series, date, date + 5, date + 8)
                    : xprintf("%s_%s", series, stamp);
    json_put_str(o, "id", id);
    if (!json_has(o, "start")) {
        json_put(o, "start", json_copy(original));
        json_put(o, "end", json_copy(original));
    }
    free(id);
}

/* Members of its series that an exception does not give itself. */
static void inherit(struct calendar *c, struct json_object *o)
{
    const char *series = json_str(o, "recurringEventId");
    struct item *master = series ? coll_get(&c->events, series) : NULL;
    struct json_object *from = master ? json_read(master->text, master->len) : NULL;
    if (from == NULL) {
        return;
    }
    json_object_object_foreach(from, key, value)
    {
        bool own = strcmp(key, "recurrence") == 0 || strcmp(key, "etag") == 0 ||
                   strcmp(key, "htmlLink") == 0 || strcmp(key, "updated") == 0;
        if (!own && !json_object_object_get_ex(o, key, NULL)) {
            json_put(o, key, json_object_get(value));
        }
    }
    json_object_put(from);
}

static bool add_event(struct emu *e, struct calendar *c, struct json_object *given, char **ret_why)
{
    struct json_object *o = json_copy(given);
    if (!seed_resolve_times(o, c->zone, world_now_ms(&e->world))) {
        fail(ret_why, "event without a readable time", json_text(given));
        json_object_put(o);
        return false;
    }
    complete_instance(o, c->zone);
    inherit(c, o);
    if (json_str(o, "id") == NULL) {
        char *id = world_new_id(&e->world, 26);
        json_put_str(o, "id", id);
        free(id);
    }
    struct event_write w = {.emu = e, .cal = c, .creator = c->owner, .seeding = true};
    struct item *there = coll_get(&c->events, json_str(o, "id"));
    if (event_store(&w, there, o) == NULL) {
        char *why = xprintf("%s %s", w.why->message, json_text(given));
        fail(ret_why, "event", why);
        free(why);
        return false;
    }
    return true;
}

static struct json_object *calendar_props(struct json_object *o)
{
    static const char *const KEYS[] = {"summary", "description", "location",
                                       "conferenceProperties"};
    struct json_object *props = json_object_new_object();
    for (size_t i = 0; i < sizeof(KEYS) / sizeof(*KEYS); i++) {
        if (json_has(o, KEYS[i])) {
            json_put(props, KEYS[i], json_object_get(json_get(o, KEYS[i])));
        }
    }
    return props;
}

static bool add_rules(struct emu *e, struct calendar *c, struct json_object *list, char **ret_why)
{
    for (size_t i = 0; i < length_of(list); i++) {
        struct json_object *rule = json_object_array_get_idx(list, i);
        struct json_object *scope = json_get_object(rule, "scope");
        int role = role_of_name(json_str(rule, "role"));
        const char *type = json_str(scope, "type");
        if (role < 0 || type == NULL) {
            return fail(ret_why, c->id, "acl: scope.type and role are needed");
        }
        acl_set(&e->world, c, type, json_str(scope, "value"), (enum role)role);
    }
    emu_changed(e, &c->acl);
    return true;
}

static bool add_calendar(struct emu *e, struct json_object *o, char **ret_why)
{
    const char *id = json_str(o, "id"), *owner = json_str_or(o, "owner", id);
    if (id == NULL) {
        return fail(ret_why, "calendars", "id is missing");
    }
    const char *zone_text = json_str_or(o, "timeZone", "UTC");
    const struct zone *zone = zone_get(zone_text);
    if (zone == NULL) {
        return fail(ret_why, "calendars: no such time zone", zone_text);
    }
    struct calendar *c = world_calendar(&e->world, id);
    if (c == NULL) {
        c = world_add_calendar(&e->world, id, owner, calendar_props(o), zone);
    }
    c->events.watchable = json_flag(o, "watchable", c->events.watchable);
    struct json_object *events = json_get_array(o, "events");
    bool good = add_rules(e, c, json_get_array(o, "acl"), ret_why);
    for (size_t i = 0; good && i < length_of(events); i++) {
        good = add_event(e, c, json_object_array_get_idx(events, i), ret_why);
    }
    struct json_object *generate = json_get_object(o, "generate");
    if (good && generate != NULL) {
        seed_generate(e, id, (long)json_int(generate, "events", 100),
                      (uint64_t)json_int(generate, "random_seed", 1));
    }
    return good;
}

/* The list entries of a user; strings stand for entries without members of their own. */
static bool add_entries(struct emu *e, struct json_object *o, char **ret_why)
{
    struct user *u = world_user(&e->world, json_str(o, "email"));
    struct json_object *list = json_get_array(o, "calendarList");
    for (size_t i = 0; i < length_of(list); i++) {
        struct json_object *entry = json_object_array_get_idx(list, i);
        bool plain = json_object_is_type(entry, json_type_string);
        const char *id = plain ? json_object_get_string(entry) : json_str(entry, "id");
        const struct calendar *c = id ? world_calendar(&e->world, id) : NULL;
        if (c == NULL) {
            return fail(ret_why, "calendarList: no such calendar", id ? id : "(no id)");
        }
        struct json_object *own = plain ? json_object_new_object() : json_copy(entry);
        json_object_object_del(own, "id");
        if (!json_has(own, "selected")) {
            json_put_bool(own, "selected", true);
        }
        list_set(&e->world, u, c, own);
        json_object_put(own);
        emu_changed(e, &u->list);
    }
    return true;
}

static bool each(struct emu *e, struct json_object *seed, const char *key,
                 bool (*add)(struct emu *, struct json_object *, char **), char **ret_why)
{
    struct json_object *list = json_get_array(seed, key);
    bool good = true;
    for (size_t i = 0; good && i < length_of(list); i++) {
        good = add(e, json_object_array_get_idx(list, i), ret_why);
    }
    return good;
}

static bool add_client(struct emu *e, struct json_object *o, char **ret_why)
{
    const char *id = json_str(o, "client_id");
    if (id == NULL) {
        return fail(ret_why, "clients", "client_id is missing");
    }
    auth_add_client(&e->auth, id, json_str_or(o, "client_secret", ""));
    return true;
}

bool seed_apply(struct emu *e, struct json_object *seed, char **ret_why)
{
    *ret_why = NULL;
    if (!json_object_is_type(seed, json_type_object)) {
        return fail(ret_why, "seed", "not a JSON object");
    }
    const char *project = json_str(seed, "project_number");
    if (project != NULL) {
        xreplace(&e->channels.project_number, xstrdup(project));
    }
    return each(e, seed, "clients", add_client, ret_why) &&
           each(e, seed, "service_accounts", add_account, ret_why) &&
           each(e, seed, "users", add_user, ret_why) &&
           each(e, seed, "calendars", add_calendar, ret_why) &&
           each(e, seed, "users", add_entries, ret_why);
}

static bool read_whole(const char *path, struct buf *b)
{
    FILE *f = fopen(path, "rb");
    char part[65536];
    size_t n;
    if (f == NULL) {
        return false;
    }
    while ((n = fread(part, 1, sizeof(part), f)) > 0 && b->len + n <= SEED_FILE_MAX) {
        buf_add(b, part, n);
    }
    bool good = !ferror(f) && feof(f);
    fclose(f);
    return good;
}

bool seed_file(struct emu *e, const char *path, char **ret_why)
{
    struct buf b = {0};
    *ret_why = NULL;
    if (!read_whole(path, &b)) {
        buf_free(&b);
        *ret_why = xprintf("%s: %s", path, strerror(errno));
        return false;
    }
    struct json_object *seed = json_read(b.p ? b.p : "", b.len);
    buf_free(&b);
    bool good = seed_apply(e, seed, ret_why);
    json_object_put(seed);
    if (!good) {
        char *why = *ret_why;
        *ret_why = xprintf("%s: %s", path, why);
        free(why);
    }
    return good;
}

bool seed_default(struct emu *e, char **ret_why)
{
    static const char TEXT[] =
        "{\"users\":[{\"email\":\"" DEFAULT_USER "\",\"tokens\":[\"" DEFAULT_TOKEN "\"],"
        "\"settings\":{\"timezone\":\"Europe/Berlin\"},\"calendarList\":[\"" DEFAULT_USER "\"]}],"
        "\"calendars\":[{\"id\":\"" DEFAULT_USER "\",\"summary\":\"" DEFAULT_USER "\","
        "\"timeZone\":\"Europe/Berlin\"}]}";
    struct json_object *seed = json_read(TEXT, strlen(TEXT));
    bool good = seed_apply(e, seed, ret_why);
    json_object_put(seed);
    return good;
}
