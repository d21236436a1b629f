/* test_ping_verify: which notifications are ours, and what each asks for. */
#include "core/ping/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/queue/token.h"
#include "storage/accounts.h"
#include "storage/channels.h"

#define NOW    1800000000000
#define MINUTE (60 * 1000LL)
#define BEGAN  (NOW - 10 * MINUTE)

static char long_text[200]; /* longer than any id */

struct row {
    const char *what;
    enum channel_state state; /* of the record; 0: there is none */
    int64_t left;             /* until it expires; 0: not known */
    const char *resource;     /* on record */
    const char *id, *token_id, *said_resource, *said_state;
    bool other_coll, no_coll; /* the token names another collection; there is none */
    enum ping_verdict want;
    bool known;
};

static const struct row rows[] = {
    {"a change", CHANNEL_LIVE, MINUTE, "r", "c", "c", "r", "exists", 0, 0, PING_CHANGE, true},
    {"a state never seen", CHANNEL_LIVE, MINUTE, "r", "c", "c", "r", "not_exists", 0, 0,
     PING_CHANGE, true},
    {"no state", CHANNEL_LIVE, MINUTE, "r", "c", "c", "r", "", 0, 0, PING_CHANGE, true},
    {"its first message", CHANNEL_UNVERIFIED, MINUTE, "r", "c", "c", "r", "sync", 0, 0, PING_SYNC,
     true},
    {"before the answer", CHANNEL_OPENING, 0, "", "c", "c", "r", "sync", 0, 0, PING_SYNC, true},
    {"before the answer, nonsense", CHANNEL_OPENING, 0, "", "c", "c", long_text, "sync", 0, 0,
     PING_SYNC, true},
    {"another resource", CHANNEL_LIVE, MINUTE, "r", "c", "c", "s", "exists", 0, 0, PING_FORGED,
     true},
    {"no resource", CHANNEL_LIVE, MINUTE, "r", "c", "c", "", "exists", 0, 0, PING_FORGED, true},
    {"being stopped", CHANNEL_STOPPING, MINUTE, "r", "c", "c", "r", "exists", 0, 0, PING_IGNORED,
     true},
    {"stopped", CHANNEL_STOPPED, MINUTE, "r", "c", "c", "r", "exists", 0, 0, PING_IGNORED, true},
    {"just expired", CHANNEL_LIVE, -MINUTE / 2, "r", "c", "c", "r", "exists", 0, 0, PING_CHANGE,
     true},
    {"long expired", CHANNEL_LIVE, -2 * MINUTE, "r", "c", "c", "r", "exists", 0, 0, PING_STRAY,
     true},
    {"of no record", 0, 0, "", "c", "c", "r", "exists", 0, 0, PING_LOST, false},
    {"of no record, no resource", 0, 0, "", "c", "c", "", "exists", 0, 0, PING_FORGED, false},
    {"of no record, nonsense", 0, 0, "", "c", "c", long_text, "exists", 0, 0, PING_FORGED, false},
    {"of what has left", 0, 0, "", "c", "c", "r", "exists", 0, true, PING_IGNORED, false},
    {"token of another collection", CHANNEL_LIVE, MINUTE, "r", "c", "c", "r", "exists", true, 0,
     PING_FORGED, true},
    {"token of another channel", CHANNEL_LIVE, MINUTE, "r", "c", "d", "r", "exists", 0, 0,
     PING_FORGED, false},
    {"no token", CHANNEL_LIVE, MINUTE, "r", "c", NULL, "r", "exists", 0, 0, PING_FORGED, false},
    {"no id", CHANNEL_LIVE, MINUTE, "r", "", "", "r", "exists", 0, 0, PING_FORGED, false},
    {"an endless id", CHANNEL_LIVE, MINUTE, "r", long_text, long_text, "r", "exists", 0, 0,
     PING_FORGED, false},
};

static uint32_t add_coll(struct txn *t, const char *calendar)
{
    struct collection c = {.account = 1, .kind = COLL_EVENTS, .state = COLL_READY};
    strcpy(c.calendar, calendar);
    coll_put(t, &c);
    return c.no;
}

