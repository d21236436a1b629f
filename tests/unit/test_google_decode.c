/* test_google_decode: events as Google sends them, and as it should never send them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/base/json.h"
#include "core/base/rand.h"
#include "core/base/rfc3339.h"
#include "core/google/decode.h"

/* What tests write: times as text, flags as the letters below. */
static const struct {
    char letter;
    uint32_t flag;
} letters[] = {
    {'C', EVENT_CANCELLED}, {'D', EVENT_ALL_DAY},     {'S', EVENT_SERIES},   {'X', EVENT_EXCEPTION},
    {'U', EVENT_UNTIMED},   {'T', EVENT_TRANSPARENT}, {'N', EVENT_DECLINED}, {'O', EVENT_ODD},
};

static uint32_t flags_of(const char *text)
{
    uint32_t flags = 0;

    for (; *text; text++)
        for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
            if (letters[i].letter == *text)
                flags |= letters[i].flag;
    return flags;
}

static const char *letters_of(uint32_t flags, char out[16])
{
    char *p = out;

    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
        if (flags & letters[i].flag)
            *p++ = letters[i].letter;
    *p = '\0';
    return out;
}

static int64_t ms_of(const char *text)
{
    int64_t ms, days;

    if (!text)
        return 0;
    if (rfc3339_date(span_of(text), &days))
        return days * 86400000;
    assert_true(rfc3339_time(span_of(text), &ms, NULL, NULL));
    return ms;
}

struct event_case {
    const char *json, *flags;
    const char *start, *end, *original; /* NULL = 0 */
};

static void check_case(const struct event_case *c)
{
    struct span raw = span_of(c->json);
    struct event_text text = {0};
    struct event ev = {0};
    struct err e = {0};
    char got[16];

    if (json_check(raw, &e))
        fail_msg("the case itself: %s: %s", c->json, e.text);
    if (google_decode_event(raw, span_of("Europe/Berlin"), &text, &ev, &e))
        fail_msg("%s: %s", c->json, e.text);
    assert_int_equal((ev.flags & EVENT_ODD) != 0, (ev.flags & EVENT_ODD_MEMBERS) != 0);
    ev.flags &= ~EVENT_ODD_MEMBERS;
    if (ev.flags != flags_of(c->flags))
        fail_msg("%s: flags %s, not %s", c->json, letters_of(ev.flags, got), c->flags);
    if (ev.start_ms != ms_of(c->start) || ev.end_ms != ms_of(c->end) ||
        ev.original_ms != ms_of(c->original))
        fail_msg("%s: start %lld end %lld original %lld", c->json, (long long)ev.start_ms,
                 (long long)ev.end_ms, (long long)ev.original_ms);
    assert_ptr_equal(ev.raw.p, raw.p);
    assert_int_equal(ev.raw.n, raw.n);
    assert_int_equal(ev.zone_hash, event_zone_hash(span_of("Europe/Berlin")));
    buf_release(&text.text);
}

static void check_cases(const struct event_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_case(&cases[i]);
}

#define CHECK(cases) check_cases(cases, sizeof(cases) / sizeof(cases[0]))

/* Pieces of events */
#define ID    "\"id\":\"e1\""
#define NINE  "\"start\":{\"dateTime\":\"2026-03-30T09:00:00+02:00\",\"timeZone\":\"Europe/Berlin\"}"
#define TEN   "\"end\":{\"dateTime\":\"2026-03-30T10:00:00+02:00\",\"timeZone\":\"Europe/Berlin\"}"
#define TIMED ID "," NINE "," TEN
#define DAY   ID ",\"start\":{\"date\":\"2026-03-30\"},\"end\":{\"date\":\"2026-03-31\"}"
#define SLOT  "\"originalStartTime\":{\"dateTime\":\"2026-03-29T09:00:00+02:00\"}"
#define OF    "\"recurringEventId\":\"m1\""
#define GONE  "\"status\":\"cancelled\""
#define T9    "2026-03-30T07:00:00Z"
#define T10   "2026-03-30T08:00:00Z"
#define TSLOT "2026-03-29T07:00:00Z"

