/* test_google_login: signing in as a person: the consent page's address, what comes back, what is
 * kept, and what is said when it no longer works. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/clock.h"
#include "core/google/auth.h"
#include "core/google/credential.h"
#include "core/google/login.h"
#include "core/google/redirect.h"
#include "core/google/signin.h"
#include "tests/unit/fake_google.h"

#define READONLY "https://www.googleapis.com/auth/calendar.readonly"
#define ACLS     "https://www.googleapis.com/auth/calendar.acls.readonly"

static struct http_client *client;
static char folder[64];

static int setup(void **state)
{
    (void)state;
    client = http_new();
    strcpy(folder, "/tmp/calmirror-login-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[96];
    (void)state;
    http_free(client);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static const char *file(const char *name, const char *text)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fake_write(path, text, 0600);
    return path;
}

static void expect_word(const struct err *e, const char *word)
{
    if (!strstr(e->text, word))
        fail_msg("\"%s\" does not say \"%s\"", e->text, word);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void test_logins_of_other_programs(void **state)
{
    static const char *const texts[] = {
        /* gcloud auth application-default login */
        "{\"account\":\"\",\"client_id\":\"id.apps\",\"client_secret\":\"s3cret\","
        "\"quota_project_id\":\"my-project\",\"refresh_token\":\"1//"
        "r\",\"type\":\"authorized_user\","
        "\"universe_domain\":\"googleapis.com\"}",
        /* Google's library for Python; the project is not in it */
        "{\"token\":\"ya29.x\",\"refresh_token\":\"1\\/\\/r\",\"token_uri\":\"https://elsewhere\","
        "\"client_id\":\"id.apps\",\"client_secret\":\"s3cret\",\"scopes\":[\"a\"],\"expiry\":"
        "\"x\"}",
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct credential c = {0};
        assert_int_equal(credential_parse(span_of(texts[i]), &c, NULL), RC_OK);
        assert_int_equal(c.kind, CREDENTIAL_USER);
        assert_string_equal(c.user.client.id, "id.apps");
        assert_string_equal(c.user.client.secret.p, "s3cret");
        assert_string_equal(c.user.refresh_token.p, "1//r");
        assert_string_equal(c.user.quota_project, i ? "" : "my-project");
        credential_release(&c);
    }
}

static void test_oauth_clients(void **state)
{
    static const struct {
        const char *text, *word;
    } bad[] = {
        {"{\"web\":{\"client_id\":\"i\",\"client_secret\":\"s\"}}", "Desktop app"},
        {"{\"installed\":{}}", "client_id is missing"},
        {"{\"installed\":7}", "not the file of an OAuth client"},
        {"{\"type\":\"service_account\"}", "not the file of an OAuth client"},
        {"[", "not JSON"},
    };
    struct oauth_client c = {0};
    struct err e = {0};
    (void)state;
    assert_int_equal(credential_parse_client(
                         span_of("{\"installed\":{\"client_id\":\"i\",\"client_secret\":\"s\","
                                 "\"auth_uri\":\"https://elsewhere\"}}"),
                         &c, NULL),
                     RC_OK);
    assert_string_equal(c.id, "i");
    assert_string_equal(c.secret.p, "s");
    oauth_client_release(&c);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(credential_parse_client(span_of(bad[i].text), &c, &e), RC_AUTH);
        expect_word(&e, bad[i].word);
    }
}

/* ---- redirects ------------------------------------------------------------------------------- */

static void test_redirects(void **state)
{
    static const struct {
        const char *text, *code, *state, *error;
    } good[] = {
        {"http://127.0.0.1:4711/?state=s&code=4/0A%2Fb&scope=x%20y", "4/0A/b", "s", ""},
        {"  \"http://127.0.0.1:4711/?code=c&state=s\"\n", "c", "s", ""},
        {"/?iss=https%3A%2F%2Faccounts.google.com&code=c&state=s#_", "c", "s", ""},
        {"state=s&code=c", "c", "s", ""},
        {"state=s&error=access_denied", "", "s", "access_denied"},
    };
    static const char *const bad[] = {
        "",
        "?",
        "http://127.0.0.1:1/",
        "code=c",
        "state=s",
        "state=s&code=",
        "state=&code=c",
        "state=s&code=c&code=d",
        "state=s&state=s&code=c",
        "state=s&code=c&error=e",
        "state=s&code=%zz",
        "state=s&code=a%00b",
        "state=s&code=a+b",
        "4/0Ajustthecode",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct redirect r = {0};
        assert_int_equal(redirect_read(span_of(good[i].text), &r, NULL), RC_OK);
        assert_true(span_is(secret_span(&r.code), good[i].code));
        assert_string_equal(r.state, good[i].state);
        assert_string_equal(r.error, good[i].error);
        redirect_release(&r);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct redirect r = {0};
        struct err e = {0};
        if (redirect_read(span_of(bad[i]), &r, &e) != RC_INVALID)
            fail_msg("taken: %s", bad[i]);
        assert_true(e.text[0]);
        assert_null(r.code.p);
    }
}

