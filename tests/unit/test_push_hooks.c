/* test_push_hooks: what becomes of changes when the disk is full, and of letters that are dropped.
 */
#include "core/push/hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "storage/push.h"
#include "tests/unit/fake_http.h"
#include "tests/unit/storage_fixture.h"

#define CHANGES      3
#define HELD_BYTES   4096 /* of a file at most: enough for a program's input, not for a commit */
#define PATIENCE_MS  60000
#define READERS_MOST 4096      /* more than a store has room for */
#define KEPT_BYTES   (4 << 20) /* of letters */

static _Atomic unsigned n_changes; /* that the feed has */
static int pad;                    /* so large each is, besides */
static bool of_calendars;          /* they say of which calendar they are; those of LIST of "me" */
#define LIST "list"

static enum rc next_change(struct txn *t, const struct collection *coll,
                           const struct push_place *after, const struct push_wish *wish,
                           struct buf *out, struct push_change *ret)
{
    (void)t, (void)wish;
    ret->at = *after;
    if (after->pos >= n_changes)
        return RC_NOTFOUND;
    ret->at.pos = ret->at.sub = after->pos + 1;
    ret->type = "created";
    if (of_calendars)
        buf_printf(out, "{\"account\":\"home\",\"calendarId\":\"%s\"}",
                   strcmp(coll->calendar, LIST) == 0 ? "me" : coll->calendar);
    else
        buf_printf(out, pad ? "{\"n\":%d,\"pad\":\"%0*d\"}" : "{\"n\":%d}", (int)ret->at.pos, pad,
                   0);
    return RC_OK;
}

static struct push_place begin_of_all(struct txn *t)
{
    (void)t;
    return (struct push_place){0};
}

static const struct push_feed feed = {.next = next_change, .now = begin_of_all};

struct world {
    struct fixture *f;
    struct store *ledger;
    struct conf_hook hook;
    struct conf conf, later;
    struct conf_hook both[2]; /* of `later` */
    struct hooks *hooks;
    struct collection coll;
    struct rlimit was;        /* of the size of files */
    int log[2], kept_stderr;  /* a pipe in its place; where it led */
    char go[96], script[160]; /* of a delivery that goes on once `go` is there */
};

static int setup(void **state)
{
    static char name[] = "h";
    struct world *w = calloc(1, sizeof *w);
    const struct store_options opt = {.file = STORE_PUSH, .no_fsync = true};
    void *f;
    assert_int_equal(fixture_setup(&f), 0);
    w->f = f;
    assert_int_equal(store_open(&w->ledger, w->f->dir, &opt, NULL), RC_OK);
    struct account a = {.name = "home", .state = ACCOUNT_OK};
    struct txn *t = begin_write(w->f->store);
    account_put(t, &a);
    commit(t);
    w->coll = make_calendar(w->f->store, "me", COLL_READY);
    assert_int_equal(w->coll.account, a.no);
    n_changes = CHANGES;
    pad = 0;
    of_calendars = false;
    w->hook = (struct conf_hook){.name = name, .timeout_ms = PATIENCE_MS, .give_up_ms = 1};
    w->conf = (struct conf){.hooks = &w->hook, .n_hooks = 1, .refs = 1};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &w->was), 0);
    assert_int_equal(pipe2(w->log, O_CLOEXEC | O_NONBLOCK), 0);
    w->kept_stderr = dup(STDERR_FILENO);
    w->conf.push.backoff_min_ms = w->conf.push.backoff_max_ms = 1;
    assert_int_equal(hooks_new(&w->hooks, w->f->store, w->ledger, &w->conf, &feed, NULL), RC_OK);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    void *f = w->f;
    (void)setrlimit(RLIMIT_FSIZE, &w->was);
    hooks_stop(w->hooks);
    dup2(w->kept_stderr, STDERR_FILENO);
    close(w->kept_stderr);
    close(w->log[0]);
    close(w->log[1]);
    hooks_free(w->hooks);
    store_close(w->ledger);
    (void)fixture_teardown(&f);
    free(w);
    return 0;
}

/* From now on no commit succeeds, until there is room again. */
static void fill_disk(struct world *w)
{
    const struct rlimit held = {HELD_BYTES, w->was.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &held), 0);
}

static void make_room(struct world *w)
{
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &w->was), 0);
}