static void test_ordinary(void **state)
{
    static const struct event_case cases[] = {
        {"{" TIMED "}", "", T9, T10, NULL},
        {"{" TIMED ",\"status\":\"confirmed\"}", "", T9, T10, NULL},
        {"{" TIMED ",\"status\":\"tentative\"}", "", T9, T10, NULL},
        {"{" TIMED ",\"transparency\":\"opaque\"}", "", T9, T10, NULL},
        {"{" TIMED ",\"transparency\":\"transparent\"}", "T", T9, T10, NULL},
        {"{" TIMED "," GONE "}", "C", T9, T10, NULL},
        {"{" DAY "}", "D", "2026-03-30", "2026-03-31", NULL},
        {"{" ID ",\"start\":{\"date\":\"2026-03-30\",\"dateTime\":null},"
         "\"end\":{\"date\":\"2026-04-02\"}}",
         "D", "2026-03-30", "2026-04-02", NULL},
        {"{" ID ",\"start\":{\"dateTime\":\"2026-03-30T07:00:00Z\"},"
         "\"end\":{\"dateTime\":\"2026-03-30T07:00:00Z\"}}",
         "", T9, T9, NULL},
        {"{" TIMED ",\"endTimeUnspecified\":true}", "", T9, T10, NULL},
        {"{" TIMED ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]}", "S", T9, T10, NULL},
        {"{" DAY ",\"recurrence\":[\"EXDATE;VALUE=DATE:20260401\",\"RRULE:FREQ=DAILY\"]}", "DS",
         "2026-03-30", "2026-03-31", NULL},
        {"{" TIMED ",\"recurrence\":[]}", "", T9, T10, NULL},
        {"{" TIMED "," OF "," SLOT "}", "X", T9, T10, TSLOT},
        {"{" DAY "," OF ",\"originalStartTime\":{\"date\":\"2026-03-28\"}}", "DX", "2026-03-30",
         "2026-03-31", "2026-03-28"},
        /* an all-day exception of a timed series: the slot keeps its kind */
        {"{" DAY "," OF "," SLOT "}", "DX", "2026-03-30", "2026-03-31", TSLOT},
        {"{" TIMED ",\"attendees\":[{\"email\":\"a\"},{\"email\":\"b\",\"self\":true,"
         "\"responseStatus\":\"declined\"}]}",
         "N", T9, T10, NULL},
        {"{" TIMED ",\"attendees\":[{\"email\":\"a\",\"responseStatus\":\"declined\"},"
         "{\"self\":true,\"responseStatus\":\"accepted\"}]}",
         "", T9, T10, NULL},
        {"{" TIMED ",\"attendees\":[]}", "", T9, T10, NULL},
        /* unknown members are none of our business */
        {"{" TIMED ",\"brandNew\":{\"id\":\"other\",\"status\":\"cancelled\"}}", "", T9, T10, NULL},
    };

    (void)state;
    CHECK(cases);
}

