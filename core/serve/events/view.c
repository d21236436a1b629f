/* view: how a request wants to see events: zone of times, attendees. */
#include "core/serve/events/view.h"

#include "core/base/text.h"
#include "core/serve/events/filter.h"
#include "core/serve/events/veil.h"

struct view view_of_call(const struct call *c, const struct collection *coll, enum access access)
{
    char zone[ZONE_NAME_MAX] = "";
    if (params_has(&c->params, PARAM_TIME_ZONE))
        (void)text_copy(zone, sizeof zone, c->params.v[PARAM_TIME_ZONE].text); /* checked */
    return (struct view){render_in_zone(zone[0] ? zone : coll->zone),
                         params_number(&c->params, PARAM_MAX_ATTENDEES, INT64_MAX),
                         access != ACCESS_ALL};
}

void view_write(struct view *v, const struct event *ev, struct buf *out)
{
    struct buf cut = {0};
    if (v->veiled) {
        veil_event(ev, ev->raw, &cut);
        render_event(&v->render, ev, buf_span(&cut), out);
        out->failed |= cut.failed;
    } else if (v->max_attendees != INT64_MAX && filter_attendees(ev->raw, v->max_attendees, &cut))
        render_event(&v->render, ev, buf_span(&cut), out);
    else
        render_event(&v->render, ev, ev->raw, out);
    buf_release(&cut);
}

void view_write_instance(struct view *v, const struct event *ev, const struct instance_form *form,
                         const struct recur_instance *at, struct buf *out)
{
    struct buf whole = {0};
    if (v->max_attendees == INT64_MAX && !v->veiled) {
        instance_write(form, ev, &v->render, at, out);
        return;
    }
    instance_write(form, ev, &v->render, at, &whole);
    if (whole.failed)
        out->failed = true;
    else if (v->veiled)
        veil_event(ev, buf_span(&whole), out);
    else if (!filter_attendees(buf_span(&whole), v->max_attendees, out))
        buf_add_span(out, buf_span(&whole));
    buf_release(&whole);
}
