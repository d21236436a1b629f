/* The change feed, read at the moment when a commit can be seen and nobody has been told of it. */
#include <pthread.h>
#include <sched.h>

#include "storage/hub.h"
#include "storage/txn.h"
#include "tests/unit/serve_fixture.h"

static void cursor_now(struct world *w, char out[2048])
{
    struct http_answer a = get(w, 200, "/v1/changes");
    (void)member(&a, "cursor", out);
    http_answer_release(&a);
}

static void *write_other(void *arg)
{
    struct world *w = arg;
    static int n;
    char text[256];
    (void)snprintf(text, sizeof(text), "{\"id\":\"t\",\"status\":\"confirmed\",\"summary\":\"%d\"}",
                   n++);
    world_event(w, &w->other, text);
    return NULL;
}

/* How often a page tells of "t"; the page's cursor replaces the one given. */
static unsigned told_of_other(struct world *w, char cursor[2048])
{
    char target[2100];
    unsigned n = 0;
    (void)snprintf(target, sizeof(target), "/v1/changes?cursor=%s", cursor);
    struct http_answer a = get(w, 200, target);
    for (const char *p = a.body; (p = strstr(p, "\"eventId\": \"t\"")); p++)
        n++;
    (void)member(&a, "cursor", cursor);
    http_answer_release(&a);
    return n;
}

/* A reader looks when a commit can be seen of which the hub has not told: its writer is held behind
 * the commit. Readers that were further than that calendar's last change must not go past this. */
static void test_a_commit_that_is_not_announced_yet(void **state)
{
    struct world *w = *state;
    unsigned caught = 0;
    char cursor[2048];
    for (int i = 0; i < 500 && caught < 3; i++) {
        pthread_t writer;
        char more_members[64];
        (void)snprintf(more_members, sizeof(more_members), ",\"location\":\"%d\"", i);
        world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00", more_members);
        cursor_now(w, cursor);
        uint64_t commits = store_commits(w->f.store), seq = hub_seq(w->f.store);
        assert_int_equal(pthread_create(&writer, NULL, write_other, w), 0);
        while (store_commits(w->f.store) == commits)
            sched_yield();
        pthread_mutex_lock(&w->f.store->group.lock);
        caught += hub_seq(w->f.store) == seq;
        unsigned told = told_of_other(w, cursor);
        pthread_mutex_unlock(&w->f.store->group.lock);
        pthread_join(writer, NULL);
        told += told_of_other(w, cursor);
        assert_int_equal(told, 1);
    }
    if (!caught) /* there may be one processor only */
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {WORLD(test_a_commit_that_is_not_announced_yet)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
