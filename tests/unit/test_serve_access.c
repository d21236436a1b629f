/* test_serve_access: each client sees what is its own, whatever others asked before it. */
#include "core/base/bearer.h"
#include "core/base/text.h"
#include "tests/unit/serve_fixture.h"

#define CALS    "/calendar/v3/calendars/"
#define TEAM    CALS "team%231%2Fa%20b%40group.calendar.google.com"
#define LIST    "/calendar/v3/users/me/calendarList"
#define WINDOW  "timeMin=2026-01-05T00:00:00Z&timeMax=2026-01-12T00:00:00Z"
#define BOARD   "https://board.example.org"
#define WALL    "https://wall.example.org"
#define TOKEN_A "cm_token-of-homely"

static const struct {
    const char *name, *options;
} clients[] = {
    {"everything", ""},
    {"homely", "accounts = home\n"},
    {"worker", "accounts = work\n"},
    {"both", "accounts = work, home\n"},
    {"busy", "accounts = home\nfreebusy_only = *\n"},
    {"team", "calendars = team*\n"},
    {"own", "calendars = primary\norigins = " BOARD ", " WALL "\n"},
    {"old", "expires = 2026-01-01\n"},
    {"soon", "accounts = home\nexpires = 2099-01-01\n"},
    {"boss", "accounts = home\nadmin = yes\n"},
};
#define N_CLIENTS (sizeof clients / sizeof *clients)

static void write_clients(struct buf *out, size_t n)
{
    char token[64], hash[BEARER_HASH_SIZE];
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(token, sizeof token, "cm_token-of-%s", clients[i].name);
        bearer_hash(span_of(token), hash);
        buf_printf(out, "[client %s]\ntoken_sha256 = %s\n%s", clients[i].name, hash,
                   clients[i].options);
    }
}

static int setup(void **state)
{
    struct buf options = {0};
    buf_add_text(&options, "account = home\n");
    write_clients(&options, N_CLIENTS);
    int status = world_setup_with(state, buf_text(&options));
    struct world *w = *state;
    world_timed(
        w, "dentist", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
        ",\"description\":\"molar\",\"location\":\"Main St\",\"attendees\":[{\"email\":\"a@b\"}]");
    world_timed(w, "free", "2026-01-05T11:00:00", "2026-01-05T12:00:00",
                ",\"transparency\":\"transparent\"");
    world_timed(w, "gym", "2026-01-06T09:00:00", "2026-01-06T10:00:00",
                ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=3\"]");
    world_event(w, &w->other,
                "{\"kind\":\"calendar#event\",\"id\":\"retreat\",\"status\":\"confirmed\","
                "\"summary\":\"retreat\",\"start\":{\"date\":\"2026-01-06\"},\"end\":{\"date\":"
                "\"2026-01-07\"}}");
    buf_release(&options);
    return status;
}

/* What `who` is answered; NULL: without a token. */
static struct http_answer ask_as(struct world *w, const char *who, const char *target,
                                 const char *more)
{
    char headers[512];
    (void)snprintf(headers, sizeof headers, "%s%s%s%s",
                   who ? "Authorization: Bearer cm_token-of-" : "", who ? who : "",
                   who ? "\r\n" : "", more);
    struct http_answer a = http_ask(w->port, "GET", target, headers, "");
    assert_int_not_equal(a.status, 0);
    return a;
}

static unsigned status_as(struct world *w, const char *who, const char *target)
{
    struct http_answer a = ask_as(w, who, target, "");
    unsigned status = a.status;
    if (status >= 400 && (strstr(a.body, "dentist") || strstr(a.body, "retreat")))
        fail_msg("%s: %s", target, a.body);
    http_answer_release(&a);
    return status;
}

