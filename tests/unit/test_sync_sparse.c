/* test_sync_sparse: to which series a cancelled instance belongs of which the id alone came. */
#include "core/sync/batch.h"
#include "tests/unit/storage_fixture.h"

#include "core/base/json.h"

#define TIMED(id, start, end, rule)                                                                \
    "{\"id\":\"" id "\",\"updated\":\"2026-06-01T00:00:00Z\",\"recurrence\":[\"" rule              \
    "\"],\"start\":{\"dateTime\":\"" start "\",\"timeZone\":\"UTC\"},\"end\":{\"dateTime\":\"" end \
    "\",\"timeZone\":\"UTC\"}}"
#define DATES(id, start, end, rule)                                                   \
    "{\"id\":\"" id "\",\"updated\":\"2026-06-01T00:00:00Z\",\"recurrence\":[\"" rule \
    "\"],\"start\":{\"date\":\"" start "\"},\"end\":{\"date\":\"" end "\"}}"

/* The extent of a timed series reaches 26 hours beyond its last instance (extent.c). */
static const char stored[] = "[" TIMED("base", "2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z",
                                       "RRULE:FREQ=DAILY;COUNT=5") ","
    /* goes on from there; and once more, to its second day */
    TIMED("base_R20260706T100000", "2026-07-06T10:00:00Z", "2026-07-06T11:00:00Z",
          "RRULE:FREQ=DAILY;COUNT=5") "," TIMED("base_R20260711T100000", "2026-07-11T10:00:00Z",
                                                "2026-07-11T11:00:00Z",
                                                "RRULE:FREQ=DAILY;COUNT=5") ","
    /* neighbours by their ids, which begin later and end later */
    TIMED("base2", "2026-07-02T10:00:00Z", "2026-07-02T11:00:00Z", "RRULE:FREQ=DAILY") "," TIMED(
        "base_R", "2026-07-02T10:00:00Z", "2026-07-02T11:00:00Z",
        "RRULE:FREQ=DAILY") "," TIMED("base_Sibling", "2026-07-02T10:00:00Z",
                                      "2026-07-02T11:00:00Z",
                                      "RRULE:FREQ=DAILY") "," DATES("base_R20260702", "2026-07-02",
                                                                    "2026-07-03",
                                                                    "RRULE:FREQ=DAILY") ","
    /* only its second piece is left */
    TIMED(
        "half_R20260703T100000", "2026-07-03T10:00:00Z", "2026-07-03T11:00:00Z",
        "RRULE:FREQ=DAILY;COUNT=2") "," DATES("days", "2026-07-01", "2026-07-02",
                                              "RRULE:FREQ=DAILY;COUNT=3") ","
                                                                          "{\"id\":\"gone\","
                                                                          "\"status\":"
                                                                          "\"cancelled\","
                                                                          "\"updated\":\"2026-06-"
                                                                          "01T00:00:00Z\","
                                                                          "\"recurrence\":[\"RRULE:"
                                                                          "FREQ=DAILY\"],\"start\":"
                                                                          "{\"dateTime\":\"2026-07-"
                                                                          "01T10:00:00Z\"},"
                                                                          "\"end\":{\"dateTime\":"
                                                                          "\"2026-07-01T11:00:"
                                                                          "00Z\"}},"
                                                                          "{\"id\":\"single\","
                                                                          "\"updated\":\"2026-06-"
                                                                          "01T00:00:00Z\","
                                                                          "\"start\":{\"dateTime\":"
                                                                          "\"2026-07-01T10:00:"
                                                                          "00Z\"},"
                                                                          "\"end\":{\"dateTime\":"
                                                                          "\"2026-07-03T11:00:"
                                                                          "00Z\"}},"
                                                                          /* an exception says
                                                                             itself what it belongs
                                                                             to, and where it stands
                                                                             in its own words */
                                                                          "{\"id\":\"base_"
                                                                          "20260703T100000Z\","
                                                                          "\"updated\":\"2026-06-"
                                                                          "01T00:00:00Z\","
                                                                          "\"recurringEventId\":"
                                                                          "\"other\","
                                                                          "\"originalStartTime\":{"
                                                                          "\"dateTime\":\"2026-07-"
                                                                          "03T12:00:00+02:00\"},"
                                                                          "\"start\":{\"dateTime\":"
                                                                          "\"2026-07-09T10:00:"
                                                                          "00Z\"},"
                                                                          "\"end\":{\"dateTime\":"
                                                                          "\"2026-07-09T11:00:"
                                                                          "00Z\"}},"
                                                                          /* what was taken for an
                                                                             event of its own before
                                                                             says nothing */
                                                                          "{\"id\":\"base_"
                                                                          "20260704T100000Z\","
                                                                          "\"updated\":\"2026-06-"
                                                                          "01T00:00:00Z\","
                                                                          "\"status\":"
                                                                          "\"cancelled\"}]";

