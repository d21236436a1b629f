/* decode: events, calendar list entries and small items, read tolerantly from Google's JSON.
 *
 * DESIGN: one walk collects the members we know, as spans of the original; then each is read by
 * itself, and what cannot be read leaves its default and EVENT_ODD. Nothing is copied unless an id
 * has escapes in it. */
#include "core/google/decode.h"

#include <stddef.h>
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/base/rfc3339.h"

#define TIME_MOST  64 /* bytes of a time as text */
#define WORD_MOST  32 /* bytes of an enum's word */
#define NAME_MOST  32 /* bytes of a member name we look for */
#define STAMP_TIME 16 /* 20260329T023000Z */
#define STAMP_DATE 8  /* 20260329 */
/* 2001 to 2100: what a number must be to be taken for a time. */
#define ETAG_LEAST_MS 978307200000u
#define ETAG_MOST_MS  4102444800000u

/* The members that matter; empty when absent or null. */
struct members {
    struct span id, etag, status, ical_uid, series, updated;
    struct span start, end, original, recurrence, transparency, attendees;
};

#define MEMBER(name, field)                                       \
    {                                                             \
        {name, sizeof(name) - 1}, offsetof(struct members, field) \
    }

static const struct {
    struct span name;
    size_t at;
} known[] = {
    MEMBER("id", id),
    MEMBER("etag", etag),
    MEMBER("status", status),
    MEMBER("iCalUID", ical_uid),
    MEMBER("recurringEventId", series),
    MEMBER("updated", updated),
    MEMBER("start", start),
    MEMBER("end", end),
    MEMBER("originalStartTime", original),
    MEMBER("recurrence", recurrence),
    MEMBER("transparency", transparency),
    MEMBER("attendees", attendees),
};

static void keep(struct members *m, struct span name, struct span value)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (span_eq(name, known[i].name)) {
            struct span *to = (struct span *)((char *)m + known[i].at);
            *to = json_type_of(value) == JSON_NULL ? (struct span){0} : value;
            return;
        }
    }
}

static bool has_escape(struct span value)
{
    return value.n > 0 && memchr(value.p, '\\', value.n);
}

static void collect(struct span raw, struct members *m)
{
    struct json_iter it = json_iter(raw);
    struct span key, value;
    char name[NAME_MOST];

    while (json_next(&it, &key, &value)) {
        if (has_escape(key)) { /* legal, if never seen: "\u0069d" */
            if (!json_string_copy((struct span){key.p - 1, key.n + 2}, name, sizeof(name)))
                continue;
            key = span_of(name);
        }
        keep(m, key, value);
    }
}

/* A non-empty string without NUL. `text` has room for it, so that it does not move. */
static bool read_text(struct span value, struct buf *text, struct span *ret)
{
    struct span s = json_string_plain(value);
    size_t begin = text->n;

    if (s.n == 0) {
        if (!json_string(value, text))
            return false;
        s = (struct span){text->p + begin, text->n - begin};
    }
    if (s.n == 0 || memchr(s.p, '\0', s.n))
        return false;
    *ret = s;
    return true;
}

/* Reads it if it is there; false when it is and makes no sense. */
static bool read_optional(struct span value, struct buf *text, struct span *ret)
{
    return value.n == 0 || read_text(value, text, ret);
}

static bool read_word(struct span value, char out[WORD_MOST])
{
    out[0] = '\0';
    return value.n == 0 || json_string_copy(value, out, WORD_MOST);
}

/* `member`: one EVENT_ODD_... bit. */
static void mark(struct event *ev, uint32_t member, bool right)
{
    if (!right)
        ev->flags |= EVENT_ODD | member;
}

/* Times */

struct moment {
    bool known;
    bool date;
    int64_t ms;
};

static struct moment read_date(struct span value)
{
    char text[TIME_MOST];
    int64_t days;

    if (!json_string_copy(value, text, sizeof(text)) || !rfc3339_date(span_of(text), &days))
        return (struct moment){0};
    return (struct moment){true, true, days * DAY_MS};
}

/* *ret_local: it had no offset. */
static struct moment read_time(struct span value, bool *ret_local)
{
    char text[TIME_MOST];
    int64_t ms;

    if (!json_string_copy(value, text, sizeof(text)) ||
        !rfc3339_time(span_of(text), &ms, NULL, ret_local))
        return (struct moment){0};
    return (struct moment){true, false, ms};
}

static bool is_there(struct span value)
{
    return value.n > 0 && json_type_of(value) != JSON_NULL;
}

/* {"date": …} or {"dateTime": …}; an unknown moment when there is none. */
static struct moment read_moment(struct span value, uint32_t member, struct event *ev)
{
    struct span date = json_get(value, "date"), time = json_get(value, "dateTime");
    struct moment m = {0};
    bool local = false;

    if (value.n == 0)
        return m;
    if (is_there(time))
        m = read_time(time, &local);
    mark(ev, member, m.known || !is_there(time));
    if (!m.known && is_there(date))
        m = read_date(date);
    mark(ev, member, m.known && !local && is_there(date) == m.date);
    return m;
}

