/* control: /_emulator/, where tests turn the switches. The table is documented in the README. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/deliver.h"
#include "tests/emulator/emu.h"
#include "tests/emulator/event.h"
#include "tests/emulator/list.h"
#include "tests/emulator/router.h"
#include "tests/emulator/seed.h"

#define CTL "/_emulator"

static void answer_error(struct req *r, const char *why)
{
    struct json_object *o = json_object_new_object();
    json_put_str(o, "error", why);
    req_answer(r, 400, o);
}

/* The body, or an empty object when there is none; NULL after an answer. */
static struct json_object *body_of(struct req *r)
{
    if (r->body.len == 0) {
        return json_object_new_object();
    }
    struct json_object *o = json_read(r->body.p, r->body.len);
    if (!json_object_is_type(o, json_type_object)) {
        json_object_put(o);
        answer_error(r, "the body is not a JSON object");
        return NULL;
    }
    return o;
}

static void answer_count(struct req *r, int64_t n)
{
    struct json_object *o = json_object_new_object();
    json_put_int(o, "count", n);
    req_answer(r, 200, o);
}

static uint64_t since_of(const struct req *r)
{
    const char *since = req_param(r, "since");
    return since ? strtoull(since, NULL, 10) : 0;
}

static void get_requests(struct req *r)
{
    req_answer(r, 200, reqlog_list(&r->emu->log, since_of(r), req_param(r, "match")));
}

static void delete_requests(struct req *r)
{
    reqlog_clear(&r->emu->log);
    req_answer_empty(r, 204);
}

static int held_count(const struct emu *e)
{
    int n = 0;
    for (const struct req *r = e->live; r != NULL; r = r->next_live) {
        n += r->held && r->fault->hold;
    }
    return n;
}

static struct json_object *describe_calendars(const struct emu *e)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < e->world.n_calendars; i++) {
        const struct calendar *c = e->world.calendar_list[i];
        size_t live = 0;
        for (size_t k = 0; k < c->events.n; k++) {
            live += !c->events.items[k]->gone;
        }
        struct json_object *o = json_object_new_object();
        json_put_str(o, "id", c->id);
        json_put_str(o, "owner", c->owner);
        json_put_bool(o, "deleted", c->deleted);
        json_put_int(o, "items", (int64_t)c->events.n);
        json_put_int(o, "live", (int64_t)live);
        json_put_int(o, "seq", c->events.seq);
        json_object_array_add(list, o);
    }
    return list;
}

static void get_state(struct req *r)
{
    const struct emu *e = r->emu;
    struct json_object *o = json_object_new_object(), *channels = json_object_new_array();
    bool all = req_param(r, "all") != NULL, brief = req_param(r, "brief") != NULL;
    for (size_t i = 0; !brief && i < e->channels.n; i++) {
        if (all || channel_live(e, e->channels.all[i])) {
            json_object_array_add(channels, channel_describe(e, e->channels.all[i]));
        }
    }
    json_put_int(o, "now_ms", world_now_ms(&e->world));
    json_put_int(o, "clock_offset_ms", e->world.clock_offset_ms);
    json_put_int(o, "seq", e->world.last_us);
    json_put_int(o, "requests", (int64_t)e->log.last);
    json_put_int(o, "held", held_count(e));
    json_put_int(o, "tokens_issued", (int64_t)e->auth.issued);
    json_put_int(o, "channels_opened", (int64_t)e->channels.n);
    json_put_int(o, "pings_pending", deliver_pending(e->channels.deliverer));
    json_put(o, "channels", channels);
    if (!brief) {
        json_put(o, "calendars", describe_calendars(e));
    }
    req_answer(r, 200, o);
}

static struct calendar *calendar_of(struct req *r)
{
    const char *id = req_param(r, "calendar");
    struct calendar *c = id ? world_calendar(&r->emu->world, id) : NULL;
    if (c == NULL) {
        answer_error(r, "calendar: no such calendar");
    }
    return c;
}

