/* test_sync_differ: what of two JSON objects differs, and how it is told. */
#include "core/sync/differ.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/json.h"

static const char *const ignored[] = {"etag", "updated", NULL};

/* 160 bytes with its quotes, and one more. */
#define TEN     "0123456789"
#define FIFTY   TEN TEN TEN TEN TEN
#define LONGEST "\"" FIFTY FIFTY FIFTY "01234567\""
#define LONGER  "\"" FIFTY FIFTY FIFTY "012345678\""

static const struct {
    const char *ours, *theirs, *told;
    size_t n;
} rows[] = {
    {"{}", "{}", "", 0},
    {"{\"a\":1,\"b\":[1,{\"c\":2}]}", "{ \"b\" : [ 1, {\"c\":2} ], \"a\" : 1 }", "", 0},
    {"{\"a\":1}", "{\"a\":2}", "{\"field\":\"a\",\"here\":1,\"google\":2}", 1},
    {"{\"a\":12}", "{\"a\":1}", "{\"field\":\"a\",\"here\":12,\"google\":1}", 1},
    /* ours in their order, then what is theirs alone */
    {"{\"b\":1,\"a\":null}", "{\"c\":{\"d\":[ 1 ]}}",
     "{\"field\":\"b\",\"here\":1},{\"field\":\"a\",\"here\":null},"
     "{\"field\":\"c\",\"google\":{\"d\":[1]}}",
     3},
    {"{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"c\":3,\"d\":4}}",
     "{\"field\":\"a.b\",\"here\":1},{\"field\":\"a.c\",\"here\":2,\"google\":3},"
     "{\"field\":\"a.d\",\"google\":4}",
     3},
    /* an array is one value, and so is an object beside something else */
    {"{\"a\":[1,2]}", "{\"a\":[2,1]}", "{\"field\":\"a\",\"here\":[1,2],\"google\":[2,1]}", 1},
    {"{\"a\":{\"b\":1}}", "{\"a\":[1]}", "{\"field\":\"a\",\"here\":{\"b\":1},\"google\":[1]}", 1},
    {"{\"a\":[1]}", "{\"a\":{\"b\":1}}", "{\"field\":\"a\",\"here\":[1],\"google\":{\"b\":1}}", 1},
    /* the fourth level is the last that is looked into */
    {"{\"a\":{\"b\":{\"c\":{\"d\":1,\"e\":2}}}}", "{\"a\":{\"b\":{\"c\":{\"d\":1,\"e\":3}}}}",
     "{\"field\":\"a.b.c.e\",\"here\":2,\"google\":3}", 1},
    {"{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":2}}}}}", "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":3}}}}}",
     "{\"field\":\"a.b.c.d\",\"here\":{\"e\":2},\"google\":{\"e\":3}}", 1},
    /* left out at the top, on whichever side, and not below */
    {"{\"etag\":1}", "{\"updated\":2}", "", 0},
    {"{\"etag\":1,\"a\":{\"etag\":1}}", "{\"etag\":2,\"a\":{\"updated\":2}}",
     "{\"field\":\"a.etag\",\"here\":1},{\"field\":\"a.updated\",\"google\":2}", 2},
    {"{\"etags\":1}", "{}", "{\"field\":\"etags\",\"here\":1}", 1},
    /* the last of a name is the one that counts */
    {"{\"a\":1}", "{\"a\":2,\"a\":1}", "", 0},
    {"{\"a\":" LONGEST "}", "{\"a\":" LONGER "}", "{\"field\":\"a\",\"here\":" LONGEST "}", 1},
};

static void test_what_differs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span ours = span_of(rows[i].ours), theirs = span_of(rows[i].theirs);
        struct buf out = {0};
        assert_int_equal(json_check(ours, NULL), RC_OK);
        assert_int_equal(json_check(theirs, NULL), RC_OK);
        size_t n = differ_write(&out, ours, theirs, ignored);
        if (n != rows[i].n || (n && strcmp(buf_text(&out), rows[i].told) != 0))
            fail_msg("%s, %s: %zu: %s", rows[i].ours, rows[i].theirs, n, buf_text(&out));
        buf_release(&out);
    }
}

static void test_nothing_ignored(void **state)
{
    (void)state;
    struct buf out = {0};
    assert_int_equal(differ_write(&out, span_of("{\"etag\":1}"), span_of("{}"), NULL), 1);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_differs),
        cmocka_unit_test(test_nothing_ignored),
    };
    return cmocka_run_group_tests_name("sync_differ", tests, NULL, NULL);
}
