/* test_serve_ics_details: what a feed says of an event's members and of a calendar's, what it keeps
 * back, odd series and exceptions, and windows. */
#include "tests/unit/ics_fixture.h"

static void head(struct world *w, const char *json)
{
    struct txn *t = begin_write(w->f.store);
    coll_set_head(t, w->me.no, span_of(json));
    w->me.version++;
    coll_put(t, &w->me);
    commit(t);
}

/* An event of this name, and what of the feed is between its times and its end. */
static void says(struct world *w, const char *more, const char *want)
{
    struct buf json = {0}, whole = {0};
    buf_printf(&json,
               "{\"id\":\"e\",\"start\":{\"dateTime\":\"2026-01-05T09:00:00Z\"},"
               "\"end\":{\"dateTime\":\"2026-01-05T10:00:00Z\"}%s}",
               more);
    buf_printf(&whole, "DTEND:20260105T100000Z\n%sEND:VEVENT\n", want);
    world_event(w, &w->me, buf_text(&json));
    char *text = feed(w, FEED);
    has(text, buf_text(&whole));
    free(text);
    buf_release(&json);
    buf_release(&whole);
}

#define BARE   "STATUS:CONFIRMED\nTRANSP:OPAQUE\n"
#define PERSON "CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT"
#define ALARM(trigger)                                                          \
    "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Reminder\nTRIGGER:" trigger "\n" \
    "END:VALARM\n"

static void test_members(void **state)
{
    struct world *w = *state;
    says(w, "", BARE);
    says(w, ",\"visibility\":\"private\"",
         "SUMMARY:Busy\nSTATUS:CONFIRMED\nCLASS:PRIVATE\nTRANSP:OPAQUE\n");
    says(w, ",\"visibility\":\"public\",\"status\":\"tentative\"",
         "STATUS:TENTATIVE\nCLASS:PUBLIC\nTRANSP:OPAQUE\n");
    says(w, ",\"visibility\":\"confidential\",\"summary\":\"A\"",
         "SUMMARY:A\nSTATUS:CONFIRMED\nCLASS:CONFIDENTIAL\nTRANSP:OPAQUE\n");
    says(w, ",\"visibility\":\"default\",\"sequence\":0", BARE "SEQUENCE:0\n");
    says(w, ",\"sequence\":2147483647", BARE "SEQUENCE:2147483647\n");
    says(w, ",\"sequence\":2147483648", BARE);
    says(w, ",\"sequence\":-1", BARE);
    /* A link is told once where people read. */
    says(w, ",\"hangoutLink\":\"https://meet/x\"",
         "DESCRIPTION:https://meet/x\n" BARE "X-GOOGLE-CONFERENCE:https://meet/x\n");
    says(w, ",\"hangoutLink\":\"https://meet/x\",\"description\":\"At https://meet/x.\"",
         "DESCRIPTION:At https://meet/x.\n" BARE "X-GOOGLE-CONFERENCE:https://meet/x\n");
    says(w, ",\"hangoutLink\":\"https://meet/x\",\"location\":\"https://meet/x\"",
         "LOCATION:https://meet/x\n" BARE "X-GOOGLE-CONFERENCE:https://meet/x\n");
    says(w,
         ",\"conferenceData\":{\"entryPoints\":[{\"entryPointType\":\"video\"},"
         "{\"entryPointType\":\"more\",\"uri\":\"https://m\"},{\"entryPointType\":\"sip\","
         "\"uri\":\"sip:1\"}]}",
         BARE "CONFERENCE;VALUE=URI:https://m\n"
              "CONFERENCE;VALUE=URI;FEATURE=\"AUDIO,VIDEO\":sip:1\n");
    says(w,
         ",\"attachments\":[{\"title\":\"none\"},{\"fileUrl\":\"https://f/1\"},"
         "{\"fileUrl\":\"https://f/2\",\"title\":\"F\"}]",
         BARE "ATTACH:https://f/1\nATTACH;FILENAME=F:https://f/2\n");
    says(w,
         ",\"attendees\":[{\"email\":\"a@x\",\"additionalGuests\":0,\"responseStatus\":"
         "\"tentative\"},{\"email\":\"b@x\",\"responseStatus\":\"needsAction\"},{\"email\":\"c@x\","
         "\"responseStatus\":\"?\"}]",
         BARE "ATTENDEE;" PERSON ";PARTSTAT=TENTATIVE:mailto:a@x\n"
              "ATTENDEE;" PERSON ";PARTSTAT=NEEDS-ACTION:mailto:b@x\nATTENDEE;" PERSON
              ":mailto:c@x\n");
    says(w, ",\"organizer\":{\"email\":\"o@x\"}", BARE);
}

