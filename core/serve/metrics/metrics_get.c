/* metrics_get: GET /metrics: everything the process counts, in the format that was asked for. */
#include <string.h>

#include "core/model/metrics.h"
#include "core/serve/handlers.h"
#include "core/serve/metrics/exposition.h"
#include "core/serve/metrics/gauges.h"
#include "core/serve/metrics/requests.h"
#include "core/serve/server.h"

static void add_all(const struct exposition *x, const struct metric *const *rows)
{
    for (; *rows; rows++)
        exposition_add(x, *rows);
}

void metrics_get(struct call *c)
{
    static const struct exposition_fact version[] = {{"version", CALMIRROR_VERSION}, {NULL, NULL}};
    const char *accept = c->header(c->source, "Accept");
    struct exposition x = {&c->out, accept && strstr(accept, "application/openmetrics-text")};
    if (!call_read(c))
        return;
    gauges_take(c);
    c->answer.type = x.open ? EXPOSITION_OPEN_TYPE : EXPOSITION_TYPE;
    exposition_add_info(&x, "calmirror_build", "What this is, and the libraries it runs with.",
                        c->serve->build ? c->serve->build : version);
    add_all(&x, metrics_all);
    exposition_add(&x, &metric_http_requests);
    exposition_add(&x, &metric_http_duration);
    add_all(&x, gauges_all);
    exposition_end(&x);
}
