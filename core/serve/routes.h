/* routes: what is served: one table of methods, read by the server, the discovery document and the
 * reference. */
#ifndef CORE_SERVE_ROUTES_H
#define CORE_SERVE_ROUTES_H

#include "core/serve/call.h"

struct route {
    const char *id;     /* "events.list" as in Google's discovery document; "" for our own */
    const char *method; /* GET stands for HEAD too */
    const char *path; /* "/calendar/v3/calendars/{calendarId}/events": {} names a path parameter */
    void (*handle)(struct call *c);
    uint64_t params;                /* PARAM_BITs beyond PARAMS_EVERYWHERE */
    int page_default, page_cap;     /* of maxResults */
    const char *request, *response; /* schemas of bodies; NULL: none */
    const char *doc;
    enum door door; /* who may have it */
    bool whole;     /* it goes through all calendars: made aside, so that the loop goes on */
};

extern const struct route routes[];
extern const unsigned n_routes;

/* Finds the route and fills c->route and c->segment (decoded into c->text). False: answered 404,
 * 405 or 400. */
bool route_find(struct call *c);

#endif
