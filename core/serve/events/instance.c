/* instance: one computed instance of a series as Google would give it, made of its master's JSON.
 */
#include "core/serve/events/instance.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/floor.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/base/rfc3339.h"
#include "core/base/text.h"
#include "core/calendar/instance_id.h"

#define ID_SIZE (LIMIT_EVENT_ID_BYTES + 32)
#define EID     "eid="

static struct span text_of(const struct event *master, struct instance_part part)
{
    return (struct span){master->raw.p + part.at, part.n};
}

static struct instance_part part_of(const struct event *master, struct span text)
{
    return (struct instance_part){text.n ? (uint32_t)(text.p - master->raw.p) : 0,
                                  (uint32_t)text.n};
}

static struct span between(const char *from, const char *to)
{
    return (struct span){from, (size_t)(to - from)};
}

/* Ends a piece before `hole_at` (which stands for bytes of the master) and leaves a hole there. */
static void cut(struct instance_form *f, const struct event *master, const char **from,
                struct span hole_at, enum instance_hole hole)
{
    if (f->n == INSTANCE_PIECES_MAX - 1)
        return;
    f->piece[f->n++] = (struct instance_piece){part_of(master, between(*from, hole_at.p)), hole};
    *from = hole_at.p + hole_at.n;
}

/* The event's code in its link: base64url of "<event id> <calendar>". */
static void cut_link(struct instance_form *f, const struct event *master, const char **from,
                     struct span value)
{
    struct span plain = json_string_plain(value);
    const char *eid = plain.n ? memmem(plain.p, plain.n, EID, strlen(EID)) : NULL;
    if (!eid)
        return;
    const char *code = eid + strlen(EID), *end = plain.p + plain.n;
    const char *amp = memchr(code, '&', (size_t)(end - code));
    struct span whole = between(code, amp ? amp : end);
    f->link_code = part_of(master, whole);
    cut(f, master, from, whole, HOLE_LINK);
}

static struct span time_of(struct span moment, bool all_day)
{
    return json_get(moment, all_day ? "date" : "dateTime");
}

static int64_t day_ms(struct span time)
{
    int64_t days = 0;
    return rfc3339_date(json_string_plain(time), &days) ? days * DAY_MS : 0;
}

void instance_form_init(struct instance_form *ret, const struct event *master)
{
    struct instance_form f = {.all_day = master->flags & EVENT_ALL_DAY};
    const char *from = master->raw.p;
    struct json_iter it = json_iter(master->raw);
    struct span key, value, time, start_time = {0};
    while (json_next(&it, &key, &value)) {
        if (span_is(key, "id")) {
            cut(&f, master, &from, value, HOLE_ID);
        } else if (span_is(key, "htmlLink")) {
            cut_link(&f, master, &from, value);
        } else if (span_is(key, "start")) {
            start_time = time_of(value, f.all_day);
            f.start = part_of(master, value);
            f.start_time = part_of(master, start_time);
            if (start_time.n)
                cut(&f, master, &from, start_time, HOLE_START);
        } else if (span_is(key, "end")) {
            time = time_of(value, f.all_day);
            f.length_ms = f.all_day ? day_ms(time) - day_ms(start_time) : 0;
            if (time.n)
                cut(&f, master, &from, time, HOLE_END);
        } else if (span_is(key, "recurrence")) {
            cut(&f, master, &from, between(key.p - 1, value.p + value.n), HOLE_RECURRENCE);
        }
    }
    struct span rest = between(from, master->raw.p + master->raw.n);
    f.piece[f.n++] = (struct instance_piece){part_of(master, rest), HOLE_NONE};
    *ret = f;
}

static void write_time(const struct instance_form *f, struct render *r, int64_t ms, struct buf *out)
{
    char text[RFC3339_MAX];
    if (!f->all_day) {
        render_time(r, ms, out);
        return;
    }
    int n = rfc3339_write_date(text, floor_div(ms, DAY_MS));
    buf_add_char(out, '"');
    buf_add(out, text, (size_t)n);
    buf_add_char(out, '"');
}

static void write_origin(const struct instance_form *f, const struct event *master,
                         struct render *r, const struct recur_instance *at, struct buf *out)
{
    struct span start = text_of(master, f->start), time = text_of(master, f->start_time);
    buf_add_text(out, "\"recurringEventId\":");
    buf_add_json(out, master->id);
    buf_add_text(out, ",\"originalStartTime\":");
    if (time.n == 0) {
        buf_add_span(out, start.n ? start : span_of("{}"));
        return;
    }
    buf_add_span(out, between(start.p, time.p));
    write_time(f, r, at->slot_ms, out);
    buf_add_span(out, between(time.p + time.n, start.p + start.n));
}

/* The calendar is told as in the master's own code, which abbreviates it. */
static void write_link(struct span link_code, struct span master_id, struct span id,
                       struct buf *out)
{
    struct buf code = {0};
    if (text_base64url_decode(&code, link_code) && code.n > master_id.n &&
        memcmp(code.p, master_id.p, master_id.n) == 0 && code.p[master_id.n] == ' ') {
        struct buf own = {0};
        buf_add_span(&own, id);
        buf_add(&own, code.p + master_id.n, code.n - master_id.n);
        text_base64url_encode(out, own.p, own.n);
        out->failed |= own.failed;
        buf_release(&own);
    } else {
        buf_add_span(out, link_code);
    }
    out->failed |= code.failed;
    buf_release(&code);
}

void instance_write(const struct instance_form *f, const struct event *master, struct render *r,
                    const struct recur_instance *at, struct buf *out)
{
    char id[ID_SIZE];
    size_t n = instance_id_write(id, sizeof id, master->id, at->slot_ms, f->all_day);
    for (unsigned i = 0; i < f->n; i++) {
        buf_add_span(out, text_of(master, f->piece[i].text));
        switch (f->piece[i].hole) {
        case HOLE_NONE:
            break;
        case HOLE_ID:
            buf_add_json(out, (struct span){id, n});
            break;
        case HOLE_LINK:
            write_link(text_of(master, f->link_code), master->id, (struct span){id, n}, out);
            break;
        case HOLE_START:
            write_time(f, r, f->all_day ? at->slot_ms : at->start_ms, out);
            break;
        case HOLE_END:
            write_time(f, r, f->all_day ? at->slot_ms + f->length_ms : at->end_ms, out);
            break;
        case HOLE_RECURRENCE:
            write_origin(f, master, r, at, out);
            break;
        }
    }
}
