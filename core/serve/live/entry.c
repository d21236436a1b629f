/* entry: what is said of one entry of the feed, as a JSON object on one line. */
#include "core/serve/live/entry.h"

#include <string.h>

#include "core/base/json.h"
#include "core/base/rfc3339.h"
#include "core/serve/events/veil.h"
#include "core/serve/params.h"

/* Members that differ whenever anything does. */
static const char *const always[] = {"etag", "updated"};
/* Those whose change a veiled reader is told. */
static const char *const unveiled[] = {"start", "end", "status", "transparency"};

#define DO_LIST "Forget this calendar and list its events again."
#define DO_WAIT "Forget this calendar: all of its events follow."
#define DO_READ "Forget this account's calendars and read its calendar list again."
#define DO_ALL  "Forget everything and read it again."
#define DO_REST "Forget everything: all that there is follows."

static bool is_among(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* One line, whatever it was stored as. */
static void add_value(struct buf *out, const char *name, struct span value)
{
    if (value.n == 0)
        return;
    buf_printf(out, ",\"%s\":", name);
    json_reformat(out, value, 0, 0);
}

static void begin(struct buf *out, enum feed_type type, const struct atlas_entry *where)
{
    buf_printf(out, "{\"type\":\"%s\",\"account\":", change_type_choices[type]);
    buf_add_json(out, span_of(where->account_name));
}

static void add_calendar(struct buf *out, struct span id)
{
    buf_add_text(out, ",\"calendarId\":");
    buf_add_json(out, id);
}

static void add_changed(struct buf *out, const struct feed_entry *entry, bool veiled)
{
    const char *comma = "";
    buf_add_text(out, ",\"changed\":[");
    for (const char *p = entry->names.p, *end = p + entry->names.n; p < end; p += strlen(p) + 1) {
        if (is_among(p, always, sizeof always / sizeof *always) ||
            (veiled && !is_among(p, unveiled, sizeof unveiled / sizeof *unveiled)))
            continue;
        buf_printf(out, "%s\"%s\"", comma, p); /* raw: it is a name in JSON */
        comma = ",";
    }
    buf_add_char(out, ']');
    if (entry->since.partial)
        buf_add_text(out, ",\"changedPartial\":true");
}

/* Where it was before, as far as that has changed. */
static void add_old(struct buf *out, const struct change_since *since)
{
    if (since->start.n == 0 && since->end.n == 0)
        return;
    buf_add_text(out, ",\"old\":{");
    if (since->start.n > 0) {
        buf_add_text(out, "\"start\":");
        json_reformat(out, since->start, 0, 0);
    }
    if (since->end.n > 0) {
        buf_add_text(out, since->start.n > 0 ? ",\"end\":" : "\"end\":");
        json_reformat(out, since->end, 0, 0);
    }
    buf_add_char(out, '}');
}

static void add_event(struct buf *out, const struct event *ev, bool veiled)
{
    struct buf cut = {0};
    if (veiled)
        veil_event(ev, ev->raw, &cut);
    add_value(out, "event", veiled ? buf_span(&cut) : ev->raw);
    out->failed |= cut.failed;
    buf_release(&cut);
}

static void write_event(struct buf *out, const struct feed_entry *entry,
                        const struct entry_form *form)
{
    struct span raw = entry->event.raw;
    add_calendar(out, span_of(entry->coll->calendar));
    buf_add_text(out, ",\"eventId\":");
    buf_add_json(out, entry->id);
    if (entry->initial)
        buf_add_text(out, ",\"initial\":true");
    add_value(out, "recurringEventId", json_get(raw, "recurringEventId"));
    add_value(out, "originalStartTime", json_get(raw, "originalStartTime"));
    if (entry->type == FEED_UPDATED)
        add_changed(out, entry, form->veiled);
    if (entry->type != FEED_DELETED) {
        add_value(out, "start", json_get(raw, "start"));
        add_value(out, "end", json_get(raw, "end"));
    }
    if (entry->since.was_live)
        add_old(out, &entry->since);
    if (form->with_event && !entry->gone)
        add_event(out, &entry->event, form->veiled);
}

static void write_calendar(struct buf *out, const struct feed_entry *entry,
                           const struct entry_form *form)
{
    const char *what = entry->gone ? "removed" : entry->since.was_live ? "updated" : "added";
    add_calendar(out, entry->id);
    buf_printf(out, ",\"change\":\"%s\"", what);
    if (entry->initial)
        buf_add_text(out, ",\"initial\":true");
    if (!entry->gone && entry->since.was_live && !form->veiled)
        add_changed(out, entry, false);
    if (!entry->gone)
        add_value(out, "summary", json_get(entry->event.raw, "summary"));
}

static void write_reset(struct buf *out, const struct feed_entry *entry)
{
    bool roster = entry->coll->kind == COLL_ROSTER;
    if (!roster)
        add_calendar(out, span_of(entry->coll->calendar));
    /* The later of the two numbers says what cut the log off. */
    const char *reason = entry->coll->listed_seq == entry->at.pos ? "listed" : "pruned";
    const char *what = roster ? DO_READ : entry->at.all ? DO_WAIT : DO_LIST;
    buf_printf(out, ",\"reason\":\"%s\",\"do\":\"%s\"", reason, what);
    if (entry->at.all)
        buf_add_text(out, ",\"follows\":true");
}

void entry_write(struct buf *out, const struct feed_entry *entry, const struct atlas_entry *where,
                 const struct entry_form *form)
{
    begin(out, entry->type, where);
    if (entry->type == FEED_RESET)
        write_reset(out, entry);
    else if (entry->type == FEED_CALENDAR)
        write_calendar(out, entry, form);
    else
        write_event(out, entry, form);
    buf_add_char(out, '}');
}

void entry_write_freshness(struct buf *out, const struct atlas_entry *where)
{
    char at[RFC3339_MAX];
    begin(out, FEED_FRESHNESS, where);
    if (where->kind == COLL_EVENTS)
        add_calendar(out, span_of(where->calendar));
    buf_printf(out, ",\"stale\":%s", where->stale ? "true" : "false");
    if (where->fresh_ms) {
        (void)rfc3339_write_ms(at, where->fresh_ms);
        buf_printf(out, ",\"freshAt\":\"%s\"", at);
    }
    buf_add_char(out, '}');
}

void entry_write_reset_all(struct buf *out, const char *reason, bool follows)
{
    buf_printf(out, "{\"type\":\"reset\",\"reason\":\"%s\",\"do\":\"%s\"%s}", reason,
               follows ? DO_REST : DO_ALL, follows ? ",\"follows\":true" : "");
}
