/* page: reads the top level of a list answer; mends bytes that would otherwise spoil all of it. */
#include "core/google/page.h"

#include "core/base/json.h"
#include "core/base/scan.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* A copy with U+FFFD for what is not UTF-8 and escapes for control characters inside strings: one
 * broken character of one event must not keep 2,499 others from their readers. */
static void mend(struct span in, struct buf *out)
{
    const char *end = in.p + in.n;
    bool string = false;

    for (const char *p = in.p; p < end;) {
        unsigned char c = (unsigned char)*p;
        size_t n = c < 0x80 ? 1 : scan_utf8(p, end);

        if (n == 0) {
            buf_add_text(out, REPLACEMENT);
            p++;
        } else if (string && c < ' ') {
            buf_printf(out, "\\u%04x", c);
            p++;
        } else if (string && c == '\\' && p + 1 < end && (unsigned char)p[1] < 0x80) {
            buf_add(out, p, 2); /* an escaped quote does not end the string */
            p += 2;
        } else {
            string ^= c == '"';
            buf_add(out, p, n);
            p += n;
        }
    }
}

/* Checked JSON in `body`, mended if it must be. */
static enum rc check(struct buf *body, struct err *e)
{
    struct buf mended = {.cap = body->cap};

    if (!json_check(buf_span(body), e))
        return RC_OK;
    mend(buf_span(body), &mended);
    if (mended.failed || json_check(buf_span(&mended), NULL)) {
        buf_release(&mended);
        return RC_BADDATA; /* with the words about the original */
    }
    buf_release(body);
    *body = mended;
    return RC_OK;
}

static bool copy_token(struct span value, char *out, size_t size)
{
    return json_type_of(value) == JSON_NULL || json_string_copy(value, out, size);
}

/* One walk: the items are megabytes, and looking each name up would pass over them every time. */
static enum rc read_members(struct google_page *p, struct span *ret_error, struct err *e)
{
    struct json_iter it = json_iter(p->head);
    struct span key, value;

    if (json_type_of(p->head) != JSON_OBJECT)
        return err_set(e, RC_BADDATA, "a list that is not an object");
    while (json_next(&it, &key, &value)) {
        if (span_is(key, "items"))
            p->items = value;
        else if (span_is(key, "error"))
            *ret_error = value;
        else if (span_is(key, "nextPageToken") &&
                 !copy_token(value, p->next_page, sizeof(p->next_page)))
            return err_set(e, RC_BADDATA, "nextPageToken is no usable string");
        else if (span_is(key, "nextSyncToken") &&
                 !copy_token(value, p->next_sync, sizeof(p->next_sync)))
            return err_set(e, RC_BADDATA, "nextSyncToken is no usable string");
    }
    return RC_OK;
}

static enum rc check_members(const struct google_page *p, struct err *e)
{
    if (p->items.n > 0 && json_type_of(p->items) != JSON_ARRAY)
        return err_set(e, RC_BADDATA, "items is not an array");
    if (p->items.n == 0 && !p->next_page[0] && !p->next_sync[0])
        return err_set(e, RC_BADDATA, "a list without items and tokens");
    return RC_OK;
}

enum rc page_read(struct buf *body, const struct answer_to *to, char reason[ANSWER_REASON_MAX],
                  struct google_page *ret, struct err *e)
{
    struct google_page p = {0};
    struct span error = {0};
    enum rc rc = check(body, e);

    if (rc)
        return err_prefix(e, rc, "not JSON");
    p.head = buf_span(body);
    rc = read_members(&p, &error, e);
    if (!rc && error.n > 0)
        return answer_read_disguised(p.head, to, reason, e);
    if (!rc)
        rc = check_members(&p, e);
    if (rc)
        return rc;
    *ret = p;
    ret->body = *body;
    *body = (struct buf){0};
    return RC_OK;
}

void google_page_release(struct google_page *p)
{
    buf_release(&p->body);
    *p = (struct google_page){0};
}
