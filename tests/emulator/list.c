/* list: pages, sync tokens and deltas, alike for every collection.
 *
 * DESIGN: a full listing walks the items in the order they were created; what is created meanwhile
 * appears at its end. A delta walks the changes between the sync token and the moment the walk
 * began. In both, the token at the end is of the moment the walk began, so that whatever changes
 * on the way comes again with the next delta. Page tokens hold all of this; the server keeps
 * nothing. */
#include "tests/emulator/list.h"

#include <stdlib.h>
#include <string.h>

#include "tests/emulator/emu.h"
#include "tests/emulator/params.h"
#include "tests/emulator/reply.h"
#include "tests/emulator/token.h"

void list_kill_tokens(struct coll *c, int64_t seq, enum token_fate fate, bool persistent)
{
    c->floor = seq;
    c->fate = fate;
    c->always_dead = persistent;
}

static void reply_token_fate(struct req *r, enum token_fate fate)
{
    if (fate == TOKEN_INVALID) {
        reply_error(r, &(struct api_error){400, "global", "invalid", "Invalid sync token value.",
                                           "parameter", "syncToken"});
    } else if (fate == TOKEN_GONE_BY_TIME) {
        reply_error(r, &(struct api_error){
                           410, "calendar", "updatedMinTooLongAgo",
                           "The requested minimum modification time lies too far in the past.",
                           "parameter", "updatedMin"});
    } else {
        reply_error(r,
                    &(struct api_error){410, "calendar", "fullSyncRequired",
                                        "Sync token is no longer valid, a full sync is required.",
                                        "parameter", "syncToken"});
    }
}

static bool token_restrictions(const struct listing *l)
{
    struct req *r = l->r;
    for (const char *const *p = l->not_with_token; p && *p; p++) {
        if (req_param(r, *p) != NULL) {
            reply_bad(r, "badRequest",
                      strcmp(*p, "orderBy") == 0
                          ? "Sync token cannot be used with non-default ordering"
                          : "Sync token cannot be used with other request restrictions");
            return false;
        }
    }
    for (const char *const *p = l->no_false; p && *p; p++) {
        const char *v = req_param(r, *p);
        if (v != NULL && strcmp(v, "false") == 0) {
            reply_bad(r, "badRequest", "Sync token cannot be used with other request restrictions");
            return false;
        }
    }
    return true;
}

/* Reads both tokens and says where the walk stands; false: answered. */
static bool find_place(struct listing *l, struct walk *w)
{
    struct req *r = l->r;
    const char *sync = req_param(r, "syncToken"), *page = req_param(r, "pageToken");
    struct coll *c = l->coll;
    *w = (struct walk){.since = -1, .pos = -1, .snapshot = coll_stamp(c), .query = params_hash(r)};
    if (sync != NULL) {
        if (!token_restrictions(l)) {
            return false;
        }
        if (!sync_token_read(c, sync, &w->since) || w->since > w->snapshot) {
            reply_token_fate(r, TOKEN_INVALID);
            return false;
        }
        if (c->always_dead || w->since < c->floor) {
            reply_token_fate(r, c->fate);
            return false;
        }
        w->pos = w->since;
    }
    l->delta = sync != NULL;
    if (page != NULL) {
        struct walk at;
        if (!page_token_read(c, page, &at) || at.query != w->query || at.since != w->since) {
            reply_error(r, &(struct api_error){400, "global", "invalid",
                                               "Invalid value for: pageToken", "parameter",
                                               "pageToken"});
            return false;
        }
        *w = at;
    }
    return true;
}

struct page {
    const struct item **items;
    size_t n, max;
    bool more; /* there is at least one further item */
};

/* True when the page is full and this item does not go on it any more. */
static bool page_take(struct page *p, const struct item *it)
{
    if (p->n == p->max) {
        p->more = true;
        return true;
    }
    p->items[p->n++] = it;
    return false;
}

static void walk_created(const struct listing *l, struct walk *w, struct page *p)
{
    for (size_t i = (size_t)(w->pos + 1); i < l->coll->n; i++) {
        const struct item *it = l->coll->items[i];
        if (l->wants(l, it)) {
            if (page_take(p, it)) {
                return;
            }
            w->pos = (int64_t)i;
        }
    }
}

/* The same backwards, from where the newest item was. pos2: one more than the place of the last. */
static void walk_created_back(const struct listing *l, struct walk *w, struct page *p)
{
    int64_t from = w->page == 0 ? (int64_t)l->coll->n : w->pos2;
    w->pos2 = from;
    for (int64_t i = from - 1; i >= 0; i--) {
        const struct item *it = l->coll->items[i];
        if (l->wants(l, it)) {
            if (page_take(p, it)) {
                return;
            }
            w->pos2 = i;
        }
    }
}

static void walk_changes_back(const struct listing *l, struct walk *w, struct page *p)
{
    int64_t before = w->page == 0 ? w->snapshot + 1 : w->pos2;
    w->pos2 = before;
    for (const struct item *it = l->coll->newest; it && it->seq > w->since; it = it->older) {
        if (it->seq < before && (l->wants_delta == NULL || l->wants_delta(l, it))) {
            if (page_take(p, it)) {
                return;
            }
            w->pos2 = it->seq;
        }
    }
}

static void walk_changes(const struct listing *l, struct walk *w, struct page *p)
{
    const struct item *it = l->coll->newest;
    while (it != NULL && it->older != NULL && it->older->seq > w->pos) {
        it = it->older;
    }
    for (; it != NULL && it->seq <= w->snapshot; it = it->newer) {
        if (it->seq > w->pos && (l->wants_delta == NULL || l->wants_delta(l, it))) {
            if (page_take(p, it)) {
                return;
            }
            w->pos = it->seq;
        }
    }
}

