/* test_serve_ics: what a feed says of events and series, its lines and zones, its validators. */
#include <poll.h>

#include "tests/unit/ics_fixture.h"

static void test_single(void **state)
{
    struct world *w = *state;
    world_timed(
        w, "one", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
        ",\"created\":\"2025-12-24T10:00:00.500Z\",\"sequence\":3,\"location\":\"Room 1; left\","
        "\"htmlLink\":\"https://example.com/e?a=b;c,d\",\"visibility\":\"private\","
        "\"description\":\"one,\\r\\ntwo\\\\\\u0000\\u0007\",\"organizer\":{\"email\":\"o@x\"},"
        "\"attendees\":[{\"email\":\"a@x\",\"displayName\":\"A, \\\"B\\\"\",\"optional\":true,"
        "\"responseStatus\":\"declined\",\"additionalGuests\":2},{\"displayName\":\"no address\"},"
        "{\"email\":\"room@x\",\"resource\":true,\"responseStatus\":\"accepted\"}],"
        "\"attachments\":[{\"fileUrl\":\"https://f/1\",\"title\":\"F\",\"mimeType\":\"a/b\"}],"
        "\"conferenceData\":{\"entryPoints\":[{\"entryPointType\":\"phone\",\"uri\":\"tel:+1\"},"
        "{\"entryPointType\":\"video\",\"uri\":\"https://meet/x\"}]},"
        "\"reminders\":{\"useDefault\":false,\"overrides\":[{\"method\":\"popup\",\"minutes\":1500}"
        ","
        "{\"method\":\"email\",\"minutes\":5}]}");
    world_day(w, "day", "2026-03-28", "2026-03-30", ",\"transparency\":\"transparent\"");
    world_timed(w, "gone", "2026-01-06T09:00:00", "2026-01-06T10:00:00",
                ",\"status\":\"cancelled\"");
    world_timed(w, "point", "2026-01-06T09:00:00", "2026-01-06T09:00:00", "");
    char *text = feed(w, FEED);
    has(text, "BEGIN:VCALENDAR\nVERSION:2.0\n");
    has(text, "\nX-WR-CALNAME:Mine\n");
    has(text, "\nX-WR-TIMEZONE:Europe/Berlin\n");
    has(text, "\nBEGIN:VEVENT\nUID:one@x\nDTSTAMP:20260101T000000Z\n"
              "DTSTART:20260105T080000Z\nDTEND:20260105T090000Z\nSUMMARY:one\n"
              "DESCRIPTION:one\\,\\ntwo\\\\\\n\\nhttps://meet/x\nLOCATION:Room 1\\; left\n"
              "STATUS:CONFIRMED\nCLASS:PRIVATE\nTRANSP:OPAQUE\nCREATED:20251224T100000Z\n"
              "LAST-MODIFIED:20260101T000000Z\nSEQUENCE:3\nURL:https://example.com/e?a=b;c,d\n"
              "ATTACH;FMTTYPE=a/b;FILENAME=F:https://f/1\n"
              "X-GOOGLE-CONFERENCE:https://meet/x\n"
              "CONFERENCE;VALUE=URI;FEATURE=PHONE:tel:+1\n"
              "CONFERENCE;VALUE=URI;FEATURE=\"AUDIO,VIDEO\":https://meet/x\n"
              "ORGANIZER:mailto:o@x\n"
              "ATTENDEE;CN=\"A, ^'B^'\";CUTYPE=INDIVIDUAL;ROLE=OPT-PARTICIPANT;PARTSTAT=DECLINED;"
              "X-NUM-GUESTS=2:mailto:a@x\n"
              "ATTENDEE;CUTYPE=RESOURCE;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED:mailto:room@x\n"
              "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Reminder\nTRIGGER:-P1DT1H\nEND:VALARM\n"
              "END:VEVENT\n");
    has(text, "\nUID:day@google.com\nDTSTAMP:20260101T000000Z\nDTSTART;VALUE=DATE:20260328\n"
              "DTEND;VALUE=DATE:20260330\n");
    has(text, "\nTRANSP:TRANSPARENT\n");
    has(text, "\nDTSTART:20260106T080000Z\nSUMMARY:point\n");
    lacks(text, "gone");
    lacks(text, "VTIMEZONE");
    assert_int_equal(count(text, "BEGIN:VEVENT"), 3);
    free(text);
}

