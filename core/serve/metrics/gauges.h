/* gauges: what is looked up when somebody asks: the store, what is in it, the process. */
#ifndef CORE_SERVE_METRICS_GAUGES_H
#define CORE_SERVE_METRICS_GAUGES_H

#include "core/model/metrics.h"
#include "core/serve/call.h"

extern const struct metric *const gauges_all[]; /* ends with NULL */
void gauges_take(struct call *c);               /* sets them; c->txn is open */

#endif