/* Every event as a full listing with showDeleted=true would bring it. */
static void get_dump(struct req *r)
{
    struct calendar *c = calendar_of(r);
    const char *email = req_param(r, "user");
    if (c == NULL) {
        return;
    }
    const struct user *u = email ? world_user(&r->emu->world, email) : NULL;
    struct event_view view = {.cal = c, .self = email};
    enum role role = u ? world_role(u, c) : ROLE_OWNER;
    view.hide_private = role < ROLE_WRITER;
    view.busy_only = role == ROLE_FREEBUSY;
    bool rich_lists, rich_deltas, first = true;
    event_tomb_rules(r->emu, &rich_lists, &rich_deltas);
    req_answer_text(r, 200, "[");
    for (size_t i = 0; i < c->events.n; i++) {
        const struct item *it = c->events.items[i];
        if (it->event->purged || (view.busy_only && it->gone && it->event->master)) {
            continue; /* nor does a listing show it */
        }
        bool rich = rich_lists && !(it->event->series && !rich_deltas);
        view.tombs = rich ? TOMB_RICH : TOMB_MINIMAL;
        size_t before = r->out.len;
        buf_str(&r->out, first ? "" : ",");
        size_t begun = r->out.len;
        event_render(&view, it, &r->out);
        if (r->out.len == begun) { /* a series all of whose instances are exceptions */
            r->out.len = before;
        } else {
            first = false;
        }
    }
    buf_str(&r->out, "]");
}

static void post_fault(struct req *r)
{
    struct json_object *o = body_of(r);
    const char *why;
    if (o == NULL) {
        return;
    }
    struct fault *f = fault_add(&r->emu->faults, o, &why);
    if (f == NULL) {
        answer_error(r, why);
    } else {
        req_answer(r, 200, fault_describe(f));
    }
    json_object_put(o);
}

static void get_faults(struct req *r)
{
    struct json_object *list = json_object_new_array();
    for (const struct fault *f = r->emu->faults.first; f != NULL; f = f->next) {
        json_object_array_add(list, fault_describe(f));
    }
    req_answer(r, 200, list);
}

static void delete_faults(struct req *r)
{
    answer_count(r, fault_delete(&r->emu->faults, 0));
}

static void delete_fault(struct req *r)
{
    uint64_t id = strtoull(r->arg[0], NULL, 10);
    answer_count(r, id ? fault_delete(&r->emu->faults, id) : 0);
}

static void post_release(struct req *r)
{
    struct json_object *o = body_of(r);
    if (o != NULL) {
        answer_count(r, faults_release_held(r->emu, (uint64_t)json_int(o, "fault", 0),
                                            (int)json_int(o, "count", -1),
                                            json_flag(o, "hung", true)));
        json_object_put(o);
    }
}

static void get_held(struct req *r)
{
    struct json_object *o = json_object_new_object(), *list = json_object_new_array();
    for (const struct req *held = r->emu->live; held != NULL; held = held->next_live) {
        if (held->held && held->fault->hold) {
            struct json_object *one = json_object_new_object();
            json_put_int(one, "n", (int64_t)held->log_n);
            json_put_str(one, "method", held->method);
            json_put_str(one, "path", held->path);
            json_put_str(one, "query", held->raw_query);
            json_put_int(one, "fault", (int64_t)held->fault->id);
            json_object_array_add(list, one);
        }
    }
    json_put_int(o, "count", held_count(r->emu));
    json_put(o, "requests", list);
    req_answer(r, 200, o);
}

/* Which collections a body names: of a calendar, of a user, or the events of all calendars. */
static int64_t kill_tokens(struct emu *e, struct json_object *o, enum token_fate fate)
{
    const char *calendar = json_str(o, "calendar"), *email = json_str(o, "user");
    const char *of = json_str_or(o, "of", "events");
    bool persistent = json_flag(o, "persistent", false);
    int64_t n = 0, seq = world_tick(&e->world);
    for (size_t i = 0; i < e->world.n_calendars; i++) {
        struct calendar *c = e->world.calendar_list[i];
        bool named = calendar == NULL || strcmp(calendar, c->id) == 0;
        if (named && strcmp(of, "events") == 0) {
            list_kill_tokens(&c->events, seq, fate, persistent);
            n++;
        } else if (named && strcmp(of, "acl") == 0) {
            list_kill_tokens(&c->acl, seq, fate, persistent);
            n++;
        }
    }
    for (size_t i = 0; i < e->world.n_users; i++) {
        struct user *u = e->world.user_list[i];
        bool named = email == NULL || strcmp(email, u->email) == 0;
        if (named && strcmp(of, "calendarList") == 0) {
            list_kill_tokens(&u->list, seq, fate, persistent);
            n++;
        } else if (named && strcmp(of, "settings") == 0) {
            list_kill_tokens(&u->settings, seq, fate, persistent);
            n++;
        }
    }
    return n;
}

static void post_invalidate(struct req *r)
{
    struct json_object *o = body_of(r);
    if (o == NULL) {
        return;
    }
    enum token_fate fate = json_int(o, "kind", 410) == 400 ? TOKEN_INVALID : TOKEN_GONE;
    fate = strcmp(json_str_or(o, "kind", ""), "updatedMin") == 0 ? TOKEN_GONE_BY_TIME : fate;
    answer_count(r, kill_tokens(r->emu, o, fate));
    json_object_put(o);
}