static void test_series(void **state)
{
    struct world *w = *state;
    world_timed(w, "s", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
                WEEKLY("\"EXDATE;TZID=America/New_York:20260119T030000\","
                       "\"RRULE:freq=weekly;UNTIL=20260630\",\"RDATE:20260107T080000Z\","
                       "\"RRULE:FREQ=NONSENSE\",\"EXDATE;VALUE=DATE:20260202\""));
    world_event(w, &w->me,
                CHANGED("s", "2026-01-12T09:00:00+01:00",
                        "\"start\":{\"dateTime\":\"2026-01-12T11:00:00+01:00\"},"
                        "\"end\":{\"dateTime\":\"2026-01-12T12:00:00+01:00\"}"));
    world_event(
        w, &w->me,
        "{\"id\":\"s_20260126T080000Z\",\"status\":\"cancelled\",\"recurringEventId\":\"s\","
        "\"originalStartTime\":{\"dateTime\":\"2026-01-26T09:00:00+01:00\"}}");
    /* Beside the rule, and there all the same. */
    world_event(w, &w->me,
                "{\"id\":\"s_20260213T080000Z\",\"recurringEventId\":\"s\",\"originalStartTime\":{"
                "\"dateTime\":\"2026-02-13T09:00:00+01:00\"},"
                "\"start\":{\"dateTime\":\"2026-02-13T11:00:00+01:00\"},"
                "\"end\":{\"dateTime\":\"2026-02-13T12:00:00+01:00\"}}");
    /* Of a series that is not here. */
    world_event(w, &w->me,
                CHANGED("nobody", "2026-01-14T09:00:00+01:00",
                        "\"start\":{\"dateTime\":\"2026-01-14T11:00:00+01:00\"},"
                        "\"end\":{\"dateTime\":\"2026-01-14T12:00:00+01:00\"}"));
    char *text = feed(w, FEED);
    has(text, "\nUID:s@x\nDTSTAMP:20260101T000000Z\nDTSTART;TZID=Europe/Berlin:20260105T090000\n"
              "DTEND;TZID=Europe/Berlin:20260105T100000\n"
              "RRULE:FREQ=WEEKLY;UNTIL=20260630T215959Z\n"
              "RDATE;TZID=Europe/Berlin:20260107T090000\n"
              "RDATE;TZID=Europe/Berlin:20260213T090000\n"
              "EXDATE;TZID=Europe/Berlin:20260119T090000\n"
              "EXDATE;TZID=Europe/Berlin:20260126T090000\n"
              "EXDATE;TZID=Europe/Berlin:20260202T090000\n"
              "SUMMARY:s\n");
    has(text,
        "UID:s@x\nDTSTAMP:19700101T000000Z\nRECURRENCE-ID;TZID=Europe/Berlin:20260112T090000\n"
        "DTSTART;TZID=Europe/Berlin:20260112T110000\n"
        "DTEND;TZID=Europe/Berlin:20260112T120000\n");
    has(text, "UID:other@x\nDTSTAMP:19700101T000000Z\nRECURRENCE-ID:20260114T080000Z\n"
              "DTSTART:20260114T100000Z\n");
    lacks(text, "NONSENSE");
    /* Of either kind there is an onset before anything else. */
    has(text, "\nBEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:DAYLIGHT\n"
              "TZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nTZNAME:CEST\nDTSTART:20250330T020000\n"
              "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nEND:DAYLIGHT\nBEGIN:STANDARD\n"
              "TZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nTZNAME:CET\nDTSTART:20251026T030000\n"
              "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nEND:STANDARD\nEND:VTIMEZONE\n");
    assert_int_equal(count(text, "BEGIN:VTIMEZONE"), 1);
    assert_int_equal(count(text, "BEGIN:VEVENT"), 4);
    free(text);
}

