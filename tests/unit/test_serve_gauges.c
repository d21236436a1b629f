/* test_serve_gauges: what /metrics says of the store's contents is what is in it. */
#include "storage/channels.h"
#include "storage/jobs.h"
#include "tests/unit/serve_fixture.h"

static void says(const char *metrics, const char *line)
{
    char whole[256];
    (void)snprintf(whole, sizeof whole, "\n%s\n", line);
    if (!strstr(metrics, whole))
        fail_msg("no %s in %s", line, metrics);
}

static char *metrics(struct world *w)
{
    struct http_answer a = http_ask(w->port, "GET", "/metrics", "", "");
    assert_int_equal(a.status, 200);
    free(a.head);
    return a.body;
}

static void add(struct world *w, const char *calendar, enum coll_kind kind, enum coll_state state,
                int64_t fresh_s, int64_t fails, enum listing_reason listing)
{
    struct collection c = world_coll(w, w->home, kind, calendar, state);
    struct txn *t = begin_write(w->f.store);
    c.fresh_ms = fresh_s * 1000 + 999;
    c.fails = (uint32_t)fails;
    c.listing.reason = listing;
    c.drift = 2;
    coll_put(t, &c);
    commit(t);
}

/* As alerts.yml reads them. */
static void test_contents(void **state)
{
    struct world *w = *state;
    add(w, "fails", COLL_EVENTS, COLL_READY, 1770000300, 3, LISTING_NONE);
    add(w, "oldest", COLL_EVENTS, COLL_READY, 1770000100, 0, LISTING_NONE);
    add(w, "relisted", COLL_EVENTS, COLL_READY, 1770000200, 0, LISTING_STALE);
    add(w, "new", COLL_EVENTS, COLL_NEW, 1770000050, 0, LISTING_NONE);
    add(w, "gone", COLL_EVENTS, COLL_GONE, 1770000010, 5, LISTING_NONE);
    add(w, "rules", COLL_ACL, COLL_READY, 1770000020, 1, LISTING_NONE);
    static const struct {
        enum channel_state state;
        int64_t expires_s;
    } told[] = {{CHANNEL_OPENING, 0},
                {CHANNEL_UNVERIFIED, 1770000400},
                {CHANNEL_LIVE, 1770000600},
                {CHANNEL_LIVE, 1770000500},
                {CHANNEL_LIVE, 0},
                {CHANNEL_STOPPING, 1770000450},
                {CHANNEL_STOPPED, 1770000460},
                {CHANNEL_DEGRADED, 1770000470}};
    struct txn *t = begin_write(w->f.store);
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        struct channel ch = {
            .coll = w->me.no, .state = told[i].state, .expires_ms = told[i].expires_s * 1000 + 999};
        if (told[i].expires_s == 0)
            ch.expires_ms = 0;
        (void)snprintf(ch.id, sizeof ch.id, "v1channel%zu", i);
        channel_put(t, &ch);
    }
    job_put(t, &(struct job){.coll = w->me.no, .pinged = 8, .pulled = 7});
    job_put(t, &(struct job){.coll = w->other.no, .pinged = 8, .pulled = 8});
    struct account parked = {.name = "parked", .state = ACCOUNT_NEEDS_LOGIN};
    account_put(t, &parked);
    commit(t);
    char *text = metrics(w);
    says(text, "calmirror_accounts{state=\"ok\"} 2");
    says(text, "calmirror_accounts{state=\"needs_login\"} 1");
    says(text, "calmirror_accounts{state=\"clock_skew\"} 0");
    says(text, "calmirror_calendars{state=\"ok\"} 3"); /* with the world's own two */
    says(text, "calmirror_calendars{state=\"syncing\"} 2");
    says(text, "calmirror_calendars{state=\"error\"} 1");
    says(text, "calmirror_calendars{state=\"gone\"} 1");
    says(text, "calmirror_channels{state=\"opening\"} 1");
    says(text, "calmirror_channels{state=\"unverified\"} 1");
    says(text, "calmirror_channels{state=\"live\"} 3");
    says(text, "calmirror_channels{state=\"degraded\"} 1");
    says(text, "calmirror_channels{state=\"stopping\"} 1");
    says(text, "calmirror_channels{state=\"stopped\"} 1");
    says(text, "calmirror_channel_next_expiry_timestamp_seconds 1770000500");
    says(text, "calmirror_oldest_success_timestamp_seconds 1770000100");
    says(text, "calmirror_drift_events 12");
    says(text, "calmirror_ping_queue_length 1");
    says(text, "calmirror_damaged_collections 0");
    free(text);
}

static void test_nothing_known_yet(void **state)
{
    struct world *w = *state;
    struct txn *t = begin_write(w->f.store);
    w->me.fresh_ms = w->other.fresh_ms = 0;
    coll_put(t, &w->me);
    coll_put(t, &w->other);
    commit(t);
    char *text = metrics(w);
    says(text, "calmirror_channel_next_expiry_timestamp_seconds 0");
    says(text, "calmirror_oldest_success_timestamp_seconds 0");
    says(text, "calmirror_ping_queue_length 0");
    free(text);
}

static void test_damage(void **state)
{
    struct world *w = *state;
    world_timed(w, "a", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    char *text = metrics(w);
    says(text, "calmirror_damaged_collections 0");
    free(text);
    damage_value(w->f.store, SPACE_EVENT, 0, 70);
    for (int i = 0; i < 3; i++) {
        struct http_answer a = http_ask(w->port, "GET", EV, "Cache-Control: no-cache\r\n", "");
        http_answer_release(&a);
    }
    text = metrics(w);
    says(text, "calmirror_damaged_collections 1"); /* however often it was met */
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_contents),
        WORLD(test_nothing_known_yet),
        WORLD(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
