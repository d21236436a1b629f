/* grant: one way for each kind of credential; all end at the token endpoint but the token file. */
#include "core/google/grant.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/google/credential.h"
#include "core/google/jwt.h"
#include "core/google/login.h"

#define GRANT_JWT        "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define FORM_FIRST_BYTES 8192 /* holds a signed statement without growing */
#define API_PAGE         "https://console.cloud.google.com/apis/library/calendar-json.googleapis.com"

enum kind { KIND_SERVICE, KIND_USER_FILE, KIND_LOGIN, KIND_TOKEN };

/* What is known without looking into the file: both kinds of key files are KIND_SERVICE. */
static enum kind kind_of(const struct grant_source *s)
{
    return s->client_file ? KIND_LOGIN : s->token_file ? KIND_TOKEN : KIND_SERVICE;
}

static void advise(const struct grant_source *s, enum kind kind, enum account_state blame,
                   struct err *e)
{
    char why[ERR_TEXT_MAX];
    const char *file = s->key_file ? s->key_file : s->token_file;

    if (!e || !blame)
        return;
    (void)snprintf(why, sizeof(why), "%s", e->text);
    if (blame == ACCOUNT_API_DISABLED)
        (void)err_set(e, RC_AUTH, "%s: " API_PAGE, why);
    else if (kind == KIND_LOGIN && blame == ACCOUNT_NEEDS_LOGIN)
        (void)err_set(e, RC_AUTH, "%s; run `calmirror login --account %s`", why, s->name);
    else if (kind == KIND_LOGIN && blame == ACCOUNT_SCOPE_MISSING)
        (void)err_set(e, RC_AUTH,
                      "%s; run `calmirror login --account %s` and tick every box about calendars",
                      why, s->name);
    else if (kind == KIND_USER_FILE &&
             (blame == ACCOUNT_NEEDS_LOGIN || blame == ACCOUNT_SCOPE_MISSING))
        (void)err_set(e, RC_AUTH, "%s; make %s anew with the program that wrote it", why, file);
    else if (kind == KIND_SERVICE && s->subject && blame == ACCOUNT_SCOPE_MISSING)
        (void)err_set(e, RC_AUTH, "%s (Admin console, domain-wide delegation)", why);
    else if (kind == KIND_TOKEN && blame != ACCOUNT_CLOCK_SKEW)
        (void)err_set(e, RC_AUTH, "%s; put a new token into %s", why, file);
}

void grant_advise(const struct grant_source *s, enum account_state blame, struct err *e)
{
    struct credential c = {0};
    enum kind kind = kind_of(s);

    if (s->key_file && credential_read(s->key_file, &c, NULL) == RC_OK && c.kind == CREDENTIAL_USER)
        kind = KIND_USER_FILE;
    credential_release(&c);
    advise(s, kind, blame, e);
}

/* ---- each kind ------------------------------------------------------------------------------- */

static enum rc fetch_by_key(const struct grant_source *s, const struct service_key *key,
                            struct http_client *c, struct token *ret, struct err *e)
{
    struct jwt_claims claims = {s->subject, s->scope, s->token_url, clock_wall_ms()};
    struct buf form = {0};

    buf_reserve(&form, FORM_FIRST_BYTES);
    token_form_add(&form, "grant_type", span_of(GRANT_JWT));
    buf_add_text(&form, "&assertion="); /* base64url and dots need no encoding */
    enum rc rc = jwt_sign(key, &claims, &form, e);
    if (!rc)
        rc = token_fetch(c, s->token_url, GRANT_ASSERTION, buf_span(&form), ret, e);
    secret_wipe_buf(&form);
    return rc;
}

static enum rc fetch_by_refresh(const struct grant_source *s, const struct oauth_client *client,
                                const struct secret *refresh_token, struct http_client *c,
                                struct token *ret, struct err *e)
{
    struct buf form = {0};

    buf_reserve(&form, FORM_FIRST_BYTES);
    token_form_add(&form, "grant_type", span_of("refresh_token"));
    token_form_add(&form, "refresh_token", secret_span(refresh_token));
    token_form_add(&form, "client_id", span_of(client->id));
    if (client->secret.n > 0)
        token_form_add(&form, "client_secret", secret_span(&client->secret));
    enum rc rc = form.failed ? err_set(e, RC_SYS, "out of memory")
                             : token_fetch(c, s->token_url, GRANT_REFRESH, buf_span(&form), ret, e);
    secret_wipe_buf(&form);
    return rc;
}

static enum rc fetch_by_key_file(const struct grant_source *s, struct http_client *c,
                                 struct token *ret, struct err *e)
{
    struct credential cred = {0};
    enum rc rc = credential_read(s->key_file, &cred, e);