/* Reminders within the four weeks that Google allows; the calendar's own where an event says so. */
static void test_reminders(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *minutes, *alarm;
    } cases[] = {{"0", ALARM("PT0S")},
                 {"1", ALARM("-PT1M")},
                 {"1439", ALARM("-PT23H59M")},
                 {"1440", ALARM("-P1D")},
                 {"40320", ALARM("-P28D")},
                 {"40321", ""},
                 {"-1", ""},
                 {"\"x\"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char more[128], want[256];
        (void)snprintf(more, sizeof more,
                       ",\"reminders\":{\"overrides\":[{\"method\":\"popup\",\"minutes\":%s}]}",
                       cases[i].minutes);
        (void)snprintf(want, sizeof want, BARE "%s", cases[i].alarm);
        says(w, more, want);
    }
    head(w, "{\"summary\":\"Mine\",\"defaultReminders\":[{\"method\":\"popup\",\"minutes\":30}]}");
    says(w, ",\"reminders\":{\"useDefault\":true,\"overrides\":[]}", BARE ALARM("-PT30M"));
    says(w, ",\"reminders\":{\"useDefault\":false}", BARE);
    says(w, "", BARE);
}

/* No member makes a feed grow without end. */
static void test_lists_are_bounded(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *begin, *each, *end, *shown;
        unsigned most;
    } lists[] = {{",\"attendees\":[", "{\"email\":\"a@x\"}", "]", "\nATTENDEE", 1000},
                 {",\"attachments\":[", "{\"fileUrl\":\"https://f\"}", "]", "\nATTACH:", 100},
                 {",\"reminders\":{\"overrides\":[", "{\"method\":\"popup\",\"minutes\":5}", "]}",
                  "\nTRIGGER", 20}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        for (unsigned n = lists[i].most - 1; n < lists[i].most + 2; n++) {
            struct buf more = {0};
            buf_add_text(&more, lists[i].begin);
            for (unsigned k = 0; k < n; k++)
                buf_printf(&more, "%s%s", k ? "," : "", lists[i].each);
            buf_add_text(&more, lists[i].end);
            world_timed(w, "e", "2026-01-05T09:00:00", "2026-01-05T10:00:00", buf_text(&more));
            char *text = feed(w, FEED);
            assert_int_equal(count(text, lists[i].shown), n < lists[i].most ? n : lists[i].most);
            free(text);
            buf_release(&more);
        }
}

/* Values that are written as they are, and those of X- properties, forge nothing. */
static void test_unclean_text(void **state)
{
    struct world *w = *state;
    says(w,
         ",\"hangoutLink\":\"https://\\u0001m\\u007f/x y\\tz\\r\\nBEGIN:VALARM\\rEND:VEVENT\","
         "\"location\":\"a\\rb\\u0002\\tc\\u007f\"",
         "DESCRIPTION:https://m/xyzBEGIN:VALARMEND:VEVENT\nLOCATION:a\\nb\tc\n" BARE
         "X-GOOGLE-CONFERENCE:https://m/xyzBEGIN:VALARMEND:VEVENT\n");
    head(w,
         "{\"summary\":\"A\\r\\nB\\nC\\\\;,\\u0001\",\"description\":\"one,\\r\\ntwo\\n\\\\;é\"}");
    char *text = feed(w, FEED);
    has(text, "\nNAME:A B C\\\\\\;\\,\nX-WR-CALNAME:A B C\\\\\\;\\,\n"
              "X-WR-CALDESC:one\\,\\ntwo\\n\\\\\\;é\nX-WR-TIMEZONE:Europe/Berlin\n");
    free(text);
    head(w, "{}");
    text = feed(w, FEED);
    lacks(text, "NAME:");
    lacks(text, "X-WR-CALDESC");
    free(text);
    /* Each length about that of a line, and characters across its end. */
    for (size_t n = 58; n < 66; n++) {
        struct buf json = {0}, want = {0};
        buf_add_text(&want, "\nX-WR-CALDESC:");
        for (size_t i = 0; i < n; i++)
            buf_add_char(&want, 'x');
        buf_add_text(&want,
                     n % 2 ? "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字" : "");
        buf_printf(&json, "{\"description\":\"%s\"}", buf_text(&want) + strlen("\nX-WR-CALDESC:"));
        buf_add_char(&want, '\n');
        head(w, buf_text(&json));
        text = feed(w, FEED);
        has(text, buf_text(&want));
        free(text);
        buf_release(&json);
        buf_release(&want);
    }
}

