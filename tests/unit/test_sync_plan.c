/* test_sync_plan: the decisions of core/sync/plan as tables: what now, when next, which channels.
 */
#include "core/sync/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define NOW    (1000 * DAY)

static const struct plan_rules rules = {
    .poll_ms = 15 * MINUTE,
    .poll_unhealthy_ms = MINUTE,
    .roster_ms = HOUR,
    .verify_ms = 7 * DAY,
    .overlap_ms = HOUR,
    .watch = true,
    .tag = "0123abcd",
};

static struct collection ready(enum coll_kind kind)
{
    struct collection c = {.no = 1, .kind = kind, .state = COLL_READY};
    strcpy(c.sync_token, "t");
    c.fresh_ms = c.full_ms = NOW - MINUTE;
    c.watch = WATCH_OK;
    return c;
}

static struct channel channel(enum channel_state state, int64_t age, int64_t left)
{
    struct channel ch = {.coll = 1,
                         .state = state,
                         .id = "0123abcd-x",
                         .resource_id = "res",
                         .created_ms = NOW - age,
                         .expires_ms = NOW + left,
                         .renew_ms = NOW + left - HOUR};
    return ch;
}

static struct plan plan(const struct plan_rules *r, const struct collection *c,
                        const struct channel *channels, size_t n)
{
    struct job job = {0};
    struct plan_view v = {
        .c = c, .channels = channels, .n_channels = n, .job = &job, .now_ms = NOW};
    return plan_now(r, &v);
}

static int64_t delay(const struct plan_rules *r, const struct collection *c,
                     const struct channel *channels, size_t n, unsigned random)
{
    struct job job = {0};
    struct plan_view v = {
        .c = c, .channels = channels, .n_channels = n, .job = &job, .now_ms = NOW};
    return plan_delay_ms(r, &v, random);
}

/* Where increments are not complete, every change is followed by a listing, an hour after the last
 * one at the earliest. */
static void test_busy_only(void **state)
{
    (void)state;
    static const struct {
        bool busy_only;
        int64_t full_age, changed_age;
        enum listing_reason want;
    } rows[] = {
        {true, 2 * HOUR, HOUR, LISTING_PARTIAL},   {true, HOUR, 0, LISTING_PARTIAL},
        {true, HOUR - 1, 0, LISTING_NONE},         {true, 2 * HOUR, 2 * HOUR, LISTING_NONE},
        {true, 2 * HOUR, 3 * HOUR, LISTING_NONE},  {false, 2 * HOUR, HOUR, LISTING_NONE},
        {true, 8 * DAY, HOUR, LISTING_PARTIAL},    {true, 8 * DAY, 9 * DAY, LISTING_VERIFY},
        {true, -HOUR, -2 * HOUR, LISTING_PARTIAL}, /* the clock was set back */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct collection c = {.kind = COLL_EVENTS,
                               .state = COLL_READY,
                               .sync_token = "t",
                               .full_ms = NOW - rows[i].full_age,
                               .changed_ms = NOW - rows[i].changed_age};
        struct job job = {0};
        struct plan_view v = {.c = &c, .job = &job, .busy_only = rows[i].busy_only, .now_ms = NOW};
        if (plan_now(&rules, &v).list != rows[i].want)
            fail_msg("row %zu: %s", i, listing_reason_name(plan_now(&rules, &v).list));
    }
}

