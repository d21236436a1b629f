/* items_page: one page of a list of small resources, in order of their ids, or of what changed in
 * it. */
#include "core/serve/items_page.h"

#include "core/serve/fault.h"
#include "core/serve/pages.h"
#include "storage/changes.h"

/* True if there is room; else the page has ended. */
static bool room(struct items_page *page)
{
    page->more = page->n == pages_max_results(page->c);
    return !page->more;
}

static void write_item(struct items_page *page, const struct item *item)
{
    if (page->n++)
        buf_add_char(&page->c->out, ',');
    if (page->write)
        page->write(page, item, &page->c->out);
    else
        buf_add_span(&page->c->out, item->raw);
}

static void write_removed(struct items_page *page, const struct change *change)
{
    struct buf *out = &page->c->out;
    if (page->n++)
        buf_add_char(out, ',');
    buf_printf(out, "{\"kind\":\"%s\",\"etag\":\"\\\"%llu\\\"\",\"id\":", page->removed,
               (unsigned long long)change->seq);
    buf_add_json(out, change->id);
    buf_printf(out, "%s}", page->removed_member);
}

static void fill(struct items_page *page)
{
    struct item item;
    struct item_iter *it = items_open(page->c->txn, page->coll->no, page->at.after);
    while (items_next(it, &item)) {
        if (page->wanted(page, &item)) {
            if (!room(page))
                break;
            write_item(page, &item);
        }
        page->at.after = item.id;
    }
    items_close(it);
}

static bool fill_changes(struct items_page *page)
{
    struct change_iter *it = NULL;
    struct change change;
    struct item item;
    enum rc rc = changes_open(page->c->txn, page->coll, (uint64_t)page->at.place[1], &it);
    if (rc)
        return call_fail(page->c, rc == RC_STALE ? FAULT_SYNC_TOKEN_DEAD : FAULT_INTERNAL,
                         rc == RC_STALE ? "syncToken" : NULL, NULL);
    while (changes_next(it, &change)) {
        bool there = change.kind == CHANGE_PUT &&
                     item_get(page->c->txn, page->coll->no, change.id, &item) == RC_OK;
        if (!there && !page->removed) {
            changes_close(it);
            return call_fail(page->c, FAULT_SYNC_TOKEN_DEAD, "syncToken", NULL);
        }
        if (!there)
            item = (struct item){.id = change.id, .raw = span_of("{}"), .deleted = true};
        if (page->wanted(page, &item)) {
            if (!room(page))
                break;
            if (there)
                write_item(page, &item);
            else
                write_removed(page, &change);
        }
        page->at.place[1] = (int64_t)change.seq;
    }
    changes_close(it);
    return true;
}

void items_page_write(struct items_page *page)
{
    struct call *c = page->c;
    buf_printf(&c->out, "{\"kind\":\"%s\",\"etag\":", page->kind);
    buf_add_json(&c->out, span_of(c->answer.etag));
    buf_add_text(&c->out, ",\"items\":[");
    if (!params_has(&c->params, PARAM_SYNC_TOKEN))
        fill(page);
    else if (!fill_changes(page))
        return;
    buf_add_char(&c->out, ']');
    if (page->more) {
        if (!pages_write_next(c, &page->at))
            return;
    } else {
        pages_write_sync(c, &page->at);
    }
    buf_add_char(&c->out, '}');
}
