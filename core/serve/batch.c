/* batch: many API calls in one request: runs each as if it had come alone, and answers them
 * together.
 *
 * DESIGN. The parts are run one after another on the loop, without sockets, each as a struct call
 * of its own. A batch can therefore hold up the loop, which nothing else can; so it has a budget of
 * time and of bytes, and parts beyond it are told to come again, which every client of a
 * rate-limited API knows how to do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/must.h"
#include "core/base/rand.h"
#include "core/serve/fault.h"
#include "core/serve/fresh.h"
#include "core/serve/handlers.h"
#include "core/serve/multipart.h"
#include "core/serve/reply.h"
#include "core/serve/request.h"

#define BUDGET_MS    500
#define BUDGET_BYTES (32u << 20)
#define METHOD_MAX   16
#define JSON_TYPE    "application/json; charset=UTF-8"

/* A part being run; what its call borrows. */
struct part {
    const struct call *outer;
    char method[METHOD_MAX];
    struct buf headers; /* "name", NUL, "value", NUL, ... */
    struct buf query;
};

/* A validator of the whole is none of each part; what else a handler asks for is. */
static bool is_inherited(const char *name)
{
    return strncasecmp(name, "If-", 3) != 0;
}

static const char *own_header(const void *source, const char *name)
{
    const struct part *p = source;
    const char *at = buf_text(&p->headers), *end = at + p->headers.n;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

static const char *part_header(const void *source, const char *name)
{
    const struct part *p = source;
    const char *own = own_header(source, name);
    if (own)
        return own;
    return is_inherited(name) ? p->outer->header(p->outer->source, name) : NULL;
}

/* Folded ones and such with a NUL in them are left out. */
static void keep_headers(struct part *p, struct span headers)
{
    struct span name, value;
    buf_reset(&p->headers);
    while (multipart_next_header(&headers, &name, &value)) {
        if (memchr(value.p, '\0', value.n) || memchr(value.p, '\n', value.n))
            continue;
        buf_add_span(&p->headers, name);
        buf_add_char(&p->headers, '\0');
        buf_add_span(&p->headers, value);
        buf_add_char(&p->headers, '\0');
    }
    must_hold(&p->headers);
}

/* Parameters of the batch come first, so that those of the part win. */
static void join_query(struct part *p, struct span outer, struct span own)
{
    buf_reset(&p->query);
    buf_add_span(&p->query, outer);
    if (outer.n > 0 && own.n > 0)
        buf_add_char(&p->query, '&');
    buf_add_span(&p->query, own);
    must_hold(&p->query);
}

/* A part that bears a token is asked by its owner, be it nobody; one without by whom the batch is.
 */
static void identify(struct call *c, const struct part *p)
{
    c->header = own_header;
    request_take_override(c);
    if (!access_identify(c))
        c->caller = p->outer->caller;
    c->header = part_header;
}

static bool is_api_path(struct span path)
{
    static const char prefix[] = "/calendar/v3/";
    return path.n > sizeof(prefix) - 1 && memcmp(path.p, prefix, sizeof(prefix) - 1) == 0;
}

/* A part cannot wait for a pull, as a request of its own would, but may ask for one. */
static void check_freshness(struct call *c)
{
    struct fresh_wish wish = fresh_read(c->header(c->source, "Cache-Control"));
    if (fresh_enough(c, &wish))
        return;
    if (!wish.only_if_cached)
        fresh_ask(c);
    (void)call_fail(c, FAULT_NOT_FRESH, "Cache-Control", NULL);
}

static void run_part(struct call *c, struct part *p, const struct multipart_part *m)
{
    const char *mark = m->target.n > 0 ? memchr(m->target.p, '?', m->target.n) : NULL;
    size_t n = mark ? (size_t)(mark - m->target.p) : m->target.n;
    struct span own = mark ? (struct span){mark + 1, m->target.n - n - 1} : (struct span){0};
    keep_headers(p, m->headers);
    c->method = p->method; /* yet to be filled */
    c->path = (struct span){m->target.p, n};
    c->query = own;
    c->body = m->body;
    c->source = p;
    if (m->method.n == 0 || m->method.n >= METHOD_MAX)
        (void)call_fail(c, FAULT_BAD_REQUEST, NULL, "The part is not an HTTP request.");
    else if (!is_api_path(c->path))
        (void)call_fail(c, FAULT_NOT_FOUND, NULL, NULL);
    else {
        memcpy(p->method, m->method.p, m->method.n);
        p->method[m->method.n] = '\0';
        identify(c, p);
        join_query(p, p->outer->query, c->query);
        c->query = buf_span(&p->query);
        call_run(c);
        check_freshness(c);
    }
    if (strcmp(p->method, "HEAD") == 0)
        buf_reset(&c->out);
    reply_shape(c);
}

static void put_part(struct buf *out, const char *boundary, const struct call *c, struct span id)
{
    struct buf headers = {0};
    if (c->out.n > 0)
        buf_printf(&headers, "Content-Type: %s\r\n", c->answer.type ? c->answer.type : JSON_TYPE);
    buf_printf(&headers, "Content-Length: %zu\r\n", c->out.n);
    if (c->answer.etag[0])
        buf_printf(&headers, "ETag: %s\r\n", c->answer.etag);
    if (c->answer.retry_after_s > 0)
        buf_printf(&headers, "Retry-After: %u\r\n", c->answer.retry_after_s);
    multipart_put(out, boundary, id, c->answer.status, buf_span(&headers), buf_span(&c->out));
    out->failed |= headers.failed || c->out.failed;
    buf_release(&headers);
}

static void run_parts(struct call *outer, struct multipart *m, struct call *c, const char *boundary)
{
    struct part part = {.outer = outer};
    struct multipart_part next;
    int64_t until_ms = clock_mono_ms() + BUDGET_MS;
    while (multipart_next(m, &next)) {
        call_reset(c);
        part.method[0] = '\0';
        if (outer->out.n < BUDGET_BYTES && clock_mono_ms() < until_ms)
            run_part(c, &part, &next);
        else
            (void)call_fail(c, FAULT_NOT_READY, NULL,
                            "The batch is too much for one answer; send this part again.");
        put_part(&outer->out, boundary, c, next.id);
    }
    buf_release(&part.headers);
    buf_release(&part.query);
}

void batch_post(struct call *c)
{
    struct multipart m;
    struct err e = {0};
    char boundary[32] = "batch_";
    enum rc rc = multipart_open(&m, c->header(c->source, "Content-Type"), c->body, &e);
    if (rc != RC_OK) {
        (void)call_fail(c, FAULT_BAD_REQUEST, NULL, "%s", e.text);
        return;
    }
    struct call *inner = calloc(1, sizeof(*inner));
    if (!inner) {
        (void)call_fail_internal(c, &(struct err){"batch: out of memory"});
        return;
    }
    *inner = (struct call){.serve = c->serve,
                           .conf = c->conf,
                           .store = c->store,
                           .queue = c->queue,
                           .token_key = c->token_key,
                           .series = c->series,
                           .now_ms = c->now_ms,
                           .header = part_header};
    rand_id(boundary + strlen(boundary), 20);
    run_parts(c, &m, inner, boundary);
    multipart_put_end(&c->out, boundary);
    buf_reset(&c->text); /* the route's segments, of which there are none */
    buf_printf(&c->text, "multipart/mixed; boundary=%s", boundary);
    c->answer.type = buf_text(&c->text);
    call_release(inner);
    free(inner);
}
