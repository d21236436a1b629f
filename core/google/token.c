/* token: reads the token endpoint's answers (shapes: Google's OAuth 2.0 guides). */
#include "core/google/token.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/google/words.h"

#define ANSWER_MOST    65536
#define TOKEN_MOST     6144 /* with "Authorization: Bearer " it must fit AUTH_HEADER_MAX */
#define CONNECT_MS     10000
#define TOTAL_MS       30000
#define LIFETIME_MS    600000 /* when the answer does not say */
#define LIFETIME_MOST  DAY_MS
#define REFRESH_MOST_S (3650 * 24 * 3600 * INT64_C(1))

#define JWT GRANT_ASSERTION
#define ANY (GRANT_ASSERTION | GRANT_REFRESH | GRANT_CODE)

/* What a refusal means. `word` must occur in the description; NULL = any. First match wins.
 * `clock`: a wrong clock on this machine is refused like this too; only what we sign has a time in
 * it. */
static const struct refusal {
    const char *error, *word;
    unsigned grants; /* enum token_grant */
    bool clock;
    enum rc rc;
    enum account_state blame;
    const char *sentence;
} refusals[] = {
    {"invalid_grant", "Signature", JWT, false, RC_AUTH, ACCOUNT_NEEDS_LOGIN,
     "the key was deleted or belongs to another service account: create a new key"},
    /* Also when the clock was set right between the signature and the answer. */
    {"invalid_grant", "timeframe", JWT, true, RC_AGAIN, ACCOUNT_CLOCK_SKEW,
     "Google finds our times unreasonable: check the clock"},
    {"invalid_grant", "audience", JWT, false, RC_AUTH, ACCOUNT_NEEDS_LOGIN,
     "google.token_url is not what Google expects"},
    {"invalid_grant", "ccount not found", JWT, false, RC_AUTH, ACCOUNT_NEEDS_LOGIN,
     "the service account was deleted"},
    {"invalid_grant", "mail", JWT, false, RC_AUTH, ACCOUNT_NEEDS_LOGIN,
     "`subject` is not a user of the Workspace domain"},
    {"invalid_grant", NULL, JWT, true, RC_AUTH, ACCOUNT_NEEDS_LOGIN,
     "the credential was revoked or has expired: give a new one"},
    {"invalid_grant", "rapt", GRANT_REFRESH, false, RC_AUTH, ACCOUNT_NEEDS_LOGIN,
     "the organization has people sign in again now and then (session control)"},
    {"invalid_grant", NULL, GRANT_REFRESH, false, RC_AUTH, ACCOUNT_NEEDS_LOGIN, ""},
    {"invalid_grant", NULL, GRANT_CODE, false, RC_AUTH, 0,
     "the code was used before or is too old: start the login again"},
    {"redirect_uri_mismatch", NULL, GRANT_CODE, false, RC_AUTH, 0,
     "the OAuth client is not of the type \"Desktop app\""},
    {"unauthorized_client", NULL, JWT, false, RC_AUTH, ACCOUNT_SCOPE_MISSING,
     "grant the service account's client id this scope in the Admin console (domain-wide "
     "delegation), or remove `subject`"},
    {"unauthorized_client", NULL, ANY, false, RC_AUTH, ACCOUNT_NEEDS_LOGIN,
     "the login was made with another OAuth client"},
    {"access_denied", NULL, ANY, false, RC_AUTH, ACCOUNT_SCOPE_MISSING,
     "access was denied: grant the scope in the Admin console"},
    {"admin_policy_enforced", NULL, ANY, false, RC_AUTH, ACCOUNT_NEEDS_LOGIN,
     "the Workspace administrator's policy forbids it"},
    {"org_internal", NULL, ANY, false, RC_AUTH, ACCOUNT_NEEDS_LOGIN,
     "the OAuth client is for users of its own organization only"},
    {"invalid_scope", NULL, ANY, false, RC_AUTH, ACCOUNT_SCOPE_MISSING,
     "the scope is not one Google knows"},
    {"invalid_client", NULL, ANY, false, RC_AUTH, ACCOUNT_NEEDS_LOGIN,
     "the OAuth client was deleted or its secret changed"},
    {"deleted_client", NULL, ANY, false, RC_AUTH, ACCOUNT_NEEDS_LOGIN,
     "the OAuth client was deleted"},
    {"disabled_client", NULL, ANY, false, RC_AUTH, ACCOUNT_NEEDS_LOGIN,
     "the OAuth client was disabled"},
    {"internal_failure", NULL, ANY, false, RC_AGAIN, 0, "trouble at Google"},
    {"server_error", NULL, ANY, false, RC_AGAIN, 0, "trouble at Google"},
    {"temporarily_unavailable", NULL, ANY, false, RC_AGAIN, 0, "trouble at Google"},
    {"rate_limit_exceeded", NULL, ANY, false, RC_AGAIN, 0, "too many requests"},
    {"slow_down", NULL, ANY, false, RC_AGAIN, 0, "too many requests"},
};

