/* head: the head that every list of events has: what Google says of the calendar, and the
 * validators. */
#include "core/serve/events/head.h"

#include "core/base/json.h"
#include "core/serve/etag.h"
#include "core/serve/events/veil.h"
#include "core/serve/memo.h"

bool events_head_begin(struct call *c, const struct collection *coll)
{
    struct etag etag = etag_of_call(c);
    etag_add_number(&etag, coll->no);
    etag_add_version(&etag, c, coll->version);
    etag_set(c, &etag);
    answer_from_collection(c, coll);
    return !call_not_modified(c);
}

/* What Google's list says of its calendar, but for what is the list's own. */
static void write_google(const struct call *c, const struct collection *coll, struct buf *out)
{
    struct json_iter it = json_iter(coll_head(c->txn, coll->no));
    struct span key, value;
    while (json_next(&it, &key, &value)) {
        if (span_is(key, "kind") || span_is(key, "etag"))
            continue;
        buf_add_text(out, ",\"");
        buf_add_span(out, key);
        buf_add_text(out, "\":");
        buf_add_span(out, value);
    }
}

void events_head_write(struct call *c, const struct collection *coll, enum access access)
{
    buf_add_text(&c->out, "{\"kind\":\"calendar#events\",\"etag\":");
    buf_add_json(&c->out, span_of(c->answer.etag));
    if (access != ACCESS_ALL) {
        veil_head(coll_head(c->txn, coll->no), &c->out);
    } else if (c->memo) {
        struct buf *head = memo_head(c->memo, coll->no, txn_snapshot(c->txn));
        if (head->n == 0)
            write_google(c, coll, head);
        if (head->failed)
            c->out.failed = true;
        buf_add_span(&c->out, buf_span(head));
    } else {
        write_google(c, coll, &c->out);
    }
    buf_add_text(&c->out, ",\"items\":[");
}
