/* pages: all pages of one list call, held in memory: for increments and small collections. */
#ifndef CORE_SYNC_PAGES_H
#define CORE_SYNC_PAGES_H

#include "core/sync/run.h"

struct pages { /* `= { 0 }` is empty */
    struct google_page *v;
    size_t n, size;
};
void pages_release(struct pages *p);
void pages_add(struct pages *p, const struct google_page *page); /* takes it over */

/* Walks the list to its last page. RC_STALE: the token is dead (also on a later page). RC_FULL:
 * more than `bytes`. RC_BADDATA: pages that never end, or a last one without a sync token. */
enum rc pages_fetch(struct run *r, struct pages *p, const char *sync_token, size_t bytes,
                    struct err *e);

/* Tells a walk that goes in circles, by remembering one page token: it is caught within three
 * rounds of the circle, and with LIMIT_PAGES at the latest. `= { 0 }` begins a walk. */
struct page_guard {
    uint64_t pages, mark;
    char token[LIMIT_TOKEN_BYTES + 1];
};
bool page_guard_loops(struct page_guard *g, const char *next_page);

#endif