static void test_reasons_to_list(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum coll_kind kind;
        enum coll_state coll;
        bool token, resync, damaged;
        int64_t full_age;
        enum listing_reason under_way, want;
        bool pull;
    } rows[] = {
        {"quiet", COLL_EVENTS, COLL_READY, true, false, false, DAY, LISTING_NONE, LISTING_NONE,
         true},
        {"new", COLL_EVENTS, COLL_NEW, false, false, false, 0, LISTING_NONE, LISTING_FIRST, false},
        {"new, half listed", COLL_EVENTS, COLL_NEW, false, true, false, 0, LISTING_FIRST,
         LISTING_FIRST, false},
        {"asked", COLL_EVENTS, COLL_READY, true, true, false, DAY, LISTING_NONE, LISTING_ASKED,
         true},
        {"asked during a verification", COLL_EVENTS, COLL_READY, true, true, false, DAY,
         LISTING_VERIFY, LISTING_ASKED, true},
        {"damaged", COLL_EVENTS, COLL_READY, true, false, true, DAY, LISTING_NONE, LISTING_DAMAGED,
         true},
        {"no token", COLL_EVENTS, COLL_READY, false, false, false, DAY, LISTING_NONE,
         LISTING_PARTIAL, false},
        {"no token lately", COLL_EVENTS, COLL_READY, false, false, false, 29 * MINUTE, LISTING_NONE,
         LISTING_NONE, false},
        {"no token in the future", COLL_EVENTS, COLL_READY, false, false, false, -DAY, LISTING_NONE,
         LISTING_PARTIAL, false},
        {"interrupted", COLL_EVENTS, COLL_READY, true, false, false, DAY, LISTING_VERIFY,
         LISTING_VERIFY, true},
        {"old", COLL_EVENTS, COLL_READY, true, false, false, 7 * DAY, LISTING_NONE, LISTING_VERIFY,
         true},
        {"listed in the future", COLL_EVENTS, COLL_READY, true, false, false, -DAY, LISTING_NONE,
         LISTING_VERIFY, true},
        {"roster within the hour", COLL_ROSTER, COLL_READY, true, false, false, 50 * MINUTE,
         LISTING_NONE, LISTING_NONE, true},
        {"roster after an hour", COLL_ROSTER, COLL_READY, true, false, false, 55 * MINUTE,
         LISTING_NONE, LISTING_VERIFY, true},
        {"colours", COLL_COLORS, COLL_READY, false, false, false, 30 * DAY, LISTING_NONE,
         LISTING_NONE, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct collection c = ready(rows[i].kind);
        struct job job = {.resync = rows[i].resync};
        c.state = rows[i].coll;
        c.full_ms = NOW - rows[i].full_age;
        c.listing.reason = rows[i].under_way;
        if (!rows[i].token)
            c.sync_token[0] = '\0';
        struct plan_view v = {.c = &c, .job = &job, .damaged = rows[i].damaged, .now_ms = NOW};
        struct plan p = plan_now(&rules, &v);
        if (p.list != rows[i].want || p.pull != rows[i].pull)
            fail_msg("%s: list %s, pull %d", rows[i].what, listing_reason_name(p.list), p.pull);
    }
}

/* What is under way or more pressing comes first; without a token all the same. */
static void test_verification_asked_for(void **state)
{
    (void)state;
    static const struct row {
        const char *what;
        enum coll_state coll;
        enum coll_kind kind;
        bool token, resync, damaged;
        enum listing_reason under_way, want;
    } rows[] = {
        {"asked", COLL_READY, COLL_EVENTS, true, false, false, LISTING_NONE, LISTING_AUDIT},
        {"no token", COLL_READY, COLL_EVENTS, false, false, false, LISTING_NONE, LISTING_AUDIT},
        {"new", COLL_NEW, COLL_EVENTS, false, false, false, LISTING_NONE, LISTING_FIRST},
        {"resync too", COLL_READY, COLL_EVENTS, true, true, false, LISTING_NONE, LISTING_ASKED},
        {"damaged", COLL_READY, COLL_EVENTS, true, false, true, LISTING_NONE, LISTING_DAMAGED},
        {"by schedule", COLL_READY, COLL_EVENTS, true, false, false, LISTING_VERIFY,
         LISTING_VERIFY},
        {"interrupted", COLL_READY, COLL_EVENTS, true, false, false, LISTING_AUDIT, LISTING_AUDIT},
        {"not events", COLL_READY, COLL_ACL, true, false, false, LISTING_NONE, LISTING_NONE},
    };
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i / 2];
        struct collection c = ready(row->kind);
        struct job job = {.resync = row->resync,
                          .verify = i % 2 ? VERIFY_BEGUN(VERIFY_EVENTS) : VERIFY_EVENTS};
        c.state = row->coll;
        c.listing.reason = row->under_way;
        if (!row->token)
            c.sync_token[0] = '\0';
        struct plan_view v = {.c = &c, .job = &job, .damaged = row->damaged, .now_ms = NOW};
        if (plan_now(&rules, &v).list != row->want)
            fail_msg("%s: %s", row->what, listing_reason_name(plan_now(&rules, &v).list));
    }
}

