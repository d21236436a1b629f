/* reqlog: what was asked of the API. */
#include "tests/emulator/reqlog.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/emu.h"
#include "tests/emulator/req.h"

static struct log_entry *entry_of(const struct reqlog *l, uint64_t n)
{
    return &l->ring[n % REQLOG_KEEP];
}

static void entry_free(struct log_entry *e)
{
    free(e->method);
    free(e->path);
    free(e->query);
    free(e->user);
    free(e->agent);
    free(e->fault);
    *e = (struct log_entry){0};
}

void reqlog_begin(struct reqlog *l, struct req *r)
{
    if (l->ring == NULL) {
        l->ring = xalloc(REQLOG_KEEP * sizeof(*l->ring));
    }
    r->log_n = ++l->last;
    struct log_entry *e = entry_of(l, l->last);
    entry_free(e);
    *e = (struct log_entry){
        .n = l->last,
        .time_ms = r->begun_us / 1000,
        .method = xstrdup(r->method),
        .path = xstrdup(r->path),
        .query = xstrdup(r->raw_query),
        .agent = xstrdup(req_header(r, "User-Agent")),
        .sync_token = req_param(r, "syncToken") != NULL,
        .page_token = req_param(r, "pageToken") != NULL,
    };
}

void reqlog_end(struct reqlog *l, struct req *r, size_t bytes, bool gzip)
{
    struct log_entry *e = r->log_n ? entry_of(l, r->log_n) : NULL;
    if (e == NULL || e->n != r->log_n) {
        return; /* a control request, or one so long ago that its place is taken */
    }
    e->status = r->status;
    e->took_us = real_us() - r->begun_us;
    e->bytes = bytes;
    e->gzip = gzip;
    xreplace(&e->user, xstrdup(r->user ? r->user->email : NULL));
    if (r->fault != NULL) {
        xreplace(&e->fault, xprintf("%llu", (unsigned long long)r->fault->id));
    }
}

static struct json_object *describe(const struct log_entry *e)
{
    struct json_object *o = json_object_new_object();
    json_put_int(o, "n", (int64_t)e->n);
    json_put_int(o, "time_ms", e->time_ms);
    json_put_str(o, "method", e->method);
    json_put_str(o, "path", e->path);
    json_put_str(o, "query", e->query);
    json_put_str(o, "user", e->user);
    json_put_str(o, "user_agent", e->agent);
    json_put_int(o, "status", e->status);
    json_put_int(o, "took_us", e->took_us);
    json_put_int(o, "bytes", (int64_t)e->bytes);
    json_put_bool(o, "gzip", e->gzip);
    json_put_bool(o, "sync_token", e->sync_token);
    json_put_bool(o, "page_token", e->page_token);
    json_put_str(o, "fault", e->fault);
    return o;
}

struct json_object *reqlog_list(const struct reqlog *l, uint64_t since, const char *glob)
{
    struct json_object *list = json_object_new_array();
    uint64_t from = since > l->cleared ? since : l->cleared;
    if (l->last > REQLOG_KEEP && from < l->last - REQLOG_KEEP) {
        from = l->last - REQLOG_KEEP;
    }
    for (uint64_t n = from + 1; n <= l->last; n++) {
        const struct log_entry *e = entry_of(l, n);
        char *what = xprintf("%s %s", e->method, e->path);
        if (glob == NULL || fnmatch(glob, what, 0) == 0) {
            json_object_array_add(list, describe(e));
        }
        free(what);
    }
    return list;
}

void reqlog_clear(struct reqlog *l)
{
    l->cleared = l->last;
}

void reqlog_release(struct reqlog *l)
{
    for (size_t i = 0; l->ring != NULL && i < REQLOG_KEEP; i++) {
        entry_free(&l->ring[i]);
    }
    free(l->ring);
    *l = (struct reqlog){0};
}