/* The slot as instance ids spell it: ID_20260329 or ID_20260329T023000Z (seen in the wild). */
static struct moment read_stamp(struct span id)
{
    char text[TIME_MOST];
    struct moment m = {0};
    const char *stamp = id.n ? memrchr(id.p, '_', id.n) : NULL;
    size_t n = stamp ? id.n - (size_t)(++stamp - id.p) : 0;
    int64_t days;

    if (n != STAMP_DATE && n != STAMP_TIME)
        return m;
    snprintf(text, sizeof(text), "%.4s-%.2s-%.2s", stamp, stamp + 4, stamp + 6);
    if (n == STAMP_DATE && rfc3339_date(span_of(text), &days))
        return (struct moment){true, true, days * DAY_MS};
    if (n == STAMP_TIME && stamp[8] == 'T' && stamp[15] == 'Z') {
        snprintf(text + 10, sizeof(text) - 10, "T%.2s:%.2s:%.2sZ", stamp + 9, stamp + 11,
                 stamp + 13);
        m.known = rfc3339_time(span_of(text), &m.ms, NULL, NULL);
    }
    return m;
}

/* From start to end. All-day events last a day at least. */
static int64_t read_length(struct moment start, struct moment end, struct event *ev)
{
    int64_t least = start.date ? DAY_MS : 0;
    bool cancelled = ev->flags & EVENT_CANCELLED;

    if (!start.known || !end.known || start.date != end.date) {
        mark(ev, EVENT_ODD_END, cancelled); /* tombstones may lack either */
        return least;
    }
    mark(ev, EVENT_ODD_END, end.ms >= start.ms);
    return end.ms - start.ms > least ? end.ms - start.ms : least;
}

/* The slot an exception stands in. */
static struct moment find_slot(const struct members *m, struct moment start, struct event *ev)
{
    struct moment slot = read_moment(m->original, EVENT_ODD_ORIGINAL, ev);

    if (slot.known || !(ev->flags & EVENT_EXCEPTION))
        return slot;
    mark(ev, EVENT_ODD_ORIGINAL, false); /* the one thing Google promises of it */
    slot = read_stamp(ev->id);
    return slot.known ? slot : start;
}

static void read_times(const struct members *m, struct event *ev)
{
    struct moment start = read_moment(m->start, EVENT_ODD_START, ev);
    struct moment end = read_moment(m->end, EVENT_ODD_END, ev);
    struct moment slot = find_slot(m, start, ev), at = start;
    bool cancelled = ev->flags & EVENT_CANCELLED, exception = ev->flags & EVENT_EXCEPTION;

    if (exception)
        ev->original_ms = slot.ms;
    if (slot.known && (!start.known || (cancelled && exception)))
        at = slot; /* a hole lies where it was cut, wherever the instance had been moved to */
    mark(ev, EVENT_ODD_START, start.known || cancelled);
    if (!at.known) {
        ev->flags |= EVENT_UNTIMED;
        return;
    }
    ev->flags |= at.date ? EVENT_ALL_DAY : 0;
    ev->start_ms = at.ms;
    if (start.known && start.date == at.date)
        ev->end_ms = at.ms + read_length(start, end, ev);
    else
        ev->end_ms = at.ms + (at.date ? DAY_MS : 0);
}

/* The other members */

static void read_status(const struct members *m, struct event *ev)
{
    char word[WORD_MOST];
    bool right = read_word(m->status, word);

    if (strcmp(word, "cancelled") == 0)
        ev->flags |= EVENT_CANCELLED;
    else
        mark(ev, EVENT_ODD_STATUS,
             right && (!word[0] || !strcmp(word, "confirmed") || !strcmp(word, "tentative")));
}

static void read_transparency(const struct members *m, struct event *ev)
{
    char word[WORD_MOST];
    bool right = read_word(m->transparency, word);

    if (strcmp(word, "transparent") == 0)
        ev->flags |= EVENT_TRANSPARENT;
    else
        mark(ev, EVENT_ODD_TRANSPARENCY, right && (!word[0] || strcmp(word, "opaque") == 0));
}

static void read_recurrence(const struct members *m, struct event *ev)
{
    struct json_iter it = json_iter(m->recurrence);
    struct span line;
    bool any = false;

    mark(ev, EVENT_ODD_RECURRENCE,
         m->recurrence.n == 0 || json_type_of(m->recurrence) == JSON_ARRAY);
    if (json_type_of(m->recurrence) != JSON_ARRAY)
        return;
    while (json_next(&it, NULL, &line)) {
        bool string = json_type_of(line) == JSON_STRING;

        any |= string;
        mark(ev, EVENT_ODD_RECURRENCE, string);
    }
    if (any && (ev->flags & EVENT_EXCEPTION))
        mark(ev, EVENT_ODD_RECURRENCE, false); /* an instance is no series */
    else if (any)
        ev->flags |= EVENT_SERIES;
}

