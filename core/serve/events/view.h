/* view: how a request wants to see events: zone of times, attendees. */
#ifndef CORE_SERVE_EVENTS_VIEW_H
#define CORE_SERVE_EVENTS_VIEW_H

#include "core/serve/call.h"
#include "core/serve/events/instance.h"
#include "core/serve/events/render.h"

struct view {
    struct render render;
    int64_t max_attendees; /* INT64_MAX: all */
};

/* By the request's timeZone (else the calendar's zone) and maxAttendees. */
struct view view_of_call(const struct call *c, const struct collection *coll);
void view_write(struct view *v, const struct event *ev, struct buf *out);
void view_write_instance(struct view *v, const struct instance_form *form,
                         const struct recur_instance *at, struct buf *out);

#endif
