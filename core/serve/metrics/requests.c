/* requests: counts what the local API answers, by route. */
#include "core/serve/metrics/requests.h"

#include <assert.h>
#include <stdio.h>

#include "core/serve/handlers.h"
#include "core/serve/routes.h"

#define ROWS_MOST 128
#define CLASSES   4

enum { ROW_NONE, ROW_UNSUPPORTED, ROW_FIRST };

static const char *const classes[CLASSES] = {"2xx", "3xx", "4xx", "5xx"};
static const int64_t bounds[] = {100, 500, 1000, 5000, 10000, 50000, 100000, 500000, 1000000};
#define BOUNDS (sizeof(bounds) / sizeof(bounds[0]))

static const char *names[ROWS_MOST] = {"none", "unsupported"};
static char texts[ROWS_MOST][96]; /* names of routes that have no id */
static uint8_t rows[ROWS_MOST];   /* of each route */
static unsigned n_rows;
static _Atomic uint64_t request_cells[ROWS_MOST * CLASSES],
    duration_cells[ROWS_MOST * (BOUNDS + 2)];

struct metric metric_http_requests = {
    .name = "calmirror_http_requests",
    .help = "Requests to the local API by route and class of the answer's status.",
    .labels = {{"route", names, 0}, {"code", classes, CLASSES}},
    .cells = request_cells,
};
struct metric metric_http_duration = {
    .name = "calmirror_http_request_duration_seconds",
    .help = "How long the local API took to make an answer.",
    .kind = METRIC_HISTOGRAM,
    .unit = "seconds",
    .per_unit = 1000000,
    .labels = {{"route", names, 0}},
    .bounds = bounds,
    .n_bounds = BOUNDS,
    .cells = duration_cells,
};

void requests_init(void)
{
    if (n_rows)
        return;
    assert(n_routes + ROW_FIRST <= ROWS_MOST);
    n_rows = ROW_FIRST;
    for (unsigned i = 0; i < n_routes; i++) {
        if (routes[i].handle == not_implemented) {
            rows[i] = ROW_UNSUPPORTED;
            continue;
        }
        (void)snprintf(texts[n_rows], sizeof texts[0], "%s %s", routes[i].method, routes[i].path);
        names[n_rows] = routes[i].id[0] ? routes[i].id : texts[n_rows];
        rows[i] = (uint8_t)n_rows++;
    }
    metric_http_requests.labels[0].n = n_rows;
    metric_http_duration.labels[0].n = n_rows;
}

unsigned requests_row(const struct route *r)
{
    return r ? rows[r - routes] : ROW_NONE;
}

void requests_count(unsigned row, unsigned status, int64_t took_us)
{
    unsigned class = status < 300 ? 0 : status < 400 ? 1 : status < 500 ? 2 : 3;
    metric_add(&metric_http_requests, row * CLASSES + class, 1);
    metric_observe(&metric_http_duration, row, took_us);
}
