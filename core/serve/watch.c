/* watch: clients' channels: what a watch request may say, and how it is answered. */

#include <inttypes.h>
#include <stdio.h>

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/push/message.h"
#include "core/push/push.h"
#include "core/push/types.h"
#include "core/serve/fault.h"
#include "core/serve/handlers.h"
#include "core/serve/scope.h"
#include "core/serve/server.h"
#include "core/serve/small.h"

/* A member that must be a string when it is there. False: answered. */
static bool read_text(struct call *c, const char *name, char *out, size_t size)
{
    struct span value = json_get(c->body, name);

    if (json_type_of(value) == JSON_NONE || json_type_of(value) == JSON_NULL)
        return true;
    if (json_string_copy(value, out, size))
        return true;
    return call_fail(c, FAULT_INVALID, name, "Invalid channel %s value.", name);
}

static bool read_body(struct call *c)
{
    struct err e = {0};

    if (json_check(c->body, &e) != RC_OK || json_type_of(c->body) != JSON_OBJECT)
        return call_fail(c, FAULT_PARSE, NULL, NULL);
    return true;
}

static bool is_token(const char *token)
{
    size_t chars = 0;

    for (; *token; token++) {
        if ((unsigned char)*token < ' ' || *token == 0x7f)
            return false;
        chars += ((unsigned char)*token & 0xc0) != 0x80;
    }
    return chars <= PUSH_TOKEN_CHARS;
}

static bool read_channel(struct call *c, struct push_channel *ret)
{
    char type[16] = "";

    if (!read_text(c, "id", ret->id, sizeof ret->id))
        return false;
    if (ret->id[0] == '\0')
        return call_fail(c, FAULT_REQUIRED, "id", NULL);
    if (!text_is_word(span_of(ret->id))) /* it becomes a header */
        return call_fail(c, FAULT_INVALID, "id", "Invalid channel id value.");
    if (!read_text(c, "token", ret->token, sizeof ret->token))
        return false;
    if (!is_token(ret->token))
        return call_fail(c, FAULT_INVALID, "token", "Invalid channel token value.");
    (void)json_string_copy(json_get(c->body, "type"), type, sizeof type);
    if (strcmp(type, "web_hook") != 0 && strcmp(type, "webhook") != 0)
        return call_fail(c, FAULT_CHANNEL_TYPE, "type", NULL);
    if (!json_string_copy(json_get(c->body, "address"), ret->address, sizeof ret->address) ||
        ret->address[0] == '\0')
        return call_fail(c, FAULT_WEBHOOK_NO_HOST, "address", NULL);
    return true;
}

static bool bad_ttl(struct call *c, int64_t ttl_s)
{
    return call_fail(c, FAULT_CHANNEL_TTL, NULL, "Invalid ttl value for channel %" PRId64, ttl_s);
}

/* The end that is granted: the earlier of what is asked for and what is allowed. */
static bool read_expiration(struct call *c, struct push_channel *ret)
{
    const struct conf_push *conf = &c->conf->push;
    struct span expiration = json_get(c->body, "expiration");
    struct span asked = json_path(c->body, "params", "ttl", NULL);
    int64_t ttl_s = conf->ttl_ms / 1000, value;

    if (json_type_of(asked) > JSON_NULL) {
        if (!json_int64(asked, &value))
            return call_fail(c, FAULT_CHANNEL_TTL, "params.ttl", NULL);
        if (value <= 0)
            return bad_ttl(c, value);
        ttl_s = value;
    }
    if (json_type_of(expiration) > JSON_NULL) {
        if (!json_int64(expiration, &value))
            return call_fail(c, FAULT_CHANNEL_TTL, "expiration", NULL);
        value = value / 1000 - c->now_ms / 1000;
        if (value <= 0)
            return bad_ttl(c, value);
        if (value < ttl_s || json_type_of(asked) <= JSON_NULL)
            ttl_s = value;
    }
    if (ttl_s > conf->ttl_max_ms / 1000)
        ttl_s = conf->ttl_max_ms / 1000;
    ret->expires_ms = (c->now_ms / 1000 + ttl_s) * 1000;
    return true;
}

static bool set_resource(struct call *c, const struct collection *coll, struct push_channel *ret)
{
    const struct params *p = &c->params;
    struct account a;
    int64_t chosen = params_has(p, PARAM_EVENT_TYPES) ? p->v[PARAM_EVENT_TYPES].number : 0;

    if (account_get(c->txn, coll->account, &a) != RC_OK)
        return call_fail(c, FAULT_NOT_READY, NULL, NULL);
    memcpy(ret->account, a.name, sizeof ret->account);
    memcpy(ret->calendar, coll->calendar, sizeof ret->calendar);
    ret->kind = coll->kind;
    ret->cursor = coll->version;
    ret->primary = span_is(c->segment[0], "primary");
    ret->event_types = (uint32_t)chosen; /* bits of types_names, which the parameter is made of */
    if (c->caller.client)
        (void)text_copy(ret->client, sizeof ret->client, span_of(c->caller.client->name));
    return true;
}