void token_release(struct token *t)
{
    secret_release(&t->word);
    secret_release(&t->refresh);
    *t = (struct token){0};
}

void token_form_add(struct buf *form, const char *name, struct span value)
{
    buf_printf(form, "%s%s=", form->n ? "&" : "", name);
    text_percent_encode(form, value);
}

static const struct refusal *find_refusal(const char *error, enum token_grant grant,
                                          const char *description)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        if (refusals[i].grants & grant && strcmp(refusals[i].error, error) == 0 &&
            (!refusals[i].word || strstr(description, refusals[i].word)))
            return &refusals[i];
    return NULL;
}

/* How far our clock is off, when that is enough to be refused; else 0. */
static int64_t skew_ms(const struct http_response *rs, int64_t now_ms)
{
    int64_t skew = rs->date_ms ? now_ms - rs->date_ms : 0;

    return llabs(skew) > TOKEN_SKEW_MS ? skew : 0;
}

static enum rc refuse_for_clock(int64_t skew, const char *error, struct err *e)
{
    char span[32];
    int64_t minutes = (llabs(skew) + 30000) / 60000;

    return err_set(e, RC_AGAIN, "%s: this machine's clock is %s %s of Google's: set the time",
                   error, text_duration(minutes * 60000, span), skew > 0 ? "ahead" : "behind");
}

static enum rc read_refusal(const struct http_response *rs, enum token_grant grant,
                            struct span json, int64_t now_ms, enum account_state *blame,
                            struct err *e)
{
    char error[64], description[160];
    const struct refusal *r;

    words_copy(json_get(json, "error"), error, sizeof(error));
    if (!error[0])
        return err_set(e, RC_AGAIN,
                       "token endpoint: status %ld without a reason (token_url right?)",
                       rs->status);
    words_copy(json_get(json, "error_description"), description, sizeof(description));
    r = find_refusal(error, grant, description);
    if (r && r->clock && skew_ms(rs, now_ms)) {
        *blame = ACCOUNT_CLOCK_SKEW;
        return refuse_for_clock(skew_ms(rs, now_ms), error, e);
    }
    *blame = r ? r->blame : ACCOUNT_NEEDS_LOGIN;
    if (r)
        return err_set(e, r->rc, "%s%s%s", error, r->sentence[0] ? ": " : "", r->sentence);
    return err_set(e, RC_AUTH, "%s%s%s", error, description[0] ? ": " : "", description);
}

/* A refresh token is not ours to understand, only to give back. */
static enum rc read_refresh(struct span json, struct token *t, struct err *e)
{
    struct span word = json_string_plain(json_get(json, "refresh_token"));
    int64_t seconds = 0;

