/* head: reads the few header fields of an answer that mean something to us. */
#include "core/http/head.h"

#include <time.h>

#include "core/base/clock.h"
#include "core/base/text.h"

#define RETRY_MOST_MS DAY_MS /* nobody means longer; keeps sums far from overflow */

void head_reset(struct head *h)
{
    *h = (struct head){.retry_ms = -1};
}

int64_t head_date_ms(struct span value)
{
    static const char *const forms[] = {
        "%a, %d %b %Y %T GMT", "%a, %d-%b-%y %T GMT", "%a %b %d %T %Y", /* RFC 9110 */
        "%b %d %T %Y GMT",     "%Y-%m-%d %T GMT", /* libcurl's with OpenSSL, and its own */
    };
    char text[64];

    if (!text_copy(text, sizeof(text), text_trim(value)))
        return 0;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);
        int64_t t = end && !*end ? timegm(&tm) : 0;
        if (t > 0)
            return t * 1000;
    }
    return 0;
}

static void read_date_header(struct head *h, struct span value)
{
    h->date_ms = head_date_ms(value);
}

static void read_retry_after(struct head *h, struct span value)
{
    uint64_t seconds;

    if (text_to_u64(value, &seconds))
        h->retry_ms = seconds < RETRY_MOST_MS / 1000 ? (int64_t)seconds * 1000 : RETRY_MOST_MS;
    else
        h->retry_date_ms = head_date_ms(value);
}

static void read_etag(struct head *h, struct span value)
{
    if (!text_copy(h->etag, sizeof(h->etag), value))
        h->etag[0] = '\0'; /* a cut one would never match */
}

static void read_type(struct head *h, struct span value)
{
    struct span type = value;
    const char *semicolon = value.n ? memchr(value.p, ';', value.n) : NULL;

    if (semicolon)
        type.n = (size_t)(semicolon - type.p);
    h->is_json = span_is_word(text_trim(type), "application/json");
}

static void read_coding(struct head *h, struct span value)
{
    if (span_is_word(value, "gzip") || span_is_word(value, "x-gzip"))
        h->coding = CODING_GZIP;
    else if (value.n > 0 && !span_is_word(value, "identity"))
        h->coding = CODING_OTHER;
}

static const struct {
    const char *name;
    void (*read)(struct head *h, struct span value);
} fields[] = {
    {"content-encoding", read_coding}, {"content-type", read_type},
    {"date", read_date_header},        {"etag", read_etag},
    {"retry-after", read_retry_after},
};

void head_line(struct head *h, struct span line)
{
    const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;

    if (line.n > 5 && memcmp(line.p, "HTTP/", 5) == 0) {
        head_reset(h);
        return;
    }
    if (!colon)
        return;
    struct span name = {line.p, (size_t)(colon - line.p)};
    struct span value = text_trim((struct span){colon + 1, line.n - name.n - 1});
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (span_is_word(name, fields[i].name))
            fields[i].read(h, value);
}

int64_t head_retry_after_ms(const struct head *h, int64_t now_ms)
{
    int64_t delay;

    if (h->retry_ms >= 0)
        return h->retry_ms;
    if (!h->retry_date_ms)
        return -1;
    delay = h->retry_date_ms - (h->date_ms ? h->date_ms : now_ms);
    if (delay < 0)
        return 0;
    return delay < RETRY_MOST_MS ? delay : RETRY_MOST_MS;
}