    if (rc)
        return rc;
    if (cred.kind == CREDENTIAL_SERVICE) {
        rc = fetch_by_key(s, &cred.service, c, ret, e);
    } else {
        rc = fetch_by_refresh(s, &cred.user.client, &cred.user.refresh_token, c, ret, e);
        if (rc == RC_AUTH && e && strcmp(e->text, "invalid_grant") == 0)
            (void)err_set(e, rc, "invalid_grant: the login was revoked or has expired");
        if (rc)
            advise(s, KIND_USER_FILE, ret->blame, e);
    }
    credential_release(&cred);
    return rc;
}

/* The login and the client that it was made with. */
static enum rc read_login(const struct grant_source *s, struct oauth_client *ret_client,
                          struct login *ret, struct err *e)
{
    struct secret text = {0};
    enum rc rc = credential_read_client(s->client_file, ret_client, e);

    if (rc)
        return rc;
    rc = s->read_login(s->read_login_arg, &text, e);
    if (rc == RC_NOTFOUND)
        rc = err_set(e, RC_BADDATA, "nobody has signed in yet");
    if (!rc && login_read(secret_span(&text), ret, e) != RC_OK)
        rc = RC_BADDATA;
    if (!rc && strcmp(ret->client_id, ret_client->id) != 0)
        rc = err_set(e, RC_BADDATA, "%s is another OAuth client than the login was made with",
                     s->client_file);
    secret_release(&text);
    if (rc) {
        oauth_client_release(ret_client);
        login_release(ret);
    }
    if (rc ==
        RC_BADDATA) /* with a new login all is well; a key that cannot be read is another matter */
        advise(s, KIND_LOGIN, ACCOUNT_NEEDS_LOGIN, e);
    return rc == RC_BADDATA ? RC_AUTH : rc;
}

static enum rc fetch_by_login(const struct grant_source *s, struct http_client *c,
                              struct token *ret, struct err *e)
{
    struct oauth_client client = {0};
    struct login login = {0};
    enum rc rc = read_login(s, &client, &login, e);

    if (rc)
        return rc;
    rc = fetch_by_refresh(s, &client, &login.refresh_token, c, ret, e);
    if (rc == RC_AUTH && e && strcmp(e->text, "invalid_grant") == 0)
        (void)err_set(e, rc, "invalid_grant: %s", login_end(&login, clock_wall_ms()));
    if (rc)
        advise(s, KIND_LOGIN, ret->blame, e);
    login_release(&login);
    oauth_client_release(&client);
    return rc;
}

static enum rc fetch_from_file(const struct grant_source *s, const char *refused, struct token *ret,
                               struct err *e)
{
    struct secret word = {0};
    enum rc rc = credential_read_token(s->token_file, &word, e);

    if (!rc && refused && text_equal_secret(span_of(refused), secret_span(&word)))
        rc = err_set(e, RC_AUTH, "%s: Google refuses this token: put a new one there",
                     s->token_file);
    if (rc) {
        secret_release(&word);
        return rc;
    }
    *ret = (struct token){.word = word, .lifetime_ms = INT64_MAX}; /* nobody told us */
    return RC_OK;
}

enum rc grant_fetch(const struct grant_source *s, struct http_client *c, const char *refused,
                    struct token *ret, struct err *e)
{
    enum rc rc;

    ret->blame = 0;
    if (s->token_file)
        rc = fetch_from_file(s, refused, ret, e);
    else if (s->client_file)
        rc = fetch_by_login(s, c, ret, e);
    else
        rc = fetch_by_key_file(s, c, ret, e);
    if (rc == RC_AUTH && !ret->blame)
        ret->blame = ACCOUNT_NEEDS_LOGIN;
    return rc;
}

enum rc grant_check(const struct grant_source *s, char project[GRANT_PROJECT_MAX], struct err *e)
{
    struct oauth_client client = {0};
    struct credential cred = {0};
    struct secret token = {0};
    struct login login = {0};
    enum rc rc;

    project[0] = '\0';
    if (s->token_file)
        rc = credential_read_token(s->token_file, &token, e);
    else if (s->client_file)
        rc = read_login(s, &client, &login, e);
    else
        rc = credential_read(s->key_file, &cred, e);
    if (!rc && cred.kind == CREDENTIAL_USER) {
        memcpy(project, cred.user.quota_project, sizeof(cred.user.quota_project));
        if (s->subject)
            rc = err_set(e, RC_AUTH,
                         "%s: the login of a person cannot act for another: remove "
                         "`subject`",
                         s->key_file);
    }
    secret_release(&token);
    credential_release(&cred);
    login_release(&login);
    oauth_client_release(&client);
    return rc;
}
