/* changes_get: GET /v1/changes: the feed as pages, and as a long poll. */
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/serve/fault.h"
#include "core/serve/handlers.h"
#include "core/serve/live/group.h"
#include "core/serve/live/look.h"
#include "core/serve/routes.h"

#define WAIT_MOST_MS (60 * 1000)
#define PAGE_BYTES   (4u << 20)

/* Seconds, or a span such as 500ms. */
static bool read_wait(struct call *c, int64_t *ret_ms)
{
    uint64_t s;
    struct span text = c->params.v[PARAM_WAIT].text;
    if (!params_has(&c->params, PARAM_WAIT)) {
        *ret_ms = 0;
        return true;
    }
    if (text_to_u64(text, &s))
        *ret_ms = s < WAIT_MOST_MS / 1000 ? (int64_t)s * 1000 : WAIT_MOST_MS;
    else if (!text_to_duration_ms(text, ret_ms))
        return call_fail(c, FAULT_INVALID_PARAM, "wait", "Invalid number of seconds: '%.*s'.",
                         (int)text.n, text.p);
    if (*ret_ms > WAIT_MOST_MS)
        *ret_ms = WAIT_MOST_MS;
    return true;
}

/* A long poll keeps its connection: all of them leave half of the places to requests that end at
 * once, and one client's half of theirs to those of others, where clients are told apart. */
static bool has_room(struct call *c, const struct live *l)
{
    unsigned most = httpd_places(c->serve->httpd) / 2;
    const struct conf_client *client = c->caller.client;
    if (httpd_waiting(c->serve->httpd) < most &&
        (!client || live_waiters(l, client->name) < (most + 1) / 2))
        return true;
    (void)call_fail(c, FAULT_TOO_MANY_STREAMS, NULL, "Too many long polls are open.");
    c->answer.retry_after_s = FULL_RETRY_S;
    return false;
}

/* True: the request waits, and is asked again, the lens being taken over; or it is refused. */
static bool wait_for_more(struct call *c, struct live *l, struct lens *lens, int64_t wait_ms)
{
    int64_t now_ms = clock_mono_ms();
    int64_t deadline_ms = c->wait_until_ms ? c->wait_until_ms : now_ms + wait_ms;
    if (!c->request || deadline_ms <= now_ms)
        return false;
    if (!c->wait_until_ms && (!look_has_share(c, l) || !has_room(c, l)))
        return true;
    struct waiter *w = malloc(sizeof(*w));
    struct group *g = w ? group_join(l, lens) : NULL;
    if (!g) {
        free(w);
        return false;
    }
    *w = (struct waiter){.next = g->waiting,
                         .req = c->request,
                         .deadline_ms = deadline_ms,
                         .from = c->wait_from ? c->wait_from : l->atlas.seq};
    g->waiting = w;
    l->waiters++;
    if (deadline_ms < l->due_ms)
        l->due_ms = deadline_ms;
    c->answer.later = true;
    return true;
}

static void take_as_item(const struct live *l, struct look *look, const struct feed_entry *entry,
                         const struct entry_form *form)
{
    const struct atlas_entry *where = atlas_find(&l->atlas, entry->coll->no);
    if (!where)
        return;
    if (look->n > 0)
        buf_add_char(look->out, ',');
    entry_write(look->out, entry, where, form);
}

static void answer(struct call *c, const struct look *look)
{
    char cursor[CURSOR_MAX];
    cursor_write(cursor, store_lineage(c->store), look->lens->view, &look->at);
    buf_printf(&c->out, "],\"cursor\":\"%s\",\"more\":%s}", cursor, look->end ? "false" : "true");
}

static void give_page(struct call *c, struct live *l, struct lens *lens, const struct cursor *at,
                      const char *void_for, int64_t wait_ms)
{
    int64_t most = params_number(&c->params, PARAM_MAX_RESULTS, c->route->page_default);
    struct look look = {.lens = lens,
                        .at = *at,
                        .most = (unsigned)(most < c->route->page_cap ? most : c->route->page_cap),
                        .bytes = PAGE_BYTES,
                        .out = &c->out,
                        .take = take_as_item};
    lens->all = at->all;
    buf_add_text(&c->out, "{\"items\":[");
    if (void_for) {
        entry_write_reset_all(&c->out, void_for, at->all);
        look.end = !at->all;
    } else if (!lens_resolve(lens, c->txn, c->conf, &l->atlas) || !look_on(l, c->txn, &look)) {
        (void)call_fail(c, FAULT_INTERNAL, NULL, NULL);
        return;
    }
    if (look.n > 0 || void_for || !look.end || !wait_for_more(c, l, lens, wait_ms))
        answer(c, &look);
}

void changes_get(struct call *c)
{
    struct live *l = c->serve->live;
    struct lens lens;
    struct cursor at;
    int64_t wait_ms;
    const char *void_for;
    if (!look_for_call(c) || !read_wait(c, &wait_ms) || !lens_read(c, &lens))
        return;
    if (look_cursor(c, l, &lens, &at, &void_for))
        give_page(c, l, &lens, &at, void_for, wait_ms);
    if (!c->answer.later)
        lens_release(&lens);
}
