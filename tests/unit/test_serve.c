/* test_serve: the local API over HTTP: routes, the door, lists and their tokens, errors, status,
 * resync. */
#include "tests/unit/serve_fixture.h"

static void test_calendars(void **state)
{
    struct world *w = *state;
    char text[2048];
    world_item(w, &w->roster, "a", "{\"id\":\"a\",\"accessRole\":\"reader\",\"hidden\":true}",
               false);
    world_item(w, &w->roster, "b", "{\"id\":\"b\",\"accessRole\":\"freeBusyReader\"}", false);
    world_item(w, &w->roster, "c", "{\"id\":\"c\",\"deleted\":true}", true);
    world_item(w, &w->roster, "hidden-by-config", "{\"id\":\"hidden-by-config\"}", false);
#define LIST "/calendar/v3/users/me/calendarList"
    expect_ids(w, LIST, "b " ME);
    expect_ids(w, LIST "?showHidden=true", "a b " ME);
    expect_ids(w, LIST "?showDeleted=true", "b c " ME);
    expect_ids(w, LIST "?minAccessRole=reader", ME);
    expect_ids(w, LIST "?minAccessRole=reader&showHidden=1", "a " ME);
    expect_error(w, 400, "invalidParameter", LIST "?minAccessRole=chief");

    struct http_answer a = get(w, 200, LIST "?maxResults=1&prettyPrint=false");
    assert_string_equal(ids_of(&a), "b");
    assert_non_null(strstr(a.body, "{\"kind\":\"calendar#calendarList\",\"etag\":\"\\\"p"));
    struct buf next = {0};
    buf_printf(&next, LIST "?pageToken=%s", member(&a, "nextPageToken", text));
    assert_string_equal(member(&a, "nextSyncToken", text), "");
    http_answer_release(&a);
    a = get(w, 200, buf_text(&next));
    assert_string_equal(ids_of(&a), ME);
    buf_reset(&next);
    buf_printf(&next, LIST "?syncToken=%s", member(&a, "nextSyncToken", text));
    http_answer_release(&a);

    expect_ids(w, buf_text(&next), "");
    world_item(w, &w->roster, "a", "{\"id\":\"a\",\"hidden\":true,\"summary\":\"new\"}", false);
    world_item(w, &w->roster, "b", "{\"id\":\"b\",\"deleted\":true}", true);
    expect_ids(w, buf_text(&next), "a b");
    expect_pages(w, buf_text(&next), 1, "a|b", NULL);
    size_t n = next.n;
    static const struct {
        const char *with;
        bool allowed;
    } restrictions[] = {
        {"minAccessRole=owner", false}, {"showDeleted=false", false}, {"showDeleted=true", true},
        {"showHidden=false", false},    {"showHidden=true", true},
    };
    for (size_t i = 0; i < sizeof restrictions / sizeof *restrictions; i++) {
        buf_printf(&next, "&%s", restrictions[i].with);
        if (restrictions[i].allowed)
            expect_ids(w, buf_text(&next), "a b");
        else
            expect_error(w, 400, "badRequest", buf_text(&next));
        next.n = n;
    }
    buf_release(&next);

    a = get(w, 200, LIST "/primary");
    assert_string_equal(member(&a, "id", text), ME);
    http_answer_release(&a);
    a = get(w, 200, "/calendar/v3/calendars/team%231%2fa%20b%40group.calendar.google.com");
    assert_string_equal(member(&a, "id", text), GROUP);
    assert_string_equal(member(&a, "kind", text), "calendar#calendar");
    assert_string_equal(member(&a, "accessRole", text), "");
    http_answer_release(&a);
    expect_error(w, 404, "notFound", LIST "/nobody%40example.com");
#undef LIST
}

