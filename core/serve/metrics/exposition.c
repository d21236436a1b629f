/* exposition: writes metrics as text: Prometheus 0.0.4, or OpenMetrics 1.0.
 *
 * They differ in the head: OpenMetrics names the family of a counter without the _total that its
 * samples have, tells the unit, and has an end. */
#include "core/serve/metrics/exposition.h"

#include <inttypes.h>

static void add_head(const struct exposition *x, const char *name, const char *type,
                     const char *unit, const char *help, bool total)
{
    const char *tail = total && !x->open ? "_total" : "";
    buf_printf(x->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, tail, help, name, tail, type);
    if (x->open && unit)
        buf_printf(x->out, "# UNIT %s %s\n", name, unit);
}

/* Of what is counted, in units. */
static void add_number(struct buf *out, uint64_t n, int64_t per_unit)
{
    if (per_unit <= 1)
        buf_printf(out, "%" PRIu64, n);
    else
        buf_printf(out, "%" PRIu64 ".%06" PRIu64, n / (uint64_t)per_unit,
                   n % (uint64_t)per_unit * 1000000 / (uint64_t)per_unit);
}

/* A bound without zeros at its end, but one behind the point. */
static void add_bound(struct buf *out, int64_t bound, int64_t per_unit)
{
    add_number(out, (uint64_t)bound, per_unit);
    while (per_unit > 1 && out->n > 2 && out->p[out->n - 1] == '0' && out->p[out->n - 2] != '.')
        out->p[--out->n] = '\0';
}

/* The labels of series i, and after them `le`, if it is one of a histogram: `bound` is its number,
 * -1 for none. */
static void add_labels(struct buf *out, const struct metric *m, unsigned i, int bound)
{
    const struct metric_label *a = &m->labels[0], *b = &m->labels[1];
    unsigned n = b->n ? b->n : 1;
    if (!a->n && bound < 0)
        return;
    buf_add_char(out, '{');
    if (a->n)
        buf_printf(out, "%s=\"%s\"", a->name, a->values[i / n]);
    if (b->n)
        buf_printf(out, ",%s=\"%s\"", b->name, b->values[i % n]);
    if (bound >= 0) {
        buf_printf(out, "%sle=\"", a->n ? "," : "");
        if ((unsigned)bound < m->n_bounds)
            add_bound(out, m->bounds[bound], m->per_unit);
        else
            buf_add_text(out, "+Inf");
        buf_add_char(out, '"');
    }
    buf_add_char(out, '}');
}

static void add_histogram(struct buf *out, const struct metric *m, unsigned i)
{
    unsigned first = i * (m->n_bounds + 2);
    uint64_t count = 0;
    for (unsigned k = 0; k <= m->n_bounds; k++) {
        count += metric_read(m, first + k);
        buf_printf(out, "%s_bucket", m->name);
        add_labels(out, m, i, (int)k);
        buf_printf(out, " %" PRIu64 "\n", count);
    }
    buf_printf(out, "%s_sum", m->name);
    add_labels(out, m, i, -1);
    buf_add_char(out, ' ');
    add_number(out, metric_read(m, first + m->n_bounds + 1), m->per_unit);
    buf_printf(out, "\n%s_count", m->name);
    add_labels(out, m, i, -1);
    buf_printf(out, " %" PRIu64 "\n", count);
}

void exposition_add(const struct exposition *x, const struct metric *m)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    unsigned n = (m->labels[0].n ? m->labels[0].n : 1) * (m->labels[1].n ? m->labels[1].n : 1);
    add_head(x, m->name, types[m->kind], m->unit, m->help, m->kind == METRIC_COUNTER);
    for (unsigned i = 0; i < n; i++) {
        if (m->kind == METRIC_HISTOGRAM) {
            add_histogram(x->out, m, i);
            continue;
        }
        buf_printf(x->out, "%s%s", m->name, m->kind == METRIC_COUNTER ? "_total" : "");
        add_labels(x->out, m, i, -1);
        buf_add_char(x->out, ' ');
        add_number(x->out, metric_read(m, i), m->per_unit);
        buf_add_char(x->out, '\n');
    }
}

static void add_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            buf_add_char(out, '\\');
        if (*text == '\n')
            buf_add_text(out, "\\n");
        else
            buf_add_char(out, *text);
    }
}

void exposition_add_info(const struct exposition *x, const char *name, const char *help,
                         const struct exposition_fact *facts)
{
    const char *tail = x->open ? "" : "_info", *separator = "";
    buf_printf(x->out, "# HELP %s%s %s\n# TYPE %s%s %s\n%s_info{", name, tail, help, name, tail,
               x->open ? "info" : "gauge", name);
    for (; facts->name; facts++) {
        buf_printf(x->out, "%s%s=\"", separator, facts->name);
        add_escaped(x->out, facts->value);
        buf_add_char(x->out, '"');
        separator = ",";
    }
    buf_add_text(x->out, "} 1\n");
}

void exposition_end(const struct exposition *x)
{
    if (x->open)
        buf_add_text(x->out, "# EOF\n");
}