static void test_verifications_are_spread(void **state)
{
    (void)state;
    struct collection c = ready(COLL_EVENTS);
    int due = 0;
    c.full_ms = NOW - 7 * DAY + 12 * HOUR;
    for (c.no = 1; c.no <= 1000; c.no++)
        due += plan(&rules, &c, NULL, 0).list == LISTING_VERIFY;
    assert_in_range(due, 300, 700); /* half of the last day of seven */
}

/* Tokens that die at once: how often a day is listed, if every listing is followed by another dead
 * token? */
static void test_dead_tokens_are_rationed(void **state)
{
    (void)state;
    struct collection c = ready(COLL_EVENTS);
    struct job job = {0};
    struct plan_view v = {.c = &c, .job = &job};
    int listed[3] = {0};
    int64_t longest = 0, last = NOW;
    for (int64_t now = NOW; now < NOW + 3 * DAY; now += MINUTE) {
        v.now_ms = now;
        if (c.sync_token[0]) { /* the pull */
            plan_count_stale(&c, now);
            c.sync_token[0] = '\0';
        }
        if (plan_now(&rules, &v).list == LISTING_STALE) {
            listed[(now - NOW) / DAY]++;
            longest = now - last > longest ? now - last : longest;
            last = c.full_ms = now;
            strcpy(c.sync_token, "another");
        }
    }
    for (int day = 0; day < 3; day++)
        assert_in_range(listed[day], 3, 4);
    assert_true(longest <= 12 * HOUR);

    /* One dead token now and then is answered at once. */
    c.stale_since_ms = NOW - DAY;
    c.stale_count = 4;
    plan_count_stale(&c, NOW);
    assert_int_equal(c.stale_count, 1);
    c.sync_token[0] = '\0';
    v.now_ms = NOW;
    assert_int_equal(plan_now(&rules, &v).list, LISTING_STALE);
    plan_count_stale(&c, NOW);
    assert_int_equal(plan_now(&rules, &v).list, LISTING_STALE);
    /* While it may not list, it looks again when it may. */
    plan_count_stale(&c, NOW);
    assert_int_equal(plan_now(&rules, &v).list, LISTING_NONE);
    assert_false(plan_now(&rules, &v).pull);
    struct plan_rules slow = rules;
    slow.poll_unhealthy_ms = DAY;
    slow.watch = false;
    assert_int_equal(delay(&slow, &c, NULL, 0, 0), HOUR);
    v.now_ms = NOW - 1; /* the clock was set back */
    assert_int_equal(plan_now(&rules, &v).list, LISTING_STALE);

    /* Only who is listed slowly has his window begin with the last listing. */
    c.stale_since_ms = NOW - DAY;
    c.stale_count = 5;
    c.full_ms = NOW - HOUR;
    plan_count_stale(&c, NOW);
    assert_int_equal(c.stale_count, 2);
    assert_int_equal(c.stale_since_ms, NOW - HOUR);
    c.stale_since_ms = NOW - DAY;
    c.stale_count = 1;
    c.full_ms = NOW - HOUR; /* a verification */
    plan_count_stale(&c, NOW);
    assert_int_equal(c.stale_count, 1);
    assert_int_equal(c.stale_since_ms, NOW);
    c.stale_since_ms = NOW - 3 * DAY;
    c.stale_count = 5;
    c.full_ms = NOW - 2 * DAY; /* slow once, and well since */
    plan_count_stale(&c, NOW);
    assert_int_equal(c.stale_count, 1);
    assert_int_equal(c.stale_since_ms, NOW);
}

