/* single: pages of single events and instances, in order of start or of last change. */
#ifndef CORE_SERVE_EVENTS_SINGLE_H
#define CORE_SERVE_EVENTS_SINGLE_H

#include "core/serve/events/page.h"
#include "core/serve/events/expand.h"

/* The page of a list with singleEvents. False: answered with an error. */
bool events_single_fill(struct events_page *page);

/* The page of what `q` yields, which this completes (transaction, place, budget, keep). */
bool events_single_fill_from(struct events_page *page, struct expand_query *q);

#endif
