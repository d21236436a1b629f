/* hook_feed: the feed of one collection for one hook, a change at a time. */
#include "core/serve/live/hook_feed.h"

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/serve/live/entry.h"
#include "core/serve/live/feed.h"
#include "core/serve/params.h"

static struct push_place place_of(const struct cursor *c)
{
    return (struct push_place){.pos = c->pos, .sub = c->sub, .from = c->from};
}

static bool names(const struct conf_list *list, const char *text)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->v[i], text) == 0)
            return true;
    return list->n == 0;
}

/* Of a calendar list: is the entry's calendar among those wished for? */
static bool is_wished(const struct push_wish *wish, const struct feed_entry *entry)
{
    char id[LIMIT_ID_BYTES + 1];
    if (!names(wish->types, change_type_choices[entry->type]))
        return false;
    if (entry->type != FEED_CALENDAR || wish->calendars->n == 0)
        return true;
    return text_copy(id, sizeof id, entry->id) &&
           conf_list_matches(wish->calendars, id,
                             json_is_true(json_get(entry->event.raw, "primary")));
}

static enum feed_step next_wished(struct feed *f, const struct push_wish *wish,
                                  struct feed_entry *ret)
{
    enum feed_step step;
    while ((step = feed_next(f, ret)) == FEED_ENTRY && !is_wished(wish, ret)) {
    }
    return step;
}

static enum rc next(struct txn *t, const struct collection *coll, const struct push_place *after,
                    const struct push_wish *wish, struct buf *out, struct push_change *ret)
{
    const struct cursor at = {.pos = after->pos, .sub = after->sub, .from = after->from};
    struct atlas_entry where = {.no = coll->no,
                                .account = coll->account,
                                .kind = coll->kind,
                                .calendar = (char *)(uintptr_t)coll->calendar};
    const struct entry_form form = {.with_event = wish->with_event};
    struct feed_entry entry;
    struct feed *f = feed_open(t, &at, txn_last_seq(t));
    if (!f)
        return RC_SYS;
    (void)text_copy(where.account_name, sizeof where.account_name, span_of(wish->account));
    feed_add(f, coll->no);
    enum feed_step step = next_wished(f, wish, &entry);
    enum rc rc = step == FEED_ENTRY ? RC_OK : step == FEED_END ? RC_NOTFOUND : RC_AGAIN;
    struct cursor place = feed_place(f);
    if (rc == RC_OK) {
        place = entry.at;
        entry_write(out, &entry, &where, &form);
        ret->type = change_type_choices[entry.type];
        ret->pos = place.pos;
        ret->sub = place.sub;
        /* With the last one it knows all: what comes while it is told is relative to that. */
        if (next_wished(f, wish, &entry) == FEED_END)
            place = feed_place(f);
    }
    ret->at = place_of(&place);
    feed_close(f);
    return txn_failed(t) != RC_OK ? RC_SYS : rc;
}

static struct push_place now(struct txn *t)
{
    struct cursor place = cursor_at(txn_last_seq(t), false);
    return place_of(&place);
}

const struct push_feed serve_hook_feed = {.next = next, .now = now};
