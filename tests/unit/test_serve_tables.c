/* Tests of the tables of the API: that they are sound by themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/serve/routes.h"
#include "core/serve/schemas.h"

static void parameters_are_described(void **state)
{
    (void)state;
    for (int i = 0; i < PARAM_COUNT; i++) {
        const struct param_spec *spec = &param_specs[i];
        assert_non_null(spec->name);
        assert_non_null(spec->doc);
        assert_true((spec->type == PARAM_CHOICE) == (spec->choices != NULL));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(spec->name, param_specs[k].name);
    }
}

static void routes_are_sound(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_routes; i++) {
        const struct route *r = &routes[i];
        unsigned braces = 0;
        for (const char *p = r->path; *p; p++)
            braces += *p == '{';
        assert_true(r->path[0] == '/' && braces <= CALL_SEGMENTS_MAX);
        assert_int_equal(r->params & PARAMS_EVERYWHERE, 0);
        assert_true((r->page_cap > 0) == ((r->params & PARAM_BIT(PARAM_MAX_RESULTS)) != 0));
        assert_true(r->page_default <= r->page_cap);
        assert_true(!r->response || schema_find(span_of(r->response)));
        assert_true(!r->request || schema_find(span_of(r->request)));
        for (unsigned k = 0; k < i; k++)
            assert_false(strcmp(r->method, routes[k].method) == 0 &&
                         strcmp(r->path, routes[k].path) == 0);
    }
}

static const char *no_header(const void *source, const char *name)
{
    (void)source, (void)name;
    return NULL;
}

/* The path of a part of a batch may hold any byte: behind a NUL nothing is compared any more. */
static void paths_end_where_they_end(void **state)
{
    (void)state;
    static const char bytes[] = "/metrics\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    for (size_t n = 0; n < sizeof bytes; n++) {
        struct call c = {.method = "GET", .header = no_header, .path = {bytes, n}};
        assert_int_equal(route_find(&c), n == 1 || n == 8);
        call_release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_described),
        cmocka_unit_test(routes_are_sound),
        cmocka_unit_test(paths_end_where_they_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