static void test_opening(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum channel_state state; /* 0: none */
        int64_t age, left;
        enum watch_verdict watch;
        const char *error;
        int64_t tried_age;
        bool open, healthy;
    } rows[] = {
        {"none", 0, 0, 0, WATCH_UNTRIED, "", 0, true, false},
        {"live", CHANNEL_LIVE, DAY, DAY, WATCH_OK, "", DAY, false, true},
        {"live, to be renewed", CHANNEL_LIVE, DAY, 50 * MINUTE, WATCH_OK, "", DAY, true, true},
        {"live, renewal failed just now", CHANNEL_LIVE, DAY, 50 * MINUTE, WATCH_OK, "no", MINUTE,
         false, true},
        {"live, renewal failed before", CHANNEL_LIVE, DAY, 50 * MINUTE, WATCH_OK, "no", 5 * MINUTE,
         true, true},
        {"expired", CHANNEL_LIVE, DAY, -1, WATCH_OK, "", DAY, true, false},
        {"unverified", CHANNEL_UNVERIFIED, 6 * HOUR - 1, 6 * DAY, WATCH_OK, "", HOUR, false, false},
        {"never verified", CHANNEL_UNVERIFIED, 6 * HOUR, 6 * DAY, WATCH_OK, "", HOUR, true, false},
        {"degraded", CHANNEL_DEGRADED, DAY, DAY, WATCH_OK, "", DAY, true, false},
        {"degraded at once", CHANNEL_DEGRADED, 10 * MINUTE - 1, DAY, WATCH_OK, "", MINUTE, false,
         false},
        {"degraded for a while", CHANNEL_DEGRADED, 10 * MINUTE, DAY, WATCH_OK, "", MINUTE, true,
         false},
        {"stopping", CHANNEL_STOPPING, MINUTE, DAY, WATCH_OK, "", MINUTE, true, false},
        {"refused today", 0, 0, 0, WATCH_REFUSED, "not supported", 23 * HOUR, false, false},
        {"refused yesterday", 0, 0, 0, WATCH_REFUSED, "not supported", 24 * HOUR, true, false},
        {"refused in the future", 0, 0, 0, WATCH_REFUSED, "not supported", -HOUR, true, false},
        {"failed just now", 0, 0, 0, WATCH_UNTRIED, "500", MINUTE, false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct collection c = ready(COLL_EVENTS);
        struct channel ch = channel(rows[i].state, rows[i].age, rows[i].left);
        c.watch = rows[i].watch;
        c.watch_tried_ms = NOW - rows[i].tried_age;
        strcpy(c.watch_error, rows[i].error);
        struct plan p = plan(&rules, &c, &ch, rows[i].state ? 1 : 0);
        if (p.open != rows[i].open || p.healthy != rows[i].healthy)
            fail_msg("%s: open %d, healthy %d", rows[i].what, p.open, p.healthy);
    }
    struct plan_rules poll_only = rules;
    poll_only.watch = false;
    struct collection c = ready(COLL_EVENTS);
    assert_false(plan(&poll_only, &c, NULL, 0).open);
    c = ready(COLL_COLORS);
    assert_false(plan(&rules, &c, NULL, 0).open);
    c = ready(COLL_EVENTS);
    c.state = COLL_NEW; /* before its first listing: nothing can happen in between */
    assert_true(plan(&rules, &c, NULL, 0).open);
    c.state = COLL_GONE;
    assert_false(plan(&rules, &c, NULL, 0).open);
    struct channel elsewhere = channel(CHANNEL_LIVE, DAY, DAY);
    memcpy(elsewhere.id, "ffffffff", 8); /* opened for another address */
    c = ready(COLL_EVENTS);
    assert_true(plan(&rules, &c, &elsewhere, 1).open);
    assert_false(plan(&rules, &c, &elsewhere, 1).healthy);
}