/* Who may see when somebody is busy is not told what, nor of what the calendar is. */
static void test_what_busy_keeps_back(void **state)
{
    struct world *w = *state;
    head(w, "{\"summary\":\"Mine\",\"description\":\"hidden\",\"accessRole\":\"owner\"}");
    world_timed(w, "e1", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    world_timed(w, "declined", "2026-01-06T09:00:00", "2026-01-06T10:00:00",
                ",\"attendees\":[{\"self\":true,\"responseStatus\":\"declined\"}]");
    world_timed(w, "point", "2026-01-06T09:00:00", "2026-01-06T09:00:00", "");
    world_timed(w, "free-series", "2026-01-05T12:00:00", "2026-01-05T13:00:00",
                ",\"transparency\":\"transparent\"" WEEKLY("\"RRULE:FREQ=WEEKLY\""));
    world_timed(w, "busy-series", "2026-01-05T12:00:00", "2026-01-05T13:00:00",
                WEEKLY("\"RRULE:FREQ=WEEKLY\""));
    char *text = feed(w, FEED "?freeBusyOnly=true");
    assert_int_equal(count(text, "BEGIN:VEVENT"), 2);
    assert_int_equal(count(text, "RRULE:FREQ=WEEKLY"), 1);
    has(text, "X-WR-CALNAME:Mine");
    lacks(text, "hidden");
    lacks(text, "@x");
    free(text);
    text = feed(w, FEED);
    assert_int_equal(count(text, "BEGIN:VEVENT"), 5);
    has(text, "X-WR-CALDESC:hidden");
    free(text);
    /* Google gives no titles of such a calendar. */
    says(w, "", BARE);
    head(w, "{\"accessRole\":\"freeBusyReader\"}");
    says(w, "", "SUMMARY:Busy\n" BARE);
}

/* After a change the old validator holds no more. */
static void test_validator_follows_the_data(void **state)
{
    struct world *w = *state;
    char value[256], header[300];
    struct http_answer a = http_ask(w->port, "GET", FEED, "", "");
    (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n",
                   http_answer_header(&a, "ETag", value));
    http_answer_release(&a);
    world_timed(w, "new", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    a = http_ask(w->port, "GET", FEED, header, "");
    assert_int_equal(a.status, 200);
    has(a.body, "SUMMARY:new");
    http_answer_release(&a);
}

static void test_rules_without_effect(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *rule, *want;
    } rules[] = {
        {"RRULE:FREQ=WEEKLY;BYDAY=WE;COUNT=1", "RDATE;TZID=Asia/Tokyo:20260105T180000\n"},
        {"RRULE:FREQ=DAILY;COUNT=1", "RRULE:FREQ=DAILY;COUNT=1\n"},
        {"RRULE:FREQ=DAILY;UNTIL=20250101T000000Z", "RDATE;TZID=Asia/Tokyo:20260105T180000\n"},
        {"RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "RDATE;TZID=Asia/Tokyo:20260105T180000\n"},
        {"RRULE:FREQ=DAILY;COUNT=30;UNTIL=20260107T090000Z",
         "RRULE:FREQ=DAILY;UNTIL=20260107T090000Z\n"},
        {"RRULE:FREQ=DAILY;UNTIL=20260107T180000", "RRULE:FREQ=DAILY;UNTIL=20260107T090000Z\n"},
        {"RRULE:FREQ=DAILY;UNTIL=20260107", "RRULE:FREQ=DAILY;UNTIL=20260107T145959Z\n"},
        {"RRULE:byday=mo,tu;freq=weekly;;interval=2;X-A=b",
         "RRULE:FREQ=WEEKLY;BYDAY=MO,TU;INTERVAL=2\n"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        char line[128], want[256];
        (void)snprintf(line, sizeof line, "\"%s\"", rules[i].rule);
        (void)snprintf(want, sizeof want,
                       "DTEND;TZID=Asia/Tokyo:20260105T190000\n%sSTATUS:", rules[i].want);
        series(w, "s", AT("2026-01-05T09:00:00Z"), AT("2026-01-05T10:00:00Z"),
               ",\"timeZone\":\"Asia/Tokyo\"", line);
        char *text = feed(w, FEED);
        has(text, want);
        free(text);
    }
}

#define MOVED(id, series, slot, start, end, more)                                           \
    "{\"id\":\"" id "\",\"recurringEventId\":\"" series                                     \
    "\",\"originalStartTime\":{\"dateTime\":\"" slot "\"},\"start\":{\"dateTime\":\"" start \
    "\"},\"end\":{\"dateTime\":\"" end "\"}" more "}"

/* A zone is told for all times at which an event of the series, or its slot, is. */
static void test_zone_of_what_is_moved(void **state)
{
    struct world *w = *state;
    static const char *const moved[] = {
        MOVED("x", "s", "2006-07-08T13:00:00Z", "2007-12-08T13:00:00Z", "2007-12-08T14:00:00Z", ""),
        MOVED("x", "s", "2006-07-08T13:00:00Z", "1986-01-08T13:00:00Z", "1986-01-08T14:00:00Z", ""),
        MOVED("x", "s", "1986-01-08T13:00:00Z", "2006-07-08T13:00:00Z", "2006-07-08T14:00:00Z", ""),
    };
    static const char *const onset[] = {
        "DTSTART:20070311T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\n",
        "DTSTART:19851027T020000\n", "DTSTART:19851027T020000\n"};
    series(w, "s", AT("2006-07-01T09:00:00-04:00"), AT("2006-07-01T10:00:00-04:00"),
           ",\"timeZone\":\"America/New_York\"", "\"RRULE:FREQ=WEEKLY;COUNT=3\"");
    char *text = feed(w, FEED);
    has(text, "\nTZID:America/New_York\nBEGIN:DAYLIGHT\n");
    assert_int_equal(count(text, "BEGIN:STANDARD") + count(text, "BEGIN:DAYLIGHT"), 1);
    free(text);
    for (size_t i = 0; i < sizeof moved / sizeof moved[0]; i++) {
        world_event(w, &w->me, moved[i]);
        text = feed(w, FEED);
        has(text, onset[i]);
        free(text);
    }
}

/* By the clock the second pass through an hour cannot be told from the first. */
static void test_an_hour_told_twice(void **state)
{
    struct world *w = *state;
    world_timed(w, "s", "2026-10-23T02:30:00", "2026-10-23T03:15:00",
                WEEKLY("\"RRULE:FREQ=DAILY;COUNT=3\""));
    world_event(w, &w->me,
                MOVED("x", "s", "2026-10-24T03:30:00+02:00", "2026-10-25T02:30:00+01:00",
                      "2026-10-25T03:30:00+01:00", ""));
    char *text = feed(w, FEED);
    has(text, "RECURRENCE-ID;TZID=Europe/Berlin:20261024T033000\nDTSTART:20261025T013000Z\n"
              "DTEND;TZID=Europe/Berlin:20261025T033000\n");
    free(text);
}

/* Exceptions whose slot or series cannot be theirs. */
static void test_odd_exceptions(void **state)
{
    struct world *w = *state;
    world_timed(w, "s", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
                WEEKLY("\"RRULE:FREQ=WEEKLY;COUNT=3\""));
    world_event(w, &w->me,
                "{\"id\":\"x\",\"recurringEventId\":\"s\",\"originalStartTime\":{\"date\":"
                "\"2026-01-13\"},\"start\":{\"dateTime\":\"2026-01-13T11:00:00+01:00\"},"
                "\"end\":{\"dateTime\":\"2026-01-13T12:00:00+01:00\"}}");
    world_event(w, &w->me,
                "{\"id\":\"y\",\"status\":\"cancelled\",\"recurringEventId\":\"s\","
                "\"originalStartTime\":{\"date\":\"2026-01-12\"}}");
    char *text = feed(w, FEED);
    has(text, "RRULE:FREQ=WEEKLY;COUNT=3\nSUMMARY:s\n");
    has(text, "RECURRENCE-ID;VALUE=DATE:20260113\nDTSTART;TZID=Europe/Berlin:20260113T110000\n");
    free(text);
    /* What is left of a series that is gone stands by itself. */
    world_timed(w, "gone", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
                ",\"status\":\"cancelled\"" WEEKLY("\"RRULE:FREQ=WEEKLY;COUNT=3\""));
    world_event(w, &w->me,
                MOVED("z", "gone", "2026-01-12T08:00:00Z", "2026-01-12T10:00:00Z",
                      "2026-01-12T11:00:00Z", ",\"summary\":\"left\""));
    text = feed(w, FEED);
    has(text, "RECURRENCE-ID:20260112T080000Z\nDTSTART:20260112T100000Z\n"
              "DTEND:20260112T110000Z\nSUMMARY:left\n");
    lacks(text, "SUMMARY:gone");
    free(text);
}

/* A series is in a window once, whichever of its exceptions bring it there. */
static void test_windows_and_exceptions(void **state)
{
    struct world *w = *state;
    static const char *const feb =
        FEED "?timeMin=2026-02-01T00:00:00Z&timeMax=2026-03-01T00:00:00Z";
    world_timed(w, "yearly", "2020-06-05T09:00:00", "2020-06-05T10:00:00",
                WEEKLY("\"RRULE:FREQ=YEARLY\""));
    world_timed(w, "s", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
                WEEKLY("\"RRULE:FREQ=WEEKLY;COUNT=4\""));
    /* One before the window, one in it that is hidden from some, two at one time. */
    world_event(w, &w->me,
                MOVED("x1", "s", "2026-01-05T08:00:00Z", "2026-01-30T08:00:00Z",
                      "2026-01-30T09:00:00Z", ""));
    char *text = feed(w, feb);
    lacks(text, "BEGIN:VEVENT");
    free(text);
    world_event(w, &w->me,
                MOVED("x2", "s", "2026-01-12T08:00:00Z", "2026-02-02T08:00:00Z",
                      "2026-02-02T09:00:00Z", ",\"transparency\":\"transparent\""));
    text = feed(w, feb);
    assert_int_equal(count(text, "BEGIN:VEVENT"), 3);
    free(text);
    for (int i = 0; i < 2; i++)
        world_event(w, &w->me,
                    i ? MOVED("x3", "s", "2026-01-19T08:00:00Z", "2026-02-03T08:00:00Z",
                              "2026-02-03T09:00:00Z", "")
                      : MOVED("x4", "s", "2026-01-26T08:00:00Z", "2026-02-03T08:00:00Z",
                              "2026-02-03T09:00:00Z", ""));
    text = feed(w, feb);
    assert_int_equal(count(text, "RRULE:FREQ=WEEKLY"), 1);
    assert_int_equal(count(text, "BEGIN:VEVENT"), 5);
    lacks(text, "yearly");
    free(text);
    text = feed(w, FEED "?freeBusyOnly=true&timeMin=2026-02-01T00:00:00Z");
    assert_int_equal(count(text, "RRULE:FREQ=WEEKLY"), 1);
    free(text);
}

/* Where the yearly rule changes the clock beyond midnight, or before it, the days are others. */
static void test_rules_beyond_midnight(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *zone, *summer, *winter;
    } zones[] = {
        {"Asia/Jerusalem",
         "T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=FR;BYMONTHDAY=23,24,25,26,27,28,29\n",
         "T020000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\n"},
        {"America/Santiago",
         "T000000\nRRULE:FREQ=YEARLY;BYMONTH=9;BYDAY=SU;BYMONTHDAY=2,3,4,5,6,7,8\n",
         "T000000\nRRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=SU;BYMONTHDAY=2,3,4,5,6,7,8\n"},
        {"America/Nuuk",
         "T230000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=SA;BYMONTHDAY=24,25,26,27,28,29,30\n",
         "T000000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\n"},
    };
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        char zone[64], tzid[64];
        (void)snprintf(zone, sizeof zone, ",\"timeZone\":\"%s\"", zones[i].zone);
        (void)snprintf(tzid, sizeof tzid, "BEGIN:VTIMEZONE\nTZID:%s\n", zones[i].zone);
        series(w, "s", AT("2026-01-05T09:00:00Z"), AT("2026-01-05T10:00:00Z"), zone,
               "\"RRULE:FREQ=WEEKLY\"");
        char *text = feed(w, FEED);
        has(text, tzid);
        has(text, zones[i].summer);
        has(text, zones[i].winter);
        assert_int_equal(count(text, "BEGIN:DAYLIGHT"), 1);
        assert_int_equal(count(text, "BEGIN:STANDARD"), 1);
        free(text);
    }
}

/* One zone of two series is told from the earlier to the later. */
static void test_zone_of_two_series(void **state)
{
    struct world *w = *state;
    static const char *const years[] = {"1999", "1986", "2007"};
    for (size_t i = 0; i < 3; i++) {
        char start[64], end[64];
        (void)snprintf(start, sizeof start, "\"dateTime\":\"%s-08-07T09:00:00Z\"", years[i]);
        (void)snprintf(end, sizeof end, "\"dateTime\":\"%s-08-07T10:00:00Z\"", years[i]);
        series(w, years[i], start, end, ",\"timeZone\":\"America/New_York\"",
               "\"RRULE:FREQ=WEEKLY;COUNT=2\"");
    }
    char *text = feed(w, FEED);
    assert_int_equal(count(text, "BEGIN:VTIMEZONE"), 1);
    has(text, "TZID:America/New_York\nBEGIN:DAYLIGHT\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0400\n"
              "TZNAME:EDT\nDTSTART:19860427T020000\n");
    has(text, "DTSTART:19990404T020000\n");
    has(text, "DTSTART:20070311T020000\nRRULE:");
    free(text);
    /* Also when it is one that was there already that has to be told from earlier on. */
    world_event(w, &w->me,
                MOVED("x", "2007", "2007-08-14T09:00:00Z", "1975-08-14T09:00:00Z",
                      "1975-08-14T10:00:00Z", ""));
    text = feed(w, FEED);
    has(text, "TZID:America/New_York\nBEGIN:DAYLIGHT\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0400\n"
              "TZNAME:EDT\nDTSTART:19750223T020000\n");
    free(text);
}

/* More of everything than there is room for at first. */
static void test_many_exceptions(void **state)
{
    struct world *w = *state;
    enum { N = 36 };
    struct buf lines = {0};
    buf_add_text(&lines, "\"RRULE:FREQ=DAILY;COUNT=120\"");
    for (int i = 0; i < N; i++)
        buf_printf(
            &lines,
            ",\"EXDATE:202601%02dT090000Z\",\"RDATE;VALUE=PERIOD:2027%02d%02dT120000Z/PT3H\"",
            i % 28 + 1, i / 28 + 1, i % 28 + 1);
    series(w, "s", AT("2026-01-01T09:00:00Z"), AT("2026-01-01T10:00:00Z"),
           ",\"timeZone\":\"Etc/UTC\"", buf_text(&lines));
    for (int i = 0; i < N; i++) {
        char json[512];
        (void)snprintf(json, sizeof json,
                       "{\"id\":\"x%d\",\"recurringEventId\":\"s\",\"originalStartTime\":{"
                       "\"dateTime\":\"2026-%02d-%02dT09:00:00Z\"},%s",
                       i, i / 28 + 2, i % 28 + 1,
                       i % 2 ? "\"status\":\"cancelled\"}"
                             : "\"start\":{\"dateTime\":\"2026-05-05T09:00:00Z\"},"
                               "\"end\":{\"dateTime\":\"2026-05-05T10:00:00Z\"}}");
        world_event(w, &w->me, json);
    }
    char *text = feed(w, FEED);
    assert_int_equal(count(text, "\nRRULE:"), 1);
    assert_int_equal(count(text, "\nEXDATE:"), 28 + N / 2);
    assert_int_equal(count(text, "\nRDATE:2027"), N);
    assert_int_equal(count(text, "\nRECURRENCE-ID:2027"), N);
    assert_int_equal(count(text, "\nRECURRENCE-ID:2026"), N / 2);
    free(text);
    buf_release(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_members),
        WORLD(test_reminders),
        WORLD(test_lists_are_bounded),
        WORLD(test_unclean_text),
        WORLD(test_what_busy_keeps_back),
        WORLD(test_validator_follows_the_data),
        WORLD(test_rules_without_effect),
        WORLD(test_zone_of_what_is_moved),
        WORLD(test_an_hour_told_twice),
        WORLD(test_odd_exceptions),
        WORLD(test_windows_and_exceptions),
        WORLD(test_rules_beyond_midnight),
        WORLD(test_zone_of_two_series),
        WORLD(test_many_exceptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
