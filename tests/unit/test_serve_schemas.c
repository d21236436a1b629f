/* Tests of schemas: that each is one, and what follows from asking for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/json.h"
#include "core/serve/fields.h"
#include "core/serve/schemas.h"

static void every_schema_is_one(void **state)
{
    (void)state;
    assert_true(n_schemas > 30);
    for (size_t i = 0; i < n_schemas; i++) {
        struct span text = span_of(schemas[i].text);
        assert_int_equal(json_check(text, NULL), RC_OK);
        assert_true(span_is(json_string_plain(json_get(text, "id")), schemas[i].name));
        assert_true(span_is(json_string_plain(json_get(text, "type")), "object"));
        assert_ptr_equal(schema_find(span_of(schemas[i].name)), &schemas[i]);
    }
    assert_null(schema_find(span_of("event")));
    assert_null(schema_find((struct span){0}));
}

static void properties_say_what_fields_may_name(void **state)
{
    (void)state;
    struct fields f;
    struct err e = {0};
    struct span known = schema_properties("CalendarList");
    assert_int_equal(fields_compile(&f, span_of("kind,nextPageToken,items(id,summary)"), known, &e),
                     RC_OK);
    assert_int_equal(fields_compile(&f, span_of("pagetoken,items(id)"), known, &e), RC_INVALID);
    assert_string_equal(e.text, "Invalid field selection pagetoken");
    assert_int_equal(schema_properties("Nothing").n, 0);
    assert_int_equal(schema_properties(NULL).n, 0);
}

static void references_are_followed(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        bool reached;
    } cases[] = {
        {"Events", "Event", true},
        {"Events", "EventReminder", true},
        {"Events", "ConferenceSolutionKey", true}, /* by way of three others */
        {"Events", "Calendar", false},
        {"Colors", "ColorDefinition", true},
        {"FreeBusyResponse", "TimePeriod", true},
        {"FreeBusyResponse", "FreeBusyRequest", false},
    };
    bool *wanted = calloc(n_schemas, sizeof(*wanted));
    assert_non_null(wanted);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        memset(wanted, 0, n_schemas * sizeof(*wanted));
        wanted[schema_find(span_of(cases[i].from)) - schemas] = true;
        schemas_close(wanted);
        assert_int_equal(wanted[schema_find(span_of(cases[i].to)) - schemas], cases[i].reached);
    }
    free(wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_schema_is_one),
        cmocka_unit_test(properties_say_what_fields_may_name),
        cmocka_unit_test(references_are_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