/* Channels come in the order of their ids, which are random. */
static void test_the_newest_channel_counts(void **state)
{
    (void)state;
    struct collection c = ready(COLL_EVENTS);
    struct channel old = channel(CHANNEL_LIVE, 6 * DAY, 50 * MINUTE); /* to be renewed */
    struct channel new = channel(CHANNEL_UNVERIFIED, MINUTE, 7 * DAY);
    strcpy(new.id, "0123abcd-y");
    struct channel orders[2][2] = {{old, new}, {new, old}};
    for (size_t i = 0; i < 2; i++) {
        struct plan p = plan(&rules, &c, orders[i], 2);
        assert_false(p.open);
        assert_true(p.healthy);
        assert_int_equal(p.fate[i], FATE_KEEP);
        assert_int_equal(p.fate[1 - i], FATE_KEEP);
        orders[i][1 - i].state = CHANNEL_LIVE;
        p = plan(&rules, &c, orders[i], 2);
        assert_false(p.open);
        assert_int_equal(p.fate[i], FATE_STOP);
        assert_int_equal(p.fate[1 - i], FATE_KEEP);
    }
}

/* The end of the process is no refusal of Google's; but who dies there again and again waits. */
static void test_opening_that_was_cut_short(void **state)
{
    (void)state;
    struct collection c = ready(COLL_EVENTS);
    struct channel ch[2] = {channel(CHANNEL_OPENING, MINUTE, 0), channel(CHANNEL_LIVE, MINUTE, 0)};
    ch[0].expires_ms = ch[1].expires_ms = 0; /* of the second one the sync came all the same */
    c.watch_tried_ms = NOW - MINUTE;
    strcpy(c.watch_error, "the answer did not come");
    assert_true(plan(&rules, &c, &ch[0], 1).open);
    assert_true(plan(&rules, &c, &ch[1], 1).open);
    assert_false(plan(&rules, &c, ch, 2).open);
    assert_false(plan(&rules, &c, NULL, 0).open); /* both were cleared away */
    ch[0].state = CHANNEL_STOPPING;               /* a stray: Google answered with no */
    assert_false(plan(&rules, &c, &ch[0], 1).open);
    c.watch_tried_ms = NOW - 5 * MINUTE;
    assert_true(plan(&rules, &c, ch, 2).open);
    c.watch = WATCH_REFUSED;
    assert_false(plan(&rules, &c, &ch[1], 1).open);
}

