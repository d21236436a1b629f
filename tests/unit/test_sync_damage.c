/* T-POISON-ROW: one damaged record of every kind: the mirror starts, isolates it, fetches what it
 * held and goes on. */
#include "tests/unit/storage_fixture.h"

#include "tests/unit/sync_world.h"

static struct world w;

static int end(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

/* The store between two lives of the mirror. */
static struct store *open_store(void)
{
    char dir[128];
    struct store *s = NULL;
    snprintf(dir, sizeof(dir), "%s/state", w.dir);
    struct err e = {0};
    if (store_open(&s, dir, &(struct store_options){.map_bytes = 256 << 20, .no_fsync = true}, &e))
        fail_msg("%s", e.text);
    return s;
}

static bool look_at(void *arg, enum rc rc, const struct collection *c)
{
    bool *good = arg;
    *good &= rc == RC_OK && c->state == COLL_READY && events_damaged(w.store, c->no) == 0;
    return *good;
}

/* Everything is there, whole, and nothing that reads met is owed a listing. */
static bool is_whole(void)
{
    struct collection roster, settings, colors, acl;
    bool good = look_coll(&w, COLL_ROSTER, "", &roster) &&
                look_coll(&w, COLL_SETTINGS, "", &settings) &&
                look_coll(&w, COLL_COLORS, "", &colors) && look_coll(&w, COLL_ACL, ME, &acl);
    struct txn *t = reading(&w);
    colls_each(t, look_at, &good);
    struct item item;
    good = good && item_get(t, roster.no, span_of(ME), &item) == RC_OK &&
           item_get(t, settings.no, span_of("timezone"), &item) == RC_OK &&
           item_get(t, colors.no, span_of("colors"), &item) == RC_OK;
    txn_abort(t);
    return good && is_equal(&w, ME);
}

static void heal(enum space space, size_t nth, int turn)
{
    struct store *s = open_store();
    if (count_space(s, space) <= nth) {
        store_close(s);
        return;
    }
    damage_value(s, space, nth, SIZE_MAX / 2);
    store_close(s);
    mirror_up(&w);
    (void)store_scrub(w.store, NULL, NULL); /* as the daemon does now and then */
    queue_poke_all(w.queue);
    WAIT(is_whole());
    char id[16];
    snprintf(id, sizeof(id), "event%d", turn);
    insert_event(&w, id, "");
    WAIT(is_equal(&w, ME)); /* pings and pulls go on */
    mirror_down(&w);
}

static void test_every_kind_of_record(void **state)
{
    (void)state;
    int turn = 0;
    world_begin(&w, true, "poll_interval = 1s\npoll_interval_unhealthy = 1s\n");
    insert_event(&w, "aaaaaa", "\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=3\"]");
    insert_event(&w, "bbbbbb", "");
    mirror_up(&w);
    WAIT(is_whole());
    mirror_down(&w);
    for (enum space space = SPACE_META + 1; space < SPACE_COUNT; space++) {
        for (size_t nth = 0; nth < 5; nth++) {
            print_message("%s, record %zu\n", space_name(space), nth);
            heal(space, nth, turn++);
        }
    }
    mirror_up(&w);
}

/* A running mirror meets a calendar of which not even the name is left: the list is asked for it.
 */
static void test_a_calendar_without_a_name(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    insert_event(&w, "aaaaaa", "");
    mirror_up(&w);
    WAIT(is_whole());
    WAIT(is_idle(&w));
    uint32_t no = events_of(&w, ME).no;
    damage_value(w.store, SPACE_COLL, no - 1, SIZE_MAX / 2); /* they are numbered from 1 */
    for (size_t i = 0; i < count_space(w.store, SPACE_COLL_ID); i++)
        damage_value(w.store, SPACE_COLL_ID, i, SIZE_MAX / 2);
    queue_poke_all(w.queue);
    WAIT(is_whole());
    assert_int_not_equal(events_of(&w, ME).no, no);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_every_kind_of_record, end),
        cmocka_unit_test_teardown(test_a_calendar_without_a_name, end),
    };
    return cmocka_run_group_tests_name("sync_damage", tests, NULL, NULL);
}
