/* token: reads the token endpoint's answers (shapes: Google's OAuth 2.0 guides). */
#include "core/google/token.h"

#include <stdlib.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/google/words.h"

#define ANSWER_MOST   65536
#define TOKEN_MOST    6144 /* with "Authorization: Bearer " it must fit AUTH_HEADER_MAX */
#define CONNECT_MS    10000
#define TOTAL_MS      30000
#define LIFETIME_MS   600000 /* when the answer does not say */
#define LIFETIME_MOST (24 * 3600 * INT64_C(1000))
#define SKEW_MS       120000 /* Google allows less than this between its clock and ours */

/* What a refusal means. `word` must occur in the description; NULL = any. First match wins.
 * `clock`: a wrong clock on this machine is refused like this too. */
static const struct refusal {
    const char *error, *word;
    bool clock;
    enum rc rc;
    const char *sentence;
} refusals[] = {
    {"invalid_grant", "Signature", false, RC_AUTH,
     "the key was deleted or belongs to another service account: create a new key"},
    {"invalid_grant", "timeframe", true, RC_AUTH,
     "Google finds our times unreasonable: check the clock"},
    {"invalid_grant", "audience", false, RC_AUTH, "google.token_url is not what Google expects"},
    {"invalid_grant", "ccount not found", false, RC_AUTH, "the service account was deleted"},
    {"invalid_grant", "mail", false, RC_AUTH, "`subject` is not a user of the Workspace domain"},
    {"invalid_grant", NULL, true, RC_AUTH,
     "the credential was revoked or has expired: give a new one"},
    {"unauthorized_client", NULL, false, RC_AUTH,
     "grant the service account's client id this scope in the Admin console (domain-wide "
     "delegation), or remove `subject`"},
    {"access_denied", NULL, false, RC_AUTH,
     "access was denied: grant the scope in the Admin console"},
    {"admin_policy_enforced", NULL, false, RC_AUTH,
     "the Workspace administrator's policy forbids it"},
    {"org_internal", NULL, false, RC_AUTH,
     "the OAuth client is for users of its own organization only"},
    {"invalid_scope", NULL, false, RC_AUTH, "the scope is not one Google knows"},
    {"invalid_client", NULL, false, RC_AUTH, "the OAuth client was deleted or its secret changed"},
    {"deleted_client", NULL, false, RC_AUTH, "the OAuth client was deleted"},
    {"disabled_client", NULL, false, RC_AUTH, "the OAuth client was disabled"},
    {"internal_failure", NULL, false, RC_AGAIN, "trouble at Google"},
    {"server_error", NULL, false, RC_AGAIN, "trouble at Google"},
    {"temporarily_unavailable", NULL, false, RC_AGAIN, "trouble at Google"},
    {"rate_limit_exceeded", NULL, false, RC_AGAIN, "too many requests"},
    {"slow_down", NULL, false, RC_AGAIN, "too many requests"},
};

static const struct refusal *find_refusal(const char *error, const char *description)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        if (strcmp(refusals[i].error, error) == 0 &&
            (!refusals[i].word || strstr(description, refusals[i].word)))
            return &refusals[i];
    return NULL;
}

/* How far our clock is off, when that is enough to be refused; else 0. */
static int64_t skew_ms(const struct http_response *rs, int64_t now_ms)
{
    int64_t skew = rs->date_ms ? now_ms - rs->date_ms : 0;

    return llabs(skew) > SKEW_MS ? skew : 0;
}

static enum rc refuse_for_clock(int64_t skew, const char *error, struct err *e)
{
    char span[32];
    int64_t seconds = llabs(skew) / 1000;

    return err_set(e, RC_AGAIN, "%s: this machine's clock is %s %s of Google's: set the time",
                   error, text_duration(seconds * 1000, span), skew > 0 ? "ahead" : "behind");
}

static enum rc read_refusal(const struct http_response *rs, struct span json, int64_t now_ms,
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
    r = find_refusal(error, description);
    if (r && r->clock && skew_ms(rs, now_ms))
        return refuse_for_clock(skew_ms(rs, now_ms), error, e);
    if (r)
        return err_set(e, r->rc, "%s: %s", error, r->sentence);
    return err_set(e, RC_AUTH, "%s%s%s", error, description[0] ? ": " : "", description);
}

static enum rc read_token(struct span json, struct token *ret, struct err *e)
{
    struct span type = json_string_plain(json_get(json, "token_type"));
    struct span value = json_get(json, "access_token");
    struct span word = json_string_plain(value);
    int64_t seconds = LIFETIME_MS / 1000;

    if (type.n > 0 && (type.n != 6 || strncasecmp(type.p, "bearer", 6) != 0))
        return err_set(e, RC_AGAIN, "token endpoint: not a bearer token");
    if (word.n == 0 || word.n > TOKEN_MOST)
        return err_set(e, RC_AGAIN, "token endpoint: no usable access_token");
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] <= ' ' || word.p[i] > '~')
            return err_set(e, RC_AGAIN, "token endpoint: no usable access_token");
    if (json_int64(json_get(json, "expires_in"), &seconds) && seconds <= 0)
        return err_set(e, RC_AGAIN, "token endpoint: a token that has expired");
    if (seconds > LIFETIME_MOST / 1000)
        seconds = LIFETIME_MOST / 1000;
    if (!secret_set(&ret->word, word))
        return err_set(e, RC_SYS, "out of memory");
    ret->lifetime_ms = seconds * 1000;
    return RC_OK;
}

enum rc token_read_answer(const struct http_response *rs, int64_t now_ms, struct token *ret,
                          struct err *e)
{
    struct span json = buf_span(&rs->body);
    bool object = !json_check(json, NULL) && json_type_of(json) == JSON_OBJECT;

    if (rs->status >= 500 || rs->status == 429 || rs->status == 408 || rs->status < 200)
        return err_set(e, RC_AGAIN, "token endpoint: status %ld", rs->status);
    if (!object)
        return err_set(e, RC_AGAIN, "token endpoint: status %ld, not JSON", rs->status);
    if (rs->status == 200 && json_get(json, "error").n == 0)
        return read_token(json, ret, e);
    return read_refusal(rs, json, now_ms, e);
}

enum rc token_fetch(struct http_client *c, const char *url, struct span form, struct token *ret,
                    struct err *e)
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
    struct http_response rs;
    enum rc rc = http_perform(c, &rq, &rs, e);

    if (rc)
        return rc == RC_BADDATA ? RC_AGAIN
                                : rc; /* whatever answered, it is not the token endpoint */
    rc = token_read_answer(&rs, clock_wall_ms(), ret, e);
    secret_wipe_buf(&rs.body);
    http_response_release(&rs);
    return rc;
}
