/* instance: one computed instance of a series as Google would give it, made of its master's JSON.
 */
#ifndef CORE_SERVE_EVENTS_INSTANCE_H
#define CORE_SERVE_EVENTS_INSTANCE_H

#include "core/calendar/recur.h"
#include "core/model/event.h"
#include "core/serve/events/render.h"

#define INSTANCE_PIECES_MAX 16

enum instance_hole {
    HOLE_NONE,
    HOLE_ID,
    HOLE_LINK,
    HOLE_START,
    HOLE_END,
    HOLE_RECURRENCE, /* recurringEventId and originalStartTime stand where the rules were */
};

/* A part of a master's JSON, by its place there. */
struct instance_part {
    uint32_t at, n;
};

/* A master cut at the places that differ from instance to instance. Good for as long as the master
 * is not changed, wherever its JSON stands. */
struct instance_form {
    bool all_day;
    int64_t length_ms;               /* of all-day ones: whole days */
    struct instance_part start;      /* the start member: an object */
    struct instance_part start_time; /* its dateTime or date, with quotes */
    struct instance_part link_code;  /* of htmlLink: the event's code */
    unsigned n;
    struct instance_piece {
        struct instance_part text; /* copied, then */
        enum instance_hole hole;   /* filled */
    } piece[INSTANCE_PIECES_MAX];
};

void instance_form_init(struct instance_form *ret, const struct event *master);

/* Appends the instance, its clock times in the zone of `r`. */
void instance_write(const struct instance_form *f, const struct event *master, struct render *r,
                    const struct recur_instance *at, struct buf *out);

#endif
