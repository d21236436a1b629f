/* view: how a request wants to see events: zone of times, attendees. */
#ifndef CORE_SERVE_EVENTS_VIEW_H
#define CORE_SERVE_EVENTS_VIEW_H

#include "core/serve/call.h"
#include "core/serve/events/instance.h"
#include "core/serve/events/render.h"

struct view {
    struct render render;
    int64_t max_attendees; /* INT64_MAX: all */
    bool veiled;           /* times only: see veil.h */
};

/* By the request's timeZone (else the calendar's zone), maxAttendees, and what the caller may see
 * of the calendar. */
struct view view_of_call(const struct call *c, const struct collection *coll, enum access access);
void view_write(struct view *v, const struct event *ev, struct buf *out);
/* `ev`: the master that the form was made of. */
void view_write_instance(struct view *v, const struct event *ev, const struct instance_form *form,
                         const struct recur_instance *at, struct buf *out);

#endif
