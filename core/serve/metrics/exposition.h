/* exposition: writes metrics as text: Prometheus 0.0.4, or OpenMetrics 1.0. */
#ifndef CORE_SERVE_METRICS_EXPOSITION_H
#define CORE_SERVE_METRICS_EXPOSITION_H

#include "core/base/buf.h"
#include "core/model/metrics.h"

struct exposition {
    struct buf *out;
    bool open; /* OpenMetrics */
};

#define EXPOSITION_TYPE      "text/plain; version=0.0.4; charset=utf-8"
#define EXPOSITION_OPEN_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

void exposition_add(const struct exposition *x, const struct metric *m);

/* One series of value 1 that tells of things in its labels, which end with a NULL name. */
struct exposition_fact {
    const char *name, *value;
};
void exposition_add_info(const struct exposition *x, const char *name, const char *help,
                         const struct exposition_fact *facts);

void exposition_end(const struct exposition *x);

#endif
