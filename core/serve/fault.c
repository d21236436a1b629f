/* fault: the table of error answers, and their body. */
#include "core/serve/fault.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/serve/etag.h"

struct fault_spec {
    unsigned status;
    const char *domain, *reason, *message;
    const char *location_type; /* NULL: "parameter" */
    const char *rpc;           /* what Google's front end calls it too; NULL: not its answer */
};

/* Domains, reasons and messages are Google's where it has one for the case. */
static const struct fault_spec specs[] = {
    [FAULT_BAD_REQUEST] = {400, "global", "badRequest", "Bad Request", NULL, NULL},
    [FAULT_INVALID] = {400, "global", "invalid", "Invalid Value", NULL, NULL},
    [FAULT_INVALID_PARAM] = {400, "global", "invalidParameter", "Invalid Parameter", NULL, NULL},
    [FAULT_REQUIRED] = {400, "global", "required", "Required", NULL, NULL},
    [FAULT_PARSE] = {400, "global", "parseError", "Parse Error", NULL, NULL},
    [FAULT_RANGE_EMPTY] = {400, "calendar", "timeRangeEmpty", "The specified time range is empty.",
                           NULL, NULL},
    [FAULT_RANGE_TOO_LONG] = {400, "calendar", "timeRangeTooLong",
                              "The requested time range is too long.", NULL, NULL},
    [FAULT_CHANNEL_TYPE] = {400, "global", "push.channelTypeNotSupported",
                            "Channel type not supported.", NULL, NULL},
    [FAULT_CHANNEL_TTL] = {400, "global", "pushInvalidTtl", "Invalid ttl value for channel", NULL,
                           NULL},
    [FAULT_CHANNEL_NOT_UNIQUE] = {400, "global", "channelIdNotUnique", "Channel id not unique",
                                  NULL, NULL},
    [FAULT_WEBHOOK_NO_HOST] = {400, "global", "push.webhookUrlNoHostOrAddress",
                               "WebHook callback has no usable address.", NULL, NULL},
    [FAULT_WEBHOOK_NOT_HTTPS] = {400, "global", "push.webhookUrlNotHttps",
                                 "WebHook callback must be HTTPS", NULL, NULL},
    /* Google's is said to be 401, for which client libraries would fetch another token. */
    [FAULT_WEBHOOK_UNAUTHORIZED] = {400, "global", "push.webhookUrlUnauthorized",
                                    "Unauthorized WebHook callback channel", NULL, NULL},
    [FAULT_TOO_MANY_CHANNELS] = {403, "usageLimits", "quotaExceeded",
                                 "The most channels that a client may have are open.", NULL, NULL},
    [FAULT_OPENS_TOO_OFTEN] = {403, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded", NULL,
                               NULL},
    [FAULT_BAD_SYNC_TOKEN] = {400, "global", "invalid", "Invalid sync token value.", NULL, NULL},
    [FAULT_NO_TOKEN] = {401, "global", "required", "Login Required.", "header", "UNAUTHENTICATED"},
    [FAULT_BAD_TOKEN] = {401, "global", "authError", "Invalid Credentials", "header",
                         "UNAUTHENTICATED"},
    [FAULT_FORBIDDEN_HOST] = {403, "global", "forbidden", "Forbidden", "header", NULL},
    [FAULT_FORBIDDEN] = {403, "global", "forbidden", "Forbidden", NULL, NULL},
    [FAULT_NO_SCOPE] = {403, "global", "insufficientPermissions", "Insufficient Permission", NULL,
                        NULL},
    [FAULT_NOT_FOUND] = {404, "global", "notFound", "Not Found", NULL, NULL},
    [FAULT_METHOD] = {405, "global", "httpMethodNotAllowed", "HTTP Method Not Allowed", NULL, NULL},
    [FAULT_SYNC_TOKEN_DEAD] = {410, "calendar", "fullSyncRequired",
                               "Sync token is no longer valid, a full sync is required.", NULL,
                               NULL},
    [FAULT_BODY_TOO_LARGE] = {413, "global", "uploadTooLarge", "Request Too Large", NULL, NULL},
    [FAULT_URI_TOO_LONG] = {414, "global", "badRequest", "URI Too Long", NULL, NULL},
    [FAULT_CODING] = {415, "global", "badRequest", "Unsupported Media Type", "header", NULL},
    [FAULT_TOO_MANY_STREAMS] = {429, "usageLimits", "rateLimitExceeded",
                                "This client has as many streams and long polls open as it may; "
                                "see [api] streams_per_client.",
                                NULL, NULL},
    [FAULT_HEAD_TOO_LARGE] = {431, "global", "badRequest", "Request Header Fields Too Large", NULL,
                              NULL},
    [FAULT_INTERNAL] = {500, "global", "backendError", "Backend Error", NULL, NULL},
    [FAULT_NOT_IMPLEMENTED] = {501, "global", "notImplemented",
                               "This mirror answers reads; make changes at Google.", NULL, NULL},
    [FAULT_NOT_READY] = {503, "global", "backendError",
                         "The first listing of this calendar is not complete yet.", NULL, NULL},
    [FAULT_NOT_FRESH] = {504, "global", "backendError",
                         "Data as fresh as asked for could not be had in time.", "header", NULL},
};

