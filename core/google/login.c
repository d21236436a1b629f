/* login: a small JSON object; dates of a login, read as an operator would. */
#include "core/google/login.h"

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"

#define SCOPE_ALL "https://www.googleapis.com/auth/calendar"
/* Lives of logins that Google's OAuth guide names: under a consent screen in "Testing", and unused.
 */
#define TESTING_MS (7 * DAY_MS)
#define UNUSED_MS  (180 * DAY_MS)
#define TEXT_FIRST 4096 /* holds the whole without growing */

void login_release(struct login *l)
{
    secret_release(&l->refresh_token);
    *l = (struct login){0};
}

void login_write(const struct login *l, struct buf *out)
{
    buf_reserve(out, TEXT_FIRST);
    buf_add_text(out, "{\"refresh_token\":");
    buf_add_json(out, secret_span(&l->refresh_token));
    buf_add_text(out, ",\"client_id\":");
    buf_add_json(out, span_of(l->client_id));
    buf_add_text(out, ",\"scope\":");
    buf_add_json(out, span_of(l->scope));
    buf_printf(out, ",\"obtained_ms\":%lld,\"expires_ms\":%lld}", (long long)l->obtained_ms,
               (long long)l->expires_ms);
}

enum rc login_read(struct span text, struct login *ret, struct err *e)
{
    struct login l = {0};
    enum rc rc = RC_OK;

    if (json_check(text, NULL) || json_type_of(text) != JSON_OBJECT)
        return err_set(e, RC_AUTH, "the stored login is not one of ours");
    struct span token = json_string_plain(json_get(text, "refresh_token"));
    if (token.n == 0 ||
        !json_string_copy(json_get(text, "client_id"), l.client_id, sizeof(l.client_id)) ||
        !json_string_copy(json_get(text, "scope"), l.scope, sizeof(l.scope)) ||
        !json_int64(json_get(text, "obtained_ms"), &l.obtained_ms) ||
        !json_int64(json_get(text, "expires_ms"), &l.expires_ms))
        rc = err_set(e, RC_AUTH, "the stored login is not one of ours");
    else if (!secret_set(&l.refresh_token, token))
        rc = err_set(e, RC_SYS, "out of memory");
    else
        *ret = l;
    return rc;
}

static bool has_word(struct span words, struct span word)
{
    while (words.n > 0) {
        const char *space = memchr(words.p, ' ', words.n);
        size_t n = space ? (size_t)(space - words.p) : words.n;
        if (span_eq((struct span){words.p, n}, word))
            return true;
        words.p += n + (space != NULL);
        words.n -= n + (space != NULL);
    }
    return false;
}

bool login_covers(const char *granted, const char *wanted)
{
    struct span all = span_of(granted), rest = span_of(wanted);

    if (has_word(all, span_of(SCOPE_ALL)))
        return true;
    while (rest.n > 0) {
        const char *space = memchr(rest.p, ' ', rest.n);
        size_t n = space ? (size_t)(space - rest.p) : rest.n;
        if (n > 0 && !has_word(all, (struct span){rest.p, n}))
            return false;
        rest.p += n + (space != NULL);
        rest.n -= n + (space != NULL);
    }
    return true;
}

const char *login_end(const struct login *l, int64_t now_ms)
{
    int64_t age_ms = now_ms - l->obtained_ms;
    bool week = l->expires_ms && l->expires_ms - l->obtained_ms <= TESTING_MS + HOUR_MS;

    if ((week && now_ms >= l->expires_ms - HOUR_MS) ||
        (!l->expires_ms && age_ms >= TESTING_MS - HOUR_MS && age_ms <= TESTING_MS + DAY_MS))
        return "the login has ended after 7 days, as all do while the OAuth consent screen is in "
               "\"Testing\": publish it or make it Internal";
    if (l->expires_ms && now_ms >= l->expires_ms)
        return "the time that access was granted for is over";
    if (age_ms >= UNUSED_MS)
        return "the login was revoked, or not used for six months";
    return "the login was revoked (by the person, a new password or an administrator), or the "
           "consent screen is in \"Testing\"";
}
