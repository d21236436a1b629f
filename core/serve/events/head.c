/* events_head: the head that every list of events has: what Google says of the calendar, and the
 * validators. */
#include "core/serve/events/head.h"

#include "core/base/json.h"
#include "core/serve/etag.h"

bool events_head_begin(struct call *c, const struct collection *coll)
{
    struct etag etag = etag_of_call(c);
    etag_add_number(&etag, coll->no);
    etag_add_number(&etag, coll->version);
    etag_set(c, &etag);
    answer_from_collection(c, coll);
    return !call_not_modified(c);
}

void events_head_write(struct call *c, const struct collection *coll)
{
    struct json_iter it = json_iter(coll_head(c->txn, coll->no));
    struct span key, value;
    buf_add_text(&c->out, "{\"kind\":\"calendar#events\",\"etag\":");
    buf_add_json(&c->out, span_of(c->answer.etag));
    while (json_next(&it, &key, &value)) {
        if (span_is(key, "kind") || span_is(key, "etag"))
            continue;
        buf_add_text(&c->out, ",\"");
        buf_add_span(&c->out, key);
        buf_add_text(&c->out, "\":");
        buf_add_span(&c->out, value);
    }
    buf_add_text(&c->out, ",\"items\":[");
}