static int by_updated(const void *a, const void *b)
{
    const struct item *x = *(const struct item *const *)a, *y = *(const struct item *const *)b;
    if (x->event->updated_us != y->event->updated_us) {
        return x->event->updated_us < y->event->updated_us ? -1 : 1;
    }
    return x->ord < y->ord ? -1 : x->ord > y->ord;
}

static void walk_updated(const struct listing *l, struct walk *w, struct page *p)
{
    const struct coll *c = l->coll;
    const struct item **sorted = xalloc(c->n * sizeof(const struct item *));
    memcpy(sorted, c->items, c->n * sizeof(const struct item *));
    qsort(sorted, c->n, sizeof(const struct item *), by_updated);
    for (size_t i = 0; i < c->n; i++) {
        const struct item *it = sorted[i];
        bool given = it->event->updated_us < w->pos ||
                     (it->event->updated_us == w->pos && (int64_t)it->ord < w->pos2);
        if (!given && l->wants(l, it)) {
            if (page_take(p, it)) {
                break;
            }
            w->pos = it->event->updated_us;
            w->pos2 = (int64_t)it->ord + 1;
        }
    }
    free(sorted);
}

static void put_item(const struct listing *l, const struct item *it, struct buf *out, bool *first)
{
    size_t before = out->len;
    buf_str(out, *first ? "" : ",");
    size_t begun = out->len;
    l->render(l, it, out);
    if (out->len == begun) { /* there is nothing of it to be seen */
        out->len = before;
    } else {
        *first = false;
    }
}

/* The last items of the page before, once more. */
static void repeat_items(const struct listing *l, const struct walk *began, struct buf *out,
                         bool *first)
{
    int64_t left = l->r->emu->pages.duplicate_items;
    if (left <= 0 || began->page == 0 || l->by_updated || l->r->emu->pages.newest_first) {
        return;
    }
    if (l->delta) {
        for (const struct item *it = l->coll->newest; it && left > 0; it = it->older) {
            if (it->seq <= began->pos && it->seq > began->since) {
                put_item(l, it, out, first);
                left--;
            }
        }
        return;
    }
    for (int64_t i = began->pos; i >= 0 && left > 0; i--) {
        if (l->wants(l, l->coll->items[i])) {
            put_item(l, l->coll->items[i], out, first);
            left--;
        }
    }
}

/* Earlier versions of what changed, as if the backend had answered from two replicas. */
static void add_older(const struct listing *l, const struct walk *w, struct buf *out, bool *first)
{
    for (const struct item *it = l->coll->newest; it && it->seq > w->since; it = it->older) {
        if (it->prev != NULL) {
            buf_str(out, *first ? "" : ",");
            buf_str(out, it->prev);
            *first = false;
        }
    }
}

static void put_etag(const struct listing *l, const struct walk *w, struct buf *out)
{
    static const char ALPHABET[] = "0123456789abcdefghijklmnopqrstuv";
    char etag[17] = "p";
    uint64_t v = (uint64_t)w->snapshot * 0x9e3779b97f4a7c15u ^ l->coll->hash;
    for (int i = 1; i < 13; i++, v >>= 5) {
        etag[i] = ALPHABET[v & 31];
    }
    memcpy(etag + 13, "s0g", 4);
    buf_printf(out, ",\"etag\":\"\\\"%s\\\"\"", etag);
}

static void put_page(const struct listing *l, const struct walk *began, const struct walk *w,
                     const struct page *p)
{
    const struct page_conf *conf = &l->r->emu->pages;
    struct buf *out = &l->r->out;
    const char *same = req_param(l->r, "pageToken");
    bool more = p->more || conf->same_page_token, first = true;
    out->len = 0;
    buf_printf(out, "{\"kind\":\"%s\"", l->kind);
    put_etag(l, w, out);
    if (l->head != NULL) {
        l->head(l, out);
    }
    if (more) {
        char *token = conf->same_page_token && same ? xstrdup(same) : page_token_write(l->coll, w);
        buf_printf(out, ",\"nextPageToken\":\"%s\"", token);
        free(token);
    } else if (!l->no_token && !conf->no_sync_token) {
        char *token = sync_token_write(l->coll, w->snapshot);
        buf_printf(out, ",\"nextSyncToken\":\"%s\"", token);
        free(token);
    }
    buf_str(out, ",\"items\":[");
    repeat_items(l, began, out, &first);
    for (size_t i = 0; i < p->n; i++) {
        put_item(l, p->items[i], out, &first);
    }
    if (!more && conf->duplicate_older) {
        add_older(l, w, out, &first);
    }
    buf_str(out, "]}");
}

void list_answer(struct listing *l)
{
    struct req *r = l->r;
    const struct page_conf *conf = &r->emu->pages;
    int64_t max = l->page_default;
    struct walk w;
    if (!param_count(r, "maxResults", &max) || !find_place(l, &w)) {
        return;
    }
    max = max > l->page_cap ? l->page_cap : max;
    max = conf->max_page > 0 && max > conf->max_page ? conf->max_page : max;
    struct walk began = w;
    bool empty = conf->empty_every > 0 && (w.page + 1) % conf->empty_every == 0;
    struct page p = {.max = empty ? 0 : (size_t)max};
    p.items = xalloc(p.max * sizeof(const struct item *));
    bool back = conf->newest_first;
    if (l->delta) {
        (back ? walk_changes_back : walk_changes)(l, &w, &p);
    } else if (l->by_updated) {
        walk_updated(l, &w, &p);
    } else {
        (back ? walk_created_back : walk_created)(l, &w, &p);
    }
    w.page++;
    r->status = 200;
    r->content_type = "application/json; charset=UTF-8";
    r->indent = 1;
    put_page(l, &began, &w, &p);
    free(p.items);
}
