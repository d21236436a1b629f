/* reply: from a finished call to the HTTP response in the form the client asked for. */
#include "core/serve/reply.h"

#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/rfc3339.h"
#include "core/base/text.h"
#include "core/serve/door.h"
#include "core/serve/fresh.h"

#define JSON_TYPE "application/json; charset=UTF-8"
#define INDENT    1 /* Google's */
#define HIT       "calmirror; hit; ttl="
/* A poll may come late by this part of its interval; what is older than that is stale, since Google
 * has not been heard for some reason (RFC 9211 §2.5: the ttl is then below zero). */
#define LATE_SHARE 4

void reply_shape(struct call *c)
{
    if (c->answer.type || c->out.n == 0 || c->out.failed ||
        (params_has(&c->params, PARAM_PRETTY_PRINT) && !params_on(&c->params, PARAM_PRETTY_PRINT)))
        return;
    struct buf pretty = {.cap = c->out.cap};
    if (!buf_reserve(&pretty, c->out.n + c->out.n / 4 + 64))
        return;
    json_reformat(&pretty, buf_span(&c->out), INDENT, 0);
    buf_add_char(&pretty, '\n');
    if (pretty.failed) {
        buf_release(&pretty);
        return;
    }
    struct buf compact = c->out;
    c->out = pretty;
    buf_release(&compact);
}

static void add_cors(struct call *c, struct httpd_response *r)
{
    const char *origin = door_cors_origin(c);
    if (origin) {
        httpd_response_header(r, "Access-Control-Allow-Origin", origin);
        httpd_response_header(r, "Access-Control-Expose-Headers",
                              "Age, Cache-Status, Date, ETag, Last-Modified, Retry-After, "
                              "WWW-Authenticate");
    }
    if (!origin || strcmp(c->method, "OPTIONS") != 0)
        return;
    const char *wanted = c->header(c->source, "Access-Control-Request-Headers");
    httpd_response_header(r, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS, POST");
    if (wanted)
        httpd_response_header(r, "Access-Control-Allow-Headers", wanted);
    if (c->header(c->source, "Access-Control-Request-Private-Network"))
        httpd_response_header(r, "Access-Control-Allow-Private-Network", "true");
    httpd_response_header(r, "Access-Control-Max-Age", "3600");
}

static void add_freshness(const struct call *c, struct httpd_response *r)
{
    const struct answer *a = &c->answer;
    char text[RFC3339_MAX], status[sizeof HIT + 20] = HIT;
    if (a->etag[0])
        httpd_response_header(r, "ETag", a->etag);
    if (!a->mirrored)
        return;
    /* As it will be when this second is over: until then the response may be handed out again. */
    int64_t until_ms = c->now_ms - c->now_ms % 1000 + 999;
    int64_t age = a->fresh_ms ? fresh_age_ms(until_ms, a->fresh_ms) / 1000 : 0;
    text_number(text, age);
    httpd_response_header(r, "Age", text);
    if (a->changed_ms && a->status != 304) { /* RFC 9110 §15.4.5: the ETag suffices there */
        (void)rfc3339_write_http(text, a->changed_ms);
        httpd_response_header(r, "Last-Modified", text);
    }
    int64_t poll_s = c->conf->sync.poll_interval_ms / 1000;
    text_number(status + sizeof HIT - 1, poll_s + poll_s / LATE_SHARE - age);
    httpd_response_header(r, "Cache-Status", status);
}

/* What an answer depends on beside the URL. */
static const char *vary(const struct conf *conf)
{
    if (conf->n_clients > 0)
        return "Accept-Encoding, Authorization, Origin, X-Goog-Api-Key";
    return door_has_origins(conf) ? "Accept-Encoding, Origin" : "Accept-Encoding";
}

void reply_headers(struct call *c, struct httpd_response *r, size_t n, bool gzipped)
{
    const struct answer *a = &c->answer;
    char text[24];
    if (n || a->status == 200)
        httpd_response_header(r, "Content-Type", a->type ? a->type : JSON_TYPE);
    if (gzipped)
        httpd_response_header(r, "Content-Encoding", "gzip");
    if (a->disposition && a->status == 200)
        httpd_response_header(r, "Content-Disposition", a->disposition);
    httpd_response_header(r, "Cache-Control", a->secret ? "no-store" : "private, no-cache");
    httpd_response_header(r, "Vary", vary(c->conf));
    add_freshness(c, r);
    if (a->challenge)
        httpd_response_header(r, "WWW-Authenticate", a->challenge);
    if (a->allow)
        httpd_response_header(r, "Allow", a->allow);
    if (a->retry_after_s) {
        (void)snprintf(text, sizeof text, "%u", a->retry_after_s);
        httpd_response_header(r, "Retry-After", text);
    }
    add_cors(c, r);
}

char *reply_body(struct call *c, struct squeeze *gzip, size_t *ret_n, bool *ret_gzipped)
{
    struct buf packed = {.cap = c->out.cap};
    bool gzipped = c->out.n >= REPLY_GZIP_MIN_BYTES &&
                   squeeze_accepted(c->header(c->source, "Accept-Encoding")) &&
                   squeeze_gzip(gzip, buf_span(&c->out), &packed);
    char *body = NULL;
    *ret_n = 0;
    *ret_gzipped = gzipped;
    if (gzipped || c->out.n)
        body = buf_take(gzipped ? &packed : &c->out, ret_n);
    buf_release(&packed);
    return body;
}

struct httpd_response *reply_make(struct call *c, struct squeeze *gzip)
{
    bool gzipped;
    size_t n;
    char *body = reply_body(c, gzip, &n, &gzipped);
    struct httpd_response *r = httpd_response_new(c->answer.status, body, n);
    reply_headers(c, r, n, gzipped);
    return r;
}
