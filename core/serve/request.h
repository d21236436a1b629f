/* request: from the bytes of a request to its route and typed parameters. */
#ifndef CORE_SERVE_REQUEST_H
#define CORE_SERVE_REQUEST_H

#include "core/serve/call.h"

/* The next piece of a query, "name=value", which is cut to what follows its '&'. */
struct span query_next(struct span *query);

/* Undoes gzip of the body, into c->unpacked: Google's clients for Java and .NET pack what they
 * send. False: answered with an error. */
bool request_unpack(struct call *c);

/* Clients that cannot send some methods, or long URLs, POST and say what they mean in a header. */
void request_take_override(struct call *c);

/* Fills path parameters, query parameters and route. False: answered with an error. */
bool call_parse(struct call *c);
/* Reads a query of c->route into *p; the text goes to `hold`. False: answered with an error. */
bool params_parse(struct call *c, struct params *p, struct span query, struct buf *hold);
/* Appends the pieces of a query that say what is asked: without unknown ones, those about form and
 * the page token. False: none. */
bool params_keep(const struct call *c, struct span query, struct buf *out);

#endif