static void test_who_sees_what(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *who;
        unsigned me, team, primary, unknown, own_list, status, resync_list;
    } cases[] = {
        {"everything", 200, 200, 200, 404, 200, 200, 403},
        {"homely", 200, 404, 200, 404, 200, 200, 403},
        {"worker", 404, 200, 404, 404, 200, 200, 403},
        {"both", 200, 200, 404, 404, 200, 200, 403},
        {"busy", 200, 404, 200, 404, 200, 200, 403},
        {"team", 404, 200, 404, 404, 200, 200, 403},
        {"own", 200, 404, 200, 404, 200, 200, 403},
        {"old", 401, 401, 401, 401, 401, 401, 401},
        {"soon", 200, 404, 200, 404, 200, 200, 403},
        {"boss", 200, 404, 200, 404, 200, 200, 200},
        {"nobody", 401, 401, 401, 401, 401, 401, 401},
        {NULL, 401, 401, 401, 401, 401, 401, 401},
    };
    for (int turn = 0; turn < 3; turn++) /* the later ones from memory */
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            const char *who = cases[i].who;
            assert_int_equal(status_as(w, who, EV "?" WINDOW), cases[i].me);
            assert_int_equal(status_as(w, who, TEAM "/events?" WINDOW), cases[i].team);
            assert_int_equal(status_as(w, who, TEAM), cases[i].team);
            assert_int_equal(status_as(w, who, CALS "primary/events"), cases[i].primary);
            assert_int_equal(status_as(w, who, CALS "none@example.com/events"), cases[i].unknown);
            assert_int_equal(status_as(w, who, EV "/dentist"), cases[i].me);
            assert_int_equal(status_as(w, who, LIST), cases[i].own_list);
            assert_int_equal(status_as(w, who, "/v1/status"), cases[i].status);
            assert_int_equal(status_as(w, who, "/v1/clients"), cases[i].resync_list);
            assert_int_equal(status_as(w, who, "/healthz"), 200);
        }
}

/* An unseen calendar and one that is nowhere are told apart by nothing. */
static void test_unseen_is_unknown(void **state)
{
    struct world *w = *state;
    static const char *const pairs[][2] = {{TEAM "/events", CALS "none%231/events"},
                                           {TEAM "/events/retreat", CALS "none%231/events/x"},
                                           {TEAM, CALS "none%231"},
                                           {TEAM "/acl", CALS "none%231/acl"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct http_answer a = ask_as(w, "homely", pairs[i][0], "");
        struct http_answer b = ask_as(w, "homely", pairs[i][1], "");
        assert_int_equal(a.status, 404);
        assert_string_equal(a.body, b.body);
        http_answer_release(&a);
        http_answer_release(&b);
    }
    struct http_answer a =
        http_ask(w->port, "POST", "/calendar/v3/freeBusy", "Authorization: Bearer " TOKEN_A "\r\n",
                 "{\"timeMin\":\"2026-01-05T00:00:00Z\",\"timeMax\":\"2026-01-12T00:00:00Z\","
                 "\"items\":[{\"id\":\"" GROUP "\"},{\"id\":\"" ME "\"}]}");
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, "notFound"));
    assert_non_null(strstr(a.body, "2026-01-05T08:00:00Z"));
    assert_null(strstr(a.body, "2026-01-06T23:00:00Z"));
    http_answer_release(&a);
}

