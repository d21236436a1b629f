/* test_google_emulator: the client against gcal-emulator, which was written from the same facts by
 * nobody who saw this code: a service account's key, pages, deltas, dead tokens, channels. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "core/base/clock.h"
#include "core/google/api.h"
#include "core/google/decode.h"
#include "core/model/metrics.h"
#include "tests/unit/fake_google.h"

#define USER   "me@example.com"
#define ODD    "team #1/50% @x" /* an id with everything that URLs stumble over */
#define EVENTS 6000

static struct fake_files files;
static char seed_path[128], base[128];
static pid_t emulator;
static struct google_call call;

static void write_seed(void)
{
    struct buf json = {0};
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    long n;

    PEM_write_bio_PUBKEY(bio, files.pkey);
    n = BIO_get_mem_data(bio, &pem);
    buf_add_text(&json,
                 "{\"service_accounts\":[{\"email\":\"robot@project.iam.gserviceaccount.com\","
                 "\"delegation\":true,\"public_key\":");
    buf_add_json(&json, (struct span){pem, (size_t)n});
    buf_add_text(&json,
                 "}],\"users\":[{\"email\":\"" USER "\",\"calendarList\":[\"" USER "\",\"" ODD
                 "\"]}],\"calendars\":[{\"id\":\"" USER "\",\"timeZone\":\"Europe/Berlin\","
                 "\"generate\":{\"events\":6000}},{\"id\":\"" ODD "\",\"owner\":\"" USER "\"}]}");
    snprintf(seed_path, sizeof(seed_path), "%s/seed.json", files.dir);
    fake_write(seed_path, buf_text(&json), 0600);
    buf_release(&json);
    BIO_free(bio);
}

/* build/gcal-emulator beside build/unit/, where this program is. */
static void find_emulator(char *out, size_t size)
{
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    assert_true(n > 0);
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    snprintf(out, size, "%s/../gcal-emulator", self);
}