/* What programs would read differently is said so that they cannot. */
static void test_rules(void **state)
{
    struct world *w = *state;
    /* The start, a Monday, is not of the rule: it is the first of three. */
    series(w, "off", AT("2026-01-05T09:00:00Z"), AT("2026-01-05T10:00:00Z"),
           ",\"timeZone\":\"Asia/Tokyo\"", "\"RRULE:FREQ=WEEKLY;BYDAY=WE;COUNT=3\"");
    series(w, "both", AT("2026-01-05T09:00:00Z"), AT("2026-01-05T10:00:00Z"),
           ",\"timeZone\":\"Etc/UTC\"",
           "\"RRULE:FREQ=DAILY;COUNT=3;UNTIL=20260201T000000Z\",\"EXRULE:FREQ=DAILY;INTERVAL=2\"");
    series(w, "days", DATE("2026-01-05"), DATE("2026-01-06"), "",
           "\"RRULE:FREQ=DAILY;UNTIL=20260110T120000Z;BYHOUR=3\",\"EXDATE:20260107T000000Z\","
           "\"RDATE;VALUE=DATE:20260120,20260122\"");
    /* Without a zone, and with one that nobody knows: the calendar's. */
    series(w, "none", AT("2026-01-05T09:00:00Z"), AT("2026-01-05T10:00:00Z"), "",
           "\"RRULE:FREQ=DAILY;COUNT=2\",\"RDATE;VALUE=PERIOD:20260301T100000Z/PT3H\"");
    series(w, "odd", AT("2026-01-05T09:00:00Z"), AT("2026-01-05T10:00:00Z"),
           ",\"timeZone\":\"Customized Time Zone\"", "\"RRULE:FREQ=DAILY;COUNT=2\"");
    series(w, "senseless", AT("2026-13-05T09:00:00Z"), AT("2026-01-05T10:00:00Z"), "",
           "\"RRULE:FREQ=DAILY\"");
    char *text = feed(w, FEED);
    has(text, "DTSTART;TZID=Asia/Tokyo:20260105T180000\nDTEND;TZID=Asia/Tokyo:20260105T190000\n"
              "RRULE:FREQ=WEEKLY;BYDAY=WE;UNTIL=20260114T090000Z\n"
              "RDATE;TZID=Asia/Tokyo:20260105T180000\nSTATUS");
    has(text, "DTSTART:20260105T090000Z\nDTEND:20260105T100000Z\n"
              "RRULE:FREQ=DAILY;UNTIL=20260107T090000Z\n"
              "EXDATE:20260105T090000Z\nEXDATE:20260107T090000Z\nSTATUS");
    has(text, "DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260106\n"
              "RRULE:FREQ=DAILY;UNTIL=20260110\n"
              "RDATE;VALUE=DATE:20260120\nRDATE;VALUE=DATE:20260122\n"
              "EXDATE;VALUE=DATE:20260107\nSTATUS");
    has(text, "UID:none@x\nDTSTAMP:20260101T000000Z\nDTSTART;TZID=Europe/Berlin:20260105T100000\n"
              "DTEND;TZID=Europe/Berlin:20260105T110000\nRRULE:FREQ=DAILY;COUNT=2\n"
              "RDATE;TZID=Europe/Berlin:20260301T110000\nSTATUS");
    has(text, "RECURRENCE-ID;TZID=Europe/Berlin:20260301T110000\n"
              "DTSTART;TZID=Europe/Berlin:20260301T110000\n"
              "DTEND;TZID=Europe/Berlin:20260301T140000\nSTATUS");
    has(text, "UID:odd@x\nDTSTAMP:20260101T000000Z\nDTSTART;TZID=Europe/Berlin:20260105T100000\n");
    lacks(text, "senseless");
    has(text, "TZID:Asia/Tokyo\nBEGIN:STANDARD\nTZOFFSETFROM:+1000\nTZOFFSETTO:+0900\n"
              "TZNAME:JST\nDTSTART:19510909T010000\nEND:STANDARD\nEND:VTIMEZONE\n");
    assert_int_equal(count(text, "BEGIN:VTIMEZONE"), 2);
    free(text);
}

