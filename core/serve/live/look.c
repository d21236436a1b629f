/* look: one reader's own look into the feed, from its cursor on. */
#include "core/serve/live/look.h"

#include "core/serve/fault.h"
#include "core/serve/live/sse.h"
#include "core/serve/live/stream.h"

#define PAGE_ENTRIES 256
#define PAGE_BYTES   (32u << 10) /* what a reader that lags costs in memory, about */

bool look_has_share(struct call *c, const struct live *l)
{
    const struct conf_client *client = c->caller.client;
    int64_t most = c->conf->api.streams_per_client;
    if (most == 0)
        most = (c->conf->api.max_streams + 1) / 2;
    if (!client || live_readers(l, client->name) < (uint64_t)most)
        return true;
    (void)call_fail(c, FAULT_TOO_MANY_STREAMS, NULL, NULL);
    c->answer.retry_after_s = FULL_RETRY_S;
    return false;
}

bool look_for_call(struct call *c)
{
    struct live *l = c->serve->live;
    struct err e = {0};
    if (!live_joined(l))
        return call_fail(c, FAULT_NOT_READY, NULL, "The service is starting, or stopping.");
    c->txn = live_look(l, &e);
    return c->txn || call_fail_internal(c, &e);
}

bool look_cursor(struct call *c, const struct live *l, const struct lens *lens, struct cursor *ret,
                 const char **ret_void)
{
    const char *last = c->header(c->source, "Last-Event-ID");
    bool asked = params_has(&c->params, PARAM_CURSOR);
    struct span text = last && last[0] ? span_of(last) : c->params.v[PARAM_CURSOR].text;
    *ret_void = NULL;
    *ret = cursor_at(c->wait_from ? c->wait_from : l->atlas.seq, false);
    if (text.n == 0 && !asked)
        return true;
    if (cursor_read(text, store_lineage(c->store), lens->view, l->atlas.seq, ret, ret_void) ==
        RC_INVALID)
        return call_fail(c, FAULT_INVALID, last && last[0] ? "Last-Event-ID" : "cursor",
                         "Not a cursor of this service.");
    return true;
}

bool look_on(const struct live *l, struct txn *t, struct look *look)
{
    struct feed_entry entry;
    struct entry_form form;
    enum feed_step step = FEED_PAUSE;
    struct feed *f = feed_open(t, &look->at, l->atlas.seq);
    if (!f)
        return false;
    for (size_t i = 0; i < look->lens->n_colls; i++) {
        const struct atlas_entry *e = atlas_find(&l->atlas, look->lens->colls[i].no);
        if (e && e->version >= look->at.pos)
            feed_add(f, e->no);
    }
    while (look->n < look->most && look->out->n < look->bytes &&
           (step = feed_next(f, &entry)) == FEED_ENTRY) {
        if (!lens_wants(look->lens, t, &entry, &form))
            continue;
        look->take(l, look, &entry, &form);
        look->n++;
    }
    look->at = feed_place(f);
    look->end = step == FEED_END;
    feed_close(f);
    return txn_failed(t) == RC_OK;
}

static void take_as_event(const struct live *l, struct look *look, const struct feed_entry *entry,
                          const struct entry_form *form)
{
    const struct atlas_entry *where = atlas_find(&l->atlas, entry->coll->no);
    sse_begin(look->out, change_type_choices[entry->type]);
    if (where)
        entry_write(look->out, entry, where, form);
    look->id_at = look->out->n;
    sse_end(look->out, store_lineage(l->serve->store), look->lens->view, &entry->at);
}

/* Tells a reader that has caught up where it is now: an id alone is no event. */
static void add_place(const struct live *l, struct look *look)
{
    char text[CURSOR_MAX];
    cursor_write(text, store_lineage(l->serve->store), look->lens->view, &look->at);
    buf_printf(look->out, "id: %s\n\n", text);
}

bool look_read_on(struct live *l, struct txn *t, struct stream *s)
{
    struct buf text = {0};
    struct look look = {.lens = &s->group->lens,
                        .at = s->at,
                        .most = PAGE_ENTRIES,
                        .bytes = PAGE_BYTES,
                        .out = &text,
                        .take = take_as_event};
    bool settled = s->at.from == s->at.pos && s->at.sub == s->at.pos;
    if (settled && s->at.pos == l->at.pos) {
        stream_go_live(s);
        return false;
    }
    bool ok = look_on(l, t, &look);
    if (ok && look.end && look.n > 0) {
        text.n = look.id_at;
        sse_end(&text, store_lineage(l->serve->store), look.lens->view, &look.at);
    } else if (ok && look.end && !settled) {
        add_place(l, &look);
    }
    struct chunk *c = ok && !text.failed ? chunk_new(&text, &look.at) : NULL;
    buf_release(&text);
    if (!c) { /* it comes back, to its last id */
        stream_close(l, s);
        return false;
    }
    s->at = look.at;
    bool alive = c->n == 0 || stream_send(l, s, c);
    chunk_unref(c);
    if (!alive || s->out)
        return false;
    if (look.end)
        stream_go_live(s);
    return !look.end;
}