static void test_fates(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum channel_state old, new; /* new 0: only the old one */
        int64_t new_age, old_left;
        bool answered, with_resource;
        enum plan_fate want; /* of the old one */
    } rows[] = {
        {"alone", CHANNEL_LIVE, 0, 0, DAY, true, true, FATE_KEEP},
        {"expired", CHANNEL_LIVE, 0, 0, -1, true, true, FATE_DELETE},
        {"stopping", CHANNEL_STOPPING, 0, 0, DAY, true, true, FATE_STOP},
        {"stopped, and long remembered", CHANNEL_STOPPED, 0, 0, DAY, true, true, FATE_DELETE},
        {"opening, cut short", CHANNEL_OPENING, 0, 0, 0, false, false, FATE_DELETE},
        {"opening, its sync came", CHANNEL_LIVE, 0, 0, 0, false, true, FATE_STOP},
        {"stray", CHANNEL_STOPPING, 0, 0, 0, false, true, FATE_STOP},
        {"replaced by a live one", CHANNEL_LIVE, CHANNEL_LIVE, MINUTE, DAY, true, true, FATE_STOP},
        {"live beside an unverified one", CHANNEL_LIVE, CHANNEL_UNVERIFIED, HOUR, DAY, true, true,
         FATE_KEEP},
        {"degraded, new one unverified", CHANNEL_DEGRADED, CHANNEL_UNVERIFIED, MINUTE, DAY, true,
         true, FATE_KEEP},
        {"degraded, new one long unverified", CHANNEL_DEGRADED, CHANNEL_UNVERIFIED, 10 * MINUTE,
         DAY, true, true, FATE_STOP},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct collection c = ready(COLL_EVENTS);
        struct channel ch[2] = {channel(rows[i].old, DAY, rows[i].old_left),
                                channel(rows[i].new, rows[i].new_age, 6 * DAY)};
        if (!rows[i].answered)
            ch[0].expires_ms = 0;
        if (!rows[i].with_resource)
            ch[0].resource_id[0] = '\0';
        strcpy(ch[1].id, "0123abcd-y");
        struct plan p = plan(&rules, &c, ch, rows[i].new ? 2 : 1);
        if (p.fate[0] != rows[i].want)
            fail_msg("%s: fate %d", rows[i].what, p.fate[0]);
        if (rows[i].new)
            assert_int_equal(p.fate[1], FATE_KEEP);
    }
    struct collection c = ready(COLL_EVENTS);
    struct channel ch = channel(CHANNEL_LIVE, DAY, DAY);
    c.state = COLL_GONE;
    struct plan p = plan(&rules, &c, &ch, 1);
    assert_true(!p.pull && !p.open && p.list == LISTING_NONE);
    assert_int_equal(p.fate[0], FATE_STOP);
    struct channel over = channel(CHANNEL_LIVE, DAY, -1);
    assert_int_equal(plan(&rules, &c, &over, 1).fate[0], FATE_DELETE);
    struct channel nameless = ch; /* cannot be stopped */
    nameless.resource_id[0] = '\0';
    assert_int_equal(plan(&rules, &c, &nameless, 1).fate[0], FATE_DELETE);
    struct plan_rules poll_only = rules;
    poll_only.watch = false;
    c.state = COLL_READY;
    assert_int_equal(plan(&poll_only, &c, &ch, 1).fate[0], FATE_STOP);
}

