/* fuzz_http_gunzip: any bytes as a gzip stream: never beyond the cap, and the same whether they
 * come at once or one by one. The lines of the input are also read as headers. */
#include <string.h>

#include "core/base/gunzip.h"
#include "core/http/head.h"
#include "tests/fuzz/fuzz.h"

#define CAP 4096

static enum rc unfold(const uint8_t *data, size_t size, size_t step, struct buf *out, bool *whole)
{
    struct gunzip g = {0};
    enum rc rc = RC_OK;

    for (size_t i = 0; i < size && !rc; i += step)
        rc = gunzip_add(&g, data + i, step < size - i ? step : size - i, out, CAP, NULL);
    *whole = gunzip_whole(&g);
    gunzip_release(&g);
    return rc;
}

static void read_lines(const uint8_t *data, size_t size)
{
    struct head head;
    const char *p = (const char *)data, *end = p + size;

    head_reset(&head);
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        const char *next = nl ? nl + 1 : end;

        head_line(&head, (struct span){p, (size_t)(next - p)});
        p = next;
    }
    int64_t ms = head_retry_after_ms(&head, 0);
    if (ms < -1 || ms > 86400000)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once = {0}, bits = {0};
    bool whole, whole_bits;
    enum rc rc = unfold(data, size, size ? size : 1, &once, &whole);
    enum rc rc_bits = unfold(data, size, 1, &bits, &whole_bits);

    if (once.n > CAP || bits.n > CAP)
        abort();
    if ((rc == RC_OK) != (rc_bits == RC_OK)) /* broken and too large: either may be seen first */
        abort();
    if (!rc && (whole != whole_bits || !span_eq(buf_span(&once), buf_span(&bits))))
        abort();
    read_lines(data, size);
    buf_release(&once);
    buf_release(&bits);
    return 0;
}