/* Each role may see more than those before it; a role that is none of them is less than all. */
static void test_roles_in_order(void **state)
{
    static const char *const roles[] = {"freeBusyReader", "reader", "writerWithoutPrivateAccess",
                                        "writer"};
    enum { ROLES = sizeof roles / sizeof *roles };
    struct world *w = *state;
    char entry[128], path[128], want[64];
    for (int i = 0; i < ROLES; i++) {
        const char id[] = {(char)('a' + i), '\0'};
        snprintf(entry, sizeof entry, "{\"id\":\"%s\",\"accessRole\":\"%s\"}", id, roles[i]);
        world_item(w, &w->roster, id, entry, false);
    }
    world_item(w, &w->roster, "e", "{\"id\":\"e\",\"accessRole\":\"none\"}", false);
    for (int least = 0; least < ROLES; least++) {
        size_t n = 0;
        for (int i = least; i < ROLES; i++)
            n += (size_t)snprintf(want + n, sizeof want - n, "%c ", 'a' + i);
        snprintf(want + n, sizeof want - n, "%s", ME);
        snprintf(path, sizeof path, "/calendar/v3/users/me/calendarList?minAccessRole=%s",
                 roles[least]);
        expect_ids(w, path, want);
    }
}

static void test_windows(void **state)
{
    struct world *w = *state;
    world_timed(w, "early", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    world_timed(w, "long", "2025-11-01T00:00:00", "2026-03-01T00:00:00", "");
    world_timed(w, "late", "2026-01-07T09:00:00", "2026-01-07T10:00:00", "");
    world_timed(w, "point", "2026-01-06T12:00:00", "2026-01-06T12:00:00", "");
    world_day(w, "day", "2026-01-06", "2026-01-07", "");
    world_timed(w, "weekly", "2025-12-02T08:00:00", "2025-12-02T09:00:00",
                ",\"recurrence\":[\"RRULE:FREQ=WEEKLY;UNTIL=20260120T000000Z\"]");
#define WIN(a, b) EV "?timeMin=2026-01-" a "&timeMax=2026-01-" b
    expect_ids(w, WIN("05T00:00:00%2B01:00", "06T00:00:00%2B01:00"), "long early");
    /* Bounds are exclusive. */
    expect_ids(w, WIN("05T10:00:00%2B01:00", "05T11:00:00%2B01:00"), "long");
    expect_ids(w, WIN("05T09:59:59%2B01:00", "05T11:00:00%2B01:00"), "long early");
    expect_ids(w, WIN("05T08:00:00%2B01:00", "05T09:00:00%2B01:00"), "long");
    expect_ids(w, WIN("05T08:00:00%2B01:00", "05T09:00:01%2B01:00"), "long early");
    /* Parts of seconds do not count. */
    expect_ids(w, WIN("05T08:00:00%2B01:00", "05T09:00:00.999%2B01:00"), "long");
    /* Days are the calendar's, and the series is there when one of its instances is. */
    expect_ids(w, WIN("05T23:00:00Z", "06T22:59:59Z"), "long day point weekly");
    expect_ids(w, WIN("06T23:00:00Z", "07T07:00:00Z"), "long");
    expect_ids(w, WIN("06T22:59:59Z", "07T07:00:00Z"), "long day");
    expect_ids(w, WIN("20T00:00:00Z", "21T00:00:00Z"), "long");
    expect_ids(w, EV "?timeMin=2026-01-20T00:00:00Z", "long");
    expect_ids(w, EV "?timeMax=2025-12-01T00:00:00Z", "long");
    expect_ids(w, EV "?timeMax=2025-12-03T00:00:00Z", "long weekly");
    expect_ids(w, EV, "day early late long point weekly");
    expect_ids(w, EV "?iCalUID=late%40x", "late");
    expect_ids(w, EV "?iCalUID=late%40x&timeMin=2026-02-01T00:00:00Z", "");
    expect_error(w, 400, "timeRangeEmpty", WIN("06T00:00:00Z", "06T00:00:00.5Z"));
    expect_error(w, 400, "badRequest", EV "?timeMin=2026-01-06T00:00:00");
    expect_error(w, 400, "badRequest", EV "?timeMin=2026-01-06");
    expect_error(w, 400, "badRequest", EV "?updatedMin=x");
    expect_error(w, 400, "badRequest", EV "?orderBy=startTime");
    expect_error(w, 400, "invalidParameter", EV "?orderBy=id");
    expect_error(w, 400, "invalidParameter", EV "?maxResults=0");
    expect_error(w, 400, "invalidParameter", EV "?maxResults=many");
    expect_error(w, 400, "invalidParameter", EV "?showDeleted=perhaps");
    expect_error(w, 400, "invalid", EV "?timeZone=Mars/Olympus");
#undef WIN
}

/* An edge where midnight does not exist: Santiago's clocks go from 24:00 to 01:00. */
static void test_days_without_midnight(void **state)
{
    struct world *w = *state;
    (void)snprintf(w->me.zone, sizeof(w->me.zone), "America/Santiago");
    world_day(w, "before", "2025-09-06", "2025-09-07", "");
    world_day(w, "spring", "2025-09-07", "2025-09-08", "");
    /* The day begins at 04:00Z, which is 01:00 on the clock. */
    expect_ids(w, EV "?timeMin=2025-09-06T05:00:00Z&timeMax=2025-09-07T04:00:00Z", "before");
    expect_ids(w, EV "?timeMin=2025-09-06T05:00:00Z&timeMax=2025-09-07T04:00:01Z", "before spring");
    expect_ids(w, EV "?timeMin=2025-09-07T04:00:00Z&timeMax=2025-09-07T05:00:00Z", "spring");
    expect_ids(w, EV "?timeMin=2025-09-07T03:59:59Z&timeMax=2025-09-07T05:00:00Z", "before spring");
}

static void test_deleted(void **state)
{
    struct world *w = *state;
    world_timed(w, "s", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
                ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=5\"]");
    world_event(
        w, &w->me,
        "{\"kind\":\"calendar#event\",\"id\":\"s_20260106T080000Z\",\"status\":\"cancelled\","
        "\"recurringEventId\":\"s\",\"originalStartTime\":"
        "{\"dateTime\":\"2026-01-06T09:00:00+01:00\"}}");
    world_event(
        w, &w->me,
        "{\"kind\":\"calendar#event\",\"id\":\"gone_20260106T080000Z\",\"status\":\"cancelled\","
        "\"recurringEventId\":\"gone\",\"originalStartTime\":"
        "{\"dateTime\":\"2026-01-06T09:00:00+01:00\"}}");
    world_event(w, &w->me, "{\"kind\":\"calendar#event\",\"id\":\"x\",\"status\":\"cancelled\"}");
    /* Holes of living series are always shown, other deleted things on demand. */
    expect_ids(w, EV, "s s_20260106T080000Z");
    expect_ids(w, EV "?showDeleted=true", "gone_20260106T080000Z s s_20260106T080000Z x");
    expect_ids(w, EV "?timeMin=2026-01-06T00:00:00Z&timeMax=2026-01-07T00:00:00Z",
               "s_20260106T080000Z s");
    char text[2048];
    struct http_answer a = get(w, 200, EV "/x");
    assert_string_equal(member(&a, "status", text), "cancelled");
    http_answer_release(&a);
    expect_error(w, 404, "notFound", EV "/nothing");
    /* The holes of a series go with it. */
    world_event(w, &w->me, "{\"kind\":\"calendar#event\",\"id\":\"s\",\"status\":\"cancelled\"}");
    expect_ids(w, EV, "");
}

/* Pages of 7 over 100 events, while others are added and removed: nothing that stays is lost or
 * doubled. */
static void walk_pages(struct world *w, const char *query)
{
    char text[2048];
    bool seen[100] = {0};
    struct buf target = {0};
    for (int i = 0; i < 100; i++) {
        char id[16], start[32], end[32];
        (void)snprintf(id, sizeof(id), "e%02d", i);
        (void)snprintf(start, sizeof(start), "2026-01-%02dT%02d:00:00", 5 + i / 24, i % 24);
        (void)snprintf(end, sizeof(end), "2026-01-%02dT%02d:30:00", 5 + i / 24, i % 24);
        world_timed(w, id, start, end, "");
    }
    buf_printf(&target, EV "?maxResults=7%s", query);
    for (int page = 0; page < 40; page++) {
        struct http_answer a = get(w, 200, buf_text(&target));
        struct json_iter it = json_iter(json_get(span_of(a.body), "items"));
        struct span item;
        int n = 0;
        for (; json_next(&it, NULL, &item); n++) {
            char id[16];
            assert_true(json_string_copy(json_get(item, "id"), id, sizeof(id)));
            if (id[0] != 'e')
                continue;
            assert_false(seen[atoi(id + 1)]);
            seen[atoi(id + 1)] = true;
        }
        assert_true(n <= 7);
        char id[16];
        (void)snprintf(id, sizeof(id), "new%d", page);
        world_timed(w, id, "2026-01-06T11:11:11", "2026-01-06T12:00:00", "");
        if (page == 3)
            world_remove(w, &w->me, "new0");
        (void)member(&a, "nextPageToken", text);
        http_answer_release(&a);
        if (!text[0])
            break;
        buf_reset(&target);
        buf_printf(&target, EV "?maxResults=7&pageToken=%s", text);
    }
    for (int i = 0; i < 100; i++)
        assert_true(seen[i]);
    buf_release(&target);
}

static void test_pages_by_id(void **state)
{
    walk_pages(*state, "");
}

static void test_pages_by_time(void **state)
{
    walk_pages(*state, "&timeMin=2026-01-01T00:00:00Z&timeMax=2026-02-01T00:00:00Z");
}

static void test_pages_by_updated(void **state)
{
    walk_pages(*state, "&orderBy=updated");
}

static void test_page_tokens(void **state)
{
    struct world *w = *state;
    char text[2048];
    world_timed(w, "a", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    world_timed(w, "b", "2026-01-06T09:00:00", "2026-01-06T10:00:00", "");
    world_timed(w, "c", "2026-02-06T09:00:00", "2026-02-06T10:00:00", "");
    struct http_answer a =
        get(w, 200,
            EV "?maxResults=1&timeMin=2026-01-01T00:00:00%2B01:00&timeMax=2026-02-01T00:00:00Z");
    assert_string_equal(ids_of(&a), "a");
    struct buf next = {0};
    buf_printf(&next, EV "?pageToken=%s", member(&a, "nextPageToken", text));
    http_answer_release(&a);
    expect_ids(w, buf_text(&next), "b"); /* the window came along */

    serve_stop(w->serve);
    serve_free(w->serve);
    world_start(w);
    expect_ids(w, buf_text(&next), "b"); /* and outlives a restart */

    buf_reset(&next);
    buf_printf(&next, "/calendar/v3/calendars/%s/events?pageToken=%s",
               "team%231%2Fa%20b@group.calendar.google.com", text);
    expect_error(w, 400, "invalid", buf_text(&next)); /* of another calendar */
    expect_error(w, 400, "invalid", EV "?pageToken=abc");
    buf_release(&next);
}

/* A client that follows the sync tokens ends with what a full listing shows. */
static void test_sync_tokens(void **state)
{
    struct world *w = *state;
    char text[2048];
    struct buf next = {0};
    world_timed(w, "a", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    world_timed(w, "b", "2026-01-06T09:00:00", "2026-01-06T10:00:00", "");
    struct http_answer a = get(w, 200, EV "?timeMin=2026-01-01T00:00:00Z");
    buf_printf(&next, EV "?syncToken=%s", member(&a, "nextSyncToken", text));
    http_answer_release(&a);
    expect_ids(w, buf_text(&next), "");

    world_timed(w, "b", "2026-01-06T09:00:00", "2026-01-06T11:00:00", "");
    world_remove(w, &w->me, "a");
    world_event(w, &w->me, "{\"id\":\"c\",\"status\":\"cancelled\"}");
    expect_pages(w, buf_text(&next), 1, "b|a|c", text);
    a = get(w, 200, buf_text(&next));
    assert_string_equal(ids_of(&a), "b a c");
    assert_non_null(strstr(a.body, "\"status\": \"cancelled\""));
    http_answer_release(&a);
    buf_add_text(&next, "&showDeleted=true");
    expect_ids(w, buf_text(&next), "b a c");
    buf_reset(&next);
    buf_printf(&next, EV "?syncToken=%s", text);
    expect_ids(w, buf_text(&next), "");

    static const char *const forbidden[] = {"timeMin=2026-01-01T00:00:00Z",
                                            "timeMax=2026-01-01T00:00:00Z",
                                            "q=x",
                                            "iCalUID=x",
                                            "orderBy=updated",
                                            "updatedMin=2026-01-01T00:00:00Z",
                                            "showDeleted=false",
                                            "privateExtendedProperty=a%3Db",
                                            "sharedExtendedProperty=a%3Db"};
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
        struct buf with = {0};
        buf_printf(&with, "%s&%s", buf_text(&next), forbidden[i]);
        expect_error(w, 400, "badRequest", buf_text(&with));
        buf_release(&with);
    }
    expect_error(w, 400, "invalid", EV "?syncToken=CPDAlvWDx70CEPDAlvWDx70CGAU%3D");

    /* Rows that a client has not seen were dropped from the log. */
    world_remove(w, &w->me, "b");
    struct txn *t = begin_write(w->f.store);
    assert_true(changes_prune(t, &w->me, INT64_MAX, 1000) > 0);
    coll_put(t, &w->me);
    commit(t);
    expect_error(w, 410, "fullSyncRequired", buf_text(&next));
    buf_release(&next);

    for (const char *const *p = (const char *const[]){"orderBy=updated", "q=x", "iCalUID=x", NULL};
         *p; p++) {
        struct buf with = {0};
        buf_printf(&with, EV "?%s", *p);
        a = get(w, 200, buf_text(&with));
        assert_string_equal(member(&a, "nextSyncToken", text), "");
        http_answer_release(&a);
        buf_release(&with);
    }
}

static void test_rendering(void **state)
{
    struct world *w = *state;
    char text[2048];
    static const char raw[] =
        "{\"id\":\"r\",\"status\":\"confirmed\",\"summary\":\"caf\xc3\xa9 \\\"x\\\"\",\"start\":"
        "{\"dateTime\":\"2026-03-28T23:30:00+01:00\",\"timeZone\":\"America/New_York\"},\"end\":"
        "{\"dateTime\":\"2026-03-29T03:30:00+02:00\",\"timeZone\":\"America/New_York\"},"
        "\"originalStartTime\":{\"dateTime\":\"2026-03-28T22:30:00+01:00\"},"
        "\"x\":{\"start\":{\"dateTime\":\"2026-03-28T22:30:00+01:00\"}}}";
    world_event(w, &w->me, raw);
    struct http_answer a = get(w, 200, EV "/r?prettyPrint=false");
    assert_string_equal(a.body, raw);
    http_answer_release(&a);

    a = get(w, 200, EV "/r?prettyPrint=false&timeZone=Asia/Kolkata");
    assert_string_equal(
        a.body,
        "{\"id\":\"r\",\"status\":\"confirmed\",\"summary\":\"caf\xc3\xa9 \\\"x\\\"\",\"start\":"
        "{\"dateTime\":\"2026-03-29T04:00:00+05:30\",\"timeZone\":\"America/New_York\"},\"end\":"
        "{\"dateTime\":\"2026-03-29T07:00:00+05:30\",\"timeZone\":\"America/New_York\"},"
        "\"originalStartTime\":{\"dateTime\":\"2026-03-29T03:00:00+05:30\"},"
        "\"x\":{\"start\":{\"dateTime\":\"2026-03-28T22:30:00+01:00\"}}}");
    http_answer_release(&a);

    a = get(w, 200, EV "?timeZone=UTC");
    assert_non_null(strstr(a.body, "\"dateTime\": \"2026-03-28T22:30:00Z\""));
    assert_string_equal(member(&a, "timeZone", text), ZONE);
    assert_string_equal(member(&a, "summary", text), "Mine");
    assert_string_equal(member(&a, "accessRole", text), "owner");
    assert_string_equal(member(&a, "kind", text), "calendar#events");
    const char *kind = strstr(a.body, "calendar#events");
    assert_null(strstr(kind + 1, "calendar#events")); /* each member once */
    http_answer_release(&a);
}

static void test_validators(void **state)
{
    struct world *w = *state;
    char etag[256], text[256], header[512];
    world_timed(w, "a", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    struct http_answer a = get(w, 200, EV);
    (void)http_answer_header(&a, "ETag", etag);
    assert_int_equal(etag[0], '"');
    assert_string_equal(http_answer_header(&a, "Cache-Control", text), "private, no-cache");
    assert_string_equal(http_answer_header(&a, "Content-Type", text),
                        "application/json; charset=UTF-8");
    assert_string_equal(http_answer_header(&a, "Vary", text), "Accept-Encoding");
    assert_int_equal(
        strncmp(http_answer_header(&a, "Cache-Status", text), "calmirror; hit; ttl=11", 22), 0);
    assert_in_range(atoi(http_answer_header(&a, "Age", text)), 3, 20);
    assert_true(http_answer_header(&a, "Last-Modified", text)[0]);
    assert_string_equal(member(&a, "etag", (char[2048]){0}), etag);
    http_answer_release(&a);

    (void)snprintf(header, sizeof(header), "If-None-Match: \"x\", W/%s\r\n", etag);
    a = http_ask(w->port, "GET", EV, header, "");
    assert_int_equal(a.status, 304);
    assert_int_equal(a.n, 0);
    assert_string_equal(http_answer_header(&a, "ETag", text), etag);
    http_answer_release(&a);
    a = http_ask(w->port, "GET", EV "?timeZone=UTC", header, "");
    assert_int_equal(a.status, 200); /* another query */
    http_answer_release(&a);
    world_timed(w, "b", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    a = http_ask(w->port, "GET", EV, header, "");
    assert_int_equal(a.status, 200);
    http_answer_release(&a);
    a = http_ask(w->port, "HEAD", EV, "", "");
    assert_int_equal(a.status, 200);
    assert_true(atoi(http_answer_header(&a, "Content-Length", text)) > 100);
    http_answer_release(&a);
}

static void test_gzip(void **state)
{
    struct world *w = *state;
    char text[256];
    for (int i = 0; i < 20; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "e%d", i);
        world_timed(w, id, "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    }
    struct http_answer plain = get(w, 200, EV);
    struct http_answer a = http_ask(w->port, "GET", EV, "Accept-Encoding: br, gzip;q=0.5\r\n", "");
    assert_string_equal(http_answer_header(&a, "Content-Encoding", text), "gzip");
    assert_true(a.n * 3 < plain.n);
    assert_memory_equal(a.body, "\x1f\x8b\x08", 3);
    http_answer_release(&a);
    a = http_ask(w->port, "GET", EV, "Accept-Encoding: br, gzip;q=0\r\n", "");
    assert_string_equal(http_answer_header(&a, "Content-Encoding", text), "");
    assert_string_equal(a.body, plain.body);
    http_answer_release(&a);
    http_answer_release(&plain);
}

static void test_errors(void **state)
{
    struct world *w = *state;
    static const struct {
        unsigned status;
        const char *reason, *target;
    } cases[] = {
        {404, "notFound", "/nothing"},
        {404, "notFound", "/calendar/v3"},
        {404, "notFound", "/calendar/v3/calendars//events"},
        {404, "notFound", "/calendar/v3/calendars/nobody/events"},
        {404, "notFound", "/calendar/v3/users/you/calendarList"},
        {404, "notFound", EV "//"},
        {400, "invalid", "/calendar/v3/calendars/%zz/events"},
        {400, "invalid", "/calendar/v3/calendars/%ff/events"},
        {400, "badRequest", EV "?timeMin=%zz"},
        {405, "httpMethodNotAllowed", "/v1/resync"},
        {200, NULL, EV "?unknown=1&%24.xgafv=2&key=x&quotaUser=y&alt=json&access_token=z"},
        {400, "invalidParameter", EV "?alt=xml"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (cases[i].reason)
            expect_error(w, cases[i].status, cases[i].reason, cases[i].target);
        else
            expect_ids(w, cases[i].target, "");

    struct http_answer a = http_ask(w->port, "POST", EV, "", "{}");
    assert_int_equal(a.status, 501);
    http_answer_release(&a);
    a = http_ask(w->port, "POST", EV "/x", "X-HTTP-Method-Override: PATCH\r\n", "{}");
    assert_int_equal(a.status, 501);
    http_answer_release(&a);
    a = http_ask(w->port, "DELETE", "/v1/status", "", "");
    char text[256];
    assert_int_equal(a.status, 405);
    assert_string_equal(http_answer_header(&a, "Allow", text), "GET, HEAD, OPTIONS");
    http_answer_release(&a);

    struct buf big = {0};
    buf_add_text(&big, EV "?q=");
    for (int i = 0; i < 10000; i++)
        buf_add_char(&big, 'q');
    expect_error(w, 414, "badRequest", buf_text(&big));
    buf_release(&big);
}

/* A calendar that has not been listed is not an empty one. */
static void test_not_ready(void **state)
{
    struct world *w = *state;
    char text[256];
    (void)world_coll(w, w->home, COLL_EVENTS, "new", COLL_NEW);
    (void)world_coll(w, w->home, COLL_EVENTS, "old", COLL_GONE);
    struct http_answer a = get(w, 503, "/calendar/v3/calendars/new/events");
    assert_true(http_answer_header(&a, "Retry-After", text)[0]);
    http_answer_release(&a);
    expect_error(w, 404, "notFound", "/calendar/v3/calendars/old/events");
}

static void test_many_connections(void **state)
{
    struct world *w = *state;
    static const unsigned counts[] = {32, 128, 256, 512, 1024};
    static struct http_client c[1024];
    for (int i = 0; i < 14; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "e%d", i);
        world_timed(w, id, "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    }
    for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
        for (unsigned i = 0; i < counts[k]; i++)
            assert_true(http_connect(&c[i], w->port));
        for (int round = 0; round < 3; round++) {
            for (unsigned i = 0; i < counts[k]; i++)
                assert_true(
                    http_send_text(&c[i], "GET " EV " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
            for (unsigned i = 0; i < counts[k]; i++) {
                struct http_answer a = {0};
                assert_true(http_receive(&c[i], &a, false));
                assert_int_equal(a.status, 200);
                http_answer_release(&a);
            }
        }
        for (unsigned i = 0; i < counts[k]; i++)
            http_close(&c[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_calendars),     WORLD(test_roles_in_order),
        WORLD(test_windows),       WORLD(test_days_without_midnight),
        WORLD(test_deleted),       WORLD(test_pages_by_id),
        WORLD(test_pages_by_time), WORLD(test_pages_by_updated),
        WORLD(test_page_tokens),   WORLD(test_sync_tokens),
        WORLD(test_rendering),     WORLD(test_validators),
        WORLD(test_gzip),          WORLD(test_errors),
        WORLD(test_not_ready),     WORLD(test_many_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
