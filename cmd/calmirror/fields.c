/* fields: members of the service's answers, read leniently. */
#include "cmd/calmirror/fields.h"

#include "core/base/json.h"
#include "core/base/text.h"

int64_t field_number(struct span object, const char *name, int64_t absent)
{
    int64_t value = absent;
    (void)json_int64(json_get(object, name), &value);
    return value;
}

const char *field_text(struct span object, const char *name, char *out, size_t size)
{
    struct buf text = {0};
    out[0] = '\0';
    if (json_string(json_get(object, name), &text) && !text_copy(out, size, buf_span(&text))) {
        size_t n = size - 1;
        while (n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
            n--;
        out[n] = '\0';
    }
    buf_release(&text);
    return out;
}

const char *field_calendar_name(struct span entry, char *out, size_t size)
{
    if (!field_text(entry, "summaryOverride", out, size)[0])
        (void)field_text(entry, "summary", out, size);
    return out;
}

bool field_is(struct span object, const char *name, const char *text)
{
    struct buf value = {0};
    bool is = json_string(json_get(object, name), &value) && span_is(buf_span(&value), text);
    buf_release(&value);
    return is;
}
