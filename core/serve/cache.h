/* cache: finished answers of a loop, kept while the calendar they are made of stays the same.
 *
 * What is kept is never trusted for its age: each use asks whether the store has committed anything
 * since the answer was last known good, and if so whether its collection has another version. */
#ifndef CORE_SERVE_CACHE_H
#define CORE_SERVE_CACHE_H

#include "core/httpd/httpd.h"
#include "core/serve/call.h"
#include "core/serve/squeeze.h"

struct cache;
struct cache *cache_new(uint64_t most_bytes); /* 0: keeps nothing. NULL without memory */
void cache_free(struct cache *c);             /* NULL ok */
void cache_clear(struct cache *c);            /* the config, which answers depend on, has changed */

/* The response to this request if it is at hand: whole, gzip, or 304. Fills c->answer. The
 * caller's; NULL: it has to be made. */
struct httpd_response *cache_find(struct cache *cache, struct call *c);

/* Takes over the body of a finished call (c->out is then empty) if it is worth keeping, and gives
 * the response made of it; NULL: not kept, or not made, and the answer is c->answer and c->out. */
struct httpd_response *cache_keep(struct cache *cache, struct call *c);

#endif