/* ---- the flow -------------------------------------------------------------------------------- */

struct endpoint {
    struct fake_http http;
    const char *body;
    int status;
    char seen[4096]; /* the last request */
};

static bool answer(struct fake_http *f, int fd, const char *text, int nth)
{
    struct endpoint *ep = f->arg;
    (void)nth;
    snprintf(ep->seen, sizeof(ep->seen), "%s", text);
    fake_http_reply_text(fd, ep->status, ep->body);
    return true;
}

static void start(struct endpoint *ep, int status, const char *body)
{
    *ep = (struct endpoint){.status = status, .body = body};
    fake_http_start(&ep->http, NULL, answer, ep);
}

static struct oauth_client make_client(void)
{
    struct oauth_client c = {.id = "id.apps"};
    assert_true(secret_set(&c.secret, span_of("s3cret")));
    return c;
}

/* The value of a parameter, still encoded. */
static struct span param(const char *url, const char *name)
{
    const char *p = strstr(url, name);
    assert_non_null(p);
    p += strlen(name);
    return (struct span){p, strcspn(p, "& ")};
}

static void test_consent_page(void **state)
{
    struct oauth_client c = make_client();
    struct signin s = {0}, other = {0};
    struct buf url = {0}, ignored = {0};
    struct err e = {0};
    unsigned char digest[32];
    (void)state;
    assert_int_equal(signin_begin(&s, "https://accounts.example/auth", &c, "http://127.0.0.1:4711",
                                  READONLY, &url, &e),
                     RC_OK);
    const char *text = buf_text(&url);
    assert_int_equal(strncmp(text, "https://accounts.example/auth?client_id=id.apps&", 48), 0);
    assert_true(span_is(param(text, "redirect_uri="), "http%3A%2F%2F127.0.0.1%3A4711"));
    assert_true(span_is(param(text, "scope="), "https%3A%2F%2Fwww.googleapis.com%2Fauth%2F"
                                               "calendar.readonly"));
    assert_true(span_is(param(text, "state="), s.state));
    assert_true(span_is(param(text, "code_challenge_method="), "S256"));
    assert_true(s.verifier.n >= 43 && s.verifier.n <= 128 && strlen(s.state) == 43);
    assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL, s.verifier.p, s.verifier.n, digest, NULL),
                     1);
    struct buf challenge = {0};
    text_base64url_encode(&challenge, digest, sizeof(digest));
    assert_true(span_is(param(text, "code_challenge="), buf_text(&challenge)));
    assert_null(strstr(text, s.verifier.p));
    assert_null(strstr(text, "s3cret"));
    assert_int_equal(signin_begin(&other, "https://accounts.example/auth", &c, "http://[::1]:1",
                                  READONLY, &ignored, &e),
                     RC_OK);
    assert_string_not_equal(s.state, other.state);
    assert_string_not_equal(s.verifier.p, other.verifier.p);
    static const char *const elsewhere[] = {"http://127.0.0.1", "http://127.0.0.1:0",
                                            "https://evil.example", "http://127.0.0.1:1/x",
                                            "http://127.0.0.1:1@evil.example"};
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        struct signin none = {0};
        assert_int_equal(
            signin_begin(&none, "https://a/b", &c, elsewhere[i], READONLY, &ignored, &e),
            RC_INVALID);
    }
    signin_release(&s);
    signin_release(&other);
    oauth_client_release(&c);
    buf_release(&url);
    buf_release(&ignored);
    buf_release(&challenge);
}