    if (word.n > TOKEN_MOST)
        return err_set(e, RC_AGAIN, "token endpoint: no usable refresh_token");
    if (word.n > 0 && !secret_set(&t->refresh, word))
        return err_set(e, RC_SYS, "out of memory");
    if (json_int64(json_get(json, "refresh_token_expires_in"), &seconds) && seconds > 0 &&
        seconds < REFRESH_MOST_S)
        t->refresh_ms = seconds * 1000;
    if (!json_string_copy(json_get(json, "scope"), t->scope, sizeof(t->scope)))
        t->scope[0] = '\0';
    return RC_OK;
}

static enum rc read_token(struct span json, struct token *ret, struct err *e)
{
    struct span type = json_string_plain(json_get(json, "token_type"));
    struct span value = json_get(json, "access_token");
    struct span word = json_string_plain(value);
    int64_t seconds = LIFETIME_MS / 1000;

    if (type.n > 0 && !span_is_word(type, "bearer"))
        return err_set(e, RC_AGAIN, "token endpoint: not a bearer token");
    if (!text_is_word(word) || word.n > TOKEN_MOST)
        return err_set(e, RC_AGAIN, "token endpoint: no usable access_token");
    if (json_int64(json_get(json, "expires_in"), &seconds) && seconds <= 0)
        return err_set(e, RC_AGAIN, "token endpoint: a token that has expired");
    if (seconds > LIFETIME_MOST / 1000)
        seconds = LIFETIME_MOST / 1000;
    struct token t = {.lifetime_ms = seconds * 1000};
    enum rc rc = read_refresh(json, &t, e);
    if (!rc && !secret_set(&t.word, word))
        rc = err_set(e, RC_SYS, "out of memory");
    if (rc)
        token_release(&t);
    else
        *ret = t;
    return rc;
}

enum rc token_read_answer(const struct http_response *rs, enum token_grant grant, int64_t now_ms,
                          struct token *ret, struct err *e)
{
    struct span json = buf_span(&rs->body);
    bool object = !json_check(json, NULL) && json_type_of(json) == JSON_OBJECT;

    if (rs->status >= 500 || rs->status == 429 || rs->status == 408 || rs->status < 200)
        return err_set(e, RC_AGAIN, "token endpoint: status %ld", rs->status);
    if (!object)
        return err_set(e, RC_AGAIN, "token endpoint: status %ld, not JSON", rs->status);
    if (rs->status == 200 && json_get(json, "error").n == 0)
        return read_token(json, ret, e);
    return read_refusal(rs, grant, json, now_ms, &ret->blame, e);
}

static enum rc post(struct http_client *c, const char *url, struct span form,
                    struct http_response *ret, struct err *e)
{
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", NULL};
    struct http_request rq = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .body = form,
        .connect_ms = CONNECT_MS,
        .total_ms = TOTAL_MS,
        .max_bytes = ANSWER_MOST,
    };
    enum rc rc = http_perform(c, &rq, ret, e);

    return rc == RC_BADDATA ? RC_AGAIN : rc; /* whatever answered, it is not the token endpoint */
}

enum rc token_fetch(struct http_client *c, const char *url, enum token_grant grant,
                    struct span form, struct token *ret, struct err *e)
{
    struct http_response rs;
    enum rc rc = post(c, url, form, &rs, e);

    ret->blame = 0;
    if (rc)
        return rc;
    rc = token_read_answer(&rs, grant, clock_wall_ms(), ret, e);
    secret_wipe_buf(&rs.body);
    http_response_release(&rs);
    return rc;
}

enum rc token_revoke(struct http_client *c, const char *url, struct span form, struct err *e)
{
    struct http_response rs;
    enum rc rc = post(c, url, form, &rs, e);

    if (rc)
        return rc;
    if (rs.status == 400)
        rc = err_set(e, RC_NOTFOUND, "Google does not know the token any more");
    else if (rs.status != 200)
        rc = err_set(e, RC_AGAIN, "status %ld", rs.status);
    secret_wipe_buf(&rs.body);
    http_response_release(&rs);
    return rc;
}
