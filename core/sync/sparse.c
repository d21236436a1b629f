/* sparse: cancelled instances of which only the id came get the two members that Google guarantees.
 *
 * DESIGN. {"id":"…_20260702T100000Z","status":"cancelled"} was seen for an instance of a series
 * that lives. Taken for a deleted event of its own it would fill the slot again that it empties.
 * Which series is meant is known when the instance has a record; else it is the one whose ids begin
 * alike and which goes through that time, since all pieces of a series that was split share their
 * base. */
#include "core/sync/batch.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/must.h"
#include "core/base/rfc3339.h"
#include "core/calendar/instance_id.h"
#include "storage/events.h"

struct slot {
    struct span base;
    int64_t ms;
    bool date;
};

static bool goes_through(const struct event *ev, const struct slot *slot)
{
    return (ev->flags & (EVENT_SERIES | EVENT_CANCELLED)) == EVENT_SERIES &&
           !(ev->flags & EVENT_ALL_DAY) == !slot->date && ev->start_ms <= slot->ms &&
           slot->ms < ev->end_ms;
}

/* The one that began last, if several do: the one before may be taken to reach too far. */
static bool find_series(struct txn *t, const struct collection *c, const struct slot *slot,
                        struct event *ret)
{
    struct buf prefix = {0};
    struct event ev;
    bool found = event_get(t, c->no, slot->base, &ev) == RC_OK && goes_through(&ev, slot);
    if (found)
        *ret = ev;
    buf_add_span(&prefix, slot->base);
    buf_add_text(&prefix, "_R");
    txn_needs(t, &prefix);
    struct event_scan *scan = events_by_id(t, c, buf_span(&prefix));
    while (event_scan_next(scan, &ev) && ev.id.n > prefix.n &&
           memcmp(ev.id.p, prefix.p, prefix.n) == 0) {
        if (goes_through(&ev, slot) && (!found || ev.start_ms > ret->start_ms)) {
            found = true;
            *ret = ev;
        }
    }
    event_scan_close(scan);
    buf_release(&prefix);
    return found;
}

static void write_slot(struct buf *out, const struct slot *slot)
{
    char text[RFC3339_MAX];
    if (slot->date)
        (void)rfc3339_write_date(text, slot->ms / DAY_MS);
    else
        (void)rfc3339_write(text, slot->ms, 0);
    buf_printf(out, "{\"%s\":\"%s\"}", slot->date ? "date" : "dateTime", text);
}

/* The resource with both members; false: nothing tells the series. */
static bool complete(struct txn *t, const struct collection *c, const struct event *ev,
                     struct buf *out)
{
    struct slot slot;
    struct event known;
    struct span series = {0}, original = {0};
    if (!instance_id_read(ev->id, &slot.base, &slot.ms, &slot.date))
        return false;
    if (event_get(t, c->no, ev->id, &known) == RC_OK && known.flags & EVENT_EXCEPTION) {
        series = known.series;
        original = json_get(known.raw, "originalStartTime");
    } else if (find_series(t, c, &slot, &known)) {
        series = known.id;
    }
    if (series.n == 0)
        return false;
    buf_add(out, ev->raw.p, ev->raw.n - 1);
    buf_add_text(out, ",\"recurringEventId\":");
    buf_add_json(out, series);
    buf_add_text(out, ",\"originalStartTime\":");
    if (original.n)
        buf_add_span(out, original);
    else
        write_slot(out, &slot);
    buf_add_char(out, '}');
    return !out->failed;
}

static void keep_raw(struct batch *b, const struct buf *raw)
{
    b->raws = must(realloc(b->raws, (b->n_raws + 1) * sizeof(*b->raws)));
    b->raws[b->n_raws++] = *raw;
}

void batch_complete(struct batch *b, struct txn *t, const struct collection *c)
{
    for (size_t i = 0; i < b->n; i++) {
        struct event *ev = &b->events[i], whole;
        struct buf raw = {0};
        if ((ev->flags & (EVENT_CANCELLED | EVENT_EXCEPTION | EVENT_ODD)) != EVENT_CANCELLED ||
            json_get(ev->raw, "originalStartTime").n)
            continue;
        if (!complete(t, c, ev, &raw) || google_decode_event(buf_span(&raw), (struct span){0},
                                                             &b->texts[i], &whole, NULL) != RC_OK) {
            txn_needs(t, &raw);
            txn_needs(t, &b->texts[i].text);
            buf_release(&raw);
            continue;
        }
        whole.zone_hash = ev->zone_hash;
        *ev = whole;
        keep_raw(b, &raw);
    }
}
