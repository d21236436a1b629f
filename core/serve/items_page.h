/* items_page: one page of a list of small resources, in order of their ids, or of what changed in
 * it. */
#ifndef CORE_SERVE_ITEMS_PAGE_H
#define CORE_SERVE_ITEMS_PAGE_H

#include "core/serve/call.h"
#include "core/serve/token.h"
#include "storage/items.h"

struct items_page {
    struct call *c;
    const struct collection *coll;
    const char *kind; /* of the list */
    /* Kind of an entry of which only the id is known any more, which `wanted` is shown as deleted
     * and empty; NULL: there is no way to say so, and a client that asks for changes must start
     * anew. */
    const char *removed;
    const char *removed_member; /* what marks it, e.g. ",\"deleted\":true" */
    bool (*wanted)(struct items_page *page, const struct item *item);
    /* Appends an entry; NULL: as it came. */
    void (*write)(struct items_page *page, const struct item *item, struct buf *out);
    const void *arg;
    struct page_token at; /* after the last item looked at */

    int64_t n;
    bool more;
};

/* The whole answer, from page->at on, with its token. */
void items_page_write(struct items_page *page);

#endif
