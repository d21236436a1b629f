/* fuzz_google_page: any bytes as a page of a list: what is taken decodes to sane events, and
 * reading the page as it was kept gives the same page. */
#include "core/base/json.h"
#include "core/google/decode.h"
#include "core/google/page.h"
#include "tests/fuzz/fuzz.h"

static enum rc read_page(struct span text, struct google_page *ret)
{
    static const struct answer_to to = {ANSWER_LIST, COLL_EVENTS, true};
    char reason[ANSWER_REASON_MAX] = "";
    struct buf body = {0};

    buf_add_span(&body, text);
    enum rc rc = page_read(&body, &to, reason, ret, NULL);
    buf_release(&body);
    return rc;
}

static void check_event(struct span item, struct event_text *text)
{
    struct event ev;

    if (google_decode_event(item, span_of("UTC"), text, &ev, NULL) != RC_OK)
        return;
    require(ev.id.n > 0 && ev.id.n <= LIMIT_ID_BYTES && !memchr(ev.id.p, '\0', ev.id.n));
    require(ev.end_ms >= ev.start_ms);
    require(((ev.flags & EVENT_EXCEPTION) != 0) == (ev.series.n > 0));
    require(!(ev.flags & EVENT_EXCEPTION) || !(ev.flags & EVENT_SERIES));
    require(!(ev.flags & EVENT_UNTIMED) || (ev.start_ms == 0 && ev.end_ms == 0));
    require(!(ev.flags & EVENT_ALL_DAY) || ev.end_ms - ev.start_ms >= 86400000);
}

static void check_others(struct span item)
{
    struct roster_entry entry;
    char id[64];
    bool deleted;

    if (google_decode_roster(item, &entry, NULL) == RC_OK)
        require(entry.id[0] != '\0');
    if (google_decode_item(item, id, sizeof(id), &deleted, NULL) == RC_OK)
        require(id[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct google_page page, again;
    struct event_text text = {0};
    struct span item;

    if (read_page((struct span){(const char *)data, size}, &page) != RC_OK)
        return 0;
    require(json_check(page.head, NULL) == RC_OK);
    require(read_page(page.head, &again) == RC_OK);
    require(span_eq(page.items, again.items));
    google_page_release(&again);
    struct json_iter it = json_iter(page.items);
    while (json_next(&it, NULL, &item)) {
        check_event(item, &text);
        check_others(item);
    }
    buf_release(&text.text);
    google_page_release(&page);
    return 0;
}
