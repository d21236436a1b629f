/* signin: builds the address of the consent page; checks and exchanges what comes back. */
#include "core/google/signin.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/rand.h"
#include "core/base/text.h"
#include "core/google/redirect.h"

#define RANDOM_BYTES 32 /* 43 characters, as few as a verifier may have */
#define FORM_FIRST   8192

void signin_release(struct signin *s)
{
    secret_release(&s->verifier);
    *s = (struct signin){0};
}

static bool is_loopback(const char *uri)
{
    static const char *const hosts[] = {"http://127.0.0.1:", "http://[::1]:"};
    uint64_t port;

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        if (strncmp(uri, hosts[i], strlen(hosts[i])) == 0)
            return text_to_u64(span_of(uri + strlen(hosts[i])), &port) && port > 0 &&
                   port <= UINT16_MAX;
    return false;
}

static bool make_secrets(struct signin *s)
{
    unsigned char bytes[RANDOM_BYTES];
    struct buf text = {0};

    rand_bytes(bytes, sizeof(bytes));
    text_base64url_encode(&text, bytes, sizeof(bytes));
    bool ok = !text.failed && text_copy(s->state, sizeof(s->state), buf_span(&text));
    buf_release(&text);
    rand_bytes(bytes, sizeof(bytes));
    buf_reserve(&text, 2 * sizeof(bytes));
    text_base64url_encode(&text, bytes, sizeof(bytes));
    ok = ok && !text.failed && secret_set(&s->verifier, buf_span(&text));
    secret_wipe_buf(&text);
    explicit_bzero(bytes, sizeof(bytes));
    return ok;
}

static bool add_challenge(const struct secret *verifier, struct buf *url)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t n = 0;

    if (EVP_Q_digest(NULL, "SHA256", NULL, verifier->p, verifier->n, digest, &n) != 1)
        return false;
    buf_add_text(url, "&code_challenge=");
    text_base64url_encode(url, digest, n);
    buf_add_text(url, "&code_challenge_method=S256");
    return true;
}

enum rc signin_begin(struct signin *ret, const char *auth_url, const struct oauth_client *client,
                     const char *redirect_uri, const char *scope, struct buf *ret_url,
                     struct err *e)
{
    struct signin s = {0};
    struct buf query = {0};

    if (!is_loopback(redirect_uri) ||
        !text_copy(s.redirect_uri, sizeof(s.redirect_uri), span_of(redirect_uri)))
        return err_set(e, RC_INVALID, "redirect_uri: not http://127.0.0.1:PORT");
    if (!text_copy(s.scope, sizeof(s.scope), span_of(scope)))
        return err_set(e, RC_INVALID, "scope: too long");
    bool ok = make_secrets(&s);
    token_form_add(&query, "client_id", span_of(client->id));
    token_form_add(&query, "redirect_uri", span_of(redirect_uri));
    token_form_add(&query, "response_type", span_of("code"));
    token_form_add(&query, "scope", span_of(scope));
    token_form_add(&query, "state", span_of(s.state));
    /* Asked each time, so that boxes left out once can be ticked, and another person chosen. */
    token_form_add(&query, "prompt", span_of("consent select_account"));
    token_form_add(&query, "access_type", span_of("offline"));
    ok = ok && add_challenge(&s.verifier, &query);
    buf_printf(ret_url, "%s%c%s", auth_url, strchr(auth_url, '?') ? '&' : '?', buf_text(&query));
    ok = ok && !query.failed && !ret_url->failed;
    buf_release(&query);
    if (!ok) {
        signin_release(&s);
        return err_set(e, RC_SYS, "out of memory");
    }
    *ret = s;
    return RC_OK;
}

/* What Google's page says instead of a code (RFC 6749 §4.1.2.1). */
static enum rc read_no(const char *error, struct err *e)
{
    static const struct {
        const char *error, *sentence;
    } table[] = {
        {"access_denied", "access was not granted"},
        {"admin_policy_enforced", "the Workspace administrator's policy forbids it"},
        {"org_internal", "the OAuth client is for users of its own organization only"},
        {"invalid_scope", "the scope is not one Google knows"},
        {"server_error", "trouble at Google: try again"},
        {"temporarily_unavailable", "trouble at Google: try again"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(error, table[i].error) == 0)
            return err_set(e, RC_AUTH, "%s", table[i].sentence);
    return err_set(e, RC_AUTH, "Google's page ended with an error");
}

static enum rc exchange(const struct signin *s, struct http_client *c, const char *token_url,
                        const struct oauth_client *client, struct span code, struct token *ret,
                        struct err *e)
{
    struct buf form = {0};

    buf_reserve(&form, FORM_FIRST);
    token_form_add(&form, "grant_type", span_of("authorization_code"));
    token_form_add(&form, "code", code);
    token_form_add(&form, "client_id", span_of(client->id));
    if (client->secret.n > 0)
        token_form_add(&form, "client_secret", secret_span(&client->secret));
    token_form_add(&form, "redirect_uri", span_of(s->redirect_uri));
    token_form_add(&form, "code_verifier", secret_span(&s->verifier));
    enum rc rc = form.failed ? err_set(e, RC_SYS, "out of memory")
                             : token_fetch(c, token_url, GRANT_CODE, buf_span(&form), ret, e);
    secret_wipe_buf(&form);
    return rc;
}

static enum rc make_login(const struct signin *s, const struct oauth_client *client,
                          struct token *t, struct login *ret, struct err *e)
{
    struct login l = {.obtained_ms = clock_wall_ms()};

    if (t->refresh.n == 0)
        return err_set(e, RC_AUTH,
                       "Google gave no refresh token: is the OAuth client of the type "
                       "\"Desktop app\"?");
    if (t->scope[0] && !login_covers(t->scope, s->scope))
        return err_set(e, RC_AUTH,
                       "not everything was granted: sign in again and tick every box "
                       "about calendars");
    (void)snprintf(l.client_id, sizeof(l.client_id), "%s", client->id);
    (void)snprintf(l.scope, sizeof(l.scope), "%s", t->scope[0] ? t->scope : s->scope);
    l.expires_ms = t->refresh_ms ? l.obtained_ms + t->refresh_ms : 0;
    secret_move(&l.refresh_token, &t->refresh);
    *ret = l;
    return RC_OK;
}

enum rc signin_finish(const struct signin *s, struct http_client *c, const char *token_url,
                      const struct oauth_client *client, struct span redirect, struct login *ret,
                      struct token *ret_token, struct err *e)
{
    struct redirect r = {0};
    struct token token = {0};
    enum rc rc = redirect_read(redirect, &r, e);

    if (!rc && !text_equal_secret(span_of(r.state), span_of(s->state)))
        rc = err_set(e, RC_INVALID, "an address of another sign-in");
    if (!rc && r.code.n == 0)
        rc = read_no(r.error, e);
    if (!rc)
        rc = exchange(s, c, token_url, client, secret_span(&r.code), &token, e);
    if (!rc)
        rc = make_login(s, client, &token, ret, e);
    redirect_release(&r);
    if (rc)
        token_release(&token);
    else
        *ret_token = token;
    return rc;
}
