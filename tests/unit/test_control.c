/* test_control: sign-ins that are under way: whose place a new one takes, and how long they wait.
 *
 * That one is still under way shows in the answer to a redirect that is not its own: it goes on
 * (400), or there is none (403). Nothing here asks Google. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/conf/conf.h"
#include "core/control/control.h"
#include "core/google/redirect.h"
#include "tests/unit/http_client.h"

#define ACCOUNTS  12
#define PLACES    8
#define MINUTE_MS INT64_C(60000)

struct door {
    char dir[64], socket[96];
    struct conf *conf;
    struct vault *vault;
    struct control *control;
    char state[ACCOUNTS][64]; /* what each one's consent page was given last */
};

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_true(f && fputs(text, f) >= 0);
    assert_int_equal(fchmod(fileno(f), 0600), 0);
    (void)fclose(f);
}

static int setup(void **state)
{
    struct door *d = calloc(1, sizeof *d);
    struct buf text = {0};
    struct err e = {0};
    (void)snprintf(d->dir, sizeof d->dir, "/tmp/test_control.XXXXXX");
    assert_non_null(mkdtemp(d->dir));
    write_file(d->dir, "client.json",
               "{\"installed\":{\"client_id\":\"x.apps.googleusercontent.com\","
               "\"client_secret\":\"secret\"}}");
    buf_printf(&text, "[mirror]\nstate_dir = %s\n", d->dir);
    for (int i = 0; i < ACCOUNTS; i++)
        buf_printf(&text, "[account a%d]\noauth = %s/client.json\n", i, d->dir);
    buf_printf(&text, "[account key]\ntoken_file = %s/client.json\n", d->dir);
    write_file(d->dir, "conf", buf_text(&text));
    buf_reset(&text);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/conf", d->dir);
    if (conf_load(path, &d->conf, &text) != RC_OK)
        fail_msg("%s", buf_text(&text));
    buf_release(&text);
    assert_int_equal(vault_open(&d->vault, d->dir, NULL, &e), RC_OK);
    struct control_options opt = {.conf = d->conf, .vault = d->vault};
    if (control_start(&d->control, &opt, &e) != RC_OK)
        fail_msg("%s", e.text);
    (void)snprintf(d->socket, sizeof d->socket, "%s/" CONTROL_SOCKET, d->dir);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct door *d = *state;
    char command[128];
    control_stop(d->control);
    vault_free(d->vault);
    conf_free(d->conf);
    (void)snprintf(command, sizeof command, "rm -rf %s", d->dir);
    free(d);
    return system(command);
}

static struct http_answer ask(struct door *d, const char *method, const char *path,
                              const char *body)
{
    struct http_client c;
    struct http_answer a = {0};
    struct buf request = {0};
    buf_printf(&request, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", method, path,
               strlen(body), body);
    assert_true(http_connect_unix(&c, d->socket));
    assert_true(http_send(&c, request.p, request.n) && http_receive(&c, &a, false));
    http_close(&c);
    buf_release(&request);
    return a;
}

static struct http_answer post(struct door *d, const char *path, const char *body)
{
    return ask(d, "POST", path, body);
}

/* A second after the one before. */
static void begin(struct door *d, int account)
{
    char body[128];
    clock_shift(0, 1000);
    (void)snprintf(body, sizeof body,
                   "{\"account\":\"a%d\",\"redirect_uri\":\"http://127.0.0.1:9\"}", account);
    struct http_answer a = post(d, "/login/begin", body);
    assert_int_equal(a.status, 200);
    assert_true(json_string_copy(json_get(span_of(a.body), "state"), d->state[account],
                                 sizeof d->state[account]));
    http_answer_release(&a);
}

static unsigned come_back(struct door *d, int account, const char *state)
{
    char body[256];
    (void)snprintf(body, sizeof body,
                   "{\"account\":\"a%d\",\"redirect\":\"error=access_denied&state=%s\"}", account,
                   state);
    struct http_answer a = post(d, "/login/finish", body);
    unsigned status = a.status;
    http_answer_release(&a);
    return status;
}

/* One digit for each account, '1': its sign-in is under way. */
static void expect_under_way(struct door *d, const char *want)
{
    char have[ACCOUNTS + 1] = "";
    for (int i = 0; i < ACCOUNTS; i++) {
        unsigned status = come_back(d, i, "not-what-the-consent-page-was-given");
        assert_true(status == 400 || status == 403);
        have[i] = status == 400 ? '1' : '0';
    }
    assert_string_equal(have, want);
}

static void test_places(void **state)
{
    struct door *d = *state;
    expect_under_way(d, "000000000000");
    for (int i = 0; i < PLACES; i++)
        begin(d, i);
    expect_under_way(d, "111111110000");
    begin(d, 0); /* again: in its own place */
    begin(d, 5);
    expect_under_way(d, "111111110000");
    begin(d, 8); /* the oldest gives way */
    expect_under_way(d, "101111111000");
    begin(d, 9);
    expect_under_way(d, "100111111100");
    /* One that ends leaves its place to the next, and nobody has to give way. */
    assert_int_equal(come_back(d, 6, d->state[6]), 403);
    expect_under_way(d, "100111011100");
    begin(d, 10);
    expect_under_way(d, "100111011110");
    begin(d, 11);
    expect_under_way(d, "100011011111");
}