static void read_attendees(const struct members *m, struct event *ev)
{
    struct json_iter it = json_iter(m->attendees);
    struct span person;
    char word[WORD_MOST];

    mark(ev, EVENT_ODD_ATTENDEES, m->attendees.n == 0 || json_type_of(m->attendees) == JSON_ARRAY);
    if (json_type_of(m->attendees) != JSON_ARRAY)
        return;
    while (json_next(&it, NULL, &person)) {
        mark(ev, EVENT_ODD_ATTENDEES, json_type_of(person) == JSON_OBJECT);
        if (!json_is_true(json_get(person, "self")))
            continue;
        mark(ev, EVENT_ODD_ATTENDEES, read_word(json_get(person, "responseStatus"), word));
        if (strcmp(word, "declined") == 0)
            ev->flags |= EVENT_DECLINED;
    }
}

/* As far as seen, the etag of an event is a decimal number, twice the microseconds of its last
 * change: all that tells the age of a sparse tombstone. 0 when it is something else. */
static int64_t etag_ms(struct span etag)
{
    static const struct span quote = {"\"\\\"", 3}; /* the quotes are part of the value, escaped */
    uint64_t number = 0;

    if (etag.n < 2 * quote.n || memcmp(etag.p, quote.p, quote.n) != 0 ||
        !text_to_u64((struct span){etag.p + quote.n, etag.n - 2 * quote.n}, &number) ||
        number / 2000 < ETAG_LEAST_MS || number / 2000 > ETAG_MOST_MS)
        return 0;
    return (int64_t)(number / 2000);
}

static void read_updated(const struct members *m, struct event *ev)
{
    bool local = false;
    struct moment at = m->updated.n ? read_time(m->updated, &local) : (struct moment){0};

    mark(ev, EVENT_ODD_UPDATED, m->updated.n == 0 || (at.known && !local));
    ev->updated_ms = m->updated.n ? at.ms : etag_ms(m->etag);
}

static void read_series(const struct members *m, struct buf *text, struct event *ev)
{
    struct span series = {0};
    bool right = read_optional(m->series, text, &series) && series.n <= LIMIT_EVENT_ID_BYTES &&
                 (series.n == 0 || !span_eq(series, ev->id));

    mark(ev, EVENT_ODD_SERIES, right);
    if (right && series.n > 0) {
        ev->series = series;
        ev->flags |= EVENT_EXCEPTION;
    }
}

enum rc google_decode_event(struct span raw, struct span zone, struct event_text *text,
                            struct event *ret, struct err *e)
{
    struct event ev = {.raw = raw, .zone_hash = event_zone_hash(zone)};
    struct members m = {0};
    struct buf *b = &text->text;

    collect(raw, &m);
    buf_reset(b);
    /* Decoding never lengthens, so with this room no span into it moves. */
    if (has_escape(m.id) || has_escape(m.ical_uid) || has_escape(m.series))
        buf_reserve(b, m.id.n + m.ical_uid.n + m.series.n);
    if (b->failed)
        return err_set(e, RC_SYS, "out of memory");
    if (!read_text(m.id, b, &ev.id) || ev.id.n > LIMIT_EVENT_ID_BYTES)
        return err_set(e, RC_BADDATA, "event without a usable id");
    mark(&ev, EVENT_ODD_ICAL_UID, read_optional(m.ical_uid, b, &ev.ical_uid));
    read_status(&m, &ev);
    read_series(&m, b, &ev);
    read_recurrence(&m, &ev);
    read_times(&m, &ev);
    read_updated(&m, &ev);
    read_transparency(&m, &ev);
    read_attendees(&m, &ev);
    *ret = ev;
    return RC_OK;
}

/* Calendar list, settings, access rules */

/* `out` is untouched on failure, but for an empty id. */
static enum rc read_id(struct span raw, char *out, size_t size, struct err *e)
{
    struct span id = json_get(raw, "id");

    if (!json_string_copy(id, out, size) || !out[0])
        return err_set(e, RC_BADDATA, "an item without a usable id");
    return RC_OK;
}

enum rc google_decode_roster(struct span raw, struct roster_entry *ret, struct err *e)
{
    struct roster_entry r = {0};
    enum rc rc = read_id(raw, r.id, sizeof(r.id), e);

    if (rc)
        return rc;
    r.deleted = json_is_true(json_get(raw, "deleted"));
    r.primary = json_is_true(json_get(raw, "primary"));
    (void)json_string_copy(json_get(raw, "timeZone"), r.zone, sizeof(r.zone));
    *ret = r;
    return RC_OK;
}

enum rc google_decode_item(struct span raw, char *out_id, size_t size, bool *ret_deleted,
                           struct err *e)
{
    enum rc rc = read_id(raw, out_id, size, e);

    if (!rc)
        *ret_deleted = span_is(json_string_plain(json_get(raw, "role")), "none");
    return rc;
}