static void get_pings(struct req *r)
{
    req_answer(r, 200, deliver_log(r->emu->channels.deliverer, since_of(r)));
}

static void delete_pings(struct req *r)
{
    deliver_log_clear(r->emu->channels.deliverer);
    req_answer_empty(r, 204);
}

static void post_pings(struct req *r)
{
    struct json_object *o = body_of(r);
    if (o != NULL) {
        deliver_conf_set(r->emu->channels.deliverer, o);
        json_object_put(o);
        req_answer(r, 200, deliver_conf_describe(r->emu->channels.deliverer));
    }
}

/* Pings a channel by id, or every live channel of a calendar, now. */
static void post_ping(struct req *r)
{
    struct json_object *o = body_of(r);
    if (o == NULL) {
        return;
    }
    struct channels *cs = &r->emu->channels;
    const char *id = json_str(o, "channel"), *calendar = json_str(o, "calendar");
    const char *state = json_str_or(o, "state", "exists");
    int64_t n = 0, times = json_int(o, "count", 1);
    for (size_t i = 0; i < cs->n; i++) {
        struct channel *ch = cs->all[i];
        bool named = id ? strcmp(id, ch->id) == 0
                        : channel_live(r->emu, ch) &&
                              (calendar == NULL || strcmp(calendar, ch->coll->owner) == 0);
        for (int64_t k = 0; named && k < times; k++, n++) {
            deliver_ping(cs->deliverer, ch, state, json_int(o, "delay_ms", 0), NULL,
                         json_get_object(o, "headers"));
        }
    }
    json_object_put(o);
    answer_count(r, n);
}

static void post_watch(struct req *r)
{
    struct json_object *o = body_of(r);
    if (o != NULL) {
        watch_conf_set(&r->emu->channels.conf, o);
        json_object_put(o);
        req_answer(r, 200, watch_conf_describe(&r->emu->channels.conf));
    }
}

static void post_quota(struct req *r)
{
    struct json_object *o = body_of(r);
    if (o != NULL) {
        quota_set(&r->emu->quota, o);
        json_object_put(o);
        req_answer(r, 200, quota_describe(&r->emu->quota));
    }
}

static void post_pages(struct req *r)
{
    struct json_object *o = body_of(r), *given;
    struct page_conf *c = &r->emu->pages;
    if (o == NULL) {
        return;
    }
    c->max_page = json_int(o, "max_page", c->max_page);
    c->empty_every = json_int(o, "empty_every", c->empty_every);
    c->duplicate_items = json_int(o, "duplicate_items", c->duplicate_items);
    c->duplicate_older = json_flag(o, "duplicate_older", c->duplicate_older);
    c->newest_first = json_flag(o, "newest_first", c->newest_first);
    c->same_page_token = json_flag(o, "same_page_token", c->same_page_token);
    c->no_sync_token = json_flag(o, "no_sync_token", c->no_sync_token);
    if (json_object_object_get_ex(o, "tokenless", &given)) {
        xreplace(&c->tokenless, xstrdup(json_str(o, "tokenless")));
    }
    if (json_object_object_get_ex(o, "tombstones", &given)) {
        xreplace(&c->tombstones, xstrdup(json_str(o, "tombstones")));
    }
    json_object_put(o);
    o = json_object_new_object();
    json_put_int(o, "max_page", c->max_page);
    json_put_int(o, "empty_every", c->empty_every);
    json_put_int(o, "duplicate_items", c->duplicate_items);
    json_put_bool(o, "duplicate_older", c->duplicate_older);
    json_put_bool(o, "newest_first", c->newest_first);
    json_put_bool(o, "same_page_token", c->same_page_token);
    json_put_bool(o, "no_sync_token", c->no_sync_token);
    json_put_str(o, "tokenless", c->tokenless);
    json_put_str(o, "tombstones", c->tombstones ? c->tombstones : "minimal");
    req_answer(r, 200, o);
}

static void post_clock(struct req *r)
{
    struct json_object *o = body_of(r);
    if (o == NULL) {
        return;
    }
    struct world *w = &r->emu->world;
    w->clock_offset_ms += json_int(o, "advance_ms", 0);
    if (json_has(o, "set_ms")) {
        w->clock_offset_ms = json_int(o, "set_ms", 0) - real_us() / 1000;
    }
    json_object_put(o);
    o = json_object_new_object();
    json_put_int(o, "now_ms", world_now_ms(w));
    json_put_int(o, "offset_ms", w->clock_offset_ms);
    req_answer(r, 200, o);
}

