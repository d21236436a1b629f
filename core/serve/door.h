/* door: who may ask: the names this server goes by, and the web pages that may read it. */
#ifndef CORE_SERVE_DOOR_H
#define CORE_SERVE_DOOR_H

#include "core/serve/call.h"

/* False: answered 403. */
bool door_admits(struct call *c);

/* Is any page of another origin let in? Then answers depend on the Origin. */
bool door_has_origins(const struct conf *conf);

/* The request's Origin if it is one of those named in the config, for all or for the client that
 * asks, else NULL. Borrowed from the request. */
const char *door_cors_origin(const struct call *c);

#endif