static void check(struct store *s, const struct row *row)
{
    struct channel ch = {.state = row->state, .created_ms = NOW - MINUTE}, got = {0};
    char token[CHANNEL_TOKEN_MAX] = "";
    struct txn *t = NULL;
    bool known = false;
    assert_int_equal(txn_write(s, &t, NULL), RC_OK);
    ch.coll = add_coll(t, "a");
    uint32_t named = row->other_coll ? add_coll(t, "b") : row->no_coll ? ch.coll + 7 : ch.coll;
    strcpy(ch.id, "c");
    strcpy(ch.resource_id, row->resource);
    ch.expires_ms = row->left ? NOW + row->left : 0;
    if (row->state)
        channel_put(t, &ch);
    else
        channel_delete(t, span_of(ch.id));
    assert_int_equal(txn_commit(t, NULL), RC_OK);
    if (row->token_id)
        channel_token(store_secret(s), span_of(row->token_id), named, token);
    struct ping_headers h = {.channel_id = span_of(row->id),
                             .token = span_of(token),
                             .resource_id = span_of(row->said_resource),
                             .state = span_of(row->said_state)};
    enum ping_verdict verdict = ping_verify(s, &h, NOW, BEGAN, &got, &known);
    if (verdict != row->want || known != row->known)
        fail_msg("%s: verdict %d, known %d", row->what, verdict, known);
    if (verdict == PING_FORGED || verdict == PING_IGNORED)
        return;
    /* What there is to write down, or to stop. */
    assert_string_equal(got.id, "c");
    assert_int_equal(got.coll, ch.coll);
    assert_int_equal(got.state, row->state ? row->state : CHANNEL_STOPPING);
    assert_string_equal(got.resource_id, row->said_resource == long_text ? "" : "r");
}

static struct store *open_store(char dir[])
{
    struct store *s = NULL;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(
        store_open(&s, dir, &(struct store_options){.map_bytes = 16 << 20, .no_fsync = true}, NULL),
        RC_OK);
    return s;
}

static void close_store(struct store *s, const char *dir)
{
    char command[64];
    store_close(s);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

static void test_verdicts(void **state)
{
    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char dir[] = "/tmp/calmirror-ping-XXXXXX";
        struct store *s = open_store(dir);
        check(s, &rows[i]);
        close_store(s, dir);
    }
}

/* What comes by a channel without a record is a hint unless one on record tells of it. */
static void test_beside_others(void **state)
{
    static const struct {
        enum channel_state beside;
        int64_t heard; /* after BEGAN */
        const char *said;
        enum ping_verdict want;
    } cases[] = {
        {CHANNEL_LIVE, 1, "exists", PING_STRAY},     {CHANNEL_LIVE, -1, "exists", PING_LOST},
        {CHANNEL_LIVE, -1, "sync", PING_STRAY},      {CHANNEL_UNVERIFIED, 1, "exists", PING_STRAY},
        {CHANNEL_STOPPING, 1, "exists", PING_LOST},  {CHANNEL_STOPPED, 1, "exists", PING_LOST},
        {CHANNEL_DEGRADED, -1, "exists", PING_LOST},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char dir[] = "/tmp/calmirror-ping-XXXXXX", token[CHANNEL_TOKEN_MAX];
        struct store *s = open_store(dir);
        struct channel ch = {.id = "d",
                             .state = cases[i].beside,
                             .expires_ms = NOW + MINUTE,
                             .last_ping_ms = BEGAN + cases[i].heard};
        struct txn *t = NULL;
        bool known = true;
        assert_int_equal(txn_write(s, &t, NULL), RC_OK);
        ch.coll = add_coll(t, "a");
        channel_put(t, &ch);
        ch.coll = add_coll(t, "b"); /* what others hear says nothing */
        ch.last_ping_ms = NOW;
        strcpy(ch.id, "e");
        channel_put(t, &ch);
        assert_int_equal(txn_commit(t, NULL), RC_OK);
        channel_token(store_secret(s), span_of("c"), ch.coll - 1, token);
        struct ping_headers h = {.channel_id = span_of("c"),
                                 .token = span_of(token),
                                 .resource_id = span_of("r"),
                                 .state = span_of(cases[i].said)};
        enum ping_verdict verdict = ping_verify(s, &h, NOW, BEGAN, &ch, &known);
        if (verdict != cases[i].want || known)
            fail_msg("case %zu: verdict %d, known %d", i, verdict, known);
        close_store(s, dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_verdicts),
                                       cmocka_unit_test(test_beside_others)};
    return cmocka_run_group_tests_name("ping_verify", tests, NULL, NULL);
}
