/* test_serve_series: the series that are kept compiled between queries: of more calendars than
 * there are tables, and of one with more than fit. */
#include "tests/unit/serve_fixture.h"

#define CALENDARS 70    /* of 64 tables */
#define TOO_MANY  20003 /* of 20000 */
#define WINDOW    "&timeMin=2026-03-02T00:00:00Z&timeMax=2026-03-05T00:00:00Z"

static void put_day(struct txn *t, struct collection *c, const char *id, const char *date,
                    const char *more)
{
    struct buf b = {0};
    buf_printf(&b,
               "{\"id\":\"%s\",\"status\":\"confirmed\",\"start\":{\"date\":\"%s\"},"
               "\"end\":{\"date\":\"%s\"}%s}",
               id, date, date, more);
    world_put(t, c, buf_span(&b));
    buf_release(&b);
}

/* Calendars with the same ids: a series in one is a single event in the next. */
static void test_many_calendars(void **state)
{
    struct world *w = *state;
    static const char *const ids[] = {"a", "b", "c"};
    static const char *const shown[] = {
        "a b c", "a_20260303 b c a_20260304", "a_20260303 b_20260303 c a_20260304 b_20260304",
        "a_20260303 b_20260303 c_20260303 a_20260304 b_20260304 c_20260304"};
    for (int i = 0; i < CALENDARS; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "calendar%d", i);
        struct collection c = world_coll(w, w->home, COLL_EVENTS, name, COLL_READY);
        struct txn *t = begin_write(w->f.store);
        for (int k = 0; k < 3; k++)
            put_day(t, &c, ids[k], "2026-03-03",
                    k < i % 4 ? ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=2\"]" : "");
        coll_put(t, &c);
        commit(t);
    }
    for (int i = 0; i < 2 * CALENDARS; i++) {
        char target[192];
        (void)snprintf(target, sizeof(target),
                       "/calendar/v3/calendars/calendar%d/events?singleEvents=true" WINDOW,
                       i % CALENDARS);
        expect_ids(w, target, shown[i % CALENDARS % 4]);
        (void)snprintf(target, sizeof(target),
                       "/calendar/v3/calendars/calendar%d/events?x=1" WINDOW, i % CALENDARS);
        struct http_answer a = get(w, 200, target);
        assert_int_equal(strlen(ids_of(&a)), strlen("a b c"));
        http_answer_release(&a);
    }
}

/* Those that do not fit are shown nevertheless, again and again. */
static void test_too_many_series(void **state)
{
    struct world *w = *state;
    struct txn *t = begin_write(w->f.store);
    for (int i = 0; i < TOO_MANY; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "s%05d", i);
        put_day(t, &w->me, id, i < TOO_MANY - 3 ? "2020-01-01" : "2026-03-03",
                ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=1\"]");
    }
    coll_put(t, &w->me);
    commit(t);
    for (int turn = 0; turn < 2; turn++) {
        expect_ids(w, EV "?singleEvents=true" WINDOW,
                   "s20000_20260303 s20001_20260303 s20002_20260303");
        expect_ids(w, EV "?x=1" WINDOW, "s20000 s20001 s20002");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {WORLD(test_many_calendars), WORLD(test_too_many_series)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
