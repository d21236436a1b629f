/* test_serve_metrics: a value finds its bucket, and rows are written as the two formats want them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/serve/handlers.h"
#include "core/serve/metrics/exposition.h"
#include "core/serve/metrics/requests.h"
#include "core/serve/routes.h"

static const char *const kinds[] = {"a", "b"}, *const codes[] = {"1", "2", "3"};
static const int64_t bounds[] = {500000, 1000000, 30000000};

static void expect(const struct metric *m, bool open, const char *text)
{
    struct buf out = {0};
    const struct exposition x = {&out, open};
    exposition_add(&x, m);
    assert_string_equal(buf_text(&out), text);
    buf_release(&out);
}

static void test_histogram(void **state)
{
    (void)state;
    const struct metric m = {.name = "h_seconds",
                             .help = "H.",
                             .kind = METRIC_HISTOGRAM,
                             .unit = "seconds",
                             .per_unit = 1000000,
                             .labels = {{"kind", kinds, 2}},
                             .bounds = bounds,
                             .n_bounds = 3,
                             .cells = (_Atomic uint64_t[10]){0}};
    metric_observe(&m, 0, 500000); /* a bound is part of its bucket */
    metric_observe(&m, 0, 500001);
    metric_observe(&m, 0, 30000001);
    metric_observe(&m, 0, -5); /* a clock that went back */
    expect(
        &m, true,
        "# HELP h_seconds H.\n# TYPE h_seconds histogram\n# UNIT h_seconds seconds\n"
        "h_seconds_bucket{kind=\"a\",le=\"0.5\"} 2\nh_seconds_bucket{kind=\"a\",le=\"1.0\"} 3\n"
        "h_seconds_bucket{kind=\"a\",le=\"30.0\"} 3\nh_seconds_bucket{kind=\"a\",le=\"+Inf\"} 4\n"
        "h_seconds_sum{kind=\"a\"} 31.000002\nh_seconds_count{kind=\"a\"} 4\n"
        "h_seconds_bucket{kind=\"b\",le=\"0.5\"} 0\nh_seconds_bucket{kind=\"b\",le=\"1.0\"} 0\n"
        "h_seconds_bucket{kind=\"b\",le=\"30.0\"} 0\nh_seconds_bucket{kind=\"b\",le=\"+Inf\"} 0\n"
        "h_seconds_sum{kind=\"b\"} 0.000000\nh_seconds_count{kind=\"b\"} 0\n");
}

static void test_counter_of_two_labels(void **state)
{
    (void)state;
    const struct metric m = {.name = "c",
                             .help = "C.",
                             .labels = {{"kind", kinds, 2}, {"code", codes, 3}},
                             .cells = (_Atomic uint64_t[6]){0}};
    metric_add(&m, 1 * 3 + 2, 7);
    expect(&m, false,
           "# HELP c_total C.\n# TYPE c_total counter\n"
           "c_total{kind=\"a\",code=\"1\"} 0\nc_total{kind=\"a\",code=\"2\"} 0\n"
           "c_total{kind=\"a\",code=\"3\"} 0\nc_total{kind=\"b\",code=\"1\"} 0\n"
           "c_total{kind=\"b\",code=\"2\"} 0\nc_total{kind=\"b\",code=\"3\"} 7\n");
    assert_int_equal(metric_read(&m, 5), 7);
}

static void test_info_is_escaped(void **state)
{
    (void)state;
    const struct exposition_fact facts[] = {{"x", "a\"b\\c\nd"}, {"y", ""}, {NULL, NULL}};
    struct buf out = {0};
    const struct exposition x = {&out, true};
    exposition_add_info(&x, "i", "I.", facts);
    exposition_end(&x);
    assert_string_equal(
        buf_text(&out),
        "# HELP i I.\n# TYPE i info\ni_info{x=\"a\\\"b\\\\c\\nd\",y=\"\"} 1\n# EOF\n");
    buf_release(&out);
}

/* Without labels, in units of which the numbers are, in the older format: bounds as they are. */
static void test_histogram_of_whole_numbers(void **state)
{
    (void)state;
    static const int64_t tens[] = {10, 100}, tiny[] = {100, 1500};
    struct metric m = {.name = "n",
                       .help = "N.",
                       .kind = METRIC_HISTOGRAM,
                       .unit = "bytes",
                       .per_unit = 1,
                       .bounds = tens,
                       .n_bounds = 2,
                       .cells = (_Atomic uint64_t[4]){0}};
    metric_observe(&m, 0, 11);
    expect(&m, false,
           "# HELP n N.\n# TYPE n histogram\nn_bucket{le=\"10\"} 0\nn_bucket{le=\"100\"} 1\n"
           "n_bucket{le=\"+Inf\"} 1\nn_sum 11\nn_count 1\n");
    m.per_unit = 1000000;
    m.bounds = tiny;
    m.unit = NULL;
    expect(&m, true,
           "# HELP n N.\n# TYPE n histogram\nn_bucket{le=\"0.0001\"} 0\n"
           "n_bucket{le=\"0.0015\"} 1\nn_bucket{le=\"+Inf\"} 1\nn_sum 0.000011\nn_count 1\n");
}