static bool answer_verdict(struct call *c, enum channel_verdict verdict,
                           const struct push_channel *ch, const struct err *e)
{
    switch (verdict) {
    case CHANNEL_OPENED:
        return true;
    case CHANNEL_NOT_UNIQUE:
        return call_fail(c, FAULT_CHANNEL_NOT_UNIQUE, NULL, "Channel id %s not unique", ch->id);
    case CHANNEL_NOT_URL:
        return call_fail(c, FAULT_WEBHOOK_NO_HOST, "address", NULL);
    case CHANNEL_NOT_HTTPS:
        return call_fail(c, FAULT_WEBHOOK_NOT_HTTPS, NULL, "WebHook callback must be HTTPS: %s",
                         ch->address);
    case CHANNEL_FORBIDDEN:
        return call_fail(c, FAULT_WEBHOOK_UNAUTHORIZED, NULL,
                         "Unauthorized WebHook callback channel: %s", ch->address);
    case CHANNEL_TOO_MANY:
        return call_fail(c, FAULT_TOO_MANY_CHANNELS, NULL, NULL);
    case CHANNEL_TOO_OFTEN:
        return call_fail(c, FAULT_OPENS_TOO_OFTEN, NULL, NULL);
    case CHANNEL_BROKEN:
        break;
    }
    return call_fail_internal(c, e);
}

static void write_channel(struct call *c, const struct push_channel *ch)
{
    struct buf uri = {0};

    message_resource_uri(&uri, ch);
    buf_add_text(&c->out, "{\"kind\":\"api#channel\",\"id\":");
    buf_add_json(&c->out, span_of(ch->id));
    buf_printf(&c->out, ",\"resourceId\":\"%s\",\"resourceUri\":", ch->resource_id);
    buf_add_json(&c->out, buf_span(&uri));
    if (ch->token[0]) {
        buf_add_text(&c->out, ",\"token\":");
        buf_add_json(&c->out, span_of(ch->token));
    }
    buf_printf(&c->out, ",\"expiration\":\"%" PRId64 "\"}", ch->expires_ms);
    buf_release(&uri);
}

static void watch(struct call *c, const struct collection *coll)
{
    struct push_channel ch = {0};
    struct err e = {0};

    if (!c->serve->push) {
        (void)call_fail(c, FAULT_NOT_IMPLEMENTED, NULL, NULL);
        return;
    }
    if (!read_body(c) || !read_channel(c, &ch) || !read_expiration(c, &ch) ||
        !set_resource(c, coll, &ch))
        return;
    /* A commit follows: no reader is kept over it. */
    txn_abort(c->txn);
    c->txn = NULL;
    enum channel_verdict verdict = channels_open(push_channels(c->serve->push), &ch, &e);

    if (answer_verdict(c, verdict, &ch, &e))
        write_channel(c, &ch);
}

void events_watch(struct call *c)
{
    struct collection coll;

    if (call_read(c) && scope_calendar(c, c->segment[0], &coll))
        watch(c, &coll);
}

void acl_watch(struct call *c)
{
    struct collection coll;

    if (small_find_rules(c, &coll))
        watch(c, &coll);
}

void calendar_list_watch(struct call *c)
{
    struct collection coll;

    if (call_read(c) && scope_of_me(c, COLL_ROSTER, &coll))
        watch(c, &coll);
}

void user_settings_watch(struct call *c)
{
    struct collection coll;

    if (small_find_own(c, COLL_SETTINGS, &coll))
        watch(c, &coll);
}

void channels_stop_post(struct call *c)
{
    char id[LIMIT_CHANNEL_BYTES + 1] = "", resource[64] = "";
    const struct conf_client *client = access_is_operator(&c->caller) ? NULL : c->caller.client;
    struct err e = {0};

    if (!c->serve->push) {
        (void)call_fail(c, FAULT_NOT_IMPLEMENTED, NULL, NULL);
        return;
    }
    if (!read_body(c))
        return;
    (void)json_string_copy(json_get(c->body, "id"), id, sizeof id);
    (void)json_string_copy(json_get(c->body, "resourceId"), resource, sizeof resource);
    if (json_get(c->body, "id").n == 0 || json_get(c->body, "resourceId").n == 0) {
        (void)call_fail(c, FAULT_REQUIRED, id[0] ? "resourceId" : "id", NULL);
        return;
    }
    enum rc rc = channels_close(push_channels(c->serve->push), client ? client->name : NULL,
                                span_of(id), span_of(resource), &e);

    if (rc == RC_NOTFOUND)
        (void)call_fail(c, FAULT_NOT_FOUND, NULL, "Channel '%s' not found for project 'calmirror'",
                        id);
    else if (rc)
        (void)call_fail_internal(c, &e);
    else
        c->answer.status = 204;
}