static void test_places_of_a_token(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *headers, *query;
        unsigned status;
    } cases[] = {
        {"Authorization: Bearer " TOKEN_A "\r\n", "", 200},
        {"authorization: bearer   " TOKEN_A "  \r\n", "", 200},
        {"Authorization: OAuth " TOKEN_A "\r\n", "", 200},
        {"", "?access_token=" TOKEN_A, 200},
        {"", "?oauth_token=" TOKEN_A, 200},
        {"", "?key=" TOKEN_A, 200},
        {"", "?maxResults=5&%6bey=cm%5Ftoken%2dof-homely&alt=json", 200},
        {"X-Goog-Api-Key: " TOKEN_A "\r\n", "", 200},
        {"Authorization: Bearer " TOKEN_A "\r\n", "?key=AIzaProject", 200},
        {"", "?access_token=" TOKEN_A "&key=AIzaProject", 200},
        {"Authorization: Basic " TOKEN_A "\r\n", "?key=" TOKEN_A, 200}, /* a proxy's affair */
        {"Authorization: Basic " TOKEN_A "\r\n", "", 401},
        {"Authorization: Bearer ya29.google\r\n", "?key=" TOKEN_A, 401},
        {"", "?access_token=x&key=" TOKEN_A, 401},
        {"", "?access_token=" TOKEN_A "&access_token=x", 401},
        {"", "?access_token=x&access_token=" TOKEN_A, 401},
        {"", "?access_token=x&access_token=" TOKEN_A "&access_token=" TOKEN_A, 401},
        {"", "?access_token=" TOKEN_A "&oauth_token=" TOKEN_A, 200},
        {"", "?access_token=", 401},
        {"", "?access_token", 401},
        {"", "?access_token=%zz", 401},
        {"", "?Access_Token=" TOKEN_A, 401},
        {"Authorization: Bearer\r\n", "", 401},
        {"Authorization: " TOKEN_A "\r\n", "", 401},
        {"Authorization: Bearer " TOKEN_A "x\r\n", "", 401},
        {"Authorization: Bearer cm_token-of-homel\r\n", "", 401},
        {"Authorization: Bearer cm_token-of-old\r\n", "", 401},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char target[256], challenge[256];
        (void)snprintf(target, sizeof target, EV "%s", cases[i].query);
        struct http_answer a = http_ask(w->port, "GET", target, cases[i].headers, "");
        if (a.status != cases[i].status)
            fail_msg("%s %s: %u", cases[i].headers, target, a.status);
        (void)http_answer_header(&a, "WWW-Authenticate", challenge);
        assert_int_equal(challenge[0] != '\0', a.status == 401);
        assert_null(strstr(a.body, "cm_"));
        assert_null(strstr(a.head, "cm_"));
        http_answer_release(&a);
    }
    struct http_answer none = ask_as(w, NULL, EV, ""), bad = ask_as(w, "x", EV, "");
    assert_non_null(strstr(none.body, "\"reason\": \"required\""));
    assert_non_null(strstr(bad.body, "\"reason\": \"authError\""));
    assert_non_null(strstr(bad.body, "\"status\": \"UNAUTHENTICATED\""));
    http_answer_release(&none);
    http_answer_release(&bad);
}

static void test_busy_times_alone(void **state)
{
    struct world *w = *state;
    static const char *const hidden[] = {"dentist\",\"summary",
                                         "summary\": \"dentist",
                                         "molar",
                                         "Main St",
                                         "a@b",
                                         "iCalUID",
                                         "RRULE",
                                         "\"owner\""};
    static const char *const paths[] = {EV,   EV "/dentist", EV "/gym", EV "/gym/instances",
                                        LIST, LIST "/" ME,   CALS ME};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct http_answer a = ask_as(w, "busy", paths[i], "");
        assert_int_equal(a.status, 200);
        assert_int_equal(json_check((struct span){a.body, a.n}, NULL), RC_OK);
        for (size_t k = 0; k < sizeof hidden / sizeof *hidden; k++)
            if (strstr(a.body, hidden[k]))
                fail_msg("%s shows %s:\n%s", paths[i], hidden[k], a.body);
        http_answer_release(&a);
    }
    struct http_answer a = ask_as(w, "busy", EV "?orderBy=startTime&timeZone=UTC", "");
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, "\"accessRole\": \"freeBusyReader\""));
    assert_non_null(strstr(a.body, "2026-01-05T08:00:00Z"));
    assert_string_equal(ids_of(&a), "dentist free gym_20260106T080000Z gym_20260107T080000Z "
                                    "gym_20260108T080000Z");
    http_answer_release(&a);
    static const char *const searches[] = {
        "q=molar", "iCalUID=dentist%40x", "eventTypes=outOfOffice", "privateExtendedProperty=a%3Db",
        "sharedExtendedProperty=a%3Db"};
    for (size_t i = 0; i < sizeof searches / sizeof *searches; i++) {
        char target[256];
        (void)snprintf(target, sizeof target, EV "?%s", searches[i]);
        assert_int_equal(status_as(w, "busy", target), 403);
        assert_int_equal(status_as(w, "homely", target), 200);
    }
    assert_int_equal(status_as(w, "busy", CALS ME "/acl"), 403);
    struct http_answer blocks = http_ask(
        w->port, "POST", "/calendar/v3/freeBusy", "Authorization: Bearer cm_token-of-busy\r\n",
        "{\"timeMin\":\"2026-01-05T00:00:00Z\",\"timeMax\":\"2026-01-06T00:00:00Z\","
        "\"items\":[{\"id\":\"primary\"}]}");
    assert_non_null(strstr(blocks.body, "2026-01-05T08:00:00Z"));
    assert_null(strstr(blocks.body, "2026-01-05T10:00:00Z")); /* that one is free */
    http_answer_release(&blocks);
    assert_int_equal(status_as(w, "busy", LIST "?minAccessRole=reader"), 200);
    a = ask_as(w, "busy", LIST "?minAccessRole=reader", "");
    assert_null(strstr(a.body, ME));
    http_answer_release(&a);
}