/* What deletions look like. */
static void test_tombstones(void **state)
{
    static const struct event_case cases[] = {
        {"{\"kind\":\"calendar#event\",\"etag\":\"\\\"1\\\"\",\"id\":\"abc\"," GONE "}", "CU", NULL,
         NULL, NULL},
        {"{\"id\":\"abc_20230717T013000Z\"," GONE ",\"recurringEventId\":\"abc\","
         "\"originalStartTime\":{\"dateTime\":\"2023-07-17T10:30:00+09:00\","
         "\"timeZone\":\"Asia/Seoul\"}}",
         "CX", "2023-07-17T01:30:00Z", "2023-07-17T01:30:00Z", "2023-07-17T01:30:00Z"},
        {"{" ID "," GONE "," OF ",\"originalStartTime\":{\"date\":\"2023-07-17\"}}", "CXD",
         "2023-07-17", "2023-07-18", "2023-07-17"},
        /* moved, then cancelled: the hole is where the series had it */
        {"{" TIMED "," GONE "," OF "," SLOT "}", "CX", TSLOT, "2026-03-29T08:00:00Z", TSLOT},
        {"{" DAY "," GONE "," OF "," SLOT "}", "CX", TSLOT, TSLOT, TSLOT},
        /* its master was removed, it has no series any more */
        {"{" ID "," GONE "," SLOT "}", "C", TSLOT, TSLOT, NULL},
        {"{" ID "," GONE "," NINE "}", "C", T9, T9, NULL},
        {"{" ID "," GONE "," OF "}", "CXUO", NULL, NULL, NULL},
        {"{" ID "," GONE "," OF "," NINE "}", "CXO", T9, T9, T9},
        {"{\"id\":\"m1_20260330T070000Z\"," GONE "," OF "}", "CXO", T9, T9, T9},
        {"{\"id\":\"m1_20260330\"," GONE "," OF "}", "CXDO", "2026-03-30", "2026-03-31",
         "2026-03-30"},
        {"{\"id\":\"m1_20261330\"," GONE "," OF "}", "CXUO", NULL, NULL, NULL},
        {"{\"id\":\"m1_20260330T076000Z\"," GONE "," OF "}", "CXUO", NULL, NULL, NULL},
        {"{\"id\":\"m1_R20260330T0700\"," GONE "," OF "}", "CXUO", NULL, NULL, NULL},
        {"{\"id\":\"20260330\"," GONE "," OF "}", "CXUO", NULL, NULL, NULL},
        {"{" ID "," GONE ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]," NINE "," TEN "}", "CS", T9, T10,
         NULL},
    };

    (void)state;
    CHECK(cases);
}

