/* api_watch: opening and stopping watch channels, by the rules of the push guide. */
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/access.h"
#include "tests/emulator/api.h"
#include "tests/emulator/deliver.h"

#define GOOGLE        "https://www.googleapis.com/calendar/v3"
#define DEFAULT_TTL_S 604800
#define ID_MAX        64
#define TOKEN_MAX     256
#define ADDRESS_MAX   2048

static const struct api_error NOT_SUPPORTED = {
    400,
    "calendar",
    "pushNotSupportedForRequestedResource",
    "Push notifications are not supported by this resource.",
    NULL,
    NULL};

static bool is_loopback(const char *url)
{
    static const char *const HOSTS[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    for (size_t i = 0; i < sizeof(HOSTS) / sizeof(*HOSTS); i++) {
        const char *rest = url + strlen(HOSTS[i]);
        if (starts_with(url, HOSTS[i]) && (*rest == ':' || *rest == '/' || *rest == '\0')) {
            return true;
        }
    }
    return false;
}

/* False: answered. */
static bool check_address(struct req *r, const char *url)
{
    const struct watch_conf *conf = &r->emu->channels.conf;
    if (url == NULL || *url == '\0' || strlen(url) > ADDRESS_MAX) {
        reply_bad(r, "push.webhookUrlNoHostOrAddress", "WebHook callback address is missing.");
        return false;
    }
    bool fine = starts_with(url, "https://") || (!conf->strict_https && is_loopback(url));
    if (!fine) {
        char *message = xprintf("WebHook callback must be HTTPS: %s", url);
        reply_bad(r, "push.webhookUrlNotHttps", message);
        free(message);
    }
    return fine;
}

static bool refused_by_conf(struct req *r, const struct coll *c)
{
    struct watch_conf *conf = &r->emu->channels.conf;
    size_t n = conf->refuse_calendars ? json_object_array_length(conf->refuse_calendars) : 0;
    for (size_t i = 0; i < n; i++) {
        const char *id =
            json_object_get_string(json_object_array_get_idx(conf->refuse_calendars, i));
        if (id != NULL && c->kind == COLL_EVENTS && strcmp(id, c->owner) == 0) {
            reply_error(r, &NOT_SUPPORTED);
            return true;
        }
    }
    if (conf->refuse_status != 0 && conf->refuse_count != 0) {
        conf->refuse_count -= conf->refuse_count > 0;
        reply_error(r, &(struct api_error){conf->refuse_status, "global", conf->refuse_reason,
                                           conf->refuse_message, NULL, NULL});
        return true;
    }
    if (!c->watchable) {
        reply_error(r, &NOT_SUPPORTED);
        return true;
    }
    return false;
}

/* The end that is granted, in whole seconds; false: answered. */
static bool grant_time(struct req *r, struct json_object *o, int64_t *ret_expires_ms)
{
    int64_t now = world_now_ms(&r->emu->world), cap = r->emu->channels.conf.max_ttl_s;
    int64_t ttl = json_int(json_get_object(o, "params"), "ttl", DEFAULT_TTL_S);
    if (json_has(o, "expiration")) {
        ttl = json_int(o, "expiration", 0) / 1000 - now / 1000;
    }
    if (ttl <= 0) {
        char *message = xprintf("Invalid ttl value for channel %lld", (long long)ttl);
        reply_bad(r, "pushInvalidTtl", message);
        free(message);
        return false;
    }
    *ret_expires_ms = (now / 1000 + (ttl < cap ? ttl : cap)) * 1000;
    return true;
}

/* False: answered. */
static bool check_channel(struct req *r, struct json_object *o, const struct coll *c,
                          int64_t *ret_expires_ms)
{
    const char *id = json_str(o, "id"), *type = json_str_or(o, "type", "");
    const char *token = json_str_or(o, "token", "");
    if (id == NULL || *id == '\0') {
        reply_bad(r, "required", "Required");
        return false;
    }
    if (strlen(id) > ID_MAX || strlen(token) > TOKEN_MAX) {
        reply_bad(r, "invalid",
                  strlen(id) > ID_MAX ? "Invalid channel id value."
                                      : "Invalid channel token value.");
        return false;
    }
    if (strcmp(type, "web_hook") != 0 && strcmp(type, "webhook") != 0) {
        reply_bad(r, "push.channelTypeNotSupported", "Channel type not supported.");
        return false;
    }
    if (!check_address(r, json_str(o, "address")) || refused_by_conf(r, c) ||
        !grant_time(r, o, ret_expires_ms)) {
        return false;
    }
    if (map_get(&r->emu->channels.burnt, id) != NULL) {
        char *message = xprintf("Channel id %s not unique", id);
        reply_bad(r, "channelIdNotUnique", message);
        free(message);
        return false;
    }
    return true;
}

static void answer_channel(struct req *r, const struct channel *ch)
{
    const char *format = r->emu->channels.conf.expiration_format;
    struct json_object *o = json_object_new_object();
    json_put_str(o, "kind", "api#channel");
    json_put_str(o, "id", ch->id);
    json_put_str(o, "resourceId", ch->resource_id);
    json_put_str(o, "resourceUri", ch->resource_uri);
    json_put_str(o, "token", ch->token);
    if (format == NULL || strcmp(format, "string") == 0) {
        char *text = xprintf("%lld", (long long)ch->expires_ms);
        json_put_str(o, "expiration", text);
        free(text);
    } else if (strcmp(format, "number") == 0) {
        json_put_int(o, "expiration", ch->expires_ms);
    }
    req_answer(r, 200, o);
}

static void send_sync(struct req *r, struct channel *ch)
{
    const struct watch_conf *conf = &r->emu->channels.conf;
    const char *order = conf->sync ? conf->sync : "after";
    struct deliverer *d = r->emu->channels.deliverer;
    if (strcmp(order, "before") == 0) {
        r->waiting_for_ping = true;
        deliver_ping(d, ch, "sync", 0, r, NULL);
    } else if (strcmp(order, "after") == 0) {
        deliver_ping(d, ch, "sync", conf->sync_delay_ms, NULL, NULL);
    }
}

static void watch(struct req *r, struct coll *c, const char *uri)
{
    struct json_object *o = access_body(r);
    int64_t expires_ms;
    if (o != NULL && check_channel(r, o, c, &expires_ms)) {
        struct channel *ch = channel_add(r->emu, r->user, c, o, uri, expires_ms);
        answer_channel(r, ch);
        send_sync(r, ch);
    }
    json_object_put(o);
}

void events_watch(struct req *r)
{
    struct calendar *c = access_calendar(r, ROLE_READER);
    if (c != NULL) {
        char *id = url_encode(r->arg[0]);
        char *uri = xprintf(GOOGLE "/calendars/%s/events?alt=json", id);
        watch(r, &c->events, uri);
        free(uri);
        free(id);
    }
}

void acl_watch(struct req *r)
{
    struct calendar *c = access_calendar(r, ROLE_OWNER);
    if (c != NULL) {
        char *id = url_encode(r->arg[0]);
        char *uri = xprintf(GOOGLE "/calendars/%s/acl?alt=json", id);
        watch(r, &c->acl, uri);
        free(uri);
        free(id);
    }
}

void calendar_list_watch(struct req *r)
{
    watch(r, &r->user->list, GOOGLE "/users/me/calendarList?alt=json");
}

void settings_watch(struct req *r)
{
    watch(r, &r->user->settings, GOOGLE "/users/me/settings?alt=json");
}

void channels_stop(struct req *r)
{
    struct json_object *o = access_body(r);
    if (o == NULL) {
        return;
    }
    const char *id = json_str(o, "id"), *resource = json_str(o, "resourceId");
    struct channel *ch = id ? map_get(&r->emu->channels.by_id, id) : NULL;
    if (id == NULL || resource == NULL) {
        reply_bad(r, "required", "Required");
    } else if (ch == NULL || !channel_live(r->emu, ch) || strcmp(ch->resource_id, resource) != 0 ||
               (ch->user != r->user && !ch->user->service_account)) {
        char *message =
            xprintf("Channel '%s' not found for project '%s'", id, r->emu->channels.project_number);
        reply_error(r, &(struct api_error){404, "global", "notFound", message, NULL, NULL});
        free(message);
    } else {
        channel_stop(r->emu, ch);
        req_answer_empty(r, 204);
    }
    json_object_put(o);
}
