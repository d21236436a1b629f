/* fuzz_grant: any bytes as the form of a token request. What is read as a grant's token reads the
 * same when a library sends it again. */
#include "core/base/text.h"
#include "core/serve/grant.h"
#include "tests/fuzz/fuzz.h"

#define MOST (16u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span form = {(const char *)data, size};
    struct buf token = {0}, again = {0}, written = {0};
    enum grant_kind kind = grant_read_kind(form);
    bool found = grant_read_token(form, kind, &token);
    if (found && (kind == GRANT_NONE || kind == GRANT_UNKNOWN || token.n > MOST))
        abort();
    if (found && token.n > 0 && 3 * token.n <= MOST) {
        buf_add_text(&written, "grant_type=refresh_token&refresh_token=");
        text_percent_encode(&written, buf_span(&token));
        if (grant_read_kind(buf_span(&written)) != GRANT_REFRESH)
            abort();
        /* A NUL, which a JSON text may spell, is nothing that a form can. */
        bool plain = !memchr(token.p, '\0', token.n);
        if (grant_read_token(buf_span(&written), GRANT_REFRESH, &again) != plain ||
            (plain && !span_eq(buf_span(&token), buf_span(&again))))
            abort();
    }
    buf_release(&token);
    buf_release(&again);
    buf_release(&written);
    return 0;
}
