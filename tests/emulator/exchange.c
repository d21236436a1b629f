/* exchange: the steps from a complete request to its answer, with the faults in between. */
#include "tests/emulator/exchange.h"

#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "tests/emulator/emu.h"
#include "tests/emulator/reply.h"
#include "tests/emulator/router.h"
#include "tests/emulator/server.h"

static enum step begin(struct req *r)
{
    if (r->too_big) {
        reply_error(r, &(struct api_error){413, "global", "uploadTooLarge",
                                           "Request Entity Too Large", NULL, NULL});
        return STEP_SEND;
    }
    if (req_is_control(r)) {
        router_dispatch_control(r);
        return STEP_SEND;
    }
    reqlog_begin(&r->emu->log, r);
    r->fault = fault_find(&r->emu->faults, r);
    r->stage = STAGE_WAITED;
    bool wait = r->fault != NULL && !r->fault->after && fault_wait(r);
    return wait ? STEP_WAIT : exchange_step(r);
}

static enum step work(struct req *r)
{
    r->stage = STAGE_ANSWERED;
    if (r->fault != NULL && !r->fault->after) {
        if (r->fault->drop) {
            return STEP_DROP;
        }
        if (fault_replace(r)) {
            return STEP_SEND;
        }
    }
    router_dispatch(r);
    return r->waiting_for_ping ? STEP_WAIT : exchange_step(r);
}

static enum step finish(struct req *r)
{
    if (r->fault == NULL || !r->fault->after) {
        return STEP_SEND;
    }
    if (r->stage == STAGE_ANSWERED) {
        r->stage = STAGE_WAITED_AFTER;
        if (fault_wait(r)) {
            return STEP_WAIT;
        }
    }
    if (r->fault->drop) {
        return STEP_DROP;
    }
    fault_replace(r);
    return STEP_SEND;
}

enum step exchange_step(struct req *r)
{
    enum step step = STEP_DROP;
    switch (r->stage) {
    case STAGE_NEW:
        step = begin(r);
        break;
    case STAGE_WAITED:
        step = work(r);
        break;
    case STAGE_ANSWERED:
    case STAGE_WAITED_AFTER:
        step = finish(r);
        break;
    case STAGE_DROP:
        break;
    }
    if (step == STEP_DROP) {
        r->status = -1;
        reqlog_end(&r->emu->log, r, 0, false);
    }
    return step;
}

/* Google compresses only for clients that say so twice. */
static bool wants_gzip(const struct req *r)
{
    const char *accept = req_header(r, "Accept-Encoding"), *agent = req_header(r, "User-Agent");
    return accept != NULL && agent != NULL && strcasestr(accept, "gzip") != NULL &&
           strcasestr(agent, "gzip") != NULL;
}

static bool compress_body(struct buf *b)
{
    z_stream z = {0};
    if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return false;
    }
    struct buf out = {0};
    buf_reserve(&out, deflateBound(&z, b->len));
    z.next_in = (Bytef *)b->p;
    z.avail_in = (uInt)b->len;
    z.next_out = (Bytef *)out.p;
    z.avail_out = (uInt)out.cap;
    bool done = deflate(&z, Z_FINISH) == Z_STREAM_END;
    out.len = z.total_out;
    deflateEnd(&z);
    if (done) {
        buf_free(b);
        *b = out;
    } else {
        buf_free(&out);
    }
    return done;
}

static void print_pretty(struct req *r)
{
    const char *pretty = req_param(r, "prettyPrint");
    bool plain = pretty != NULL && (strcmp(pretty, "false") == 0 || strcmp(pretty, "0") == 0);
    if (plain || r->indent == 0 || req_is_control(r) || r->out.len == 0) {
        return;
    }
    struct buf out = {0};
    json_pretty(&out, r->out.p, r->out.len, r->indent);
    buf_free(&r->out);
    r->out = out;
}

/* Sends a body in bits, or breaks it off, as the fault says. */
static ssize_t crawl(void *cls, uint64_t pos, char *to, size_t max)
{
    struct req *r = cls;
    const struct fault *f = r->fault;
    size_t end = r->out.len;
    if (f->truncate_bytes >= 0 && (size_t)f->truncate_bytes < end) {
        end = (size_t)f->truncate_bytes;
    }
    if (pos >= end || r->stage == STAGE_DROP) {
        bool broken = end < r->out.len || r->stage == STAGE_DROP;
        return broken ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    }
    size_t n = end - pos < max ? end - pos : max;
    if (f->trickle_bytes > 0) {
        if (pos >= r->allowed) {
            r->allowed = pos + (size_t)f->trickle_bytes;
            r->suspended = true;
            server_wake_later(r, f->trickle_ms);
            MHD_suspend_connection(r->conn);
            return 0;
        }
        n = r->allowed - pos < n ? r->allowed - pos : n;
    }
    memcpy(to, r->out.p + pos, n);
    return (ssize_t)n;
}

static struct MHD_Response *response_of(struct req *r)
{
    const struct fault *f = r->fault;
    if (f != NULL && f->keep_bytes >= 0 && (size_t)f->keep_bytes < r->out.len) {
        r->out.len = (size_t)f->keep_bytes;
    }
    if (f != NULL && r->out.len > 0 && (f->truncate_bytes >= 0 || f->trickle_bytes > 0)) {
        return MHD_create_response_from_callback(r->out.len, 65536, crawl, r, NULL);
    }
    struct buf b = r->out;
    r->out = (struct buf){0};
    return MHD_create_response_from_buffer(b.len, b.p, MHD_RESPMEM_MUST_FREE);
}

/* A fault brought its body in a coding of its own. */
static bool is_coded(const struct req *r)
{
    for (size_t i = 0; i < r->n_headers; i++) {
        if (strcasecmp(r->headers[i].name, "Content-Encoding") == 0) {
            return true;
        }
    }
    return false;
}

enum MHD_Result exchange_send(struct req *r)
{
    const char *match = req_header(r, "If-None-Match");
    if (r->status == 200 && r->etag != NULL && match != NULL && strcmp(match, r->etag) == 0 &&
        strcmp(r->method, "GET") == 0) {
        req_answer_empty(r, 304);
    }
    print_pretty(r);
    bool gzip = r->out.len > 0 && !req_is_control(r) && wants_gzip(r) && !is_coded(r) &&
                compress_body(&r->out);
    size_t bytes = r->out.len;
    struct MHD_Response *response = response_of(r);
    if (r->content_type != NULL) {
        MHD_add_response_header(response, "Content-Type", r->content_type);
    }
    if (gzip) {
        MHD_add_response_header(response, "Content-Encoding", "gzip");
    }
    if (r->etag != NULL && (r->status == 200 || r->status == 304)) {
        MHD_add_response_header(response, "ETag", r->etag);
    }
    MHD_add_response_header(response, "Vary", "Origin");
    for (size_t i = 0; i < r->n_headers; i++) {
        MHD_add_response_header(response, r->headers[i].name, r->headers[i].value);
    }
    if (r->log_n != 0) {
        reqlog_end(&r->emu->log, r, bytes, gzip);
    }
    enum MHD_Result queued = MHD_queue_response(r->conn, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return queued;
}