/* History before a yearly rule is listed, and nothing that is not used. */
static void test_zone_history(void **state)
{
    struct world *w = *state;
    series(w, "old", AT("2005-07-01T09:00:00Z"), AT("2005-07-01T10:00:00Z"),
           ",\"timeZone\":\"America/New_York\"", "\"RRULE:FREQ=WEEKLY;COUNT=20\"");
    char *text = feed(w, FEED);
    has(text, "BEGIN:VTIMEZONE\nTZID:America/New_York\nBEGIN:DAYLIGHT\nTZOFFSETFROM:-0500\n"
              "TZOFFSETTO:-0400\nTZNAME:EDT\nDTSTART:20050403T020000\nEND:DAYLIGHT\n"
              "BEGIN:STANDARD\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\nTZNAME:EST\n"
              "DTSTART:20051030T020000\nEND:STANDARD\nEND:VTIMEZONE\n");
    free(text);
    series(w, "old", AT("2005-07-01T09:00:00Z"), AT("2005-07-01T10:00:00Z"),
           ",\"timeZone\":\"America/New_York\"", "\"RRULE:FREQ=WEEKLY\"");
    text = feed(w, FEED);
    has(text, "DTSTART:20060402T020000\nEND:DAYLIGHT\n");
    has(text, "DTSTART:20070311T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\nEND:DAYLIGHT\n");
    free(text);
}

