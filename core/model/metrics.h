/* metrics: what the process counts about itself: one row each, filled by whoever sees it happen,
 * shown by GET /metrics.
 *
 * All series exist from the start, at 0. Labels have few values, never an account, a calendar or a
 * URL. Counting is one relaxed atomic addition, from any thread. */
#ifndef CORE_MODEL_METRICS_H
#define CORE_MODEL_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_label {
    const char *name; /* NULL: there is none */
    const char *const *values;
    unsigned n;
};

struct metric {
    const char *name; /* of a counter: without _total */
    const char *help; /* a sentence */
    enum metric_kind kind;
    const char
        *unit; /* "seconds", "bytes", "ratio", in which it is shown; NULL: a number of things */
    int64_t per_unit;              /* what is counted, in a unit: 1000000 for microseconds */
    struct metric_label labels[2]; /* series [i][j] is at i * labels[1].n + j */
    const int64_t *bounds;         /* of a histogram, rising, in what is counted */
    unsigned n_bounds;
    _Atomic uint64_t
        *cells; /* of a histogram: n_bounds + 2 a series: each bucket, what is above, the sum */
};

/* Values of labels, in order. */
enum metric_run { METRIC_RUN_PULL, METRIC_RUN_LISTING, METRIC_RUN_OTHER, METRIC_RUNS };
enum metric_outcome { METRIC_OK, METRIC_FAILED, METRIC_OUTCOMES };
enum metric_ping {
    METRIC_PING_ACCEPTED,
    METRIC_PING_BAD_TOKEN,
    METRIC_PING_UNKNOWN, /* bears our token, yet its channel is not in force */
    METRIC_PING_SYNC,
    METRIC_PING_IGNORED, /* of a channel that is being stopped */
    METRIC_PINGS
};

extern const struct metric metric_sync_runs;     /* [metric_run][metric_outcome] */
extern const struct metric metric_sync_duration; /* us */
extern const struct metric metric_freshness;     /* us, from a notification to its commit */
extern const struct metric metric_google_requests;
extern const struct metric metric_google_duration; /* us */
extern const struct metric metric_quota_wait;      /* us, counter */
extern const struct metric metric_tokens;          /* [metric_outcome] */
extern const struct metric metric_pings;           /* [metric_ping] */
extern const struct metric metric_commit_duration; /* us */
extern const struct metric metric_tls_expiry; /* s since 1970; 0: the listener has no certificate */
extern const struct metric *const metrics_all[]; /* ends with NULL */

/* The series of a request to the API by its method and the status of the answer (0: none came). */
unsigned metric_google_series(const char *method, long status);

static inline void metric_add(const struct metric *m, unsigned series, uint64_t n)
{
    atomic_fetch_add_explicit(&m->cells[series], n, memory_order_relaxed);
}
static inline void metric_set(const struct metric *m, unsigned series, uint64_t value)
{
    atomic_store_explicit(&m->cells[series], value, memory_order_relaxed);
}
static inline uint64_t metric_read(const struct metric *m, unsigned series)
{
    return atomic_load_explicit(&m->cells[series], memory_order_relaxed);
}
void metric_observe(const struct metric *m, unsigned series, int64_t value); /* histograms */

#endif
