/* fuzz_redirect: any bytes as what a browser brings back: either a code or an error, never both;
 * what was taken means the same when written as a plain query; refusals show nothing of the text.
 */
#include "core/base/text.h"
#include "core/google/redirect.h"
#include "tests/fuzz/fuzz.h"

static void check_plain(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        require(s.p[i] > ' ' && s.p[i] <= '~');
}

static void check_again(const struct redirect *r)
{
    struct redirect back = {0};
    struct buf query = {0};
    bool code = r->code.n > 0;
    buf_add_text(&query, "state=");
    text_percent_encode(&query, span_of(r->state));
    buf_add_text(&query, code ? "&code=" : "&error=");
    text_percent_encode(&query, code ? secret_span(&r->code) : span_of(r->error));
    if (query.n <= REDIRECT_BYTES_MOST) {
        require(redirect_read(buf_span(&query), &back, NULL) == RC_OK);
        require(span_eq(secret_span(&back.code), secret_span(&r->code)));
        require(span_is(span_of(back.state), r->state) && span_is(span_of(back.error), r->error));
        redirect_release(&back);
    }
    buf_release(&query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redirect r = {0};
    struct err e = {0};
    if (redirect_read((struct span){(const char *)data, size}, &r, &e) == RC_OK) {
        require((r.code.n > 0) != (r.error[0] != '\0') && r.state[0]);
        check_plain(secret_span(&r.code));
        check_plain(span_of(r.state));
        check_plain(span_of(r.error));
        check_again(&r);
        redirect_release(&r);
    } else {
        require(e.text[0] && !r.code.p);
    }
    return 0;
}