#define NOT_READY_RETRY_S 2
#define MESSAGE_BYTES     2560 /* a URL fits */

bool call_fail(struct call *c, enum fault fault, const char *location, const char *fmt, ...)
{
    const struct fault_spec *f = &specs[fault];
    char message[MESSAGE_BYTES];
    if (fmt) {
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(message, sizeof message, fmt, args);
        va_end(args);
    }
    /* What a request said is repeated only if it is text, and whole. */
    if (!fmt || !text_is_utf8(span_of(message)))
        (void)snprintf(message, sizeof message, "%s", f->message);
    c->answer = (struct answer){.status = f->status, .allow = c->answer.allow};
    if (f->status == 401)
        c->answer.challenge = fault == FAULT_BAD_TOKEN
                                  ? "Bearer realm=\"calmirror\", error=\"invalid_token\""
                                  : "Bearer realm=\"calmirror\"";
    if (f->status == 503)
        c->answer.retry_after_s = NOT_READY_RETRY_S;
    buf_reset(&c->out);
    buf_printf(&c->out, "{\"error\":{\"errors\":[{\"domain\":\"%s\",\"reason\":\"%s\",\"message\":",
               f->domain, f->reason);
    buf_add_json(&c->out, span_of(message));
    if (location) {
        buf_printf(&c->out, ",\"locationType\":\"%s\",\"location\":",
                   f->location_type ? f->location_type : "parameter");
        buf_add_json(&c->out, span_of(location));
    }
    buf_printf(&c->out, "}],\"code\":%u,\"message\":", f->status);
    buf_add_json(&c->out, span_of(message));
    if (f->rpc)
        buf_printf(&c->out, ",\"status\":\"%s\"", f->rpc);
    buf_add_text(&c->out, "}}");
    return false;
}

void fault_log(const struct err *e)
{
    static _Atomic int64_t said_ms;
    static atomic_uint n;
    atomic_fetch_add(&n, 1);
    if (log_due(&said_ms, MINUTE_MS))
        log_err(NULL, "api: requests failed here: %u; the last one: %s", atomic_exchange(&n, 0),
                e->text);
}

bool call_fail_internal(struct call *c, const struct err *e)
{
    fault_log(e);
    return call_fail(c, FAULT_INTERNAL, NULL, NULL);
}

bool call_fail_unread(struct call *c, const struct collection *coll, enum rc rc, const char *what)
{
    if (rc != RC_NOTFOUND)
        return call_fail(c, FAULT_NOT_READY, NULL, "This %s is being fetched again.", what);
    (void)call_fail(c, FAULT_NOT_FOUND, NULL, NULL);
    answer_from_collection(c, coll);
    return false;
}