static void start_emulator(void)
{
    char path[600], line[200] = "";
    char *argv[] = {path, "--listen", "127.0.0.1:0", "--seed", seed_path, NULL};
    posix_spawn_file_actions_t actions;
    int fds[2];

    find_emulator(path, sizeof(path));
    assert_int_equal(pipe(fds), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
    posix_spawn_file_actions_addclose(&actions, fds[0]);
    if (posix_spawn(&emulator, path, &actions, NULL, argv, environ))
        fail_msg("%s: cannot be started: is it built?", path);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    FILE *out = fdopen(fds[0], "r");
    if (!fgets(line, sizeof(line), out) || sscanf(line, "listening on %127s", base) != 1)
        fail_msg("the emulator said \"%s\"", line);
    fclose(out);
}

static int setup_all(void **state)
{
    char api_url[200], token_url[200];

    (void)state;
    fake_files_make(&files);
    write_seed();
    start_emulator();
    snprintf(api_url, sizeof(api_url), "%s/calendar/v3", base);
    snprintf(token_url, sizeof(token_url), "%s/token", base);
    struct google_options opt = {.api_url = api_url, .request_ms = 30000, .connect_ms = 5000};
    struct auth_options who = {.token_url = token_url, .key_file = files.key, .subject = USER};
    call = (struct google_call){.google = google_new(&opt), .client = http_new(), .account = 1};
    assert_int_equal(auth_new(&call.auth, &who, NULL), RC_OK);
    return 0;
}

static int teardown_all(void **state)
{
    (void)state;
    auth_free(call.auth);
    google_free(call.google);
    http_free(call.client);
    kill(emulator, SIGTERM);
    waitpid(emulator, NULL, 0);
    unlink(seed_path);
    fake_files_remove(&files);
    return 0;
}

static void control(const char *path, const char *body)
{
    struct http_response rs;
    char url[256];

    snprintf(url, sizeof(url), "%s/_emulator/%s", base, path);
    struct http_request rq = {.method = "POST", .url = url, .body = span_of(body)};
    assert_int_equal(http_perform(call.client, &rq, &rs, NULL), RC_OK);
    if (rs.status >= 300)
        fail_msg("%s: %ld %s", path, rs.status, buf_text(&rs.body));
    http_response_release(&rs);
}

/* Decodes what came; the number of events that are not odd. */
static size_t decode_all(const struct google_page *page)
{
    struct json_iter it = json_iter(page->items);
    struct event_text text = {0};
    struct event ev;
    struct span item;
    size_t n = 0;

    while (json_next(&it, NULL, &item)) {
        assert_int_equal(google_decode_event(item, span_of("Europe/Berlin"), &text, &ev, NULL),
                         RC_OK);
        if (ev.flags & EVENT_ODD)
            fail_msg("odd: %.*s", (int)item.n, item.p);
        assert_true(ev.end_ms > ev.start_ms);
        n++;
    }
    buf_release(&text.text);
    return n;
}

/* A whole walk; the token it ends with in `sync`. */
static size_t walk(const char *calendar, char sync[LIMIT_TOKEN_BYTES + 1], int *ret_pages)
{
    char next[LIMIT_TOKEN_BYTES + 1] = "", from[LIMIT_TOKEN_BYTES + 1];
    size_t n = 0;

    strcpy(from, sync);
    *ret_pages = 0;
    do {
        struct google_page page;
        struct err e = {0};

        if (google_list(&call, COLL_EVENTS, calendar, from, next, &page, &e))
            fail_msg("%s", e.text);
        n += decode_all(&page);
        strcpy(next, page.next_page);
        strcpy(sync, page.next_sync);
        google_page_release(&page);
        ++*ret_pages;
    } while (next[0]);
    return n;
}

static void test_listing_and_delta(void **state)
{
    char sync[LIMIT_TOKEN_BYTES + 1] = "";
    int pages;

    (void)state;
    assert_true(walk(USER, sync, &pages) >= EVENTS);
    assert_true(pages >= 3);
    assert_true(sync[0] != '\0');
    assert_int_equal(walk(USER, sync, &pages), 0); /* nothing changed */
    assert_int_equal(pages, 1);
    control("seed",
            "{\"calendars\":[{\"id\":\"" USER "\",\"events\":[{\"id\":\"fresh1\",\"start\":{"
            "\"date\":\"2026-03-30\"},\"end\":{\"date\":\"2026-03-31\"}}]}]}");
    assert_int_equal(walk(USER, sync, &pages), 1);
    assert_int_equal(metric_read(&metric_tokens, METRIC_OK), 1);
    assert_int_equal(metric_read(&metric_tokens, METRIC_FAILED), 0);
}

static void test_odd_id(void **state)
{
    char sync[LIMIT_TOKEN_BYTES + 1] = "";
    struct buf path = {0}, entry = {0};
    int pages;

    (void)state;
    assert_int_equal(walk(ODD, sync, &pages), 0);
    buf_add_text(&path, "users/me/calendarList/");
    google_add_id(&path, ODD);
    assert_int_equal(google_get(&call, buf_text(&path), &entry, NULL), RC_OK);
    struct roster_entry r;
    assert_int_equal(google_decode_roster(buf_span(&entry), &r, NULL), RC_OK);
    assert_string_equal(r.id, ODD);
    buf_release(&path);
    buf_release(&entry);
}

static void test_other_lists(void **state)
{
    static const enum coll_kind kinds[] = {COLL_ROSTER, COLL_SETTINGS};
    struct buf colors = {0};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct google_page page;

        assert_int_equal(google_list(&call, kinds[i], "", "", "", &page, NULL), RC_OK);
        assert_true(page.next_sync[0] != '\0');
        google_page_release(&page);
    }
    assert_int_equal(google_get(&call, "colors", &colors, NULL), RC_OK);
    buf_release(&colors);
    /* calendar.readonly is not enough for access rules: no disgrace for the account */
    struct google_page page;
    assert_int_equal(google_list(&call, COLL_ACL, USER, "", "", &page, NULL), RC_NOTFOUND);
    assert_string_equal(call.reason, "insufficientPermissions");
}