static void test_exchange(void **state)
{
    struct oauth_client c = make_client();
    struct signin s = {0};
    struct login login = {0}, back = {0};
    struct token token = {0};
    struct endpoint ep;
    struct buf url = {0}, text = {0};
    struct err e = {0};
    char redirect[256];
    (void)state;
    start(&ep, 200,
          "{\"access_token\":\"ya29.a\",\"expires_in\":3599,\"token_type\":\"Bearer\",\"scope\":"
          "\"" READONLY "\",\"refresh_token\":\"1//new\",\"refresh_token_expires_in\":604799}");
    assert_int_equal(
        signin_begin(&s, "https://a/b", &c, "http://127.0.0.1:4711", READONLY, &url, &e), RC_OK);
    snprintf(redirect, sizeof(redirect), "/?code=4%%2Fabc&state=%s", s.state);
    assert_int_equal(signin_finish(&s, client, ep.http.url, &c,
                                   span_of("/?code=4%2Fabc&state=another"), &login, &token, &e),
                     RC_INVALID);
    assert_int_equal(fake_http_requests(&ep.http), 0); /* not a word to Google about it */
    assert_int_equal(
        signin_finish(&s, client, ep.http.url, &c, span_of(redirect), &login, &token, &e), RC_OK);
    assert_non_null(strstr(ep.seen, "grant_type=authorization_code&code=4%2Fabc&client_id=id.apps&"
                                    "client_secret=s3cret&redirect_uri=http%3A%2F%2F127.0.0.1%3A"
                                    "4711&code_verifier="));
    assert_non_null(strstr(ep.seen, s.verifier.p));
    assert_string_equal(token.word.p, "ya29.a");
    assert_int_equal(login.expires_ms - login.obtained_ms, 604799000);
    login_write(&login, &text);
    assert_int_equal(login_read(buf_span(&text), &back, NULL), RC_OK);
    assert_string_equal(back.refresh_token.p, "1//new");
    assert_string_equal(back.client_id, "id.apps");
    assert_string_equal(back.scope, READONLY);
    assert_int_equal(back.obtained_ms, login.obtained_ms);
    login_release(&login);
    login_release(&back);
    token_release(&token);
    secret_wipe_buf(&text);

    static const struct {
        int status;
        const char *body, *word;
    } refusals[] = {
        {200,
         "{\"access_token\":\"a\",\"refresh_token\":\"r\",\"scope\":"
         "\"https://www.googleapis.com/auth/calendar.events.readonly\"}",
         "tick every box"},
        {200, "{\"access_token\":\"a\",\"scope\":\"" READONLY "\"}", "no refresh token"},
        {400, "{\"error\":\"invalid_grant\",\"error_description\":\"Bad Request\"}",
         "start the login again"},
        {400, "{\"error\":\"redirect_uri_mismatch\"}", "Desktop app"},
        {401, "{\"error\":\"invalid_client\"}", "deleted or its secret changed"},
    };
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        ep.status = refusals[i].status;
        ep.body = refusals[i].body;
        assert_int_equal(
            signin_finish(&s, client, ep.http.url, &c, span_of(redirect), &login, &token, &e),
            RC_AUTH);
        expect_word(&e, refusals[i].word);
        assert_null(login.refresh_token.p);
        assert_null(token.word.p);
    }
    snprintf(redirect, sizeof(redirect), "error=access_denied&state=%s", s.state);
    assert_int_equal(
        signin_finish(&s, client, ep.http.url, &c, span_of(redirect), &login, &token, &e), RC_AUTH);
    expect_word(&e, "access was not granted");
    signin_release(&s);
    oauth_client_release(&c);
    buf_release(&url);
    fake_http_stop(&ep.http);
}

static void test_scopes(void **state)
{
    (void)state;
    assert_true(login_covers(READONLY, READONLY));
    assert_true(login_covers("openid " READONLY " " ACLS, READONLY " " ACLS));
    assert_true(login_covers("https://www.googleapis.com/auth/calendar", READONLY " " ACLS));
    assert_false(login_covers(READONLY, READONLY " " ACLS));
    assert_false(login_covers("", READONLY));
    assert_false(login_covers(READONLY "x", READONLY));
}

/* ---- using it -------------------------------------------------------------------------------- */

static struct login stored = {.client_id = "id.apps", .scope = READONLY};

static enum rc read_login(void *arg, struct secret *ret, struct err *e)
{
    struct buf text = {0};
    (void)e;
    if (*(bool *)arg)
        return RC_NOTFOUND;
    login_write(&stored, &text);
    bool ok = secret_set(ret, buf_span(&text));
    secret_wipe_buf(&text);
    return ok ? RC_OK : RC_SYS;
}

static enum rc header_of(const struct auth_options *opt, enum account_state *ret_blame,
                         struct err *e)
{
    char out[AUTH_HEADER_MAX];
    struct auth *a = NULL;
    enum rc rc = auth_new(&a, opt, e);
    *ret_blame = 0;
    if (rc)
        return rc;
    rc = auth_header(a, client, NULL, out, e);
    *ret_blame = auth_blame(a);
    if (!rc)
        assert_string_equal(out, "Authorization: Bearer ya29.a");
    auth_free(a);
    return rc;
}

