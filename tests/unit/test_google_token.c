/* test_google_token: credential files, what we sign, and what the token endpoint answers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/google/credential.h"
#include "core/google/auth.h"
#include "core/google/jwt.h"
#include "core/google/token.h"
#include "tests/unit/fake_google.h"

static struct fake_files files;

static int setup_all(void **state)
{
    (void)state;
    fake_files_make(&files);
    return 0;
}

static int teardown_all(void **state)
{
    (void)state;
    fake_files_remove(&files);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    fake_write(files.token, "  file-token-1\n", 0600);
    chmod(files.key, 0600);
    return 0;
}

static void expect_word(const struct err *e, const char *word)
{
    if (!strstr(e->text, word))
        fail_msg("\"%s\" does not say \"%s\"", e->text, word);
}

/* The signed statement */

static bool json_is(struct span json, const char *name, const char *want)
{
    char text[256];

    return json_string_copy(json_get(json, name), text, sizeof(text)) && strcmp(text, want) == 0;
}

static void test_jwt(void **state)
{
    struct jwt_claims claims = {"user@example.com", "scope-a scope-b", "https://x/token",
                                INT64_C(1700000000999)};
    struct buf jwt = {0}, header = {0}, body = {0};
    struct credential key;
    int64_t iat = 0, exp = 0;

    (void)state;
    assert_int_equal(credential_read(files.key, &key, NULL), RC_OK);
    assert_int_equal(jwt_sign(&key.service, &claims, &jwt, NULL), RC_OK);
    assert_true(fake_jwt_verify(files.pkey, buf_span(&jwt), &header, &body));
    assert_string_equal(buf_text(&header), "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"key-1\"}");
    assert_int_equal(json_check(buf_span(&body), NULL), RC_OK);
    struct span json = buf_span(&body);
    assert_true(json_is(json, "iss", "robot@project.iam.gserviceaccount.com"));
    assert_true(json_is(json, "sub", "user@example.com"));
    assert_true(json_is(json, "scope", "scope-a scope-b"));
    assert_true(json_is(json, "aud", "https://x/token"));
    assert_true(json_int64(json_get(json, "iat"), &iat));
    assert_true(json_int64(json_get(json, "exp"), &exp));
    assert_int_equal(iat, 1700000000 - 60);
    assert_true(exp - iat <= 3600 && exp > 1700000000);
    jwt.p[jwt.n / 2] ^= 1; /* the check itself can fail */
    buf_reset(&header);
    buf_reset(&body);
    assert_false(fake_jwt_verify(files.pkey, buf_span(&jwt), &header, &body));
    credential_release(&key);
    buf_release(&jwt);
    buf_release(&header);
    buf_release(&body);
}

static void test_jwt_without_subject(void **state)
{
    struct jwt_claims claims = {NULL, "s", "a", 0};
    struct buf jwt = {0}, header = {0}, body = {0};
    struct credential key;

    (void)state;
    assert_int_equal(credential_read(files.key, &key, NULL), RC_OK);
    assert_int_equal(jwt_sign(&key.service, &claims, &jwt, NULL), RC_OK);
    assert_true(fake_jwt_verify(files.pkey, buf_span(&jwt), &header, &body));
    assert_int_equal(json_get(buf_span(&body), "sub").n, 0);
    credential_release(&key);
    buf_release(&jwt);
    buf_release(&header);
    buf_release(&body);
}

/* Files */

static void test_modes(void **state)
{
    static const struct {
        mode_t mode;
        bool ok;
    } cases[] = {{0600, true},  {0400, true},  {0440, true},  {0640, true}, {0644, false},
                 {0604, false}, {0660, false}, {0620, false}, {0602, false}};
    bool root = geteuid() == 0; /* group read is granted to root's files only */

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct secret s = {0};
        struct err e = {0};
        bool ok = cases[i].ok && (root || !(cases[i].mode & 077));

        chmod(files.token, cases[i].mode);
        enum rc rc = credential_read_token(files.token, &s, &e);
        assert_int_equal(rc, ok ? RC_OK : RC_AUTH);
        if (!ok)
            expect_word(&e, "chmod 600");
        secret_release(&s);
    }
}

static void test_group_read_of_other_owner(void **state)
{
    struct secret s = {0};

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(files.token, 65534, 65534), 0);
    chmod(files.token, 0640);
    assert_int_equal(credential_read_token(files.token, &s, NULL), RC_AUTH);
    assert_int_equal(chown(files.token, 0, 0), 0);
}

