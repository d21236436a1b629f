/* small: the collections of small resources, for others that serve them too. */
#ifndef CORE_SERVE_SMALL_H
#define CORE_SERVE_SMALL_H

#include "core/serve/call.h"

/* The settings or the palette of "me"; opens c->txn. False: answered. */
bool small_find_own(struct call *c, enum coll_kind kind, struct collection *ret);
/* The access rules of the calendar in the path; likewise. */
bool small_find_rules(struct call *c, struct collection *ret);

#endif
