/* test_push_may: a channel says no more than its client may still see. */
#include "core/base/bearer.h"
#include "core/push/may.h"
#include "tests/unit/serve_fixture.h"

static const struct {
    const char *who, *options; /* NULL: not configured */
    bool me, team, home_list, work_list;
} cases[] = {
    {"", NULL, true, true, true, true}, /* opened while there were no clients */
    {"everything", "", true, true, true, true},
    {"homely", "accounts = home\n", true, false, true, false},
    {"worker", "accounts = work\n", false, true, false, true},
    {"busy", "accounts = home\nfreebusy_only = *\n", true, false, true, false},
    {"team", "calendars = team*\n", false, true, true, true},
    {"own", "calendars = primary\n", true, false, true, true}, /* that of "work" has another id */
    {"old", "expires = 2026-01-01\n", false, false, false, false},
    {"gone", NULL, false, false, false, false},
};
#define N (sizeof cases / sizeof *cases)

static int setup(void **state)
{
    struct buf options = {0};
    for (size_t i = 0; i < N; i++) {
        char hash[BEARER_HASH_SIZE];
        if (!cases[i].options)
            continue;
        bearer_hash(span_of(cases[i].who), hash);
        buf_printf(&options, "[client %s]\ntoken_sha256 = %s\n%s", cases[i].who, hash,
                   cases[i].options);
    }
    int status = world_setup_with(state, buf_text(&options));
    buf_release(&options);
    return status;
}

static void test_what_channels_tell(void **state)
{
    struct world *w = *state;
    struct txn *t = NULL;
    assert_int_equal(txn_read(w->f.store, &t, NULL), RC_OK);
    for (size_t i = 0; i < N; i++) {
        const struct {
            const char *account, *calendar;
            bool told;
        } channels[] = {
            {"home", ME, cases[i].me},
            {"work", GROUP, cases[i].team},
            {"home", "", cases[i].home_list},
            {"work", "", cases[i].work_list},
        };
        for (int k = 0; k < 4; k++) {
            struct push_channel c = {0};
            (void)snprintf(c.client, sizeof c.client, "%s", cases[i].who);
            (void)snprintf(c.account, sizeof c.account, "%s", channels[k].account);
            (void)snprintf(c.calendar, sizeof c.calendar, "%s", channels[k].calendar);
            if (may_be_told(w->conf, t, &c, clock_wall_ms()) != channels[k].told)
                fail_msg("%s, channel %d", cases[i].who, k);
        }
    }
    txn_abort(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_channels_tell, setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
