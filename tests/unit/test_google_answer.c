/* test_google_answer: the table of meanings, pages and budgets: everything about Google that needs
 * no network. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/base/json.h"
#include "core/google/answer.h"
#include "core/google/page.h"
#include "core/google/quota.h"

/* The backend's form of an error, and the front end's. */
#define BACK(domain, reason, message)                                    \
    "{\n \"error\": {\n  \"errors\": [\n   {\n    \"domain\": \"" domain \
    "\",\n    \"reason\": \"" reason "\",\n    \"message\": \"" message  \
    "\"\n   }\n  ],\n  \"code\": 400,\n  \"message\": \"" message "\"\n }\n}\n"
#define FRONT(reason, detail)                                                                   \
    "{\"error\":{\"code\":403,\"message\":\"words\",\"errors\":[{\"message\":\"w\",\"domain\":" \
    "\"global\",\"reason\":\"" reason "\"}],\"status\":\"PERMISSION_DENIED\",\"details\":["     \
    "{\"@type\":\"type.googleapis.com/google.rpc.Help\"},{\"@type\":\"x\",\"reason\":\"" detail \
    "\"}]}}"
#define HTML "<!DOCTYPE html><title>Error</title>"
#define LIST                            \
    {                                   \
        ANSWER_LIST, COLL_EVENTS, false \
    }
#define SYNC                           \
    {                                  \
        ANSWER_LIST, COLL_EVENTS, true \
    }
#define ACL                          \
    {                                \
        ANSWER_LIST, COLL_ACL, false \
    }
#define SETTINGS                          \
    {                                     \
        ANSWER_LIST, COLL_SETTINGS, false \
    }
#define WATCH                            \
    {                                    \
        ANSWER_WATCH, COLL_EVENTS, false \
    }
#define GET                  \
    {                        \
        ANSWER_GET, 0, false \
    }
#define STOP                  \
    {                         \
        ANSWER_STOP, 0, false \
    }

