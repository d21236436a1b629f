/* fuzz_fields: the first line as a `fields` parameter, the rest as a document: what is selected of
 * JSON is JSON, no longer than the whole, and selecting from it again changes nothing. */
#include <string.h>

#include "core/base/json.h"
#include "core/serve/fields.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *lf = memchr(text, '\n', size);
    size_t head = lf ? (size_t)(lf - text) : size;
    struct span json = {text + head, size - head};
    static struct fields f;
    struct buf once = {0}, twice = {0};
    if (fields_compile(&f, (struct span){text, head}, (struct span){0}, NULL) == RC_OK &&
        json_check(json, NULL) == RC_OK) {
        fields_apply(&f, json, &once);
        if (json_check(buf_span(&once), NULL) != RC_OK || once.n > json.n)
            abort();
        fields_apply(&f, buf_span(&once), &twice);
        if (!span_eq(buf_span(&once), buf_span(&twice)))
            abort();
    }
    buf_release(&once);
    buf_release(&twice);
    return 0;
}
