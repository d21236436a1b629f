/* test_serve_reference: core/serve/API.md says what the tables of routes, parameters and errors
 * say; CALMIRROR_UPDATE=1 (make docs) writes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/serve/fault.c"
#include "core/serve/handlers.h"
#include "core/serve/routes.h"

#define PAGE  "core/serve/API.md"
#define BEGIN "<!-- Generated from the tables by make docs: "
#define END   "<!-- End of the generated part. -->\n"

static bool is_google(const struct route *r)
{
    return r->id[0] != '\0';
}

static bool is_served(const struct route *r)
{
    return r->handle != not_implemented;
}

static void write_params(struct buf *out, const struct route *r)
{
    const char *sep = "";
    for (int i = 0; i < PARAM_COUNT; i++) {
        if (!(r->params & PARAM_BIT(i)))
            continue;
        buf_printf(out, "%s`%s`", sep, param_specs[i].name);
        if (i == PARAM_MAX_RESULTS)
            buf_printf(out, " (%d, at most %d)", r->page_default, r->page_cap);
        sep = ", ";
    }
    if (!sep[0])
        buf_add_text(out, "–");
}

static void write_methods(struct buf *out)
{
    buf_add_text(out, "| method | request | answer | what it gives | parameters |\n"
                      "| --- | --- | --- | --- | --- |\n");
    for (unsigned i = 0; i < n_routes; i++) {
        const struct route *r = &routes[i];
        if (!is_google(r) || !is_served(r))
            continue;
        buf_printf(out, "| `%s` | `%s %s`", r->id, r->method, r->path);
        if (r->request)
            buf_printf(out, ", body `%s`", r->request);
        buf_printf(out, " | %s%s%s | %s | ", r->response ? "`" : "",
                   r->response ? r->response : "–", r->response ? "`" : "", r->doc);
        write_params(out, r);
        buf_add_text(out, " |\n");
    }
}

static void write_others(struct buf *out)
{
    buf_add_text(out, "| request | what it does |\n| --- | --- |\n");
    for (unsigned i = 0; i < n_routes; i++)
        if (!is_google(&routes[i]))
            buf_printf(out, "| `%s %s` | %s |\n", routes[i].method, routes[i].path, routes[i].doc);
}

static void write_refused(struct buf *out)
{
    const char *sep = "";
    for (unsigned i = 0; i < n_routes; i++)
        if (is_google(&routes[i]) && !is_served(&routes[i])) {
            buf_printf(out, "%s`%s`", sep, routes[i].id);
            sep = ", ";
        }
    buf_add_text(out, ".\n");
}

static void write_type(struct buf *out, const struct param_spec *spec)
{
    static const char *const types[] = {
        [PARAM_BOOL] = "`true` or `false`",
        [PARAM_INT] = "integer from 1",
        [PARAM_TEXT] = "text",
        [PARAM_CHOICE] = "",
        [PARAM_TIME] = "time with offset",
        [PARAM_ZONE] = "IANA zone",
    };
    buf_add_text(out, types[spec->type]);
    for (unsigned i = 0; spec->type == PARAM_CHOICE && spec->choices[i]; i++)
        buf_printf(out, "%s`%s`", i ? ", " : "", spec->choices[i]);
    if (spec->repeated)
        buf_add_text(out, "; may be repeated");
}

static void write_parameters(struct buf *out)
{
    buf_add_text(out, "| parameter | value | meaning |\n| --- | --- | --- |\n");
    for (int i = 0; i < PARAM_COUNT; i++) {
        buf_printf(out, "| `%s`%s | ", param_specs[i].name,
                   PARAMS_EVERYWHERE & PARAM_BIT(i) ? " (every method)" : "");
        write_type(out, &param_specs[i]);
        buf_printf(out, " | %s |\n", param_specs[i].doc);
    }
}

static void write_errors(struct buf *out)
{
    buf_add_text(out,
                 "| status | domain | reason | message, unless something more exact is said |\n"
                 "| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        buf_printf(out, "| %u | `%s` | `%s` | %s |\n", specs[i].status, specs[i].domain,
                   specs[i].reason, specs[i].message);
}

static const struct {
    const char *name;
    void (*write)(struct buf *out);
} parts[] = {
    {"methods", write_methods},       {"others", write_others}, {"refused", write_refused},
    {"parameters", write_parameters}, {"errors", write_errors},
};

static void read_page(struct buf *ret)
{
    FILE *f = fopen(PAGE, "r");
    if (!f)
        fail_msg(PAGE ": cannot be read; tests run from the top of the tree");
    size_t n;
    do {
        assert_true(buf_reserve(ret, 4096));
        n = fread(ret->p + ret->n, 1, 4096, f);
        ret->n += n;
        ret->p[ret->n] = '\0';
    } while (n > 0);
    (void)fclose(f);
}

/* The page with its generated parts as they should be. */
static void renew(const char *page, struct buf *out)
{
    const char *from = page;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char begin[128];
        (void)snprintf(begin, sizeof begin, BEGIN "%s. -->\n", parts[i].name);
        const char *at = strstr(from, begin);
        const char *end = at ? strstr(at, END) : NULL;
        if (!at || !end)
            fail_msg(PAGE ": no part \"%s\" behind the one before it", parts[i].name);
        at += strlen(begin);
        buf_add(out, from, (size_t)(at - from));
        buf_add_char(out, '\n');
        parts[i].write(out);
        buf_add_char(out, '\n');
        from = end;
    }
    buf_add_text(out, from);
}

static void test_reference_is_current(void **state)
{
    (void)state;
    struct buf page = {0}, wanted = {0};
    read_page(&page);
    renew(buf_text(&page), &wanted);
    if (getenv("CALMIRROR_UPDATE")) {
        FILE *f = fopen(PAGE, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(wanted.p, 1, wanted.n, f), wanted.n);
        assert_int_equal(fclose(f), 0);
    } else if (!span_eq(buf_span(&page), buf_span(&wanted))) {
        fail_msg(PAGE " is not what the tables say: run make docs");
    }
    buf_release(&page);
    buf_release(&wanted);
}

/* What a table of Markdown cannot hold. */
static void test_words_fit_a_table(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_routes; i++)
        assert_null(strpbrk(routes[i].doc, "|\n"));
    for (int i = 0; i < PARAM_COUNT; i++)
        assert_null(strpbrk(param_specs[i].doc, "|\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference_is_current),
                                       cmocka_unit_test(test_words_fit_a_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
