/* batch: the events of a page or of a whole pull, decoded, widened, each id once. */
#include "core/sync/batch.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/must.h"
#include "core/base/order.h"
#include "core/calendar/zone.h"

void batch_release(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        buf_release(&b->texts[i].text);
    for (size_t i = 0; i < b->n_raws; i++)
        buf_release(&b->raws[i]);
    free(b->events);
    free(b->texts);
    free(b->raws);
    *b = (struct batch){0};
}

void batch_tell(const struct batch *b, const char *about)
{
    if (b->unusable)
        log_warning(about, "%llu events without a usable id were left out",
                    (unsigned long long)b->unusable);
}

static void reserve(struct batch *b)
{
    if (b->n < b->size)
        return;
    b->size = b->size ? 2 * b->size : 64;
    b->events = must(realloc(b->events, b->size * sizeof(*b->events)));
    b->texts = must(realloc(b->texts, b->size * sizeof(*b->texts)));
}

enum rc batch_add(struct batch *b, const struct google_page *page, const char *zone, struct err *e)
{
    struct json_iter it = json_iter(page->items);
    struct span key, item;
    char named[ZONE_NAME_MAX];
    if (json_string_copy(json_get(page->head, "timeZone"), named, sizeof(named)) && named[0])
        zone = named;
    while (json_next(&it, &key, &item)) {
        reserve(b);
        struct event ev = {0};
        struct event_text text = {0};
        enum rc rc = google_decode_event(item, span_of(zone), &text, &ev, e);
        if (rc != RC_OK)
            buf_release(&text.text);
        if (rc == RC_SYS)
            return rc;
        if (rc != RC_OK) {
            b->unusable++;
            continue;
        }
        extent_widen(&ev);
        b->texts[b->n] = text;
        b->events[b->n++] = ev;
    }
    return RC_OK;
}

/* By id, then in the order in which they came. */
static int by_id(const void *pa, const void *pb)
{
    const struct event *a = *(const struct event *const *)pa;
    const struct event *b = *(const struct event *const *)pb;
    int order = order_span(&a->id, &b->id);
    return order ? order : (a > b) - (a < b);
}

/* Marks all of one id but the one to be kept: the last that is no older than those before it. A
 * sparse tombstone has no time of change: then the order in which they came decides. */
static void drop_older(const struct event **same, size_t n, const struct event *first, bool *drop)
{
    const struct event *kept = same[0];
    int64_t newest_ms = kept->updated_ms;
    for (size_t i = 1; i < n; i++) {
        bool older = same[i]->updated_ms && same[i]->updated_ms < newest_ms;
        drop[(older ? same[i] : kept) - first] = true;
        if (older)
            continue;
        kept = same[i];
        if (kept->updated_ms)
            newest_ms = kept->updated_ms;
    }
}

void batch_unique(struct batch *b)
{
    if (b->n < 2)
        return;
    const struct event **order = must(calloc(b->n, sizeof(*order)));
    bool *drop = must(calloc(b->n, sizeof(*drop)));
    for (size_t i = 0; i < b->n; i++)
        order[i] = &b->events[i];
    qsort(order, b->n, sizeof(*order), by_id);
    for (size_t i = 0, end; i < b->n; i = end) {
        for (end = i + 1; end < b->n && span_eq(order[i]->id, order[end]->id);)
            end++;
        drop_older(&order[i], end - i, b->events, drop);
    }

    size_t kept = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (drop[i]) {
            buf_release(&b->texts[i].text);
            continue;
        }
        b->events[kept] = b->events[i];
        b->texts[kept++] = b->texts[i];
    }
    b->n = kept;
    free(order);
    free(drop);
}