static void test_bad_files(void **state)
{
    static const struct {
        const char *text, *word;
    } keys[] = {
        {"", "empty"},
        {"not json", "not JSON"},
        {"[]", "not JSON"},
        {"{}", "neither the key of a service account"},
        {"{\"type\":\"external_account\"}", "neither the key of a service account"},
        {"{\"installed\":{}}", "`oauth`"},
        {"{\"type\":\"authorized_user\"}", "client_id is missing"},
        {"{\"type\":\"authorized_user\",\"client_id\":\"i\"}", "refresh_token is missing"},
        {"{\"client_id\":\"i\",\"refresh_token\":\"a b\"}", "refresh_token is not one word"},
        {"{\"type\":\"service_account\"}", "client_email"},
        {"{\"type\":\"service_account\",\"client_email\":\"\"}", "client_email"},
        {"{\"type\":\"service_account\",\"client_email\":\"a\"}", "private_key"},
        {"{\"type\":\"service_account\",\"client_email\":\"a\",\"private_key\":\"x\"}",
         "private_key"},
        {"{\"type\":\"service_account\",\"client_email\":\"a\",\"private_key\":7}", "private_key"},
    };
    static const char *const tokens[] = {"", "\n", "two words", "uml\xc3\xa4ut", "a\nb"};
    char path[128];

    (void)state;
    snprintf(path, sizeof(path), "%s/bad", files.dir);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct credential key;
        struct err e = {0};

        fake_write(path, keys[i].text, 0600);
        assert_int_equal(credential_read(path, &key, &e), RC_AUTH);
        expect_word(&e, keys[i].word);
        expect_word(&e, path);
    }
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        struct secret s = {0};

        fake_write(path, tokens[i], 0600);
        assert_int_equal(credential_read_token(path, &s, NULL), RC_AUTH);
        assert_null(s.p);
    }
    unlink(path);
    struct auth_options missing = {.token_url = "http://127.0.0.1:1", .key_file = path};
    struct auth *a = NULL;
    struct err e = {0};
    assert_int_equal(auth_new(&a, &missing, &e), RC_AUTH);
    assert_null(a);
    expect_word(&e, "No such file");
}

static void test_key_of_wrong_kind(void **state)
{
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    struct credential key;
    struct err e = {0};
    char path[128];

    (void)state;
    snprintf(path, sizeof(path), "%s/ec", files.dir);
    fake_write_key(path, ec, "a@b");
    assert_int_equal(credential_read(path, &key, &e), RC_AUTH);
    expect_word(&e, "not an RSA key");
    unlink(path);
    EVP_PKEY_free(ec);
}

/* The endpoint's answers */