static void test_dead_tokens(void **state)
{
    static const char *const kinds[] = {"{\"kind\":410}", "{\"kind\":400}",
                                        "{\"kind\":\"updatedMin\"}"};
    int pages;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char sync[LIMIT_TOKEN_BYTES + 1] = "";
        struct google_page page;

        walk(USER, sync, &pages);
        control("sync-tokens/invalidate", kinds[i]);
        assert_int_equal(google_list(&call, COLL_EVENTS, USER, sync, "", &page, NULL), RC_STALE);
    }
    struct google_page page;
    assert_int_equal(google_list(&call, COLL_EVENTS, USER, "made up", "", &page, NULL), RC_STALE);
    assert_int_equal(google_list(&call, COLL_EVENTS, USER, "", "made up", &page, NULL), RC_STALE);
    assert_int_equal(google_list(&call, COLL_EVENTS, "nobody@x", "", "", &page, NULL), RC_NOTFOUND);
}

static void test_channels(void **state)
{
    struct google_channel ch = {"chan-a", "t=1", "https://hook.invalid/x", 3600000};
    struct google_watch w;
    struct err e = {0};

    (void)state;
    if (google_watch(&call, COLL_EVENTS, ODD, &ch, &w, &e))
        fail_msg("%s", e.text);
    assert_true(w.resource_id[0] != '\0');
    int64_t left = w.expires_ms - clock_wall_ms();
    assert_true(left > 3500000 && left < 3700000);
    struct google_watch again;
    assert_int_equal(google_watch(&call, COLL_EVENTS, ODD, &ch, &again, NULL), RC_AGAIN);
    assert_int_equal(google_stop(&call, "chan-a", w.resource_id, NULL), RC_OK);
    assert_int_equal(google_stop(&call, "chan-never", w.resource_id, NULL), RC_NOTFOUND);
    ch = (struct google_channel){"chan-b", "t", "http://example.invalid/x", 0};
    assert_int_equal(google_watch(&call, COLL_EVENTS, ODD, &ch, &w, NULL), RC_INVALID);
}

/* T-401: every token revoked at once. */
static void test_revoked_token(void **state)
{
    uint64_t before = metric_read(&metric_tokens, METRIC_OK);
    struct google_page page;

    (void)state;
    control("auth", "{\"revoke\":\"tokens\",\"user\":\"" USER "\"}");
    assert_int_equal(google_list(&call, COLL_ROSTER, "", "", "", &page, NULL), RC_OK);
    google_page_release(&page);
    assert_int_equal(metric_read(&metric_tokens, METRIC_OK), before + 1);
}

static void test_wrong_key(void **state)
{
    char path[160], out[AUTH_HEADER_MAX], token_url[200];
    EVP_PKEY *other = EVP_RSA_gen(2048);
    struct auth *a = NULL;
    struct err e = {0};

    (void)state;
    snprintf(path, sizeof(path), "%s/other.json", files.dir);
    snprintf(token_url, sizeof(token_url), "%s/token", base);
    fake_write_key(path, other, "robot@project.iam.gserviceaccount.com");
    struct auth_options opt = {.token_url = token_url, .key_file = path, .subject = USER};
    assert_int_equal(auth_new(&a, &opt, NULL), RC_OK);
    assert_int_equal(auth_header(a, call.client, NULL, out, &e), RC_AUTH);
    assert_non_null(strstr(e.text, "create a new key"));
    auth_free(a);
    unlink(path);
    EVP_PKEY_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listing_and_delta), cmocka_unit_test(test_odd_id),
        cmocka_unit_test(test_other_lists),       cmocka_unit_test(test_dead_tokens),
        cmocka_unit_test(test_channels),          cmocka_unit_test(test_revoked_token),
        cmocka_unit_test(test_wrong_key),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
