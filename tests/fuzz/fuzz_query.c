/* fuzz_query: the first line as the target of a GET, path and query: a route and typed parameters,
 * or an answer that says what is wrong; what is kept of a query in a page token reads the same
 * again. */
#include <string.h>

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/serve/call.h"
#include "core/serve/request.h"
#include "core/serve/routes.h"
#include "tests/fuzz/fuzz.h"

static const char *no_header(const void *source, const char *name)
{
    (void)source, (void)name;
    return NULL;
}

/* What is asked for, without how the answer is to look and the page token. */
static uint64_t asked(const struct call *c, uint64_t given)
{
    given &= c->route->params & ~PARAM_BIT(PARAM_PAGE_TOKEN);
    for (unsigned i = 0; i < PARAM_COUNT; i++)
        if (param_specs[i].form)
            given &= ~PARAM_BIT(i);
    return given;
}

static void check_kept(struct call *c)
{
    struct buf kept = {0}, hold = {0};
    struct params again = {0};
    (void)params_keep(c, c->query, &kept);
    require(buf_reserve(&hold, kept.n + 16));
    require(params_parse(c, &again, buf_span(&kept), &hold));
    require(asked(c, again.given) == asked(c, c->params.given));
    for (unsigned i = 0; i < PARAM_COUNT; i++)
        if (asked(c, c->params.given) & PARAM_BIT(i))
            require(again.v[i].number == c->params.v[i].number &&
                    span_eq(again.v[i].text, c->params.v[i].text));
    buf_release(&kept);
    buf_release(&hold);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct call c = {.method = "GET", .header = no_header};
    const uint8_t *lf = memchr(data, '\n', size);
    size_t n = lf ? (size_t)(lf - data) : size;
    const uint8_t *mark = memchr(data, '?', n);
    size_t path = mark ? (size_t)(mark - data) : n;
    c.path = (struct span){(const char *)data, path};
    if (mark)
        c.query = (struct span){(const char *)mark + 1, n - path - 1};
    if (call_parse(&c)) {
        for (size_t i = 0; i < CALL_SEGMENTS_MAX; i++)
            require(c.segment[i].n == 0 || text_is_utf8(c.segment[i]));
        check_kept(&c);
    } else {
        require(c.answer.status >= 400 && json_check(buf_span(&c.out), NULL) == RC_OK);
    }
    call_release(&c);
    return 0;
}