static void test_window(void **state)
{
    struct world *w = *state;
    world_timed(w, "jan", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    world_timed(w, "feb", "2026-02-05T09:00:00", "2026-02-05T10:00:00", "");
    world_timed(w, "weekly", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
                WEEKLY("\"RRULE:FREQ=WEEKLY;COUNT=3\""));
    char *text = feed(w, FEED "?timeMin=2026-01-01T00:00:00Z&timeMax=2026-01-31T00:00:00Z");
    has(text, "UID:jan@x");
    has(text, "UID:weekly@x");
    lacks(text, "UID:feb@x");
    free(text);
    text = feed(w, FEED "?timeMin=2026-02-01T00:00:00Z");
    has(text, "UID:feb@x");
    lacks(text, "weekly");
    free(text);
    /* Two of its instances are moved to where its rules do not reach. */
    for (int i = 2; i < 4; i++) {
        char json[512];
        (void)snprintf(json, sizeof json,
                       "{\"id\":\"w%d\",\"recurringEventId\":\"weekly\",\"originalStartTime\":{"
                       "\"dateTime\":\"2026-01-%sT09:00:00+01:00\"},"
                       "\"start\":{\"dateTime\":\"2026-02-0%dT11:00:00+01:00\"},"
                       "\"end\":{\"dateTime\":\"2026-02-0%dT12:00:00+01:00\"}}",
                       i, i == 2 ? "12" : "19", i, i);
        world_event(w, &w->me, json);
    }
    text = feed(w, FEED "?timeMin=2026-02-01T00:00:00Z");
    assert_int_equal(count(text, "UID:weekly@x"), 3); /* once, and its exceptions */
    free(text);
    expect_error(w, 400, "timeRangeEmpty",
                 FEED "?timeMin=2026-02-01T00:00:00Z&timeMax=2026-02-01T00:00:00Z");
}

static void test_busy(void **state)
{
    struct world *w = *state;
    world_timed(w, "secret", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
                ",\"location\":\"hidden\",\"reminders\":{\"useDefault\":true}");
    world_timed(w, "free", "2026-01-06T09:00:00", "2026-01-06T10:00:00",
                ",\"transparency\":\"transparent\"");
    world_timed(w, "series", "2026-01-05T12:00:00", "2026-01-05T13:00:00",
                WEEKLY("\"RRULE:FREQ=WEEKLY\""));
    world_event(w, &w->me,
                CHANGED("series", "2026-01-12T12:00:00+01:00",
                        "\"transparency\":\"transparent\",\"start\":{\"dateTime\":"
                        "\"2026-01-12T14:00:00+01:00\"},"
                        "\"end\":{\"dateTime\":\"2026-01-12T15:00:00+01:00\"}"));
    char *text = feed(w, FEED "?freeBusyOnly=true");
    assert_int_equal(count(text, "BEGIN:VEVENT"), 2);
    assert_int_equal(count(text, "\nSUMMARY:Busy\nEND:VEVENT"), 2);
    has(text, "\nEXDATE;TZID=Europe/Berlin:20260112T120000\n");
    has(text, "@calmirror\n");
    lacks(text, "secret");
    lacks(text, "hidden");
    free(text);
}

/* Whatever text comes in: it comes out whole, in lines that are short enough and whole characters,
 * and nothing in it begins a line of its own. */
static void test_any_text(void **state)
{
    struct world *w = *state;
    static const char *const pieces[] = {"a",      "\\n", ",",      ";", ":",    "\\\\",
                                         " ",      "é",   "漢",     "😀", "\\\"", "\\nEND:VEVENT\\n",
                                         "\\r\\n", "x",   "\\u2028"};
    static const char *const out[] = {"a",   "\\n", "\\,",   "\\;", ":",  "\\\\",
                                      " ",   "é",   "漢",    "😀",   "\"", "\\nEND:VEVENT\\n",
                                      "\\n", "x",   "\u2028"};
    uint64_t seed = 20260329;
    for (int i = 0; i < 60; i++) {
        struct buf json = {0}, want = {0};
        char id[16];
        (void)snprintf(id, sizeof id, "e%d", i);
        buf_add_text(&json, ",\"description\":\"");
        buf_add_text(&want, "\nDESCRIPTION:");
        for (int n = 1 + i * 4; n > 0; n--) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            size_t at = (size_t)(seed >> 33) % (sizeof pieces / sizeof pieces[0]);
            buf_add_text(&json, pieces[at]);
            buf_add_text(&want, out[at]);
        }
        buf_add_text(&json, "\",\"htmlLink\":\"https://x/\\nBEGIN:VALARM\"");
        buf_add_char(&want, '\n');
        world_timed(w, id, "2026-01-05T09:00:00", "2026-01-05T10:00:00", buf_text(&json));
        char *text = feed(w, FEED);
        has(text, buf_text(&want));
        assert_int_equal(count(text, "\nEND:VEVENT\n"), i + 1);
        lacks(text, "\nBEGIN:VALARM");
        free(text);
        buf_release(&json);
        buf_release(&want);
    }
}

