/* veil: what is left of an event for those who may only know when a calendar is busy. */
#ifndef CORE_SERVE_EVENTS_VEIL_H
#define CORE_SERVE_EVENTS_VEIL_H

#include "core/base/buf.h"
#include "core/model/event.h"
#include "core/serve/call.h"

/* Appends the event (`raw`: it, or an instance of it) without a word of what it is. */
void veil_event(const struct event *ev, struct span raw, struct buf *out);

/* Appends what such a reader sees of a list's head, each member behind a comma. */
void veil_head(struct span head, struct buf *out);

/* The same of an entry of the calendar list. */
void veil_calendar(struct span raw, struct buf *out);

/* Makes the request one of such a reader: instances instead of series, nothing searched by what
 * may not be known. False: answered. */
bool veil_params(struct call *c);

#endif