static void test_odd_times(void **state)
{
    static const struct event_case cases[] = {
        {"{" ID "}", "UO", NULL, NULL, NULL},
        {"{" ID "," TEN "}", "UO", NULL, NULL, NULL},
        {"{" ID "," NINE "}", "O", T9, T9, NULL},
        {"{" ID ",\"start\":{\"date\":\"2026-03-30\"}}", "DO", "2026-03-30", "2026-03-31", NULL},
        {"{" ID ",\"start\":{},\"end\":{}}", "UO", NULL, NULL, NULL},
        {"{" ID ",\"start\":{\"timeZone\":\"Europe/Berlin\"}," TEN "}", "UO", NULL, NULL, NULL},
        /* end before start; equal dates are a day */
        {"{" ID "," NINE ",\"end\":{\"dateTime\":\"2026-03-30T08:00:00+02:00\"}}", "O", T9, T9,
         NULL},
        {"{" ID ",\"start\":{\"date\":\"2026-03-30\"},\"end\":{\"date\":\"2026-03-29\"}}", "DO",
         "2026-03-30", "2026-03-31", NULL},
        {"{" ID ",\"start\":{\"date\":\"2026-03-30\"},\"end\":{\"date\":\"2026-03-30\"}}", "D",
         "2026-03-30", "2026-03-31", NULL},
        /* kinds mixed */
        {"{" ID ",\"start\":{\"date\":\"2026-03-30\"}," TEN "}", "DO", "2026-03-30", "2026-03-31",
         NULL},
        {"{" ID "," NINE ",\"end\":{\"date\":\"2026-03-31\"}}", "O", T9, T9, NULL},
        {"{" ID ",\"start\":{\"date\":\"2026-01-01\",\"dateTime\":\"2026-03-30T07:00:00Z\"}," TEN
         "}",
         "O", T9, T10, NULL},
        {"{" ID ",\"start\":{\"date\":\"2026-03-30\",\"dateTime\":\"nonsense\"},"
         "\"end\":{\"date\":\"2026-03-31\"}}",
         "DO", "2026-03-30", "2026-03-31", NULL},
        /* no offset: read as if UTC */
        {"{" ID ",\"start\":{\"dateTime\":\"2026-03-30T07:00:00\",\"timeZone\":\"Asia/Seoul\"},"
         "\"end\":{\"dateTime\":\"2026-03-30T08:00:00\",\"timeZone\":\"Asia/Seoul\"}}",
         "O", T9, T10, NULL},
        /* dates that do not exist, or are no dates */
        {"{" ID ",\"start\":{\"date\":\"2026-02-29\"},\"end\":{\"date\":\"2026-03-01\"}}", "UO",
         NULL, NULL, NULL},
        {"{" ID ",\"start\":{\"date\":\"0000-01-01\"},\"end\":{\"date\":\"0001-01-01\"}}", "UO",
         NULL, NULL, NULL},
        {"{" ID ",\"start\":{\"dateTime\":\"2026-03-30T24:00:00Z\"}," TEN "}", "UO", NULL, NULL,
         NULL},
        {"{" ID ",\"start\":{\"dateTime\":\"2026-03-30\"}," TEN "}", "UO", NULL, NULL, NULL},
        {"{" ID ",\"start\":{\"date\":\"2026-03-30T07:00:00Z\"}," TEN "}", "UO", NULL, NULL, NULL},
        {"{" ID ",\"start\":{\"dateTime\":1774854000}," TEN "}", "UO", NULL, NULL, NULL},
        /* the ends of time */
        {"{" ID ",\"start\":{\"date\":\"0001-01-01\"},\"end\":{\"date\":\"9999-12-31\"}}", "D",
         "0001-01-01", "9999-12-31", NULL},
        /* escapes in a time are legal */
        {"{" ID ",\"start\":{\"dateTime\":\"2026\\u002d03-30T07:00:00Z\"}," TEN "}", "", T9, T10,
         NULL},
        /* exceptions */
        {"{" TIMED "," OF "}", "XO", T9, T10, T9},
        {"{" ID "," OF "," SLOT "}", "XO", TSLOT, TSLOT, TSLOT},
        {"{" TIMED "," OF ",\"originalStartTime\":{\"dateTime\":\"x\"}}", "XO", T9, T10, T9},
        {"{" TIMED "," OF "," SLOT ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]}", "XO", T9, T10, TSLOT},
        {"{" TIMED ",\"recurringEventId\":\"e1\"," SLOT "}", "O", T9, T10, NULL},
    };

    (void)state;
    CHECK(cases);
}

/* Is that member said to be odd? */
static bool odd_in(uint32_t flags, const char *name)
{
    for (uint32_t bit = 1; bit; bit <<= 1)
        if (flags & bit & EVENT_ODD_MEMBERS && strcmp(event_odd_member(bit), name) == 0)
            return true;
    return false;
}