static void test_delays(void **state)
{
    (void)state;
    struct channel live = channel(CHANNEL_LIVE, DAY, DAY);
    static const struct {
        enum coll_kind kind;
        bool healthy;
        int64_t want; /* without jitter */
    } rows[] = {
        {COLL_EVENTS, true, 15 * MINUTE}, {COLL_EVENTS, false, MINUTE},
        {COLL_ROSTER, true, HOUR},        {COLL_ROSTER, false, MINUTE},
        {COLL_SETTINGS, true, 6 * HOUR},  {COLL_SETTINGS, false, HOUR},
        {COLL_ACL, true, 6 * HOUR},       {COLL_ACL, false, HOUR},
        {COLL_COLORS, false, DAY},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct collection c = ready(rows[i].kind);
        size_t n = rows[i].healthy ? 1 : 0;
        c.watch = rows[i].healthy ? WATCH_OK : WATCH_REFUSED;
        c.watch_tried_ms = NOW;
        assert_int_equal(delay(&rules, &c, &live, n, 0), rows[i].want);
        assert_int_equal(delay(&rules, &c, &live, n, 65535), rows[i].want + rows[i].want / 10);
    }
    /* A quiet calendar with a channel costs at most 96 polls a day. */
    struct collection c = ready(COLL_EVENTS);
    assert_true(DAY / delay(&rules, &c, &live, 1, 0) <= 96);

    /* What comes before the poll. */
    live = channel(CHANNEL_LIVE, DAY, HOUR + 5 * MINUTE);
    assert_int_equal(delay(&rules, &c, &live, 1, 0), 5 * MINUTE); /* renewal */
    strcpy(c.watch_error, "500");
    c.watch_tried_ms = NOW - MINUTE;
    live = channel(CHANNEL_LIVE, DAY, 50 * MINUTE);
    assert_int_equal(delay(&rules, &c, &live, 1, 0), 4 * MINUTE); /* the next attempt */
    c = ready(COLL_EVENTS);
    struct channel two[2] = {channel(CHANNEL_DEGRADED, DAY, DAY),
                             channel(CHANNEL_UNVERIFIED, 9 * MINUTE + 50 * SECOND, 6 * DAY)};
    assert_int_equal(delay(&rules, &c, two, 2, 0), 10 * SECOND); /* the old one's end */
    assert_int_equal(delay(&rules, &c, &two[1], 1, 0), MINUTE);  /* there is no old one */
    two[0] = two[1] = channel(CHANNEL_LIVE, DAY, -1); /* nor a new one, and none may be opened */
    c.watch = WATCH_REFUSED;
    c.watch_tried_ms = NOW;
    assert_int_equal(delay(&rules, &c, two, 2, 0), MINUTE);

    /* What is over, or was never to come, does not make it look again at once. */
    c = ready(COLL_EVENTS);
    c.watch_tried_ms = NOW - DAY;
    assert_int_equal(delay(&rules, &c, NULL, 0, 0), MINUTE); /* no channel, as with --resync */
    c.stale_since_ms = NOW - HOUR + 10 * SECOND;
    c.stale_count = 3;
    assert_int_equal(delay(&rules, &c, NULL, 0, 0), MINUTE); /* it has a token again */
    c = ready(COLL_COLORS);
    c.sync_token[0] = '\0';
    c.stale_since_ms = NOW + 10 * SECOND;
    c.stale_count = 1;
    assert_int_equal(delay(&rules, &c, NULL, 0, 0), DAY); /* they never have one */
    /* Another listing was first, and somebody waits for the verification. */
    c = ready(COLL_EVENTS);
    struct job job = {.verify = VERIFY_EVENTS};
    struct plan_view v = {.c = &c, .job = &job, .now_ms = NOW};
    assert_int_equal(plan_delay_ms(&rules, &v, 0), SECOND);

    /* Clocks: however wrong, never longer than the interval and never a busy loop. */
    live = channel(CHANNEL_LIVE, -400 * DAY, 800 * DAY);
    assert_in_range(delay(&rules, &c, &live, 1, 65535), SECOND, 17 * MINUTE);
    struct plan_rules fast = rules;
    fast.poll_ms = fast.poll_unhealthy_ms = 1;
    assert_int_equal(delay(&fast, &c, NULL, 0, 0), SECOND);
}

static void test_renewal(void **state)
{
    (void)state;
    static const struct {
        int64_t life, earliest, latest; /* from now */
    } rows[] = {
        {7 * DAY, 7 * DAY - HOUR - 7 * DAY / 20, 7 * DAY - HOUR},
        {HOUR, 37 * MINUTE, 40 * MINUTE}, /* shorter than asked for: a third of it */
        {30 * SECOND, 18500, 20 * SECOND},
        {0, 0, 0},
        {-DAY, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(plan_renew_ms(&rules, NOW, NOW + rows[i].life, 65535),
                         NOW + rows[i].earliest);
        assert_int_equal(plan_renew_ms(&rules, NOW, NOW + rows[i].life, 0), NOW + rows[i].latest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reasons_to_list),
        cmocka_unit_test(test_busy_only),
        cmocka_unit_test(test_verification_asked_for),
        cmocka_unit_test(test_verifications_are_spread),
        cmocka_unit_test(test_dead_tokens_are_rationed),
        cmocka_unit_test(test_opening),
        cmocka_unit_test(test_the_newest_channel_counts),
        cmocka_unit_test(test_opening_that_was_cut_short),
        cmocka_unit_test(test_fates),
        cmocka_unit_test(test_delays),
        cmocka_unit_test(test_renewal),
    };
    return cmocka_run_group_tests_name("sync_plan", tests, NULL, NULL);
}
