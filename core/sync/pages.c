/* pages: all pages of one list call, held in memory: for increments and small collections. */
#include "core/sync/pages.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/must.h"

bool page_guard_loops(struct page_guard *g, const char *next_page)
{
    if (strcmp(g->token, next_page) == 0 && g->pages > 0)
        return true;
    g->pages++;
    /* Brent: the token kept moves on at each power of two, so that any circle closes on it. */
    if (g->pages > g->mark) {
        g->mark = g->mark ? 2 * g->mark : 1;
        memcpy(g->token, next_page, strlen(next_page) + 1);
    }
    return g->pages >= LIMIT_PAGES;
}

void pages_release(struct pages *p)
{
    for (size_t i = 0; i < p->n; i++)
        google_page_release(&p->v[i]);
    free(p->v);
    *p = (struct pages){0};
}

void pages_add(struct pages *p, const struct google_page *page)
{
    if (p->n == p->size) {
        size_t size = p->size ? 2 * p->size : 4;
        p->v = must(realloc(p->v, size * sizeof(*p->v)));
        p->size = size;
    }
    p->v[p->n++] = *page;
}

enum rc pages_fetch(struct run *r, struct pages *p, const char *sync_token, size_t bytes,
                    struct err *e)
{
    struct page_guard guard = {0};
    size_t held = 0;
    for (;;) {
        const char *from = p->n ? p->v[p->n - 1].next_page : "";
        struct google_page page = {0};
        run_upstream(r);
        enum rc rc = google_list(&r->call, r->c.kind, r->c.calendar, sync_token, from, &page, e);
        if (rc != RC_OK)
            return p->n ? err_prefix(e, rc, "page %zu", p->n + 1) : rc;
        pages_add(p, &page);
        held += page.body.n;
        if (page.next_page[0] == '\0')
            return page.next_sync[0] ? RC_OK
                                     : err_set(e, RC_BADDATA, "the last page has no sync token");
        if (page_guard_loops(&guard, page.next_page))
            return err_set(e, RC_BADDATA, "page %zu: the pages go in circles", p->n);
        if (held > bytes)
            return err_set(e, RC_FULL, "more than %zu bytes of changes", bytes);
    }
}