/* Each member we read, of every wrong kind, in an otherwise good event. */
static void test_wrong_kinds(void **state)
{
    static const char *const names[] = {
        "status", "iCalUID",           "recurringEventId", "updated",      "start",
        "end",    "originalStartTime", "recurrence",       "transparency", "attendees",
    };
    static const char *const values[] = {
        "true",        "false", "0",   "-1.5e300", "\"\"",       "\"nonsense\"",
        "\"\\u0000\"", "[[]]",  "[7]", "{}",       "{\"a\":{}}", "\"\\ud800\"",
    };
    char json[1024];

    (void)state;
    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            struct event_text text = {0};
            struct event ev;

            /* Later members win, so the bad one replaces the good one. */
            snprintf(json, sizeof(json), "{%s,%s,\"%s\":%s}", TIMED,
                     "\"status\":\"confirmed\"," OF "," SLOT, names[n], values[v]);
            assert_int_equal(json_check(span_of(json), NULL), RC_OK);
            assert_int_equal(google_decode_event(span_of(json), span_of(""), &text, &ev, NULL),
                             RC_OK);
            bool any_text =
                strcmp(names[n], "iCalUID") == 0 || strcmp(names[n], "recurringEventId") == 0;
            bool fine = any_text && (strcmp(values[v], "\"nonsense\"") == 0 ||
                                     strcmp(values[v], "\"\\ud800\"") == 0);
            /* an empty word says the default */
            fine |= strcmp(values[v], "\"\"") == 0 &&
                    (strcmp(names[n], "status") == 0 || strcmp(names[n], "transparency") == 0);
            if (((ev.flags & EVENT_ODD) != 0) == fine || odd_in(ev.flags, names[n]) == fine)
                fail_msg("%s: odd %d", json, (ev.flags & EVENT_ODD) != 0);
            assert_true(span_is(ev.id, "e1"));
            assert_true(ev.end_ms >= ev.start_ms);
            buf_release(&text.text);
        }
        /* null is as good as absent */
        struct event_text text = {0};
        struct event ev;
        snprintf(json, sizeof(json), "{%s,\"%s\":null}", TIMED, names[n]);
        assert_int_equal(google_decode_event(span_of(json), span_of(""), &text, &ev, NULL), RC_OK);
        bool needed = strcmp(names[n], "start") == 0 || strcmp(names[n], "end") == 0;
        assert_int_equal((ev.flags & EVENT_ODD) != 0, needed);
        buf_release(&text.text);
    }
}

static void test_unusable_ids(void **state)
{
    static const char *const cases[] = {
        "{}",
        "{\"id\":null}",
        "{\"id\":\"\"}",
        "{\"id\":7}",
        "{\"id\":[\"a\"]}",
        "{\"ID\":\"a\"}",
        "{\"id\":\"a\\u0000b\"}",
        "[]",
        "\"id\"",
        "null",
        "{\"id\":\"a\",\"id\":0}",
    };
    struct buf huge = {0};
    struct event_text text = {0};
    struct event ev = {.flags = 77};
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(google_decode_event(span_of(cases[i]), span_of("UTC"), &text, &ev, &e),
                         RC_BADDATA);
        assert_int_equal(ev.flags, 77); /* untouched */
    }
    for (size_t n = LIMIT_EVENT_ID_BYTES; n <= LIMIT_EVENT_ID_BYTES + 1; n++) {
        buf_reset(&huge);
        buf_add_text(&huge, "{\"id\":\"");
        for (size_t i = 0; i < n; i++)
            buf_add_char(&huge, 'a');
        buf_add_text(&huge, "\"," GONE "}");
        assert_int_equal(google_decode_event(buf_span(&huge), span_of(""), &text, &ev, NULL),
                         n > LIMIT_EVENT_ID_BYTES ? RC_BADDATA : RC_OK);
    }
    buf_release(&huge);
    buf_release(&text.text);
}

static void test_text(void **state)
{
    static const char json[] = "{\"id\":\"caf\\u00e9\",\"iCalUID\":\"a\\/b@google.com\","
                               "\"recurringEventId\":\"\\ud83d\\ude00\",\"updated\":"
                               "\"2026-03-30T07:00:00.943Z\"," NINE "," TEN "," SLOT "}";
    static const char plain[] = "{\"id\":\"x\",\"etag\":\"\\\"1\\\"\",\"iCalUID\":\"y\"," GONE "}";
    struct event_text text = {0};
    struct event ev;

    (void)state;
    assert_int_equal(google_decode_event(span_of(json), span_of("UTC"), &text, &ev, NULL), RC_OK);
    assert_true(span_is(ev.id, "caf\xc3\xa9"));
    assert_true(span_is(ev.ical_uid, "a/b@google.com"));
    assert_true(span_is(ev.series, "\xf0\x9f\x98\x80"));
    assert_int_equal(ev.updated_ms, ms_of("2026-03-30T07:00:00Z") + 943);
    assert_int_equal(google_decode_event(span_of(plain), span_of("UTC"), &text, &ev, NULL), RC_OK);
    assert_ptr_equal(ev.id.p, strstr(plain, "x\"")); /* borrowed from the page, not copied */
    assert_true(span_is(ev.ical_uid, "y"));
    assert_int_equal(ev.series.n, 0);
    assert_int_equal(ev.updated_ms, 0);
    buf_release(&text.text);
}