static void test_http(void **state)
{
    struct world *w = *state;
    char value[256], header[300];
    world_timed(w, "one", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    struct http_answer a = http_ask(w->port, "GET", FEED, "", "");
    assert_string_equal(http_answer_header(&a, "Content-Disposition", value),
                        "attachment; filename=\"basic.ics\"");
    assert_int_equal(
        strncmp(http_answer_header(&a, "Cache-Status", value), "calmirror; hit; ttl=", 20), 0);
    (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n",
                   http_answer_header(&a, "ETag", value));
    for (int i = 0; i < 3; i++) { /* also out of the cache */
        struct http_answer again = http_ask(w->port, "GET", FEED, header, "");
        assert_int_equal(again.status, 304);
        http_answer_release(&again);
        again = http_ask(w->port, "GET", FEED, "", "");
        assert_string_equal(again.body, a.body);
        assert_string_equal(http_answer_header(&again, "Content-Disposition", value),
                            "attachment; filename=\"basic.ics\"");
        http_answer_release(&again);
    }
    struct http_answer head = http_ask(w->port, "HEAD", FEED, "", "");
    (void)snprintf(header, sizeof header, "%zu", a.n);
    assert_string_equal(http_answer_header(&head, "Content-Length", value), header);
    http_answer_release(&head);
    http_answer_release(&a);
    world_timed(w, "two", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    a = http_ask(w->port, "GET", FEED, "Accept-Encoding: gzip\r\n", "");
    assert_string_equal(http_answer_header(&a, "Content-Encoding", value), "gzip");
    http_answer_release(&a);
    free(feed(w, "/calendar/ical/me%40example.com/public/basic.ics"));
    free(feed(w, "/calendar/ical/" ME "/private-0123abcd/basic.ics"));
    free(feed(w, "/v1/calendars/primary.ics"));
    a = http_ask(w->port, "GET", "/", "", "");
    has(a.body, "<a href=\"/v1/calendars/me%40example.com.ics\">");
    http_answer_release(&a);
    expect_error(w, 404, "notFound", "/v1/calendars/nobody.ics");
    expect_error(w, 404, "notFound", "/v1/calendars/.ics");
    expect_error(w, 404, "notFound", "/v1/calendars/" ME);
    (void)world_coll(w, w->home, COLL_EVENTS, "new", COLL_NEW);
    expect_error(w, 503, "backendError", "/v1/calendars/new.ics");
    a = http_ask(w->port, "POST", FEED, "", "");
    assert_int_equal(a.status, 405);
    http_answer_release(&a);
}

static int small_setup(void **state)
{
    return world_setup_with(state, "feed_size = 128KiB\n");
}

/* SHA-256 of feed-token and busy-token. */
#define CLIENTS                                                          \
    "[client reader]\ntoken_sha256 = "                                   \
    "b40f19644925e321aeb2c2f06bd0351c61a6ff91159066ad21832164bd9b3e83\n" \
    "[client board]\ntoken_sha256 = "                                    \
    "763d1cbadb08d2f1637d54c1216e2f6b256a7af7ba63eb895dd4fc7ab19ced11\n" \
    "freebusy_only = *\n"

static int clients_setup(void **state)
{
    return world_setup_with(state, CLIENTS);
}

/* Programs that subscribe can only say who they are in the address. */
static void test_clients(void **state)
{
    struct world *w = *state;
    world_timed(w, "one", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    expect_error(w, 401, "required", FEED);
    expect_error(w, 401, "required", "/calendar/ical/" ME "/public/basic.ics");
    expect_error(w, 401, "authError", "/calendar/ical/" ME "/private-wrong/basic.ics");
    for (int i = 0; i < 3; i++) { /* also out of the cache, which must not mix them up */
        char *text = feed(w, "/calendar/ical/" ME "/private-feed-token/basic.ics");
        has(text, "SUMMARY:one");
        free(text);
        text = feed(w, FEED "?access_token=busy-token");
        lacks(text, "one");
        has(text, "SUMMARY:Busy");
        free(text);
        text = feed(w, "/calendar/ical/" ME "/private-busy-token/basic.ics");
        has(text, "SUMMARY:Busy");
        lacks(text, "one");
        free(text);
    }
}

/* A long feed is made on a thread of its own, and others are answered meanwhile. */
static void test_long(void **state)
{
    struct world *w = *state;
    enum { CLIENTS_N = 6 };
    struct http_client client[CLIENTS_N];
    struct http_answer first = {0};
    char value[256], header[300];
    world_many(w, 5000, 100, 0);
    for (int i = 0; i < CLIENTS_N; i++) {
        assert_true(http_connect(&client[i], w->port));
        assert_true(http_send_text(&client[i], "GET " FEED " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    }
    free(feed(w, "/v1/calendars/primary.ics?timeMin=2027-01-01T00:00:00Z&"
                 "timeMax=2027-02-01T00:00:00Z"));
    for (int i = 0; i < CLIENTS_N; i++) {
        struct http_answer a = {0};
        assert_true(http_receive(&client[i], &a, false));
        assert_int_equal(a.status, 200);
        assert_int_equal(count(a.body, "BEGIN:VEVENT"), 5000);
        if (i == 0)
            first = a;
        else
            assert_string_equal(a.body, first.body);
        if (i)
            http_answer_release(&a);
        http_close(&client[i]);
    }
    (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n",
                   http_answer_header(&first, "ETag", value));
    struct http_answer a = http_ask(w->port, "GET", FEED, header, "");
    assert_int_equal(a.status, 304);
    http_answer_release(&a);
    a = http_ask(w->port, "HEAD", FEED, "", "");
    (void)snprintf(header, sizeof header, "%zu", first.n);
    assert_string_equal(http_answer_header(&a, "Content-Length", value), header);
    http_answer_release(&a);
    a = http_ask(w->port, "GET", FEED, "Accept-Encoding: gzip\r\n", "");
    assert_string_equal(http_answer_header(&a, "Content-Encoding", value), "gzip");
    http_answer_release(&a);
    http_answer_release(&first);
    a = http_ask(w->port, "GET", FEED, "Cache-Control: max-age=3600\r\n", "");
    assert_int_equal(a.status, 200);
    http_answer_release(&a);
}

/* The service ends although feeds are being made. */
static void test_end_meanwhile(void **state)
{
    struct world *w = *state;
    struct http_client client[4];
    world_many(w, 5000, 100, 0);
    for (int i = 0; i < 4; i++) {
        assert_true(http_connect(&client[i], w->port));
        assert_true(http_send_text(&client[i], "GET " FEED " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    }
    free(feed(w, "/v1/calendars/" ME ".ics?timeMin=2027-01-01T00:00:00Z&"
                 "timeMax=2027-02-01T00:00:00Z"));
    serve_stop(w->serve);
    for (int i = 0; i < 4; i++)
        http_close(&client[i]);
}

#define GREEDY_MOST 16 /* feeds of one client that may wait to be made */

static int large_setup(void **state)
{
    return world_setup_with(state, "feed_size = 16MiB\n" CLIENTS);
}

/* Asks for the feed, which is larger than what the kernel keeps for a reader that does not read. */
static void ask_for_large(struct world *w, struct http_client *c)
{
    static const char request[] =
        "GET " FEED " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer feed-token\r\n\r\n";
    const int little = 4096;
    assert_true(http_connect(c, w->port));
    (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
    assert_true(http_send_text(c, request));
}

/* A client that takes none of its feeds has no more of them made; others have theirs. */
static void test_feeds_that_nobody_takes(void **state)
{
    struct world *w = *state;
    struct http_client held, more[GREEDY_MOST + 1];
    struct pollfd answered[GREEDY_MOST + 1];
    struct http_answer a = {0};
    world_many(w, 5000, 2000, 0);
    ask_for_large(w, &held);
    assert_true(http_fill(&held)); /* more than half of feed_size is on its way */
    for (int i = 0; i <= GREEDY_MOST; i++) {
        ask_for_large(w, &more[i]);
        answered[i] = (struct pollfd){.fd = more[i].fd, .events = POLLIN};
    }
    assert_int_equal(poll(answered, GREEDY_MOST + 1, 20000), 1);
    for (int i = 0; i <= GREEDY_MOST; i++) {
        if (!answered[i].revents)
            continue;
        assert_true(http_receive(&more[i], &a, false));
        assert_int_equal(a.status, 503);
        http_answer_release(&a);
    }
    a = http_ask(w->port, "GET", FEED, "Authorization: Bearer busy-token\r\n", "");
    assert_int_equal(a.status, 200);
    assert_int_equal(count(a.body, "BEGIN:VEVENT"), 5000);
    http_answer_release(&a);
    http_close(&held);
    for (int i = 0; i <= GREEDY_MOST; i++)
        http_close(&more[i]);
}

static void test_too_long(void **state)
{
    struct world *w = *state;
    world_many(w, 35, 4000, 0);
    expect_error(w, 400, "timeRangeTooLong", FEED);
    free(feed(w, FEED "?freeBusyOnly=true"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_single),
        WORLD(test_series),
        WORLD(test_rules),
        WORLD(test_zone_history),
        WORLD(test_window),
        WORLD(test_busy),
        WORLD(test_any_text),
        WORLD(test_http),
        WORLD(test_long),
        WORLD(test_end_meanwhile),
        cmocka_unit_test_setup_teardown(test_feeds_that_nobody_takes, large_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_too_long, small_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_clients, clients_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
