/* test_sync_verdict: what a verification found is written down whole, or not at all: every append
 * of it fails once, as when memory runs out. */
#include "tests/unit/storage_fixture.h"

#include "core/base/buf.h"

static int appends, fail_at; /* which of them fails; -1: none */

static bool append_fails(struct buf *b)
{
    if (appends++ == fail_at)
        b->failed = true;
    return b->failed;
}

#define buf_add_char(b, c)    (append_fails(b) ? (void)0 : (buf_add_char)(b, c))
#define buf_add_text(b, text) (append_fails(b) ? (void)0 : (buf_add_text)(b, text))
#define buf_add_span(b, s)    (append_fails(b) ? (void)0 : (buf_add_span)(b, s))
#define buf_add_json(b, s)    (append_fails(b) ? (void)0 : (buf_add_json)(b, s))
#define buf_printf(b, ...)    (append_fails(b) ? (void)0 : (buf_printf)(b, __VA_ARGS__))

#include "core/sync/verify.c"

#define judge judge_instance
#include "core/sync/instances.c"

#define NOW INT64_C(1774747800000)

static struct event event_of(const char *id, const char *raw)
{
    struct event ev = make_event(id, NOW, NOW + HOUR);
    ev.raw = span_of(raw);
    ev.updated_ms = NOW - DAY;
    return ev;
}

static unsigned count_items(struct span array)
{
    struct json_iter it = json_iter(array);
    struct span item;
    unsigned n = 0;
    for (; json_next(&it, NULL, &item); n++)
        assert_int_equal(json_type_of(json_get(item, "fields")), JSON_ARRAY);
    return n;
}

/* A listing has one event more, one less, and one in another form. Returns whether the transaction
 * can still be committed. */
static bool judge_events(struct store *s, struct collection c)
{
    struct run r = {0};
    struct verify v = {.judged = true, .settled_ms = NOW};
    struct event other = event_of("changed", "{\"id\":\"changed\",\"summary\":\"two\"}");
    struct event more = event_of("missing", "{\"id\":\"missing\"}");
    struct txn *t = begin_write(s);
    listing_begin(t, &c, LISTING_AUDIT, NOW);
    listing_put(t, &c, &other);
    listing_put(t, &c, &more);
    r.c = c;
    verify_judge(&r, t, &v);
    bool good = txn_failed(t) == RC_OK;
    struct span verdict = coll_verdict(t, c.no, VERIFY_EVENTS);
    if (good) {
        assert_int_equal(json_check(verdict, NULL), RC_OK);
        assert_int_equal(count_items(json_get(verdict, "items")), 3);
    }
    txn_abort(t);
    verify_release(&v);
    return good;
}

static void test_events(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct event one = event_of("changed", "{\"id\":\"changed\",\"summary\":\"one\"}");
    struct event two = event_of("removed", "{\"id\":\"removed\"}");
    put_one(f->store, &c, &one);
    put_one(f->store, &c, &two);
    fail_at = -1;
    appends = 0;
    assert_true(judge_events(f->store, c));
    int all = appends, failed = 0;
    for (fail_at = 0; fail_at < all; fail_at++) {
        appends = 0;
        failed += !judge_events(f->store, c);
    }
    assert_true(failed > all / 2); /* the others are of the log */
}

static bool compare_instances(struct store *s, uint32_t coll)
{
    struct sync sync = {.opt.store = s};
    struct run r = {.sync = &sync, .c.no = coll};
    struct sides sides = {.r = &r, .settled_ms = NOW};
    struct buf array = {0};
    struct err e = {0};
    add(&sides.ours, span_of("{\"id\":\"a\",\"summary\":\"one\"}"));
    add(&sides.ours, span_of("{\"id\":\"b\"}"));
    add(&sides.theirs, span_of("{\"id\":\"a\",\"summary\":\"two\"}"));
    add(&sides.theirs, span_of("{\"id\":\"c\"}"));
    bool good = compare(&sides, &e) == RC_OK;
    assert_int_equal(sides.different, 3);
    if (good) {
        assert_false(sides.items.failed);
        (buf_add_char)(&array, '[');
        (buf_add_span)(&array, buf_span(&sides.items));
        (buf_add_char)(&array, ']');
        assert_int_equal(json_check(buf_span(&array), NULL), RC_OK);
        assert_int_equal(count_items(buf_span(&array)), 3);
    } else {
        assert_true(e.text[0]);
    }
    buf_release(&array);
    sides_release(&sides);
    return good;
}

static void test_instances(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    fail_at = -1;
    appends = 0;
    assert_true(compare_instances(f->store, c.no));
    int all = appends;
    for (fail_at = 0; fail_at < all; fail_at++) {
        appends = 0;
        assert_false(compare_instances(f->store, c.no));
    }
}

/* However much of an event differs, the verdict has a size that can be stored and told. */
static void test_large(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct buf raw = {0}, other = {0};
    char id[16];
    fail_at = -1;
    for (struct buf *b = &raw; b; b = b == &raw ? &other : NULL) {
        (buf_add_char)(b, '{');
        for (int i = 0; i < 200; i++)
            (buf_printf)(b, "\"member%0100d\":%d,", i, b == &raw);
        (buf_add_text)(b, "\"id\":\"a\"}");
    }
    struct txn *t = begin_write(f->store);
    for (int i = 0; i < DIFFER_LISTED_MOST; i++) {
        (void)snprintf(id, sizeof(id), "%03d", i);
        struct event ev = event_of(id, buf_text(&raw));
        (void)event_put(t, &c, &ev);
    }
    listing_begin(t, &c, LISTING_AUDIT, NOW);
    for (int i = 0; i < DIFFER_LISTED_MOST; i++) {
        (void)snprintf(id, sizeof(id), "%03d", i);
        struct event ev = event_of(id, buf_text(&other));
        listing_put(t, &c, &ev);
    }
    struct run r = {.c = c};
    struct verify v = {.judged = true, .settled_ms = NOW};
    verify_judge(&r, t, &v);
    struct span verdict = coll_verdict(t, c.no, VERIFY_EVENTS);
    assert_int_equal(json_check(verdict, NULL), RC_OK);
    assert_int_equal(v.drift, DIFFER_LISTED_MOST);
    unsigned n = count_items(json_get(verdict, "items"));
    assert_true(n > 0 && n < DIFFER_LISTED_MOST && verdict.n < (2u << 20));
    assert_int_equal(txn_failed(t), RC_OK);
    txn_abort(t);
    verify_release(&v);
    buf_release(&raw);
    buf_release(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_events, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_instances, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_large, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