static void test_answers(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum rc rc;
        int64_t lifetime_ms; /* or the word of the refusal: */
        const char *word;
    } cases[] = {
        {200, "{\"access_token\":\"abc\",\"expires_in\":3599,\"token_type\":\"Bearer\"}", RC_OK,
         3599000, NULL},
        {200, "{\"access_token\":\"abc\",\"expires_in\":\"120\"}", RC_OK, 120000, NULL},
        {200, "{\"access_token\":\"abc\"}", RC_OK, 600000, NULL},
        {200, "{\"access_token\":\"abc\",\"expires_in\":\"soon\"}", RC_OK, 600000, NULL},
        {200, "{\"access_token\":\"abc\",\"expires_in\":99999999999}", RC_OK, 86400000, NULL},
        {200, "{\"access_token\":\"abc\",\"token_type\":\"bearer\"}", RC_OK, 600000, NULL},
        {200, "{\"access_token\":\"abc\",\"token_type\":\"mac\"}", RC_AGAIN, 0, "bearer"},
        {200, "{\"access_token\":\"abc\",\"expires_in\":0}", RC_AGAIN, 0, "expired"},
        {200, "{\"access_token\":\"abc\",\"expires_in\":-5}", RC_AGAIN, 0, "expired"},
        {200, "{\"access_token\":\"\"}", RC_AGAIN, 0, "access_token"},
        {200, "{\"access_token\":\"a b\"}", RC_AGAIN, 0, "access_token"},
        {200, "{\"access_token\":\"a\\nb\"}", RC_AGAIN, 0, "access_token"},
        {200, "{\"access_token\":5}", RC_AGAIN, 0, "access_token"},
        {200, "{}", RC_AGAIN, 0, "access_token"},
        {200, "", RC_AGAIN, 0, "not JSON"},
        {200, "<html>login</html>", RC_AGAIN, 0, "not JSON"},
        {200, "{\"error\":\"invalid_grant\"}", RC_AUTH, 0, "invalid_grant"},
        {400, "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT Signature.\"}",
         RC_AUTH, 0, "create a new key"},
        {400,
         "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT: Token must be a "
         "short-lived token (60 minutes) and in a reasonable timeframe.\"}",
         RC_AGAIN, 0, "check the clock"},
        {400, "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid email or User ID.\"}",
         RC_AUTH, 0, "`subject`"},
        {400, "{\"error\":\"invalid_grant\",\"error_description\":\"Not a valid email\"}", RC_AUTH,
         0, "`subject`"},
        {400,
         "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT: Failed audience "
         "check.\"}",
         RC_AUTH, 0, "token_url"},
        {400, "{\"error\":\"invalid_grant\",\"error_description\":7}", RC_AUTH, 0, "new one"},
        {401,
         "{\"error\":\"unauthorized_client\",\"error_description\":\"Client is "
         "unauthorized\"}",
         RC_AUTH, 0, "Admin console"},
        {400, "{\"error\":\"invalid_scope\"}", RC_AUTH, 0, "scope"},
        {403, "{\"error\":\"access_denied\"}", RC_AUTH, 0, "Admin console"},
        {400, "{\"error\":\"brand_new\",\"error_description\":\"as it says\"}", RC_AUTH, 0,
         "as it says"},
        {400, "{\"error\":\"brand_new\",\"error_description\":\"for a@b.example\"}", RC_AUTH, 0,
         "brand_new"},
        {400, "{\"error\":\"internal_failure\"}", RC_AGAIN, 0, "trouble at Google"},
        {403, "{\"error\":\"rate_limit_exceeded\"}", RC_AGAIN, 0, "too many requests"},
        {400, "{\"error\":{\"code\":400}}", RC_AGAIN, 0, "without a reason"},
        {400, "{}", RC_AGAIN, 0, "without a reason"},
        {400, "[]", RC_AGAIN, 0, "not JSON"},
        {403, "<html>", RC_AGAIN, 0, "not JSON"},
        {404, "Not Found", RC_AGAIN, 0, "not JSON"},
        {302, "", RC_AGAIN, 0, "not JSON"},
        {429, "{\"error\":\"invalid_grant\"}", RC_AGAIN, 0, "status 429"},
        {500, "{\"error\":\"invalid_grant\"}", RC_AGAIN, 0, "status 500"},
        {503, "", RC_AGAIN, 0, "status 503"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_response rs = {.status = cases[i].status};
        struct token t = {0};
        struct err e = {0};

        buf_add_text(&rs.body, cases[i].body);
        enum rc rc = token_read_answer(&rs, GRANT_ASSERTION, 1000, &t, &e);
        if (rc != cases[i].rc)
            fail_msg("case %zu: %s, %s", i, rc_name(rc), e.text);
        if (cases[i].word)
            expect_word(&e, cases[i].word);
        assert_null(strchr(e.text, '@'));
        assert_int_equal(t.lifetime_ms, cases[i].lifetime_ms);
        if (!rc)
            assert_string_equal(t.word.p, "abc");
        secret_release(&t.word);
        buf_release(&rs.body);
    }
}

static void test_clock_is_named(void **state)
{
    const int64_t now = INT64_C(1700000000000);
    static const struct {
        int64_t date_ms;
        const char *body;
        enum rc rc;
        const char *word;
    } cases[] = {
        {1700000000000 - 180000, "{\"error\":\"invalid_grant\"}", RC_AGAIN, "clock is 3m ahead"},
        {1700000000000 + 7200000, "{\"error\":\"invalid_grant\"}", RC_AGAIN, "clock is 2h behind"},
        {1700000000000 - 90000, "{\"error\":\"invalid_grant\"}", RC_AUTH, "new one"},
        {0, "{\"error\":\"invalid_grant\"}", RC_AUTH, "new one"},
        {1700000000000 - 180000, "{\"error\":\"invalid_scope\"}", RC_AUTH, "scope"},
        {1700000000000 - 180000,
         "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT Signature.\"}", RC_AUTH,
         "new key"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_response rs = {.status = 400, .date_ms = cases[i].date_ms};
        struct token t = {0};
        struct err e = {0};

        buf_add_text(&rs.body, cases[i].body);
        assert_int_equal(token_read_answer(&rs, GRANT_ASSERTION, now, &t, &e), cases[i].rc);
        expect_word(&e, cases[i].word);
        buf_release(&rs.body);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_jwt),       TEST(test_jwt_without_subject),
        TEST(test_modes),     TEST(test_group_read_of_other_owner),
        TEST(test_bad_files), TEST(test_key_of_wrong_kind),
        TEST(test_answers),   TEST(test_clock_is_named),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