static void post_settings(struct req *r)
{
    struct json_object *o = body_of(r);
    const char *email = o ? json_str(o, "user") : NULL;
    struct user *u = email ? world_user(&r->emu->world, email) : NULL;
    struct json_object *values = json_get_object(o, "settings");
    if (o == NULL) {
        return;
    }
    if (u == NULL || values == NULL) {
        answer_error(r, "user and settings are needed");
    } else {
        json_object_object_foreach(values, id, value)
        {
            setting_set(&r->emu->world, u, id, json_object_get_string(value));
            emu_changed(r->emu, &u->settings);
        }
        req_answer_empty(r, 204);
    }
    json_object_put(o);
}

/* An event stored as it is, however broken. */
static void put_event(struct req *r)
{
    struct calendar *c = calendar_of(r);
    struct json_object *o = c ? body_of(r) : NULL;
    if (o == NULL) {
        return;
    }
    const char *given = json_str(o, "id");
    const char *id = req_param(r, "id") ? req_param(r, "id") : given;
    if (id == NULL) {
        answer_error(r, "id is needed, in the event or as a parameter");
    } else {
        if (req_param(r, "silent") != NULL) {
            event_slip_in(c, id, o);
        } else {
            event_store_raw(r->emu, c, id, o);
        }
        req_answer_empty(r, 204);
    }
    json_object_put(o);
}

static void drop_event(struct req *r)
{
    struct calendar *c = calendar_of(r);
    if (c == NULL) {
        return;
    }
    struct item *it = coll_get(&c->events, req_param(r, "id") ? req_param(r, "id") : "");
    if (it == NULL) {
        answer_error(r, "no such event");
        return;
    }
    it->gone = it->event->purged = true;
    xreplace(&it->prev, NULL);
    xreplace(&it->tomb, NULL);
    req_answer_empty(r, 204);
}

static void post_seed(struct req *r)
{
    struct json_object *o = body_of(r);
    char *why = NULL;
    if (o == NULL) {
        return;
    }
    if (seed_apply(r->emu, o, &why)) {
        req_answer_empty(r, 204);
    } else {
        answer_error(r, why);
    }
    free(why);
    json_object_put(o);
}

static void post_auth(struct req *r)
{
    struct json_object *o = body_of(r);
    struct auth *a = &r->emu->auth;
    int n = 0;
    if (o == NULL) {
        return;
    }
    a->token_life_s = json_int(o, "token_life_s", a->token_life_s);
    a->refresh_life_s = json_int(o, "refresh_life_s", a->refresh_life_s);
    a->ask = json_flag(o, "ask", a->ask);
    if (json_str(o, "withhold") != NULL) {
        xreplace(&a->withheld, xstrdup(json_str(o, "withhold")));
    }
    const char *revoke = json_str(o, "revoke");
    if (revoke != NULL) {
        n = auth_revoke(a, json_str(o, "user"), NULL, strcmp(revoke, "grants") == 0);
    }
    json_object_put(o);
    answer_count(r, n);
}

const struct route CONTROL_ROUTES[] = {
    {"GET", CTL "/requests", get_requests, NULL, 0},
    {"DELETE", CTL "/requests", delete_requests, NULL, 0},
    {"GET", CTL "/state", get_state, NULL, 0},
    {"GET", CTL "/dump", get_dump, NULL, 0},
    {"POST", CTL "/faults", post_fault, NULL, 0},
    {"GET", CTL "/faults", get_faults, NULL, 0},
    {"DELETE", CTL "/faults", delete_faults, NULL, 0},
    {"DELETE", CTL "/faults/{}", delete_fault, NULL, 0},
    {"POST", CTL "/release", post_release, NULL, 0},
    {"GET", CTL "/held", get_held, NULL, 0},
    {"POST", CTL "/sync-tokens/invalidate", post_invalidate, NULL, 0},
    {"GET", CTL "/pings", get_pings, NULL, 0},
    {"DELETE", CTL "/pings", delete_pings, NULL, 0},
    {"POST", CTL "/pings", post_pings, NULL, 0},
    {"POST", CTL "/ping", post_ping, NULL, 0},
    {"POST", CTL "/watch", post_watch, NULL, 0},
    {"POST", CTL "/quota", post_quota, NULL, 0},
    {"POST", CTL "/pages", post_pages, NULL, 0},
    {"POST", CTL "/clock", post_clock, NULL, 0},
    {"POST", CTL "/settings", post_settings, NULL, 0},
    {"PUT", CTL "/events", put_event, NULL, 0},
    {"DELETE", CTL "/events", drop_event, NULL, 0},
    {"POST", CTL "/seed", post_seed, NULL, 0},
    {"POST", CTL "/auth", post_auth, NULL, 0},
    {0}};
