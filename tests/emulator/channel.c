/* channel: watch channels and the pings they are owed. */
#include "tests/emulator/channel.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/deliver.h"
#include "tests/emulator/emu.h"

#define LONGEST_TTL_S 2592000 /* 30 days, the longest ever seen granted */

void channels_init(struct emu *e)
{
    e->channels.project_number = xstrdup("123456789012");
    e->channels.conf.max_ttl_s = LONGEST_TTL_S;
}

static void channel_free(struct channel *ch)
{
    free(ch->id);
    free(ch->token);
    free(ch->address);
    free(ch->resource_id);
    free(ch->resource_uri);
    free(ch);
}

void channels_release(struct emu *e)
{
    struct channels *cs = &e->channels;
    for (size_t i = 0; i < cs->n; i++) {
        channel_free(cs->all[i]);
    }
    free(cs->all);
    map_free(&cs->by_id);
    map_free(&cs->burnt);
    free(cs->conf.expiration_format);
    free(cs->conf.sync);
    free(cs->conf.refuse_reason);
    free(cs->conf.refuse_message);
    json_object_put(cs->conf.refuse_calendars);
    free(cs->project_number);
}

bool channel_live(const struct emu *e, const struct channel *ch)
{
    return ch->stopped_ms == 0 && world_now_ms(&e->world) < ch->expires_ms;
}

/* Real channels go on for a while after a stop; ours do when told so. */
static bool still_sends(const struct emu *e, const struct channel *ch)
{
    int64_t now = world_now_ms(&e->world);
    bool lingering = ch->stopped_ms != 0 && now < ch->stopped_ms + e->channels.conf.stop_lag_ms;
    return now < ch->expires_ms && (ch->stopped_ms == 0 || lingering);
}

/* 27 characters: base64url of 20 bytes. */
static char *resource_id_of(const struct emu *e, const struct user *u, const struct coll *c)
{
    bool shared = e->channels.conf.shared_resource_ids;
    char *name = xprintf("%d %s %s", c->kind, c->owner, shared ? "" : u->email);
    unsigned char digest[SHA_DIGEST_LENGTH];
    SHA1((const unsigned char *)name, strlen(name), digest);
    free(name);
    return b64url_encode(digest, sizeof(digest), false);
}

struct channel *channel_add(struct emu *e, struct user *u, struct coll *c, struct json_object *spec,
                            const char *uri, int64_t expires_ms)
{
    struct channels *cs = &e->channels;
    struct channel *ch = xalloc(sizeof(*ch));
    *ch = (struct channel){.id = xstrdup(json_str(spec, "id")),
                           .token = xstrdup(json_str(spec, "token")),
                           .address = xstrdup(json_str(spec, "address")),
                           .resource_id = resource_id_of(e, u, c),
                           .resource_uri = xstrdup(uri),
                           .user = u,
                           .coll = c,
                           .next_on_coll = c->channels,
                           .expires_ms = expires_ms};
    c->channels = ch;
    if (cs->n == cs->cap) {
        cs->cap = cs->cap ? cs->cap * 2 : 64;
        cs->all = xgrow(cs->all, cs->cap * sizeof(*cs->all));
    }
    cs->all[cs->n++] = ch;
    map_put(&cs->by_id, ch->id, ch);
    map_put(&cs->burnt, ch->id, ch);
    return ch;
}

void channel_stop(struct emu *e, struct channel *ch)
{
    ch->stopped_ms = world_now_ms(&e->world);
    map_del(&e->channels.by_id, ch->id);
}

void channels_notify(struct emu *e, struct coll *c)
{
    for (struct channel **p = &c->channels; *p != NULL;) {
        struct channel *ch = *p;
        if (still_sends(e, ch)) {
            deliver_ping(e->channels.deliverer, ch, "exists", 0, NULL, NULL);
        }
        if (ch->stopped_ms != 0 && !still_sends(e, ch)) {
            *p = ch->next_on_coll;
        } else {
            p = &ch->next_on_coll; /* an expired one stays: the clock may be set back */
        }
    }
}

void emu_changed(struct emu *e, struct coll *c)
{
    channels_notify(e, c);
}

static const char *kind_name(enum coll_kind kind)
{
    static const char *const NAMES[] = {"events", "calendarList", "acl", "settings"};
    return NAMES[kind];
}

struct json_object *channel_describe(const struct emu *e, const struct channel *ch)
{
    struct json_object *o = json_object_new_object();
    json_put_str(o, "id", ch->id);
    json_put_str(o, "kind", kind_name(ch->coll->kind));
    json_put_str(o, "of", ch->coll->owner);
    json_put_str(o, "user", ch->user->email);
    json_put_str(o, "address", ch->address);
    json_put_str(o, "token", ch->token);
    json_put_str(o, "resourceId", ch->resource_id);
    json_put_str(o, "resourceUri", ch->resource_uri);
    json_put_int(o, "expires_ms", ch->expires_ms);
    json_put_bool(o, "live", channel_live(e, ch));
    json_put_bool(o, "stopped", ch->stopped_ms != 0);
    json_put_int(o, "number", (int64_t)ch->number);
    return o;
}

static void set_text(char **field, struct json_object *o, const char *key)
{
    if (json_object_object_get_ex(o, key, NULL)) {
        xreplace(field, xstrdup(json_str(o, key)));
    }
}

void watch_conf_set(struct watch_conf *c, struct json_object *o)
{
    c->max_ttl_s = json_int(o, "max_ttl_s", c->max_ttl_s);
    c->strict_https = json_flag(o, "strict_https", c->strict_https);
    c->shared_resource_ids = json_flag(o, "shared_resource_ids", c->shared_resource_ids);
    c->sync_delay_ms = json_int(o, "sync_delay_ms", c->sync_delay_ms);
    c->stop_lag_ms = json_int(o, "stop_lag_ms", c->stop_lag_ms);
    set_text(&c->expiration_format, o, "expiration_format");
    set_text(&c->sync, o, "sync");
    if (json_object_object_get_ex(o, "refuse", NULL)) {
        struct json_object *refuse = json_get_object(o, "refuse");
        c->refuse_status = (int)json_int(refuse, "status", refuse ? 403 : 0);
        c->refuse_count = json_int(refuse, "count", -1);
        xreplace(&c->refuse_reason, xstrdup(json_str_or(refuse, "reason", "forbidden")));
        xreplace(&c->refuse_message, xstrdup(json_str_or(refuse, "message", "Forbidden")));
    }
    if (json_object_object_get_ex(o, "refuse_calendars", NULL)) {
        json_object_put(c->refuse_calendars);
        c->refuse_calendars = json_copy(json_get_array(o, "refuse_calendars"));
    }
}

struct json_object *watch_conf_describe(const struct watch_conf *c)
{
    struct json_object *o = json_object_new_object();
    json_put_int(o, "max_ttl_s", c->max_ttl_s);
    json_put_bool(o, "strict_https", c->strict_https);
    json_put_bool(o, "shared_resource_ids", c->shared_resource_ids);
    json_put_str(o, "expiration_format", c->expiration_format ? c->expiration_format : "string");
    json_put_str(o, "sync", c->sync ? c->sync : "after");
    json_put_int(o, "sync_delay_ms", c->sync_delay_ms);
    json_put_int(o, "stop_lag_ms", c->stop_lag_ms);
    json_put_int(o, "refuse_status", c->refuse_status);
    json_put(o, "refuse_calendars", json_copy(c->refuse_calendars));
    return o;
}
