/* metrics: the rows, and how a value finds its bucket. */
#include "core/model/metrics.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define MS      INT64_C(1000)
#define SECONDS .unit = "seconds", .per_unit = 1000000

#define CELLS(n)          \
    (_Atomic uint64_t[n]) \
    {                     \
        0                 \
    }

/* As many cells as one series needs. */
#define BUCKETS(list)                                               \
    .bounds = (list), .n_bounds = sizeof(list) / sizeof(*(list)),   \
    .cells = (_Atomic uint64_t[sizeof(list) / sizeof(*(list)) + 2]) \
    {                                                               \
        0                                                           \
    }

static const int64_t run_bounds[] = {50 * MS,   100 * MS,  250 * MS,   500 * MS,  1000 * MS,
                                     2500 * MS, 5000 * MS, 10000 * MS, 30000 * MS};
static const int64_t fresh_bounds[] = {100 * MS,  250 * MS,   500 * MS,   1000 * MS,  2500 * MS,
                                       5000 * MS, 10000 * MS, 30000 * MS, 60000 * MS, 300000 * MS};
static const int64_t request_bounds[] = {10 * MS,  25 * MS,   50 * MS,   100 * MS,  250 * MS,
                                         500 * MS, 1000 * MS, 2500 * MS, 5000 * MS, 10000 * MS};
static const int64_t commit_bounds[] = {100,     500,      MS,       5 * MS,   10 * MS,
                                        50 * MS, 100 * MS, 500 * MS, 1000 * MS};

static const char *const outcomes[] = {"ok", "failed"};
static const char *const runs[] = {"pull", "listing", "other"};
static const char *const pings[] = {"accepted", "bad_token", "unknown", "sync", "ignored"};

/* Of requests to the API: the methods that are sent, the answers that mean something to us. */
static const char *const methods[] = {"GET", "POST"};
#define METHODS (sizeof(methods) / sizeof(*methods))
static const long statuses[] = {0, 200, 204, 400, 401, 403, 404, 410, 429, 500, 502, 503, 504, -1};
static const char *const answers[] = {"none", "200", "204", "400", "401", "403", "404",
                                      "410",  "429", "500", "502", "503", "504", "other"};
#define ANSWERS (sizeof(answers) / sizeof(*answers))
static_assert(sizeof(statuses) / sizeof(*statuses) == ANSWERS);

const struct metric metric_sync_runs = {
    .name = "calmirror_sync_runs",
    .help = "Runs of a collection by what they did first and how they ended.",
    .labels = {{"kind", runs, METRIC_RUNS}, {"result", outcomes, METRIC_OUTCOMES}},
    .cells = CELLS(METRIC_RUNS * METRIC_OUTCOMES),
};
const struct metric metric_sync_duration = {
    .name = "calmirror_sync_duration_seconds",
    .help = "How long a run of a collection took, waiting for Google included.",
    .kind = METRIC_HISTOGRAM,
    SECONDS,
    BUCKETS(run_bounds),
};
const struct metric metric_freshness = {
    .name = "calmirror_freshness_seconds",
    .help = "From a notification coming in to its change being readable here.",
    .kind = METRIC_HISTOGRAM,
    SECONDS,
    BUCKETS(fresh_bounds),
};
const struct metric metric_google_requests = {
    .name = "calmirror_google_requests",
    .help = "Requests to the Calendar API by method and status of the answer.",
    .labels = {{"method", methods, METHODS}, {"code", answers, ANSWERS}},
    .cells = CELLS(METHODS * ANSWERS),
};
const struct metric metric_google_duration = {
    .name = "calmirror_google_request_duration_seconds",
    .help = "How long the Calendar API took to answer.",
    .kind = METRIC_HISTOGRAM,
    SECONDS,
    BUCKETS(request_bounds),
};
const struct metric metric_quota_wait = {
    .name = "calmirror_google_quota_wait_seconds",
    .help = "Time spent waiting so as to stay within the quota.",
    SECONDS,
    .cells = CELLS(1),
};
const struct metric metric_tokens = {
    .name = "calmirror_token_refreshes",
    .help = "Access tokens asked for, by how that ended.",
    .labels = {{"result", outcomes, METRIC_OUTCOMES}},
    .cells = CELLS(METRIC_OUTCOMES),
};
const struct metric metric_pings = {
    .name = "calmirror_pings",
    .help = "Notifications that came in, by what they were taken for.",
    .labels = {{"result", pings, METRIC_PINGS}},
    .cells = CELLS(METRIC_PINGS),
};
const struct metric metric_commit_duration = {
    .name = "calmirror_lmdb_commit_duration_seconds",
    .help = "How long a commit to the database took, the disk included.",
    .kind = METRIC_HISTOGRAM,
    SECONDS,
    BUCKETS(commit_bounds),
};
const struct metric metric_tls_expiry = {
    .name = "calmirror_tls_certificate_expiry_timestamp_seconds",
    .help = "End of the certificate of the webhook's listener; 0 when it has none.",
    .kind = METRIC_GAUGE,
    .unit = "seconds",
    .per_unit = 1,
    .cells = CELLS(1),
};

const struct metric *const metrics_all[] = {
    &metric_sync_runs,
    &metric_sync_duration,
    &metric_freshness,
    &metric_google_requests,
    &metric_google_duration,
    &metric_quota_wait,
    &metric_tokens,
    &metric_pings,
    &metric_commit_duration,
    &metric_tls_expiry,
    NULL,
};

unsigned metric_google_series(const char *method, long status)
{
    unsigned m = strcmp(method, methods[0]) == 0 ? 0 : 1, a = 0;
    while (a < ANSWERS - 1 && statuses[a] != status)
        a++;
    return m * ANSWERS + a;
}

void metric_observe(const struct metric *m, unsigned series, int64_t value)
{
    _Atomic uint64_t *cells = m->cells + series * (m->n_bounds + 2);
    unsigned i = 0;
    while (i < m->n_bounds && value > m->bounds[i])
        i++;
    atomic_fetch_add_explicit(&cells[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&cells[m->n_bounds + 1], value > 0 ? (uint64_t)value : 0,
                              memory_order_relaxed);
}