static void test_heads_of_both_formats(void **state)
{
    (void)state;
    const struct metric gauge = {.name = "g_seconds",
                                 .help = "G.",
                                 .kind = METRIC_GAUGE,
                                 .unit = "seconds",
                                 .per_unit = 1000,
                                 .cells = (_Atomic uint64_t[1]){1007}},
                        counter = {.name = "c",
                                   .help = "C.",
                                   .labels = {{"kind", kinds, 2}},
                                   .cells = (_Atomic uint64_t[2]){3, 4}};
    expect(&gauge, false, "# HELP g_seconds G.\n# TYPE g_seconds gauge\ng_seconds 1.007000\n");
    expect(&gauge, true,
           "# HELP g_seconds G.\n# TYPE g_seconds gauge\n# UNIT g_seconds seconds\n"
           "g_seconds 1.007000\n");
    expect(&counter, true,
           "# HELP c C.\n# TYPE c counter\nc_total{kind=\"a\"} 3\nc_total{kind=\"b\"} 4\n");
    const struct exposition_fact facts[] = {{"x", "1"}, {NULL, NULL}};
    struct buf out = {0};
    const struct exposition x = {&out, false};
    exposition_add_info(&x, "i", "I.", facts);
    exposition_end(&x);
    assert_string_equal(buf_text(&out),
                        "# HELP i_info I.\n# TYPE i_info gauge\ni_info{x=\"1\"} 1\n");
    buf_release(&out);
}

/* Each answer is counted once, where its status belongs, and its time in its row. */
static void test_classes_of_requests(void **state)
{
    (void)state;
    static const struct {
        unsigned status, class;
    } cases[] = {{200, 0}, {299, 0}, {300, 1}, {304, 1}, {399, 1},
                 {400, 2}, {404, 2}, {499, 2}, {500, 3}, {504, 3}};
    requests_init();
    const struct metric *m = &metric_http_requests;
    assert_int_equal(m->labels[1].n, 4);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned row = (unsigned)i % m->labels[0].n, cell = row * 4 + cases[i].class;
        uint64_t before = 0, after = 0, was = metric_read(m, cell);
        for (unsigned k = 0; k < m->labels[0].n * 4; k++)
            before += metric_read(m, k);
        requests_count(row, cases[i].status, 100);
        for (unsigned k = 0; k < m->labels[0].n * 4; k++)
            after += metric_read(m, k);
        assert_int_equal(metric_read(m, cell), was + 1);
        assert_int_equal(after, before + 1);
        unsigned first = row * (metric_http_duration.n_bounds + 2);
        assert_int_equal(metric_read(&metric_http_duration, first), 1); /* the first bound's */
    }
}

/* Every route that is served has a row of its own, and all that are not share one. */
static void test_rows_of_routes(void **state)
{
    (void)state;
    bool taken[256] = {false};
    requests_init();
    assert_int_equal(requests_row(NULL), 0);
    for (unsigned i = 0; i < n_routes; i++) {
        unsigned row = requests_row(&routes[i]);
        assert_in_range(row, 1, metric_http_requests.labels[0].n - 1);
        const char *name = metric_http_requests.labels[0].values[row];
        if (routes[i].handle == not_implemented) {
            assert_string_equal(name, "unsupported");
            continue;
        }
        assert_false(taken[row]);
        taken[row] = true;
        if (routes[i].id[0])
            assert_string_equal(name, routes[i].id);
        else
            assert_non_null(strstr(name, routes[i].path));
    }
}

/* What Google may answer leads to one of the series there are, whatever it is. */
static void test_google_series(void **state)
{
    (void)state;
    const struct metric *m = &metric_google_requests;
    unsigned n = m->labels[0].n * m->labels[1].n;
    assert_string_equal(m->labels[1].values[metric_google_series("GET", 410) % m->labels[1].n],
                        "410");
    assert_string_equal(m->labels[0].values[metric_google_series("POST", 0) / m->labels[1].n],
                        "POST");
    assert_string_equal(m->labels[1].values[metric_google_series("POST", 0) % m->labels[1].n],
                        "none");
    for (long status = -1; status < 700; status++)
        assert_true(metric_google_series("GET", status) < n &&
                    metric_google_series("DELETE", status) < n);
    assert_string_equal(m->labels[1].values[metric_google_series("GET", 418) % m->labels[1].n],
                        "other");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_counter_of_two_labels),
        cmocka_unit_test(test_info_is_escaped),
        cmocka_unit_test(test_google_series),
        cmocka_unit_test(test_histogram_of_whole_numbers),
        cmocka_unit_test(test_heads_of_both_formats),
        cmocka_unit_test(test_classes_of_requests),
        cmocka_unit_test(test_rows_of_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
