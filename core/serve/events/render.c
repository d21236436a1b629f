/* render: an event's JSON as stored, with its clock times in the zone that was asked for. */
#include "core/serve/events/render.h"

#include "core/base/floor.h"
#include "core/base/json.h"
#include "core/base/rfc3339.h"

struct render render_in_zone(const char *zone_name)
{
    struct render r = {0};
    if (zone_name[0])
        r.zone = zone_find(zone_name);
    if (r.zone)
        r.zone_hash = event_zone_hash(span_of(zone_name));
    return r;
}

void render_time(struct render *r, int64_t ms, struct buf *out)
{
    char text[RFC3339_MAX];
    int64_t s = floor_s(ms);
    int n = rfc3339_write(text, ms, r->zone ? zone_offset_near(r->zone, s, &r->hint) : 0);
    buf_add_char(out, '"');
    buf_add(out, text, (size_t)n);
    buf_add_char(out, '"');
}

static bool is_time_member(struct span key)
{
    return span_is(key, "start") || span_is(key, "end") || span_is(key, "originalStartTime");
}

void render_event(struct render *r, const struct event *ev, struct span raw, struct buf *out)
{
    if (!r->zone || r->zone_hash == ev->zone_hash) {
        buf_add_span(out, raw);
        return;
    }
    const char *from = raw.p;
    struct json_iter it = json_iter(raw);
    struct span key, value;
    while (json_next(&it, &key, &value)) {
        int64_t ms;
        struct span time = is_time_member(key) ? json_get(value, "dateTime") : (struct span){0};
        if (!rfc3339_time(json_string_plain(time), &ms, NULL, NULL))
            continue;
        buf_add(out, from, (size_t)(time.p - from));
        render_time(r, ms, out);
        from = time.p + time.n;
    }
    buf_add(out, from, (size_t)(raw.p + raw.n - from));
}
