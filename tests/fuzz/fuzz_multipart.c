/* fuzz_multipart: any bytes as a batch: the first line is its Content-Type, the rest the body. The
 * parts read are as many as were counted, lie within the body, and what they say can be echoed. */
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/serve/multipart.h"
#include "tests/fuzz/fuzz.h"

static void check_within(struct span s, const uint8_t *data, size_t size)
{
    const char *from = (const char *)data;
    if (s.n > 0 && (s.p < from || s.p + s.n > from + size) && !span_is(s, "/"))
        abort();
}

/* The answer's Content-ID is one line, whatever was sent. */
static void check_echo(struct span id)
{
    struct buf out = {0};
    multipart_put(&out, "B", id, 200, (struct span){0}, (struct span){0});
    size_t breaks = 0;
    for (size_t i = 0; i < out.n; i++)
        breaks += out.p[i] == '\n' || out.p[i] == '\r';
    if (breaks != (id.n > 0 ? 14 : 12))
        abort();
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *lf = memchr(data, '\n', size);
    size_t head = lf ? (size_t)(lf - data) : size;
    struct span body = {(const char *)data + head, size - head};
    char *type = strndup((const char *)data, head);
    struct multipart m;
    struct multipart_part part;
    unsigned parts = 0;
    if (type && multipart_open(&m, type, body, NULL) == RC_OK) {
        for (; multipart_next(&m, &part); parts++) {
            check_within(part.id, data, size);
            check_within(part.method, data, size);
            check_within(part.target, data, size);
            check_within(part.headers, data, size);
            check_within(part.body, data, size);
            if (part.method.n > 0 && part.target.p[0] != '/')
                abort();
            check_echo(part.id);
        }
        if (parts != m.parts)
            abort();
    }
    free(type);
    return 0;
}
