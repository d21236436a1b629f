/* stream_get: GET /v1/stream: lets a reader of server-sent events in. */
#include <string.h>

#include "core/serve/fault.h"
#include "core/serve/handlers.h"
#include "core/serve/live/group.h"
#include "core/serve/live/look.h"
#include "core/serve/live/sse.h"
#include "core/serve/live/stream.h"

static void add_hello(struct call *c, const struct live *l, uint32_t view, const struct cursor *at,
                      struct buf *out)
{
    char here[CURSOR_MAX], now[CURSOR_MAX];
    struct cursor latest = cursor_at(l->atlas.seq, at->all);
    cursor_write(here, store_lineage(c->store), view, at);
    cursor_write(now, store_lineage(c->store), view, &latest);
    buf_printf(out, "retry: %d\n", SSE_RETRY_MS);
    sse_begin(out, "hello");
    buf_printf(out, "{\"type\":\"hello\",\"cursor\":\"%s\",\"latest\":\"%s\",\"version\":\"%s\"}",
               here, now, CALMIRROR_VERSION);
    sse_end(out, store_lineage(c->store), view, at);
}

/* Calendars that are behind Google, since a stream tells of freshness only when it turns. */
static void add_stale(const struct live *l, const struct lens *lens, struct buf *out)
{
    for (size_t i = 0; i < lens->n_colls; i++) {
        const struct atlas_entry *e = atlas_find(&l->atlas, lens->colls[i].no);
        if (!e || !e->stale || !lens_wants_freshness(lens, e))
            continue;
        sse_begin(out, change_type_choices[FEED_FRESHNESS]);
        entry_write_freshness(out, e);
        sse_end_without_id(out);
    }
}

static bool add_first(struct call *c, const struct live *l, struct lens *lens,
                      const struct cursor *at, const char *void_for, struct buf *out)
{
    if (!lens_resolve(lens, c->txn, c->conf, &l->atlas))
        return false;
    sse_head(c, out);
    add_hello(c, l, lens->view, at, out);
    if (void_for) {
        sse_begin(out, change_type_choices[FEED_RESET]);
        entry_write_reset_all(out, void_for, at->all);
        sse_end(out, store_lineage(c->store), lens->view, at);
    }
    add_stale(l, lens, out);
    return !out->failed;
}

static bool join(struct call *c, struct live *l, struct lens *lens, const struct cursor *at,
                 const char *void_for)
{
    struct buf text = {0};
    struct chunk *first = add_first(c, l, lens, at, void_for, &text) ? chunk_new(&text, at) : NULL;
    buf_release(&text);
    struct group *g = first ? group_join(l, lens) : NULL;
    if (!g) {
        lens_release(lens);
        chunk_unref(first);
        return false;
    }
    if (stream_open(l, g, c->request, first))
        return true;
    chunk_unref(first);
    group_leave(l, g);
    return false;
}

void stream_get(struct call *c)
{
    struct live *l = c->serve->live;
    struct lens lens;
    struct cursor at;
    const char *void_for;
    if (!look_for_call(c) || !lens_read(c, &lens))
        return;
    if (!look_cursor(c, l, &lens, &at, &void_for)) {
        lens_release(&lens);
        return;
    }
    lens.all = at.all;
    c->answer.type = "text/event-stream; charset=utf-8";
    if (strcmp(c->method, "HEAD") == 0 || !c->request) {
        lens_release(&lens);
        return;
    }
    if (!look_has_share(c, l)) {
        lens_release(&lens);
        return;
    }
    if (l->counters.streams >= (uint64_t)c->conf->api.max_streams) {
        lens_release(&lens);
        (void)call_fail(c, FAULT_NOT_READY, NULL,
                        "Too many streams are open; see [api] max_streams.");
        c->answer.retry_after_s = FULL_RETRY_S;
        return;
    }
    if (join(c, l, &lens, &at, void_for))
        c->answer.later = true;
    else
        (void)call_fail(c, FAULT_INTERNAL, NULL, NULL);
}