static const struct answer_case {
    struct answer_to to;
    long status;
    const char *body;
    enum rc rc;
    const char *reason, *word;
} answer_cases[] = {
    {LIST, 200, "", RC_OK, "", ""},
    {STOP, 204, "", RC_OK, "", ""},
    /* too fast, under every status it was seen with */
    {LIST, 403, BACK("usageLimits", "rateLimitExceeded", "Rate Limit Exceeded"), RC_AGAIN,
     "rateLimitExceeded", "too many requests"},
    {LIST, 403, BACK("usageLimits", "userRateLimitExceeded", "User Rate Limit Exceeded"), RC_AGAIN,
     "userRateLimitExceeded", "too many"},
    {LIST, 403, BACK("usageLimits", "quotaExceeded", "Calendar usage limits exceeded."), RC_AGAIN,
     "quotaExceeded", "usage limit"},
    {LIST, 403, BACK("usageLimits", "dailyLimitExceeded", "Daily Limit Exceeded"), RC_AGAIN,
     "dailyLimitExceeded", "daily"},
    {LIST, 429, BACK("usageLimits", "rateLimitExceeded", "Rate Limit Exceeded"), RC_AGAIN,
     "rateLimitExceeded", "429"},
    {LIST, 429, "", RC_AGAIN, "", "429"},
    {LIST, 403, FRONT("brandNew", "RATE_LIMIT_EXCEEDED"), RC_AGAIN, "brandNew", "too many"},
    /* no access to this one calendar */
    {LIST, 403, BACK("global", "forbidden", "Forbidden"), RC_NOTFOUND, "forbidden", "no access"},
    {LIST, 403, BACK("calendar", "requiredAccessLevel", "x"), RC_NOTFOUND, "requiredAccessLevel",
     "no access"},
    {LIST, 404, BACK("global", "notFound", "Not Found"), RC_NOTFOUND, "notFound", "Not Found"},
    {GET, 404, BACK("global", "notFound", "Not Found"), RC_NOTFOUND, "notFound", "404"},
    {STOP, 404, BACK("global", "notFound", "Channel not found"), RC_NOTFOUND, "notFound", "404"},
    {STOP, 404, HTML, RC_NOTFOUND, "", "404"},
    /* somebody else's 404 proves nothing */
    {LIST, 404, HTML, RC_AGAIN, "", "not Google's words"},
    {LIST, 404, "", RC_AGAIN, "", "404"},
    {LIST, 404, "{\"detail\":\"not found\"}", RC_AGAIN, "", "404"},
    /* the whole account */
    {LIST, 401, FRONT("authError", "x"), RC_AUTH, "authError", "access token"},
    {LIST, 401, "", RC_AUTH, "", "401"},
    {LIST, 403, FRONT("insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), RC_AUTH,
     "insufficientPermissions", "scope"},
    {LIST, 403, FRONT("forbidden2", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), RC_AUTH, "forbidden2",
     "scope"},
    {LIST, 403, BACK("usageLimits", "accessNotConfigured", "x"), RC_AUTH, "accessNotConfigured",
     "not enabled"},
    {LIST, 403, FRONT("brandNew", "SERVICE_DISABLED"), RC_AUTH, "brandNew", "not enabled"},
    {LIST, 403, BACK("calendar", "notACalendarUser", "x"), RC_AUTH, "notACalendarUser",
     "no Google Calendar"},
    /* access rules and settings need scopes of their own: no reason to park the account */
    {ACL, 403, FRONT("insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), RC_NOTFOUND,
     "insufficientPermissions", "scope"},
    {SETTINGS, 403, FRONT("insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
     RC_NOTFOUND, "insufficientPermissions", "scope"},
    {ACL, 403, BACK("usageLimits", "accessNotConfigured", "x"), RC_AUTH, "accessNotConfigured",
     "not enabled"},
    /* 403s we do not know are not "gone" */
    {LIST, 403, HTML, RC_AGAIN, "", "403"},
    {LIST, 403, BACK("global", "brandNew", "News"), RC_AGAIN, "brandNew", "News"},
    /* dead tokens (seen in the wild) */
    {SYNC, 410, BACK("calendar", "fullSyncRequired", "Sync token is no longer valid"), RC_STALE,
     "fullSyncRequired", "410"},
    {SYNC, 410, BACK("calendar", "updatedMinTooLongAgo", "x"), RC_STALE, "updatedMinTooLongAgo",
     "410"},
    {SYNC, 410, BACK("global", "deleted", "Resource has been deleted"), RC_STALE, "deleted", "410"},
    {SYNC, 410, "", RC_STALE, "", "410"},
    {SYNC, 410, HTML, RC_STALE, "", "410"},
    {GET, 410, "", RC_NOTFOUND, "", "410"},
    {SYNC, 400, BACK("global", "invalid", "Invalid sync token value."), RC_STALE, "invalid",
     "Invalid sync token value."},
    {SYNC, 400,
     BACK("global", "badRequest",
          "Sync token cannot be used with other request "
          "restrictions"),
     RC_STALE, "badRequest", "400"},
    {SYNC, 400, BACK("global", "invalid", "Invalid value for: pageToken"), RC_STALE, "invalid",
     "400"},
    {SYNC, 400,
     "{\"error\":{\"errors\":[{\"reason\":\"invalid\",\"location\":\"syncToken\"}],\"code\":400}}",
     RC_STALE, "invalid", "no message"},
    /* whatever the words: nothing but the token is not the same in every list */
    {SYNC, 400, BACK("global", "badRequest", "Bad Request"), RC_STALE, "badRequest", "Bad Request"},
    {SYNC, 400, "{\"error\":\"invalid_request\"}", RC_STALE, "invalid_request", "400"},
    {SYNC, 400, HTML, RC_AGAIN, "", "not Google's words"},
    {SYNC, 400, BACK("usageLimits", "rateLimitExceeded", "x"), RC_AGAIN, "rateLimitExceeded",
     "too many"},
    {LIST, 400, BACK("global", "invalid", "Invalid sync token value."), RC_INVALID, "invalid",
     "400"},
    {LIST, 400, BACK("calendar", "timeRangeEmpty", "x"), RC_INVALID, "timeRangeEmpty", "400"},
    {LIST, 400, HTML, RC_AGAIN, "", "400"},
    /* watch */
    {WATCH, 400, BACK("calendar", "pushNotSupportedForRequestedResource", "x"), RC_INVALID,
     "pushNotSupportedForRequestedResource", "no pings"},
    {WATCH, 400, BACK("global", "channelIdNotUnique", "Channel id a not unique"), RC_AGAIN,
     "channelIdNotUnique", "used before"},
    {WATCH, 400, BACK("global", "push.channelIdNotUnique", "x"), RC_AGAIN,
     "push.channelIdNotUnique", "used before"},
    {WATCH, 400, BACK("global", "push.webhookUrlNotHttps", "WebHook callback must be HTTPS: u"),
     RC_INVALID, "push.webhookUrlNotHttps", "https"},
    {WATCH, 401, BACK("global", "push.webhookUrlUnauthorized", "x"), RC_INVALID,
     "push.webhookUrlUnauthorized", "public_url"},
    {WATCH, 400, BACK("global", "pushInvalidTtl", "Invalid ttl value for channel -1"), RC_INVALID,
     "pushInvalidTtl", "lifetime"},
    {WATCH, 403, BACK("global", "forbidden", "Forbidden"), RC_NOTFOUND, "forbidden", "no access"},
    {WATCH, 404, BACK("global", "notFound", "Not Found"), RC_NOTFOUND, "notFound", "404"},
    {WATCH, 410, "", RC_NOTFOUND, "", "410"},
    /* passing */
    {LIST, 412, BACK("global", "conditionNotMet", "Precondition check failed."), RC_AGAIN,
     "conditionNotMet", "412"},
    {LIST, 408, "", RC_AGAIN, "", "408"},
    {LIST, 425, BACK("global", "tooEarly", "x"), RC_AGAIN, "tooEarly", "425"},
    {LIST, 429, BACK("global", "brandNew", "x"), RC_AGAIN, "brandNew", "429"},
    {LIST, 500, BACK("global", "backendError", "Backend Error"), RC_AGAIN, "backendError", "500"},
    {LIST, 502, HTML, RC_AGAIN, "", "not Google's words"},
    {LIST, 503, "", RC_AGAIN, "", "503"},
    {LIST, 500, BACK("global", "notACalendarUser", "x"), RC_AGAIN, "notACalendarUser", "500"},
    {LIST, 504, "{\"error\":", RC_AGAIN, "", "504"},
    /* cut off, it says nothing */
    {LIST, 403, "{\"error\":{\"errors\":[{\"reason\":\"forbidden\"}],\"code\":403}", RC_AGAIN, "",
     "not Google's words"},
    {LIST, 302, HTML, RC_AGAIN, "", "302"},
    {LIST, 304, "", RC_AGAIN, "", "304"},
    {LIST, 0, "", RC_AGAIN, "", "0"},
    /* refused for good */
    {LIST, 409, BACK("global", "conflict", "Conflict"), RC_INVALID, "conflict", "Conflict"},
    {LIST, 405, BACK("global", "httpMethodNotAllowed", "x"), RC_INVALID, "httpMethodNotAllowed",
     "405"},
    {LIST, 405, HTML, RC_AGAIN, "", "405"},
    /* odd bodies */
    {LIST, 400, "{\"error\":\"invalid_request\"}", RC_INVALID, "invalid_request", "400"},
    {LIST, 404, "{\"error\":{}}", RC_NOTFOUND, "", "no message"},
    {LIST, 404, "{\"error\":{\"errors\":7,\"message\":[]}}", RC_NOTFOUND, "", "no message"},
    {LIST, 404, "{\"error\":7}", RC_AGAIN, "", "404"},
    {LIST, 409, BACK("global", "x", "for a@b.example"), RC_INVALID, "x", "no message"},
    {LIST, 409, BACK("global", "x", "caf\\u00e9\\n"), RC_INVALID, "x", "caf???"},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answer_cases) / sizeof(answer_cases[0]); i++) {
        const struct answer_case *c = &answer_cases[i];
        char reason[ANSWER_REASON_MAX] = "before";
        struct err e = {0};
        enum rc rc = answer_read(c->status, span_of(c->body), &c->to, reason, &e);

        if (rc != c->rc || strcmp(reason, c->reason) != 0 || !strstr(e.text, c->word))
            fail_msg("case %zu (%ld %s): %s, reason %s, \"%s\"", i, c->status, c->reason,
                     rc_name(rc), reason, e.text);
        assert_null(strchr(e.text, '@'));
    }
}

/* What is the matter with an account that is refused as a whole: each has another remedy. */
static void test_blame(void **state)
{
    static const struct {
        const char *body;
        enum account_state blame;
    } cases[] = {
        {BACK("usageLimits", "accessNotConfigured", "x"), ACCOUNT_API_DISABLED},
        {FRONT("brandNew", "SERVICE_DISABLED"), ACCOUNT_API_DISABLED},
        {FRONT("insufficientPermissions", "x"), ACCOUNT_SCOPE_MISSING},
        {FRONT("brandNew", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), ACCOUNT_SCOPE_MISSING},
        {BACK("calendar", "notACalendarUser", "x"), ACCOUNT_NO_ACCESS},
        {FRONT("authError", "x"), ACCOUNT_NEEDS_LOGIN},
        {FRONT("brandNew", "x"), ACCOUNT_NEEDS_LOGIN},
        {HTML, ACCOUNT_NEEDS_LOGIN},
        {"", ACCOUNT_NEEDS_LOGIN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (answer_blame(span_of(cases[i].body)) != cases[i].blame)
            fail_msg("case %zu: %s", i, account_state_name(answer_blame(span_of(cases[i].body))));
}

static void test_long_words(void **state)
{
    struct answer_to to = LIST;
    char reason[ANSWER_REASON_MAX];
    struct buf body = {0};
    struct err e = {0};

    (void)state;
    buf_add_text(&body, "{\"error\":{\"errors\":[{\"reason\":\"");
    for (int i = 0; i < 5000; i++)
        buf_add_char(&body, 'r');
    buf_add_text(&body, "\"}],\"message\":\"");
    for (int i = 0; i < 5000; i++)
        buf_add_char(&body, 'm');
    buf_add_text(&body, "\"}}");
    assert_int_equal(answer_read(409, buf_span(&body), &to, reason, &e), RC_INVALID);
    assert_int_equal(strlen(reason), ANSWER_REASON_MAX - 1);
    buf_release(&body);
}

/* Pages */

static enum rc read_page(const char *json, struct google_page *page, char *reason, struct err *e)
{
    struct answer_to to = SYNC;
    struct buf body = {0};
    enum rc rc;

    buf_add_text(&body, json);
    rc = page_read(&body, &to, reason, page, e);
    buf_release(&body);
    return rc;
}

static void test_pages(void **state)
{
    static const struct {
        const char *json, *items, *next, *sync;
    } cases[] = {
        {"{\"kind\":\"calendar#events\",\"items\":[{\"id\":\"a\"}],\"nextSyncToken\":\"s=\"}",
         "[{\"id\":\"a\"}]", "", "s="},
        {"{\"nextPageToken\":\"p\\u003d\\/\",\"items\":[ ]}", "[ ]", "p=/", ""},
        {"{\"nextSyncToken\":\"s\"}", "", "", "s"}, /* items left out */
        {"{\"items\":[]}", "[]", "", ""},           /* T-TOKEN-MISSING is the caller's to see */
        {"{\"items\":[],\"nextPageToken\":null,\"nextSyncToken\":\"s\"}", "[]", "", "s"},
        {" {\"items\" : [1] , \"nextPageToken\":\"p\",\"nextSyncToken\":\"s\"} ", "[1]", "p", "s"},
    };
    char reason[ANSWER_REASON_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct google_page page;

        assert_int_equal(read_page(cases[i].json, &page, reason, NULL), RC_OK);
        assert_true(span_is(page.items, cases[i].items));
        assert_string_equal(page.next_page, cases[i].next);
        assert_string_equal(page.next_sync, cases[i].sync);
        assert_int_equal(json_type_of(page.head), JSON_OBJECT);
        google_page_release(&page);
    }
}

static void test_bad_pages(void **state)
{
    static const struct {
        const char *json;
        enum rc rc;
        const char *reason;
    } cases[] = {
        {"", RC_BADDATA, ""},
        {"<html>", RC_BADDATA, ""},
        {"{\"items\":[", RC_BADDATA, ""},
        {"[]", RC_BADDATA, ""},
        {"null", RC_BADDATA, ""},
        {"{}", RC_BADDATA, ""},
        {"{\"items\":{}}", RC_BADDATA, ""},
        {"{\"items\":[],\"nextPageToken\":7}", RC_BADDATA, ""},
        {"{\"items\":[],\"nextSyncToken\":[\"s\"]}", RC_BADDATA, ""},
        {"{\"items\":[],\"nextSyncToken\":\"a\\u0000b\"}", RC_BADDATA, ""},
        /* errors dressed as success */
        {"{\"error\":{\"code\":503,\"message\":\"x\"}}", RC_AGAIN, ""},
        {"{\"error\":{\"code\":410,\"errors\":[{\"reason\":\"fullSyncRequired\"}]}}", RC_STALE,
         "fullSyncRequired"},
        {"{\"error\":{\"code\":404,\"errors\":[{\"reason\":\"notFound\"}]},\"items\":[]}",
         RC_NOTFOUND, "notFound"},
        {"{\"error\":{\"code\":200}}", RC_AGAIN, ""},
        {"{\"error\":\"x\"}", RC_AGAIN, "x"},
        {"{\"error\":true}", RC_AGAIN, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct google_page page = {.next_page = "x"};
        char reason[ANSWER_REASON_MAX] = "";
        struct err e = {0};

        if (read_page(cases[i].json, &page, reason, &e) != cases[i].rc)
            fail_msg("%s: %s", cases[i].json, e.text);
        assert_string_equal(reason, cases[i].reason);
        assert_string_equal(page.next_page, "x"); /* untouched */
    }
}

static void test_long_token(void **state)
{
    char reason[ANSWER_REASON_MAX];
    struct google_page page;

    (void)state;
    for (size_t n = LIMIT_TOKEN_BYTES; n <= LIMIT_TOKEN_BYTES + 1; n++) {
        struct buf json = {0};

        buf_add_text(&json, "{\"items\":[],\"nextSyncToken\":\"");
        for (size_t i = 0; i < n; i++)
            buf_add_char(&json, 's');
        buf_add_text(&json, "\"}");
        enum rc rc = read_page(buf_text(&json), &page, reason, NULL);
        assert_int_equal(rc, n > LIMIT_TOKEN_BYTES ? RC_BADDATA : RC_OK);
        if (!rc)
            google_page_release(&page);
        buf_release(&json);
    }
}

/* One broken character must not keep the other events of its page away. */
static void test_mending(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"caf\xe9", "caf\xef\xbf\xbd"},
        {"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
        {"a\tb", "a\\u0009b"},
        {"q\\\"\x01\\\\", "q\\\"\\u0001\\\\"},
        {"\xc3\xa9\xe9", "\xc3\xa9\xef\xbf\xbd"},
    };
    char reason[ANSWER_REASON_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct google_page page;
        char in[200], out[200];

        snprintf(in, sizeof(in), "{\"items\":[{\"s\":\"%s\"},\n\t{\"t\":2}]}", cases[i].in);
        snprintf(out, sizeof(out), "[{\"s\":\"%s\"},\n\t{\"t\":2}]", cases[i].out);
        assert_int_equal(read_page(in, &page, reason, NULL), RC_OK);
        assert_int_equal(page.items.n, strlen(out));
        assert_memory_equal(page.items.p, out, page.items.n);
        google_page_release(&page);
    }
}

/* Budgets */

/* The most requests that any sliding minute saw, of a caller who asks as often as it may. */
static int busiest_minute(struct quota *q, int64_t minutes)
{
    enum { MOST = 20000 };
    static int64_t taken[MOST];
    int n = 0, busiest = 0, first = 0;
    int64_t now = 1000, end = now + minutes * 60000;

    while (now < end) {
        int64_t wait = quota_take(q, 1, now);

        assert_true(wait >= 0 && wait <= 60000);
        if (wait) {
            now += wait;
            continue;
        }
        assert_true(n < MOST);
        taken[n++] = now;
        while (taken[first] <= now - 60000)
            first++;
        busiest = n - first > busiest ? n - first : busiest;
    }
    return busiest;
}

static void test_quota_minute(void **state)
{
    static const int64_t limits[] = {2, 5, 10, 60, 600, 599};

    (void)state;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct quota *q = quota_new(0, limits[i]);
        int busiest = busiest_minute(q, 5);

        assert_true(busiest <= limits[i]);
        assert_true(busiest >= limits[i] * 9 / 10); /* and it is used */
        quota_free(q);
    }
}

static void test_quota_shared(void **state)
{
    struct quota *q = quota_new(100, 50);
    int64_t now = 5000;
    int granted = 0;

    (void)state;
    /* 50 may come at once for the project, 25 for each account. */
    for (uint32_t account = 1; account <= 4; account++)
        for (int i = 0; i < 20; i++)
            granted += quota_take(q, account, now) == 0;
    assert_int_equal(granted, 50);
    assert_int_equal(quota_take(q, 9, now), 60000 / 50); /* the project's pace */
    assert_int_equal(quota_take(q, 9, now + 1200), 0);
    quota_free(q);
}

static void test_quota_unlimited(void **state)
{
    struct quota *q = quota_new(0, 0);

    (void)state;
    for (int i = 0; i < 100000; i++)
        assert_int_equal(quota_take(q, (uint32_t)i % 1000, 1), 0);
    quota_free(q);
}

static void test_quota_drain(void **state)
{
    struct quota *q = quota_new(0, 600);

    (void)state;
    assert_int_equal(quota_take(q, 1, 1000), 0);
    quota_drain(q, 1, 1000);
    assert_int_equal(quota_take(q, 1, 1000), 60000 / 300);
    assert_int_equal(quota_take(q, 2, 1000), 0); /* the others are not punished */
    assert_int_equal(quota_take(q, 1, 1000 + 3600000), 0);
    quota_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),      cmocka_unit_test(test_blame),
        cmocka_unit_test(test_long_words),   cmocka_unit_test(test_pages),
        cmocka_unit_test(test_bad_pages),    cmocka_unit_test(test_long_token),
        cmocka_unit_test(test_mending),      cmocka_unit_test(test_quota_minute),
        cmocka_unit_test(test_quota_shared), cmocka_unit_test(test_quota_unlimited),
        cmocka_unit_test(test_quota_drain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
