/* head: the head that every list of events has: what Google says of the calendar, and the
 * validators. */
#ifndef CORE_SERVE_EVENTS_HEAD_H
#define CORE_SERVE_EVENTS_HEAD_H

#include "core/model/collection.h"
#include "core/serve/call.h"

/* Sets validators and freshness of an answer made of a calendar. False: it is a 304, nothing more
 * to do. */
bool events_head_begin(struct call *c, const struct collection *coll);

/* Appends the head, up to `"items":[`, as far as the caller may see it. */
void events_head_write(struct call *c, const struct collection *coll, enum access access);

#endif
