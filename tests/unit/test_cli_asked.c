/* test_cli_asked: what the service was asked to do, followed in its status until it is done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/calmirror/asked.c"
#include "cmd/calmirror/fields.c"
#include "cmd/calmirror/term.c"
#include "core/base/limits.h"

#define MANY 10000

/* The status as the service gives it, one answer after another. */
static struct {
    struct buf answers[3];
    size_t n, next;
    struct buf path; /* as it was asked for last */
} service;

int cli_get(struct cli *cli, const char *path, struct buf *ret)
{
    (void)cli;
    assert_true(service.next < service.n);
    buf_reset(&service.path);
    buf_add_text(&service.path, path);
    buf_add_span(ret, buf_span(&service.answers[service.next++]));
    return EX_OK;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < service.n; i++)
        buf_release(&service.answers[i]);
    buf_release(&service.path);
    memset(&service, 0, sizeof(service));
    return 0;
}

static struct buf *answer(void)
{
    struct buf *b = &service.answers[service.n++];
    buf_add_text(b, "{\"accounts\":[{\"name\":\"work\",\"state\":\"ok\",\"reason\":\"\"}],"
                    "\"collections\":[");
    return b;
}

static void add(struct buf *b, int number, bool owed)
{
    buf_printf(b, "{\"number\":%d,\"state\":\"ready\",\"failures\":0,\"resync\":%s},", number,
               owed ? "true" : "false");
}

static void end(struct buf *b)
{
    b->n--; /* the last comma */
    buf_add_text(b, "]}");
}

/* As /v1/resync answers. */
static void ask(struct asked_list *w, const int *numbers, size_t n, const char *calendar)
{
    struct buf b = {0};
    buf_add_text(&b, "{\"collections\":[");
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "{\"number\":%d,\"account\":\"work\",\"calendar\":\"%s\"},", numbers[i],
                   calendar);
    end(&b);
    asked_read(buf_span(&b), w);
    buf_release(&b);
}

static const struct asked *of(const struct asked_list *w, int number)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->v[i].number == number)
            return &w->v[i];
    fail_msg("no %d", number);
    return NULL;
}

/* In whatever order both sides name them; one vanishes before it is done. */
static void test_until_all_are_done(void **state)
{
    (void)state;
    struct cli cli = {0};
    struct asked_list w = {.owed = "resync", .silent = true};
    struct buf *b = answer();
    add(b, 9, true);
    add(b, 4, false);
    add(b, 7, true);
    add(b, 5, true);
    end(b);
    b = answer();
    add(b, 5, true);
    add(b, 9, false);
    end(b);
    ask(&w, (const int[]){7, 4, 9}, 3, "");
    assert_int_equal(asked_wait(&cli, &w), EX_UNAVAILABLE);
    assert_int_equal(service.next, 2);
    assert_string_equal(buf_text(&service.path), "/v1/status");
    assert_true(of(&w, 4)->done && !of(&w, 4)->failed);
    assert_true(of(&w, 9)->done && !of(&w, 9)->failed);
    assert_true(of(&w, 7)->done && of(&w, 7)->failed);
    asked_release(&w);
}

static void test_longest_id(void **state)
{
    (void)state;
    struct cli cli = {0};
    char id[LIMIT_ID_BYTES + 1], path[LIMIT_ID_BYTES + 64];
    struct asked_list w = {.owed = "resync", .silent = true};
    memset(id, 'x', LIMIT_ID_BYTES);
    id[LIMIT_ID_BYTES] = '\0';
    struct buf *b = answer();
    add(b, 3, false);
    end(b);
    ask(&w, (const int[]){3}, 1, id);
    assert_int_equal(asked_wait(&cli, &w), EX_OK);
    (void)snprintf(path, sizeof(path), "/v1/status?calendar=%s", id);
    assert_string_equal(buf_text(&service.path), path);
    asked_release(&w);
}

/* As many as the mirror is made for. */
static void test_many(void **state)
{
    (void)state;
    static int numbers[MANY];
    struct cli cli = {0};
    struct asked_list w = {.owed = "resync", .silent = true};
    struct buf *b = answer();
    for (int i = 0; i < MANY; i++) {
        numbers[i] = i + 1;
        add(b, i + 1, false);
    }
    end(b);
    ask(&w, numbers, MANY, "");
    assert_int_equal(asked_wait(&cli, &w), EX_OK);
    assert_int_equal(w.n, MANY);
    asked_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_until_all_are_done, teardown),
        cmocka_unit_test_teardown(test_longest_id, teardown),
        cmocka_unit_test_teardown(test_many, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
