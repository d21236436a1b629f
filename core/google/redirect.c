/* redirect: the parameters of one query string, each at most once (RFC 6749 §3.1). */
#include "core/google/redirect.h"

#include "core/base/text.h"

#define CODE_MOST 2048

void redirect_release(struct redirect *r)
{
    secret_release(&r->code);
    *r = (struct redirect){0};
}

/* As it is pasted: with blanks, and in quotes. */
static struct span bare(struct span s)
{
    s = text_trim(s);
    if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0])
        s = (struct span){s.p + 1, s.n - 2};
    return s;
}

static struct span query_of(struct span text)
{
    const char *mark = text.n ? memchr(text.p, '?', text.n) : NULL;
    const char *end = text.n ? memchr(text.p, '#', text.n) : NULL;

    if (end)
        text.n = (size_t)(end - text.p);
    if (mark && mark < text.p + text.n)
        text = (struct span){mark + 1, text.n - (size_t)(mark + 1 - text.p)};
    return text;
}

static enum rc take(struct redirect *r, struct span name, struct span value, struct err *e)
{
    bool code = span_is(name, "code"), state = span_is(name, "state");
    bool error = span_is(name, "error");
    bool again = (code && r->code.n > 0) || (state && r->state[0]) || (error && r->error[0]);

    if (!code && !state && !error) /* scope, iss, authuser, hd, prompt: not needed */
        return RC_OK;
    if (again)
        return err_set(e, RC_INVALID, "a parameter comes twice");
    if (!text_is_word(value) || (code && value.n > CODE_MOST))
        return err_set(e, RC_INVALID, "a parameter has no value that Google gives");
    if (code)
        return secret_set(&r->code, value) ? RC_OK : err_set(e, RC_SYS, "out of memory");
    if (!text_copy(state ? r->state : r->error, state ? sizeof(r->state) : sizeof(r->error), value))
        return err_set(e, RC_INVALID, "a parameter is longer than Google's");
    return RC_OK;
}

static enum rc take_pair(struct redirect *r, struct span pair, struct err *e)
{
    const char *eq = pair.n ? memchr(pair.p, '=', pair.n) : NULL;
    struct buf value = {.cap = REDIRECT_BYTES_MOST};

    if (!eq)
        return RC_OK;
    struct span name = {pair.p, (size_t)(eq - pair.p)};
    struct span text = {eq + 1, pair.n - name.n - 1};
    enum rc rc = RC_OK;
    buf_reserve(&value, text.n);
    if (!text_percent_decode(&value, text, true))
        rc = err_set(e, RC_INVALID, "a parameter is not percent-encoded as it should be");
    else
        rc = take(r, name, buf_span(&value), e);
    secret_wipe_buf(&value);
    return rc;
}

enum rc redirect_read(struct span text, struct redirect *ret, struct err *e)
{
    struct redirect r = {0};
    enum rc rc = RC_OK;

    if (text.n > REDIRECT_BYTES_MOST)
        return err_set(e, RC_INVALID, "longer than any address that Google sends a browser to");
    struct span query = query_of(bare(text));
    while (query.n > 0 && rc == RC_OK) {
        const char *amp = memchr(query.p, '&', query.n);
        size_t n = amp ? (size_t)(amp - query.p) : query.n;
        rc = take_pair(&r, (struct span){query.p, n}, e);
        query.p += n + (amp != NULL);
        query.n -= n + (amp != NULL);
    }
    if (rc == RC_OK && (!r.state[0] || (r.code.n > 0) == (r.error[0] != '\0')))
        rc = err_set(
            e, RC_INVALID,
            "not the address that the browser ended at: it has ?state=... and code=... in it");
    if (rc)
        redirect_release(&r);
    else
        *ret = r;
    return rc;
}
