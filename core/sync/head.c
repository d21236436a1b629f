/* head: what a list answer says of its collection besides the items: name, zone, role, reminders.
 */
#include "core/sync/head.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "storage/items.h"

static bool left_out(struct span key)
{
    return span_is(key, "items") || span_is(key, "nextSyncToken");
}

static void write_head(struct span page, struct buf *out)
{
    struct json_iter it = json_iter(page);
    struct span key, value;
    buf_add_char(out, '{');
    while (json_next(&it, &key, &value)) {
        if (left_out(key))
            continue;
        buf_add_text(out, out->n > 1 ? ",\"" : "\"");
        buf_add_span(out, key);
        buf_add_text(out, "\":");
        buf_add_span(out, value);
    }
    buf_add_char(out, '}');
}

/* Absent in one of the two forms, an empty string in the other. */
static bool is_blank(struct span value)
{
    return value.n == 0 || span_is(value, "\"\"");
}

static unsigned news(struct span old, struct span now)
{
    /* The read-only part of a calendarList entry that is also here. */
    static const struct {
        const char *name;
        unsigned news;
    } members[] = {{"summary", HEAD_LISTED},
                   {"description", HEAD_LISTED},
                   {"timeZone", HEAD_LISTED},
                   {"accessRole", HEAD_LISTED | HEAD_ROLE}};
    unsigned found = 0;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct span was = json_get(old, members[i].name), is = json_get(now, members[i].name);
        if (!span_eq(was, is) && !(is_blank(was) && is_blank(is)))
            found |= members[i].news;
    }
    return found;
}

/* What was known of a calendar: its head, or before there is one, its entry in the calendar list.
 */
static struct span known(struct run *r, struct txn *t, struct span head)
{
    struct span entry;
    if (head.n == 0 && item_of_calendar(t, r->c.account, span_of(r->c.calendar), &entry) == RC_OK)
        return entry;
    return head;
}

static unsigned take_calendar(struct run *r, struct span old, struct span head)
{
    char zone[sizeof(r->c.zone)];
    if (json_string_copy(json_get(head, "timeZone"), zone, sizeof(zone)))
        memcpy(r->c.zone, zone, sizeof(zone));
    return old.n ? news(old, head) : 0;
}

bool head_is_busy_only(struct span head)
{
    return span_is(json_string_plain(json_get(head, "accessRole")), "freeBusyReader");
}

unsigned head_store(struct run *r, struct txn *t, const struct google_page *page, bool listed)
{
    struct buf head = {0};
    unsigned found = 0;
    write_head(page->head, &head);
    txn_needs(t, &head);
    struct span old = coll_head(t, r->c.no), now = buf_span(&head);
    bool turned =
        r->c.kind == COLL_EVENTS && old.n && head_is_busy_only(old) != head_is_busy_only(now);
    if (turned && !listed) {
        found = HEAD_ROLE;
    } else if (!head.failed && !span_eq(old, now)) {
        if (r->c.kind == COLL_EVENTS)
            found = take_calendar(r, known(r, t, old), now);
        coll_set_head(t, r->c.no, now);
        r->c.version = txn_next_seq(t);
        if (turned)
            r->c.pruned_seq = r->c.version;
        r->c.changed_ms = clock_wall_ms();
    }
    buf_release(&head);
    return found;
}

bool head_shows_busy_only(struct txn *t, uint32_t coll)
{
    return head_is_busy_only(coll_head(t, coll));
}
