/* requests: counts what the local API answers, by route. */
#ifndef CORE_SERVE_METRICS_REQUESTS_H
#define CORE_SERVE_METRICS_REQUESTS_H

#include <stdint.h>

#include "core/model/metrics.h"

struct route;

/* Before anything is counted; once is enough. */
void requests_init(void);
/* The row of a route; NULL: of what has none. Those that answer 501 share one. */
unsigned requests_row(const struct route *r);
void requests_count(unsigned row, unsigned status, int64_t took_us);

extern struct metric metric_http_requests; /* [row][class of status] */
extern struct metric metric_http_duration; /* us [row] */

#endif