/* Whole texts: neither more than this nor less. */
static void test_what_a_veil_leaves(void **state)
{
    struct world *w = *state;
#define TIMES(day, from, to)                                                                \
    "\"start\":{\"dateTime\":\"2026-01-" day "T" from ":00:00+01:00\",\"timeZone\":\"" ZONE \
    "\"},\"end\":{\"dateTime\":\"2026-01-" day "T" to ":00:00+01:00\",\"timeZone\":\"" ZONE "\"}"
#define EVENT(id, busy, times)                                           \
    "{\"visibility\":\"private\",\"transparency\":\"" busy               \
    "\",\"kind\":\"calendar#event\",\"etag\":\"\\\"1\\\"\",\"id\":\"" id \
    "\",\"status\":\"confirmed\",\"updated\":\"2026-01-01T00:00:00.000Z\"," times
#define DENTIST EVENT("dentist", "opaque", TIMES("05", "09", "10")) "}"
    world_timed(w, "declined", "2026-01-05T14:00:00", "2026-01-05T15:00:00",
                ",\"attendees\":[{\"self\":true,\"responseStatus\":\"declined\"}]");
    static const struct {
        const char *target, *body;
    } cases[] = {
        {EV "/dentist", DENTIST},
        {EV "/free", EVENT("free", "transparent", TIMES("05", "11", "12")) "}"},
        {EV "/declined", EVENT("declined", "transparent", TIMES("05", "14", "15")) "}"},
        {EV "/gym_20260107T080000Z",
         EVENT(
             "gym_20260107T080000Z", "opaque",
             TIMES(
                 "07", "09",
                 "10")) ",\"recurringEventId\":"
                        "\"gym\",\"originalStartTime\":{\"dateTime\":\"2026-01-07T09:00:00+01:00\","
                        "\"timeZone\":\"" ZONE "\"}}"},
        {LIST "/" ME,
         "{\"accessRole\":\"freeBusyReader\",\"defaultReminders\":[],"
         "\"kind\":\"calendar#calendarListEntry\",\"etag\":\"\\\"5\\\"\",\"id\":\"" ME "\","
         "\"summary\":\"Mine\",\"timeZone\":\"" ZONE "\",\"primary\":true,\"colorId\":\"3\"}"},
        {EV "?timeMax=2026-01-05T09:00:00Z&fields=accessRole,defaultReminders,summary,description,"
            "updated,timeZone,items",
         "{\"accessRole\":\"freeBusyReader\",\"defaultReminders\":[],\"summary\":\"Mine\","
         "\"updated\":\"2026-01-02T03:04:05.678Z\",\"timeZone\":\"" ZONE "\",\"items\":[" DENTIST
         "]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char target[256];
        (void)snprintf(target, sizeof target, "%s%cprettyPrint=false", cases[i].target,
                       strchr(cases[i].target, '?') ? '&' : '?');
        struct http_answer a = ask_as(w, "busy", target, "");
        assert_string_equal(a.body, cases[i].body);
        http_answer_release(&a);
    }
#undef DENTIST
#undef EVENT
#undef TIMES
}

/* Validators, page tokens and sync tokens of one client are of no use to another. */
static void test_nothing_crosses(void **state)
{
    struct world *w = *state;
    char etag[256], header[300], text[2048], target[8192];
    for (int i = 0; i < 4; i++) {
        struct http_answer full = ask_as(w, "homely", EV "?" WINDOW, "");
        (void)http_answer_header(&full, "ETag", etag);
        (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n", etag);
        struct http_answer same = ask_as(w, "homely", EV "?" WINDOW, header);
        struct http_answer less = ask_as(w, "busy", EV "?" WINDOW, header);
        struct http_answer none = ask_as(w, "worker", EV "?" WINDOW, header);
        struct http_answer who = ask_as(w, NULL, EV "?" WINDOW, header);
        assert_int_equal(same.status, 304);
        assert_int_equal(less.status, 200);
        assert_null(strstr(less.body, "molar"));
        assert_int_equal(none.status, 404);
        assert_int_equal(who.status, 401);
        assert_non_null(strstr(http_answer_header(&full, "Vary", text), "Authorization"));
        http_answer_release(&full);
        http_answer_release(&same);
        http_answer_release(&less);
        http_answer_release(&none);
        http_answer_release(&who);
    }
    struct http_answer own = ask_as(w, "own", LIST, "");
    (void)http_answer_header(&own, "ETag", etag);
    (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n", etag);
    struct http_answer other = ask_as(w, "team", LIST, header);
    assert_string_equal(ids_of(&own), ME);
    assert_int_equal(other.status, 200); /* as many patterns, but others */
    assert_string_equal(ids_of(&other), "");
    (void)snprintf(target, sizeof target, LIST "?syncToken=%s",
                   member(&own, "nextSyncToken", text));
    assert_int_equal(status_as(w, "own", target), 200);
    assert_int_equal(status_as(w, "team", target), 410);
    http_answer_release(&own);
    http_answer_release(&other);
    struct http_answer page = ask_as(w, "homely", EV "?maxResults=1&access_token=&" WINDOW, "");
    (void)snprintf(target, sizeof target, EV "?maxResults=250&pageToken=%s",
                   member(&page, "nextPageToken", text));
    assert_true(text[0]);
    assert_int_equal(status_as(w, "homely", target), 200);
    assert_int_equal(status_as(w, "worker", target), 404);
    http_answer_release(&page);
    page = ask_as(w, "busy", target, ""); /* its own view, from that place on */
    (void)snprintf(target, sizeof target, EV "?syncToken=%s", member(&page, "nextSyncToken", text));
    assert_int_equal(status_as(w, "busy", target), 410); /* of the first page it saw another */
    http_answer_release(&page);
    struct http_answer all = ask_as(w, "homely", EV, "");
    (void)snprintf(target, sizeof target, EV "?syncToken=%s", member(&all, "nextSyncToken", text));
    assert_true(text[0]);
    assert_int_equal(status_as(w, "homely", target), 200);
    assert_int_equal(status_as(w, "everything", target), 200);
    assert_int_equal(status_as(w, "busy", target), 410);
    assert_int_equal(status_as(w, "worker", target), 404);
    http_answer_release(&all);
    all = ask_as(w, "busy", EV, "");
    (void)snprintf(target, sizeof target, EV "?syncToken=%s", member(&all, "nextSyncToken", text));
    assert_int_equal(status_as(w, "busy", target), 200);
    assert_int_equal(status_as(w, "homely", target), 410);
    http_answer_release(&all);
}

/* A page token holds the query, but never a token that was in it. */
static void test_page_tokens_hold_no_tokens(void **state)
{
    struct world *w = *state;
    char text[2048];
    struct buf plain = {0};
    struct http_answer page =
        http_ask(w->port, "GET",
                 EV "?maxResults=1&access_token=" TOKEN_A "&showDeleted=true&key=" TOKEN_A, "", "");
    assert_int_equal(page.status, 200);
    assert_true(text_base64url_decode(&plain, span_of(member(&page, "nextPageToken", text))));
    assert_non_null(memmem(plain.p, plain.n, "showDeleted=true", 16));
    assert_null(memmem(plain.p, plain.n, "cm_", 3));
    buf_release(&plain);
    http_answer_release(&page);
}

#define PART(headers, target) \
    "--b\r\nContent-Type: application/http\r\n\r\nGET " target " HTTP/1.1\r\n" headers "\r\n\r\n"

static void test_parts_of_a_batch(void **state)
{
    struct world *w = *state;
    static const char body[] =
        PART("", EV "/dentist") PART("Authorization: Bearer cm_token-of-worker\r\n", EV "/dentist")
            PART("Authorization: Bearer cm_token-of-worker\r\n", TEAM "/events/retreat")
                PART("", TEAM "/events/retreat") PART("Authorization: Bearer x\r\n", EV "/dentist")
                    PART("", EV "/dentist?key=cm_token-of-busy") "--b--\r\n";
    static const char *const inherited[] = {"200", "404", "200", "404", "401", "200"};
    static const char *const alone[] = {"401", "404", "200", "401", "401", "200"};
    for (int outer = 0; outer < 2; outer++) {
        struct http_answer a = http_ask(
            w->port, "POST", "/batch/calendar/v3",
            outer ? "Content-Type: multipart/mixed; boundary=b\r\nAuthorization: Bearer " TOKEN_A
                    "\r\n"
                  : "Content-Type: multipart/mixed; boundary=b\r\n",
            body);
        assert_int_equal(a.status, 200);
        const char *p = a.body;
        for (int i = 0; i < 6; i++) {
            p = strstr(p, "HTTP/1.1 ");
            assert_non_null(p);
            p += 9;
            if (memcmp(p, outer ? inherited[i] : alone[i], 3) != 0)
                fail_msg("part %d of %d: %.3s", i, outer, p);
        }
        assert_null(strstr(p, "molar")); /* the last one's caller sees busy times */
        http_answer_release(&a);
    }
}

static struct http_answer post_grant(struct world *w, const char *body)
{
    return http_ask(w->port, "POST", "/token",
                    "Content-Type: application/x-www-form-urlencoded\r\n", body);
}

static void test_grants(void **state)
{
    struct world *w = *state;
    struct buf head = {0}, form = {0};
    char text[2048], cache[256];
    struct http_answer a = post_grant(
        w,
        "grant_type=refresh_token&client_id=i&client_secret=s&refresh_token=cm%5Ftoken-of-homely");
    assert_int_equal(a.status, 200);
    assert_string_equal(member(&a, "access_token", text), TOKEN_A);
    assert_string_equal(http_answer_header(&a, "Cache-Control", cache), "no-store");
    http_answer_release(&a);

    /* No longer than the client's own token lasts. */
    for (int late = 0; late < 2; late++) {
        int64_t shift_ms = late ? INT64_C(4070908800000) - 600000 - clock_wall_ms() : 0, life_s = 0;
        clock_shift(shift_ms, 0);
        a = post_grant(w, "grant_type=refresh_token&refresh_token=cm_token-of-soon");
        clock_shift(-shift_ms, 0);
        assert_true(json_int64(json_get(span_of(a.body), "expires_in"), &life_s));
        assert_in_range(life_s, late ? 500 : 3599, late ? 600 : 3599);
        http_answer_release(&a);
    }

    const char json[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" TOKEN_A "\"}";
    text_base64url_encode(&head, json, sizeof json - 1);
    buf_printf(&form,
               "grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Agrant-type%%3Ajwt-bearer&assertion=%s."
               "e30.c2ln",
               buf_text(&head));
    a = post_grant(w, buf_text(&form));
    assert_int_equal(a.status, 200);
    assert_string_equal(member(&a, "access_token", text), TOKEN_A);
    http_answer_release(&a);
    buf_release(&head);
    buf_release(&form);

    static const char *const refused[] = {
        "grant_type=refresh_token&refresh_token=1//0google",
        "grant_type=refresh_token",
        "grant_type=refresh_token&refresh_token=cm_token-of-old",
        "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=x",
        "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=..",
        "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=e30.e30.x",
        "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=W10.e30.x"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        a = post_grant(w, refused[i]);
        assert_int_equal(a.status, 400);
        assert_non_null(strstr(a.body, "invalid_grant"));
        assert_null(strstr(a.body, "google"));
        http_answer_release(&a);
    }
}

/* What belongs to an account is of whoever sees any of its calendars. */
static void test_what_is_of_no_calendar(void **state)
{
    struct world *w = *state;
    struct collection settings = world_coll(w, w->home, COLL_SETTINGS, "", COLL_READY);
    struct collection colors = world_coll(w, w->home, COLL_COLORS, "", COLL_READY);
    world_item(w, &settings, "locale", "{\"id\":\"locale\"}", false);
    world_item(w, &colors, "colors", "{\"kind\":\"calendar#colors\"}", false);
    static const struct {
        const char *who;
        unsigned status;
    } cases[] = {{"homely", 200}, {"own", 200}, {"busy", 200}, {"worker", 503}, {"old", 401}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *who = cases[i].who;
        assert_int_equal(status_as(w, who, "/calendar/v3/users/me/settings"), cases[i].status);
        assert_int_equal(status_as(w, who, "/calendar/v3/colors"), cases[i].status);
    }
}

static void test_states_shown(void **state)
{
    struct world *w = *state;
    serve_set_operator(w->serve, "");
    struct http_answer a = ask_as(w, "homely", "/v1/status", "");
    assert_non_null(strstr(a.body, ME));
    assert_null(strstr(a.body, "team#1"));
    assert_null(strstr(a.body, "\"work\""));
    assert_null(strstr(a.body, "totals"));
    http_answer_release(&a);
    a = ask_as(w, "team", "/v1/status", ""); /* of both accounts, but not of all their calendars */
    assert_non_null(strstr(a.body, "team#1"));
    assert_null(strstr(a.body, ME));
    http_answer_release(&a);
    a = ask_as(w, "homely", "/", "");
    assert_non_null(strstr(a.body, ME));
    assert_null(strstr(a.body, "team#1"));
    http_answer_release(&a);
    a = ask_as(w, "boss", "/v1/clients", "");
    assert_non_null(strstr(a.body, "\"busy\""));
    assert_null(strstr(a.body, "sha256"));
    http_answer_release(&a);
}

static void test_origins(void **state)
{
    struct world *w = *state;
    char origin[256];
    static const struct {
        const char *who;
        unsigned status;
    } cases[] = {{"own", 200}, {"homely", 403}, {NULL, 401}};
    for (size_t i = 0; i < 3; i++) {
        struct http_answer a = ask_as(w, cases[i].who, EV, "Origin: " BOARD "\r\n");
        assert_int_equal(a.status, cases[i].status);
        (void)http_answer_header(&a, "Access-Control-Allow-Origin", origin);
        assert_string_equal(origin, cases[i].status == 403 ? "" : BOARD);
        http_answer_release(&a);
    }
    struct http_answer a;
    for (int turn = 0; turn < 9; turn++) { /* from memory, too */
        static const char *const pages[][2] = {
            {"", ""}, {"Origin: " BOARD "\r\n", BOARD}, {"Origin: " WALL "\r\n", WALL}};
        a = ask_as(w, "own", EV, pages[turn % 3][0]);
        assert_string_equal(http_answer_header(&a, "Access-Control-Allow-Origin", origin),
                            pages[turn % 3][1]);
        http_answer_release(&a);
    }
    a = http_ask(w->port, "OPTIONS", EV,
                 "Origin: " BOARD "\r\nAccess-Control-Request-Method: GET\r\n", "");
    assert_int_equal(a.status, 204);
    http_answer_release(&a);
    a = http_ask(w->port, "OPTIONS", EV, "Origin: https://evil.example\r\n", "");
    assert_int_equal(a.status, 403);
    http_answer_release(&a);
}

/* What a reload takes away is gone at once, also from memory. */
static void test_reload(void **state)
{
    struct world *w = *state;
    struct buf options = {0};
    for (int i = 0; i < 4; i++)
        assert_int_equal(status_as(w, "busy", EV), 200);
    write_clients(&options, 2);
    struct conf *fewer = world_conf(w->f.dir, buf_text(&options));
    serve_reload(w->serve, fewer);
    assert_int_equal(status_as(w, "busy", EV), 401);
    assert_int_equal(status_as(w, "homely", EV), 200);
    struct conf *open = world_conf(w->f.dir, "");
    serve_reload(w->serve, open);
    assert_int_equal(status_as(w, NULL, EV), 200);
    serve_reload(w->serve, w->conf);
    assert_int_equal(status_as(w, NULL, EV), 401);
    conf_free(fewer);
    conf_free(open);
    buf_release(&options);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_who_sees_what),
        TEST(test_unseen_is_unknown),
        TEST(test_places_of_a_token),
        TEST(test_busy_times_alone),
        TEST(test_what_a_veil_leaves),
        TEST(test_nothing_crosses),
        TEST(test_page_tokens_hold_no_tokens),
        TEST(test_parts_of_a_batch),
        TEST(test_grants),
        TEST(test_what_is_of_no_calendar),
        TEST(test_states_shown),
        TEST(test_origins),
        TEST(test_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