static const struct {
    const char *id, *series, *original; /* NULL: it stays as it came */
} rows[] = {
    {"base_20260701T100000Z", "base", "{\"dateTime\":\"2026-07-01T10:00:00Z\"}"},
    {"base_20260702T100000Z", "base", "{\"dateTime\":\"2026-07-02T10:00:00Z\"}"},
    {"base_20260703T100000Z", "other", "{\"dateTime\":\"2026-07-03T12:00:00+02:00\"}"},
    {"base_20260704T100000Z", "base", "{\"dateTime\":\"2026-07-04T10:00:00Z\"}"},
    {"base_20260706T100000Z", "base_R20260706T100000", "{\"dateTime\":\"2026-07-06T10:00:00Z\"}"},
    {"base_20260711T100000Z", "base_R20260711T100000", "{\"dateTime\":\"2026-07-11T10:00:00Z\"}"},
    {"base_20260701T095959Z", NULL, NULL},
    {"base_20260718T100000Z", NULL, NULL},
    {"base_20260704", "base_R20260702", "{\"date\":\"2026-07-04\"}"},
    {"half_20260704T100000Z", "half_R20260703T100000", "{\"dateTime\":\"2026-07-04T10:00:00Z\"}"},
    {"half_20260702T100000Z", NULL, NULL},
    {"days_20260701", "days", "{\"date\":\"2026-07-01\"}"},
    {"days_20260703", "days", "{\"date\":\"2026-07-03\"}"},
    {"days_20260704", NULL, NULL},
    {"days_20260702T000000Z", NULL, NULL},
    {"gone_20260702T100000Z", NULL, NULL},
    {"single_20260702T100000Z", NULL, NULL},
    {"nothing_20260702T100000Z", NULL, NULL},
    {"base", NULL, NULL},
};
#define ROWS_N (sizeof(rows) / sizeof(rows[0]))

static struct google_page page_of(const char *items)
{
    struct google_page page = {.items = span_of(items)};
    assert_int_equal(json_check(page.items, NULL), RC_OK);
    return page;
}

static struct collection fill(struct store *s)
{
    struct collection c = make_calendar(s, "me@example.com", COLL_READY);
    struct google_page page = page_of(stored);
    struct batch b = {0};
    assert_int_equal(batch_add(&b, &page, "UTC", NULL), RC_OK);
    struct txn *t = begin_write(s);
    for (size_t i = 0; i < b.n; i++)
        assert_true(event_put(t, &c, &b.events[i]));
    coll_put(t, &c);
    commit(t);
    batch_release(&b);
    return c;
}

static void test_sparse_instances(void **state)
{
    struct fixture *f = *state;
    struct collection c = fill(f->store);
    struct buf items = {0};
    for (size_t i = 0; i < ROWS_N; i++)
        buf_printf(&items, "%c{\"id\":\"%s\",\"status\":\"cancelled\"}", i ? ',' : '[', rows[i].id);
    buf_add_char(&items, ']');
    struct google_page page = page_of(buf_text(&items));
    struct batch b = {0};
    assert_int_equal(batch_add(&b, &page, "Europe/Berlin", NULL), RC_OK);
    assert_int_equal(b.n, ROWS_N);
    struct txn *t = begin_write(f->store);
    batch_complete(&b, t, &c);
    for (size_t i = 0; i < ROWS_N; i++) {
        const struct event *ev = &b.events[i];
        const char *series = rows[i].series ? rows[i].series : "";
        const char *original = rows[i].series ? rows[i].original : "";
        if (!span_is(ev->id, rows[i].id) || !span_is(ev->series, series) ||
            !span_is(json_get(ev->raw, "originalStartTime"), original) ||
            ev->flags != (EVENT_CANCELLED | (*series ? EVENT_EXCEPTION : 0u) |
                          (ev->flags & (EVENT_ALL_DAY | EVENT_UNTIMED))))
            fail_msg("%s: %.*s, flags %x", rows[i].id, (int)ev->raw.n, ev->raw.p, ev->flags);
        assert_int_equal(json_check(ev->raw, NULL), RC_OK);
        assert_int_equal(ev->zone_hash, event_zone_hash(S("Europe/Berlin")));
    }
    txn_abort(t);
    batch_release(&b);
    buf_release(&items);
}

/* What is whole already, or lives, or makes no sense, is left as it came. */
static void test_others_stay(void **state)
{
    struct fixture *f = *state;
    struct collection c = fill(f->store);
    static const char items[] =
        "[{\"id\":\"base_20260702T100000Z\",\"status\":\"confirmed\"},"
        "{\"id\":\"base_20260702T100000Z\",\"status\":\"cancelled\",\"recurringEventId\":\"else\"},"
        "{\"id\":\"base_20260702T100000Z\",\"status\":\"cancelled\","
        "\"originalStartTime\":{\"dateTime\":\"2026-07-05T10:00:00Z\"}}]";
    struct google_page page = page_of(items);
    struct batch b = {0};
    assert_int_equal(batch_add(&b, &page, "UTC", NULL), RC_OK);
    assert_int_equal(b.n, 3);
    struct event before[3];
    memcpy(before, b.events, sizeof(before));
    struct txn *t = begin_write(f->store);
    batch_complete(&b, t, &c);
    assert_memory_equal(b.events, before, sizeof(before));
    assert_int_equal(b.n_raws, 0);
    txn_abort(t);
    batch_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sparse_instances, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_others_stay, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("sync_sparse", tests, NULL, NULL);
}