static void wait_for(struct world *w, bool (*is_so)(struct world *w), const char *what)
{
    for (int64_t until_ms = clock_mono_ms() + PATIENCE_MS; !is_so(w); (void)poll(NULL, 0, 5))
        if (clock_mono_ms() > until_ms)
            fail_msg("waited in vain for %s", what);
}

static bool failed_often(struct world *w)
{
    uint64_t delivered, failed, dead;
    hooks_count(w->hooks, &delivered, &failed, &dead);
    return failed > 3 * CHANGES;
}

static bool took_all(struct world *w)
{
    uint64_t delivered, failed, dead;
    hooks_count(w->hooks, &delivered, &failed, &dead);
    return delivered == n_changes;
}

static uint64_t count_dead(struct world *w)
{
    uint64_t delivered, failed, dead;
    hooks_count(w->hooks, &delivered, &failed, &dead);
    return dead;
}

static bool see_letter(void *arg, const struct push_dead *d)
{
    char *seen = arg;
    strncat(seen, d->body.p, d->body.n);
    return true;
}

static bool has_letters(struct world *w)
{
    char seen[100] = "";
    struct txn *t = begin_read(w->ledger);
    push_dead_each(t, 0, see_letter, seen);
    txn_abort(t);
    return strcmp(seen, "{\"n\":1}{\"n\":2}{\"n\":3}") == 0;
}

static bool has_begun(struct world *w, const char *name)
{
    struct push_mark mark = {0};
    struct txn *t = begin_read(w->ledger);
    enum rc rc = push_mark_get(t, 0, name, &mark);
    txn_abort(t);
    return rc == RC_OK;
}

static bool new_has_begun(struct world *w)
{
    return has_begun(w, "new");
}

static bool is_marked(struct world *w)
{
    struct push_mark mark = {0};
    struct txn *t = begin_read(w->ledger);
    enum rc rc = push_mark_get(t, w->coll.no, "h", &mark);
    txn_abort(t);
    return rc == RC_OK && mark.place.pos == CHANGES;
}

/* What is given up is not passed over before its letter is there; and the log is told of it now and
 * then, not of each attempt. */
static void test_given_up_on_a_full_disk(void **state)
{
    struct world *w = *state;
    uint64_t delivered, failed, dead;
    static char said[65536]; /* as much as a pipe holds */
    w->hook.shell = (char[]){"exit 1"};
    fill_disk(w);
    dup2(w->log[1], STDERR_FILENO);
    assert_int_equal(hooks_start(w->hooks, NULL), RC_OK);
    wait_for(w, failed_often, "attempts");
    make_room(w);
    wait_for(w, has_letters, "a letter of each");
    hooks_stop(w->hooks);
    assert_true(read(w->log[0], said, sizeof said - 1) > 0);
    const char *first = strstr(said, "could not be written down");
    assert_true(first && !strstr(first + 1, "could not be written down"));
    hooks_count(w->hooks, &delivered, &failed, &dead);
    assert_int_equal(dead, CHANGES);
}

/* What was taken is not told again, and is written down as soon as that can be. */
static void test_taken_on_a_full_disk(void **state)
{
    struct world *w = *state;
    uint64_t delivered, failed, dead;
    w->hook.shell = (char[]){"exit 0"};
    fill_disk(w);
    assert_int_equal(hooks_start(w->hooks, NULL), RC_OK);
    wait_for(w, took_all, "deliveries");
    make_room(w);
    clock_shift(0, MINUTE_MS);
    wait_for(w, is_marked, "the mark");
    hooks_stop(w->hooks);
    hooks_count(w->hooks, &delivered, &failed, &dead);
    assert_int_equal(delivered, CHANGES);
    assert_int_equal(failed, 0);
}

static bool is_running(struct world *w)
{
    struct buf out = {0};
    hooks_write(w->hooks, &out);
    bool running = strstr(buf_text(&out), "\"running\":1");
    buf_release(&out);
    return running;
}

static bool is_idle(struct world *w)
{
    return !is_running(w);
}