static void test_refreshing(void **state)
{
    static const char invalid[] = "{\"error\":\"invalid_grant\",\"error_description\":\"Token has "
                                  "been expired or revoked.\"}";
    struct endpoint ep;
    struct err e = {0};
    bool nobody = false;
    enum account_state blame;
    (void)state;
    start(&ep, 200, "{\"access_token\":\"ya29.a\",\"expires_in\":3599,\"token_type\":\"Bearer\"}");
    assert_true(secret_set(&stored.refresh_token, span_of("1//stored")));
    stored.obtained_ms = clock_wall_ms();
    struct auth_options opt = {
        .name = "work",
        .token_url = ep.http.url,
        .client_file = file("client.json", "{\"installed\":{\"client_id\":\"id.apps\","
                                           "\"client_secret\":\"s3cret\"}}"),
        .read_login = read_login,
        .read_login_arg = &nobody,
    };
    assert_int_equal(header_of(&opt, &blame, &e), RC_OK);
    assert_non_null(strstr(ep.seen, "grant_type=refresh_token&refresh_token=1%2F%2Fstored&client_id"
                                    "=id.apps&client_secret=s3cret"));
    ep.status = 400;
    ep.body = invalid;
    assert_int_equal(header_of(&opt, &blame, &e), RC_AUTH);
    assert_int_equal(blame, ACCOUNT_NEEDS_LOGIN);
    expect_word(&e, "revoked");
    expect_word(&e, "`calmirror login --account work`");
    stored.obtained_ms -= 7 * DAY_MS; /* what a test screen's logins live */
    assert_int_equal(header_of(&opt, &blame, &e), RC_AUTH);
    expect_word(&e, "7 days");
    expect_word(&e, "publish it");
    stored.obtained_ms -= 30 * DAY_MS;
    assert_int_equal(header_of(&opt, &blame, &e), RC_AUTH);
    assert_null(strstr(e.text, "7 days"));
    stored.expires_ms = stored.obtained_ms + 30 * DAY_MS;
    assert_int_equal(header_of(&opt, &blame, &e), RC_AUTH);
    expect_word(&e, "access was granted for is over");
    ep.body = "{\"error\":\"invalid_grant\",\"error_subtype\":\"invalid_rapt\","
              "\"error_description\":\"reauth related error (invalid_rapt)\"}";
    assert_int_equal(header_of(&opt, &blame, &e), RC_AUTH);
    expect_word(&e, "session control");
    ep.body = "{\"error\":\"invalid_scope\"}";
    assert_int_equal(header_of(&opt, &blame, &e), RC_AUTH);
    assert_int_equal(blame, ACCOUNT_SCOPE_MISSING);
    int asked = fake_http_requests(&ep.http);
    nobody = true;
    assert_int_equal(header_of(&opt, &blame, &e), RC_AUTH);
    expect_word(&e, "nobody has signed in yet; run `calmirror login");
    nobody = false;
    opt.client_file = file("client.json", "{\"installed\":{\"client_id\":\"other.apps\"}}");
    assert_int_equal(header_of(&opt, &blame, &e), RC_AUTH);
    expect_word(&e, "another OAuth client");
    assert_int_equal(fake_http_requests(&ep.http), asked); /* no refresh token to a stranger */
    secret_release(&stored.refresh_token);
    fake_http_stop(&ep.http);
}

static void test_file_of_another_program(void **state)
{
    struct endpoint ep;
    struct err e = {0};
    enum account_state blame;
    struct auth *a = NULL;
    (void)state;
    start(&ep, 200, "{\"access_token\":\"ya29.a\",\"expires_in\":3599}");
    struct auth_options opt = {
        .name = "work",
        .token_url = ep.http.url,
        .key_file = file("adc.json", "{\"type\":\"authorized_user\",\"client_id\":\"id.apps\","
                                     "\"client_secret\":\"s3cret\",\"refresh_token\":\"1//r\","
                                     "\"quota_project_id\":\"my-project\"}"),
    };
    assert_int_equal(header_of(&opt, &blame, &e), RC_OK);
    assert_non_null(strstr(ep.seen, "grant_type=refresh_token&refresh_token=1%2F%2Fr&"));
    assert_int_equal(auth_new(&a, &opt, &e), RC_OK);
    assert_string_equal(auth_quota_project(a), "my-project");
    auth_free(a);
    ep.status = 400;
    ep.body = "{\"error\":\"invalid_grant\"}";
    assert_int_equal(header_of(&opt, &blame, &e), RC_AUTH);
    expect_word(&e, "adc.json anew with the program that wrote it");
    opt.subject = "someone@example.com";
    assert_int_equal(header_of(&opt, &blame, &e), RC_AUTH);
    expect_word(&e, "remove `subject`");
    fake_http_stop(&ep.http);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_logins_of_other_programs),
        TEST(test_oauth_clients),
        TEST(test_redirects),
        TEST(test_consent_page),
        TEST(test_exchange),
        TEST(test_scopes),
        TEST(test_refreshing),
        TEST(test_file_of_another_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