static void test_the_newer_of_two(void **state)
{
    struct door *d = *state;
    char first[64];
    begin(d, 0);
    (void)snprintf(first, sizeof first, "%s", d->state[0]);
    begin(d, 0);
    assert_int_equal(come_back(d, 0, first), 400);
    expect_under_way(d, "100000000000");
    assert_int_equal(come_back(d, 0, d->state[0]), 403);
    expect_under_way(d, "000000000000");
}

static void test_patience(void **state)
{
    struct door *d = *state;
    begin(d, 0);
    clock_shift(0, 10 * MINUTE_MS);
    begin(d, 1);
    clock_shift(0, 4 * MINUTE_MS);
    expect_under_way(d, "110000000000");
    clock_shift(0, 2 * MINUTE_MS);
    expect_under_way(d, "010000000000");
    clock_shift(0, 10 * MINUTE_MS);
    expect_under_way(d, "000000000000");
}

#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16

/* Who gets in may still err: with a word, and without a change. */
static void test_what_is_refused(void **state)
{
    struct door *d = *state;
    static const struct {
        const char *method, *path, *body;
        unsigned status;
        const char *why;
    } cases[] = {
        {"PUT", "/key/rotate", "{}", 400, "expected POST"},
        {"POST", "/key/rotate", "", 400, "expected POST"},
        {"POST", "/key/rotate", "{", 400, "expected POST"},
        {"POST", "/key/rotate", "[]", 400, "expected POST"},
        {"POST", "/key/rotat", "{}", 404, "no such request"},
        {"POST", "/key/rotate/", "{}", 404, "no such request"},
        {"POST", "/logout", "{}", 400, "account: missing"},
        {"POST", "/logout", "{\"account\":\"\"}", 400, "account: missing"},
        {"POST", "/logout", "{\"account\":7}", 400, "account: missing"},
        {"POST", "/logout", "{\"account\":\"" X64 "x\"}", 400, "or too long"},
        {"POST", "/logout", "{\"account\":\"" X64 "\"}", 404, "there is no [account x"},
        {"POST", "/logout", "{\"account\":\"a\"}", 404, "there is no [account a]"},
        {"POST", "/logout", "{\"account\":\"key\"}", 400, "has another credential"},
        {"POST", "/logout", "{\"account\":\"a1\"}", 404, "nobody is signed in"},
        {"POST", "/login/begin", "{\"account\":\"a1\"}", 400, "redirect_uri: missing"},
        {"POST", "/login/finish", "{\"account\":\"a1\"}", 403, "no sign-in of account a1"},
        {"POST", "/key/rotate", "{}", 200, "{\"resealed\":0}"},
    };
    char value[256];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_answer a = ask(d, cases[i].method, cases[i].path, cases[i].body);
        if (a.status != cases[i].status || !strstr(a.body, cases[i].why))
            fail_msg("case %zu: %u %s", i, a.status, a.body);
        assert_string_equal(http_answer_header(&a, "Cache-Control", value), "no-store");
        assert_string_equal(http_answer_header(&a, "Content-Type", value), "application/json");
        http_answer_release(&a);
    }
    struct buf large = {0};
    buf_add_text(&large, "{\"account\":\"");
    for (int i = 0; i < 1100; i++)
        buf_add_text(&large, X16);
    buf_add_text(&large, "\"}");
    struct http_answer a = post(d, "/logout", buf_text(&large));
    assert_int_equal(a.status, 400);
    assert_non_null(strstr(a.body, "too large"));
    http_answer_release(&a);
    buf_release(&large);
}

/* What the browser cannot have brought back ends no sign-in. */
static void test_no_redirect(void **state)
{
    struct door *d = *state;
    struct buf body = {0};
    begin(d, 1);
    for (int i = 0; i < 3; i++) {
        buf_reset(&body);
        buf_add_text(&body, "{\"account\":\"a1\"");
        buf_add_text(&body, (const char *const[]){"", ",\"redirect\":7", ",\"redirect\":\""}[i]);
        for (size_t n = 0; i == 2 && n <= REDIRECT_BYTES_MOST; n += 16)
            buf_add_text(&body, X16);
        buf_add_text(&body, i == 2 ? "\"}" : "}");
        struct http_answer a = post(d, "/login/finish", buf_text(&body));
        if (a.status != 400 || !strstr(a.body, "redirect: missing, or too long"))
            fail_msg("%d: %u %s", i, a.status, a.body);
        http_answer_release(&a);
    }
    expect_under_way(d, "010000000000");
    buf_release(&body);
}

/* Open as it may have been left, the folder is closed. */
static void test_the_door(void **state)
{
    struct door *d = *state;
    char folder[96];
    struct stat st;
    struct err e = {0};
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(d->socket, '/') - d->socket),
                   d->socket);
    control_stop(d->control);
    d->control = NULL;
    assert_int_equal(chmod(folder, 0777), 0);
    struct control_options opt = {.conf = d->conf, .vault = d->vault};
    assert_int_equal(control_start(&d->control, &opt, &e), RC_OK);
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(d->socket, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_places),          TEST(test_the_newer_of_two), TEST(test_patience),
        TEST(test_what_is_refused), TEST(test_no_redirect),      TEST(test_the_door),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
