/* Tests of the tables of the API: that they are sound by themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/serve/fault.h"
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

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Which route a path leads to, and what it says in place of the route's first parameter. */
static void paths_lead_to_routes(void **state)
{
    (void)state;
    static const struct {
        const char *path, *route, *segment; /* route NULL: none */
    } cases[] = {
        {"/", "/", NULL},
        {"", NULL, NULL},
        {"//", NULL, NULL},
        {"/v1/status", "/v1/status", NULL},
        {"/v1/status/", NULL, NULL},
        {"/v1/statu", NULL, NULL},
        {"/v1/%73tatus", "/v1/status", NULL},
        {"/v1/st%61t%75s", "/v1/status", NULL},
        {"/v1/st%61t%75", NULL, NULL},
        {"/v1/stat%zz", NULL, NULL},
        {"/v1%2Fstatus", NULL, NULL},
        {"/%24discovery/rest", "/$discovery/rest", NULL},
        {"/%61" A64 A64 A64 A64, NULL, NULL}, /* however long it is */
        {"/metrics%61" A64 A64 A64 A64, NULL, NULL},
        {"/calendar/v3/calendars/x", "/calendar/v3/calendars/{calendarId}", "x"},
        {"/calendar/v3/calendars//events", NULL, NULL},
        {"/calendar/v3/calendars/x/events", "/calendar/v3/calendars/{calendarId}/events", "x"},
        {"/calendar/v3/calendars/x/events/", "/calendar/v3/calendars/{calendarId}/events", "x"},
        {"/calendar/v3/calendars/a%2Fb/%65vents", "/calendar/v3/calendars/{calendarId}/events",
         "a/b"},
        {"/calendar/v3/calendars/{calendarId}/events", "/calendar/v3/calendars/{calendarId}/events",
         "{calendarId}"},
        {"/calendar/v3/calendars/{c/events", "/calendar/v3/calendars/{calendarId}/events", "{c"},
        {"/v1/calendars/x.ics", "/v1/calendars/{calendarId}.ics", "x"},
        {"/v1/calendars/.ics.ics", "/v1/calendars/{calendarId}.ics", ".ics"},
        {"/v1/calendars/.ics", NULL, NULL},
        {"/v1/calendars/x", NULL, NULL},
        {"/v1/calendars/x.ics/y", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct call c = {.method = "GET", .header = no_header, .path = span_of(cases[i].path)};
        bool found = route_find(&c);
        if (found != (cases[i].route != NULL) ||
            (found && strcmp(c.route->path, cases[i].route) != 0))
            fail_msg("'%s': %s", cases[i].path, found ? c.route->path : "none");
        if (cases[i].segment)
            assert_true(span_is(c.segment[0], cases[i].segment));
        call_release(&c);
    }
}

/* Fails that many requests and returns what the log has of it; static text. */
static const char *log_of_failures(int n)
{
    static char text[65536];
    int fd = memfd_create("log", MFD_CLOEXEC), kept = dup(STDERR_FILENO);
    assert_true(fd >= 0 && kept >= 0);
    dup2(fd, STDERR_FILENO);
    for (int i = 0; i < n; i++) {
        struct call c = {0};
        assert_false(call_fail_internal(&c, &(struct err){"the disk is gone"}));
        assert_int_equal(c.answer.status, 500);
        call_release(&c);
    }
    dup2(kept, STDERR_FILENO);
    close(kept);
    ssize_t got = pread(fd, text, sizeof text - 1, 0);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

/* Whoever asks again and again fills no disk with it. */
static void internal_errors_are_told_now_and_then(void **state)
{
    (void)state;
    log_init(LOG_FORMAT_TEXT);
    const char *text = log_of_failures(100);
    assert_non_null(strstr(text, "api: requests failed here: 1; the last one: the disk is gone\n"));
    assert_ptr_equal(strchr(text, '\n') + 1, text + strlen(text));
    assert_string_equal(log_of_failures(100), "");
    clock_shift(0, MINUTE_MS);
    assert_non_null(strstr(log_of_failures(100), "failed here: 200; the last"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_described),
        cmocka_unit_test(routes_are_sound),
        cmocka_unit_test(paths_end_where_they_end),
        cmocka_unit_test(paths_lead_to_routes),
        cmocka_unit_test(internal_errors_are_told_now_and_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