/* Of the letter `number`, when all changes have become letters. */
static void begin_delivery(struct world *w, uint64_t number)
{
    uint64_t n;
    (void)snprintf(w->go, sizeof w->go, "%s/go", w->f->dir);
    (void)snprintf(w->script, sizeof w->script, "until [ -e %s ]; do sleep 0.01; done", w->go);
    w->hook.shell = (char[]){"exit 1"};
    assert_int_equal(hooks_start(w->hooks, NULL), RC_OK);
    wait_for(w, has_letters, "a letter of each");
    hooks_stop(w->hooks);
    w->hook.shell = w->script;
    assert_int_equal(hooks_start(w->hooks, NULL), RC_OK);
    assert_int_equal(hooks_dead(w->hooks, "h", number, false, &n, NULL), RC_OK);
    wait_for(w, is_running, "the delivery");
}

static void end_delivery(struct world *w)
{
    FILE *f = fopen(w->go, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
}

/* Whoever asks for more while a letter is delivered gets that, too. */
static void test_asked_for_while_one_is_delivered(void **state)
{
    struct world *w = *state;
    uint64_t delivered, failed, dead, n;
    begin_delivery(w, 2);
    assert_int_equal(hooks_dead(w->hooks, "h", 0, false, &n, NULL), RC_OK);
    assert_int_equal(n, CHANGES);
    end_delivery(w);
    wait_for(w, took_all, "the others");
    hooks_count(w->hooks, &delivered, &failed, &dead);
    assert_int_equal(dead, 0);
}

/* Nor is what was asked for before forgotten. */
static void test_one_asked_for_while_all_are_delivered(void **state)
{
    struct world *w = *state;
    uint64_t n;
    begin_delivery(w, 0);
    assert_int_equal(hooks_dead(w->hooks, "h", 2, false, &n, NULL), RC_OK);
    assert_int_equal(n, 1);
    end_delivery(w);
    wait_for(w, took_all, "all of them");
    assert_int_equal(count_dead(w), 0);
}

/* A letter that is dropped while it is delivered is gone once, not twice. */
static void test_dropped_while_it_is_delivered(void **state)
{
    struct world *w = *state;
    uint64_t delivered, failed, dead, n;
    begin_delivery(w, 1);
    assert_int_equal(hooks_dead(w->hooks, "h", 1, true, &n, NULL), RC_OK);
    assert_int_equal(n, 1);
    end_delivery(w);
    wait_for(w, is_idle, "its end");
    hooks_count(w->hooks, &delivered, &failed, &dead);
    assert_int_equal(delivered, 1);
    assert_int_equal(dead, CHANGES - 1);
}

static void wait_for_turns(struct world *w)
{
    int64_t beat_ms = hooks_heartbeat_ms(w->hooks);
    for (int turns = 0; turns < 2; (void)poll(NULL, 0, 5)) {
        int64_t now_ms = hooks_heartbeat_ms(w->hooks);
        turns += now_ms != beat_ms;
        beat_ms = now_ms;
    }
}

static void add_new(struct world *w, char *name)
{
    w->both[0] = w->both[1] = w->hook;
    w->both[1].name = name;
    w->later = (struct conf){.hooks = w->both, .n_hooks = 2, .push = w->conf.push, .refs = 1};
}

/* A hook that is added while nothing can be written begins as soon as something can. */
static void test_added_on_a_full_disk(void **state)
{
    struct world *w = *state;
    w->hook.shell = (char[]){"exit 0"};
    assert_int_equal(hooks_start(w->hooks, NULL), RC_OK);
    wait_for(w, took_all, "deliveries");
    fill_disk(w);
    add_new(w, (char[]){"new"});
    hooks_reload(w->hooks, &w->later);
    wait_for_turns(w);
    assert_false(new_has_begun(w));
    make_room(w);
    clock_shift(0, MINUTE_MS);
    wait_for(w, new_has_begun, "the new one");
    hooks_stop(w->hooks); /* its name lives as long as this function */
}

/* The service starts, since it can be read from; and its hooks begin as soon as they can. */
static void test_a_start_on_a_full_disk(void **state)
{
    struct world *w = *state;
    w->hook.shell = (char[]){"exit 0"};
    add_new(w, (char[]){"new"});
    hooks_free(w->hooks);
    fill_disk(w);
    assert_int_equal(hooks_new(&w->hooks, w->f->store, w->ledger, &w->later, &feed, NULL), RC_OK);
    assert_int_equal(hooks_start(w->hooks, NULL), RC_OK);
    wait_for_turns(w);
    assert_false(new_has_begun(w));
    make_room(w);
    clock_shift(0, MINUTE_MS);
    wait_for(w, new_has_begun, "the new one");
    wait_for(w, is_marked, "what the old one was told");
    hooks_stop(w->hooks);
}

/* What was heard while the store could not be read is looked for once it can be. */
static void test_news_while_nothing_can_be_read(void **state)
{
    struct world *w = *state;
    struct txn *held[READERS_MOST];
    unsigned n = 0;
    w->hook.shell = (char[]){"exit 0"};
    n_changes = CHANGES - 1;
    assert_int_equal(hooks_start(w->hooks, NULL), RC_OK);
    wait_for(w, took_all, "deliveries");
    wait_for(w, is_idle, "the last of them");
    struct txn *t = begin_write(w->f->store);
    while (n < READERS_MOST && txn_read(w->f->store, &held[n], NULL) == RC_OK)
        n++;
    assert_in_range(n, 1, READERS_MOST - 1);
    n_changes = CHANGES;
    coll_put(t, &w->coll);
    commit(t);
    wait_for_turns(w);
    while (n > 0)
        txn_abort(held[--n]);
    wait_for(w, took_all, "the change");
}

static bool has_no_mark(struct world *w)
{
    struct push_mark mark;
    struct txn *t = begin_read(w->ledger);
    enum rc rc = push_mark_get(t, w->coll.no, "h", &mark);
    txn_abort(t);
    return rc == RC_NOTFOUND;
}

/* By `calmirrord --resync` while the service is down, or just before it died. */
static void test_a_calendar_that_left_while_nobody_looked(void **state)
{
    struct world *w = *state;
    w->hook.shell = (char[]){"exit 0"};
    assert_int_equal(hooks_start(w->hooks, NULL), RC_OK);
    wait_for(w, is_marked, "the mark");
    hooks_stop(w->hooks);
    hooks_free(w->hooks);
    struct txn *t = begin_write(w->f->store);
    coll_delete(t, w->coll.no);
    commit(t);
    assert_false(has_no_mark(w));
    assert_int_equal(hooks_new(&w->hooks, w->f->store, w->ledger, &w->conf, &feed, NULL), RC_OK);
    assert_true(has_no_mark(w));
}

/* Else what it chokes on would be tried until the clock has come there again. */
static void test_failing_since_a_time_to_come(void **state)
{
    struct world *w = *state;
    struct push_mark mark = {.coll = w->coll.no, .hook = "h"};
    struct txn *t = begin_write(w->ledger);
    mark.failed_ms = clock_wall_ms() + 365 * DAY_MS;
    push_mark_put(t, &mark);
    commit(t);
    w->hook.shell = (char[]){"exit 1"};
    assert_int_equal(hooks_start(w->hooks, NULL), RC_OK);
    wait_for(w, has_letters, "a letter of each");
}

static atomic_bool held; /* the receiver takes what comes, and says so later */

static bool take_later(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    while (atomic_load(&held))
        (void)poll(NULL, 0, 5);
    fake_http_reply_text(fd, 204, "");
    return true;
}

static bool two_run(struct world *w)
{
    struct buf out = {0};
    hooks_write(w->hooks, &out);
    bool two = strstr(buf_text(&out), "\"running\":2");
    buf_release(&out);
    return two;
}

static bool took_three(struct world *w)
{
    uint64_t delivered, failed, dead;
    hooks_count(w->hooks, &delivered, &failed, &dead);
    return delivered == 3;
}

/* A calendar's changes and those of its entry in the list are told one after the other, or a slow
 * receiver might believe that it has left when it is back. */
static void test_one_at_a_time_of_a_calendar(void **state)
{
    struct world *w = *state;
    struct fake_http receiver;
    fake_http_start(&receiver, NULL, take_later, NULL);
    w->hook.url = receiver.url;
    of_calendars = true;
    n_changes = 1;
    hooks_free(w->hooks);
    (void)make_calendar(w->f->store, LIST, COLL_READY);
    (void)make_calendar(w->f->store, "you", COLL_READY);
    assert_int_equal(hooks_new(&w->hooks, w->f->store, w->ledger, &w->conf, &feed, NULL), RC_OK);
    atomic_store(&held, true);
    assert_int_equal(hooks_start(w->hooks, NULL), RC_OK);
    wait_for(w, two_run, "one of each calendar");
    wait_for_turns(w);
    assert_true(two_run(w));
    atomic_store(&held, false);
    wait_for(w, took_three, "the third");
    hooks_stop(w->hooks);
    fake_http_stop(&receiver);
}

struct sum {
    const char *hook;
    uint64_t n, bytes, first, last;
};

static bool add_letter(void *arg, const struct push_dead *d)
{
    struct sum *sum = arg;
    if (strcmp(d->hook, sum->hook) != 0)
        return true;
    sum->first = sum->first ? sum->first : d->seq;
    sum->last = d->seq;
    sum->n++;
    sum->bytes += d->body.n;
    return true;
}

static struct sum letters_of(struct world *w, const char *hook)
{
    struct sum sum = {.hook = hook};
    struct txn *t = begin_read(w->ledger);
    push_dead_each(t, 0, add_letter, &sum);
    txn_abort(t);
    return sum;
}

static bool has_last_letter(struct world *w)
{
    return letters_of(w, "h").last == n_changes;
}

/* Whoever may write to a calendar says how large a letter is: they neither fill the file nor what
 * tells of them. */
static void test_large_letters(void **state)
{
    struct world *w = *state;
    struct buf out = {0};
    uint64_t n = 0;
    w->hook.shell = (char[]){"exit 1"};
    n_changes = 10;
    pad = 1 << 20;
    assert_int_equal(hooks_start(w->hooks, NULL), RC_OK);
    wait_for(w, has_last_letter, "the last letter");
    struct sum kept = letters_of(w, "h");
    assert_in_range(kept.bytes, 2 * pad, KEPT_BYTES);
    assert_int_equal(kept.first, n_changes - kept.n + 1); /* the newest, without a gap */
    assert_int_equal(count_dead(w), kept.n);
    hooks_write(w->hooks, &out);
    assert_false(out.failed);
    buf_release(&out);

    pad = 5 << 20; /* larger than all may be: it alone is kept */
    n_changes++;
    struct txn *t = begin_write(w->f->store);
    coll_put(t, &w->coll);
    commit(t);
    wait_for(w, has_last_letter, "the largest");
    kept = letters_of(w, "h");
    assert_int_equal(kept.n, 1);
    assert_int_equal(count_dead(w), 1);
    assert_int_equal(hooks_dead(w->hooks, "h", 0, true, &n, NULL), RC_OK);
    assert_int_equal(n, 1);

    pad = 1 << 20; /* there is room again */
    n_changes += 2;
    t = begin_write(w->f->store);
    coll_put(t, &w->coll);
    commit(t);
    wait_for(w, has_last_letter, "the last of all");
    assert_int_equal(letters_of(w, "h").n, 2);
}

static void put_letter(struct world *w, const char *hook, int64_t days)
{
    struct push_dead d = {.seq = 1, .dead_ms = clock_wall_ms() - days * DAY_MS, .body = S("{}")};
    struct txn *t = begin_write(w->ledger);
    (void)text_copy(d.hook, sizeof d.hook, span_of(hook));
    push_dead_put(t, &d);
    commit(t);
}

/* It may come back, but not for ever. */
static void test_letters_of_a_hook_that_left(void **state)
{
    struct world *w = *state;
    uint64_t n = 0;
    put_letter(w, "left", 31);
    put_letter(w, "left", 29);
    put_letter(w, "h", 400);
    hooks_free(w->hooks);
    assert_int_equal(hooks_new(&w->hooks, w->f->store, w->ledger, &w->conf, &feed, NULL), RC_OK);
    assert_int_equal(letters_of(w, "left").n, 1);
    assert_int_equal(letters_of(w, "h").n, 1);
    assert_int_equal(count_dead(w), 1);
    assert_int_equal(hooks_dead(w->hooks, "left", 0, true, &n, NULL), RC_OK);
    assert_int_equal(n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_given_up_on_a_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_asked_for_while_one_is_delivered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_asked_for_while_all_are_delivered, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_dropped_while_it_is_delivered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failing_since_a_time_to_come, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_at_a_time_of_a_calendar, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_letters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_letters_of_a_hook_that_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_added_on_a_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_start_on_a_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_news_while_nothing_can_be_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_calendar_that_left_while_nobody_looked, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_taken_on_a_full_disk, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
