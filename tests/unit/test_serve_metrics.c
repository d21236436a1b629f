/* test_serve_metrics: a value finds its bucket, and rows are written as the two formats want them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/serve/metrics/exposition.h"

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