/* What is decoded stays where it is when more is decoded behind it. */
static void test_long_texts(void **state)
{
    struct buf json = {0}, long_text = {0};
    struct event_text text = {0};
    struct event ev;

    (void)state;
    while (long_text.n < LIMIT_ID_BYTES)
        buf_add_char(&long_text, 'l');
    buf_printf(&json, "{\"id\":\"caf\\u00e9\",\"iCalUID\":\"\\u006c%s\"," NINE "," TEN "}",
               buf_text(&long_text) + 1);
    assert_int_equal(google_decode_event(buf_span(&json), span_of("UTC"), &text, &ev, NULL), RC_OK);
    assert_true(span_is(ev.id, "caf\xc3\xa9"));
    assert_true(span_eq(ev.ical_uid, buf_span(&long_text)));
    buf_release(&text.text);
    buf_release(&json);
    buf_release(&long_text);
}

/* The age of a sparse tombstone, where its etag tells one. */
static void test_etags(void **state)
{
    static const struct {
        const char *etag;
        int64_t ms;
    } rows[] = {
        {"\\\"3225621880126000\\\"", 1612810940063}, /* 2021-02-08T19:02:20.063Z */
        {"\\\"3225621880126000x\\\"", 0},
        {"\\\"1956614399998000\\\"", 0}, /* before 2001: some other number */
        {"\\\"1956614400000000\\\"", 978307200000},
        {"\\\"8204889600000000\\\"", 4102444800000},
        {"\\\"8204889600002000\\\"", 0}, /* after 2100 */
        {"3225621880126000", 0},
        {"\\\"", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct event_text text = {0};
        struct event ev;
        char json[96];

        snprintf(json, sizeof(json), "{\"id\":\"x\",\"etag\":\"%s\"," GONE "}", rows[i].etag);
        assert_int_equal(google_decode_event(span_of(json), span_of("UTC"), &text, &ev, NULL),
                         RC_OK);
        if (ev.updated_ms != rows[i].ms)
            fail_msg("%s: %lld", rows[i].etag, (long long)ev.updated_ms);
        buf_release(&text.text);
    }
}

static void test_escaped_names_and_doubles(void **state)
{
    static const struct event_case cases[] = {
        {"{\"\\u0069d\":\"e1\"," NINE "," TEN "}", "", T9, T10, NULL},
        {"{" TIMED "," GONE ",\"status\":\"confirmed\"}", "", T9, T10, NULL},
        {"{" TIMED ",\"st\\u0061tus\":\"cancelled\"}", "C", T9, T10, NULL},
        {"{" TIMED ",\"a very long and escaped name \\u0061 of no interest at all\":1}", "", T9,
         T10, NULL},
    };

    (void)state;
    CHECK(cases);
}

/* Any bytes that are JSON, made by wrecking a real event: never a crash, never an event that ends
 * before it starts, and an id whenever one is promised. */
static void test_wrecked(void **state)
{
    static const char whole[] =
        "{\"id\":\"e1_20260330T070000Z\",\"status\":\"confirmed\",\"updated\":\"2026-03-30T07:00:"
        "00Z"
        "\"," NINE "," TEN "," OF "," SLOT
        ",\"iCalUID\":\"u\\u0040g\",\"recurrence\":[\"RRULE:X\"],"
        "\"attendees\":[{\"self\":true,\"responseStatus\":\"declined\"}],\"transparency\":"
        "\"opaque\"}";
    static const char soup[] = "\"{}[]:,0123456789truefalsn\\uabTZ+-._ ";
    struct event_text text = {0};
    int decoded = 0;

    (void)state;
    rand_seed(20260330);
    for (int round = 0; round < 200000; round++) {
        char json[sizeof(whole)];
        struct event ev;

        memcpy(json, whole, sizeof(whole));
        for (int64_t hits = rand_between(1, 4); hits > 0; hits--)
            json[rand_between(1, sizeof(whole) - 3)] = soup[rand_between(0, sizeof(soup) - 2)];
        struct span raw = {json, sizeof(whole) - 1};
        if (json_check(raw, NULL) ||
            google_decode_event(raw, span_of("UTC"), &text, &ev, NULL) != RC_OK)
            continue;
        decoded++;
        assert_true(ev.end_ms >= ev.start_ms);
        assert_true(ev.id.n > 0 && ev.id.n <= LIMIT_ID_BYTES);
        assert_false((ev.flags & EVENT_SERIES) && (ev.flags & EVENT_EXCEPTION));
        assert_int_equal((ev.flags & EVENT_EXCEPTION) != 0, ev.series.n > 0);
    }
    assert_true(decoded > 10000);
    buf_release(&text.text);
}

static void test_roster(void **state)
{
    static const struct {
        const char *json, *id, *zone;
        bool deleted, primary;
    } cases[] = {
        {"{\"id\":\"a@b\",\"timeZone\":\"Europe/Berlin\",\"primary\":true}", "a@b", "Europe/Berlin",
         false, true},
        {"{\"id\":\"a\",\"deleted\":true,\"hidden\":true}", "a", "", true, false},
        {"{\"id\":\"a\",\"deleted\":\"true\",\"primary\":null}", "a", "", false, false},
        {"{\"id\":\"en.usa#holiday@x\",\"timeZone\":7}", "en.usa#holiday@x", "", false, false},
        {"{\"id\":\"a\",\"timeZone\":\"A zone name that is by far too long to be the true name of "
         "any "
         "zone\"}",
         "a", "", false, false},
    };
    static const char *const bad[] = {"{}", "[]", "{\"id\":\"\"}", "{\"id\":3}",
                                      "{\"id\":\"\\u0000\"}"};
    struct roster_entry r;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(google_decode_roster(span_of(cases[i].json), &r, NULL), RC_OK);
        assert_string_equal(r.id, cases[i].id);
        assert_string_equal(r.zone, cases[i].zone);
        assert_int_equal(r.deleted, cases[i].deleted);
        assert_int_equal(r.primary, cases[i].primary);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(google_decode_roster(span_of(bad[i]), &r, NULL), RC_BADDATA);
}

static void test_items(void **state)
{
    char id[16] = "";
    bool deleted = true;

    (void)state;
    assert_int_equal(google_decode_item(span_of("{\"id\":\"locale\",\"value\":\"en\"}"), id,
                                        sizeof(id), &deleted, NULL),
                     RC_OK);
    assert_string_equal(id, "locale");
    assert_false(deleted);
    assert_int_equal(google_decode_item(span_of("{\"id\":\"user:a@b\",\"role\":\"none\"}"), id,
                                        sizeof(id), &deleted, NULL),
                     RC_OK);
    assert_string_equal(id, "user:a@b");
    assert_true(deleted);
    assert_int_equal(google_decode_item(span_of("{\"id\":\"0123456789abcdef\"}"), id, sizeof(id),
                                        &deleted, NULL),
                     RC_BADDATA);
    assert_string_equal(id, "user:a@b");
    assert_int_equal(google_decode_item(span_of("{}"), id, sizeof(id), &deleted, NULL), RC_BADDATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary),
        cmocka_unit_test(test_tombstones),
        cmocka_unit_test(test_odd_times),
        cmocka_unit_test(test_wrong_kinds),
        cmocka_unit_test(test_unusable_ids),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_etags),
        cmocka_unit_test(test_escaped_names_and_doubles),
        cmocka_unit_test(test_wrecked),
        cmocka_unit_test(test_roster),
        cmocka_unit_test(test_items),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
