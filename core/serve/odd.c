/* odd: GET /v1/odd: the events in which something made no sense, and what.
 *
 * They are kept as Google sent them and served like others, as far as they can be: events.get gives
 * their words. The lists are cut, the counts are not. */
#include "core/serve/handlers.h"
#include "storage/events.h"

#define OF_CALENDAR_MOST 100
#define MOST             1000

struct odd {
    struct call *c;
    uint64_t count, listed; /* in all */
    bool any;               /* a calendar was written before */
};

static void write_event(struct buf *out, const struct event *ev)
{
    const char *comma = "";
    buf_add_text(out, "{\"id\":");
    buf_add_json(out, ev->id);
    buf_printf(out, ",\"cancelled\":%s,\"updated_ms\":%lld,\"members\":[",
               ev->flags & EVENT_CANCELLED ? "true" : "false", (long long)ev->updated_ms);
    for (uint32_t bits = ev->flags & EVENT_ODD_MEMBERS; bits; bits &= bits - 1) {
        const char *member = event_odd_member(bits & -bits);
        if (!member)
            continue;
        buf_printf(out, "%s\"%s\"", comma, member);
        comma = ",";
    }
    buf_add_text(out, "]}");
}

static void write_events(struct odd *o, const struct collection *coll)
{
    struct event_scan *scan = events_odd(o->c->txn, coll);
    struct event ev;
    for (unsigned n = 0; n < OF_CALENDAR_MOST && o->listed < MOST; n++, o->listed++) {
        if (!event_scan_next(scan, &ev))
            break;
        if (n > 0)
            buf_add_char(&o->c->out, ',');
        write_event(&o->c->out, &ev);
    }
    event_scan_close(scan);
}

static bool write_calendar(void *arg, enum rc rc, const struct collection *coll)
{
    struct odd *o = arg;
    struct buf *out = &o->c->out;
    struct account a = {0};
    uint64_t count = rc == RC_OK && coll->kind == COLL_EVENTS && coll->state == COLL_READY
                         ? events_odd_count(o->c->txn, coll->no)
                         : 0;
    if (count == 0)
        return true;
    bool has_account = account_get(o->c->txn, coll->account, &a) == RC_OK;
    o->count += count;
    buf_printf(out, "%s{\"number\":%u,\"account\":", o->any ? "," : "", coll->no);
    buf_add_json(out, span_of(has_account ? a.name : ""));
    buf_add_text(out, ",\"calendar\":");
    buf_add_json(out, span_of(coll->calendar));
    buf_printf(out, ",\"count\":%llu,\"events\":[", (unsigned long long)count);
    write_events(o, coll);
    buf_add_text(out, "]}");
    o->any = true;
    return true;
}

void odd_get(struct call *c)
{
    struct odd o = {.c = c};
    if (!call_read(c))
        return;
    buf_add_text(&c->out, "{\"calendars\":[");
    colls_each(c->txn, write_calendar, &o);
    buf_printf(&c->out, "],\"count\":%llu,\"listed\":%llu}", (unsigned long long)o.count,
               (unsigned long long)o.listed);
}
