/* event: Google's event resource, from what a client wrote to the text that is kept. */
#include "tests/emulator/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The order in which Google writes the members. */
static const char *const ORDER[] = {"kind",
                                    "etag",
                                    "id",
                                    "status",
                                    "htmlLink",
                                    "created",
                                    "updated",
                                    "summary",
                                    "description",
                                    "location",
                                    "colorId",
                                    "creator",
                                    "organizer",
                                    "start",
                                    "end",
                                    "endTimeUnspecified",
                                    "recurrence",
                                    "recurringEventId",
                                    "originalStartTime",
                                    "transparency",
                                    "visibility",
                                    "iCalUID",
                                    "sequence",
                                    "attendees",
                                    "attendeesOmitted",
                                    "extendedProperties",
                                    "hangoutLink",
                                    "conferenceData",
                                    "gadget",
                                    "anyoneCanAddSelf",
                                    "guestsCanInviteOthers",
                                    "guestsCanModify",
                                    "guestsCanSeeOtherGuests",
                                    "privateCopy",
                                    "locked",
                                    "reminders",
                                    "source",
                                    "workingLocationProperties",
                                    "outOfOfficeProperties",
                                    "focusTimeProperties",
                                    "attachments",
                                    "birthdayProperties",
                                    "eventType"};

struct json_object *event_reorder(struct json_object *o)
{
    return json_reorder(o, ORDER, sizeof(ORDER) / sizeof(*ORDER));
}

/* Members that only the server sets. */
static const char *const READ_ONLY[] = {
    "kind",       "etag",    "htmlLink",         "created",
    "updated",    "creator", "recurringEventId", "originalStartTime",
    "organizer",  "locked",  "hangoutLink",      "attendeesOmitted",
    "privateCopy"};

static const struct api_error NO_START = {400,  "global", "required", "Missing start time.",
                                          NULL, NULL};
static const struct api_error NO_END = {400, "global", "required", "Missing end time.", NULL, NULL};
static const struct api_error BAD_START = {400,  "global", "invalid", "Invalid start time.",
                                           NULL, NULL};
static const struct api_error BAD_END = {400, "global", "invalid", "Invalid end time.", NULL, NULL};
static const struct api_error BAD_RULE = {400,  "global", "invalid", "Invalid recurrence rule.",
                                          NULL, NULL};
static const struct api_error NO_ZONE = {
    400, "global", "required", "Missing time zone definition for start time.", NULL, NULL};
static const struct api_error BAD_ZONE = {
    400, "global", "invalid", "Invalid time zone definition for start time.", NULL, NULL};
static const struct api_error BAD_STATUS = {400,  "global", "invalid", "Invalid status value.",
                                            NULL, NULL};

struct json_object *event_writable(struct json_object *o)
{
    for (size_t i = 0; i < sizeof(READ_ONLY) / sizeof(*READ_ONLY); i++) {
        json_object_object_del(o, READ_ONLY[i]);
    }
    return o;
}

static const struct zone *zone_of(struct json_object *when, const struct zone *otherwise)
{
    const char *name = json_str(when, "timeZone");
    const struct zone *z = name ? zone_get(name) : NULL;
    return z ? z : otherwise;
}

bool event_instant(struct json_object *when, const struct zone *zone, int64_t *ret_ms)
{
    const char *date = json_str(when, "date"), *time = json_str(when, "dateTime");
    int64_t n;
    bool wall = false;
    if ((date == NULL) == (time == NULL)) {
        return false;
    }
    if (date != NULL) {
        if (!date_parse(date, &n)) {
            return false;
        }
        *ret_ms = zone_to_utc(zone, n * 86400) * 1000;
        return true;
    }
    if (!time_parse(time, &n, &wall)) {
        return false;
    }
    *ret_ms = wall ? zone_to_utc(zone_of(when, zone), n / 1000) * 1000 : n / 1000 * 1000;
    return true;
}

void event_show_in_zone(struct json_object *o, const char *key, const struct zone *own,
                        const struct zone *zone)
{
    struct json_object *when = json_get_object(o, key);
    int64_t ms;
    if (json_str(when, "dateTime") != NULL && event_instant(when, own, &ms)) {
        char text[TIME_TEXT_MAX];
        time_write(text, ms, zone);
        struct json_object *fresh = json_object_new_object();
        json_put_str(fresh, "dateTime", text);
        json_object_object_foreach(when, name, value)
        {
            if (strcmp(name, "dateTime") != 0) {
                json_put(fresh, name, json_object_get(value));
            }
        }
        json_put(o, key, fresh);
    }
}

bool event_is_all_day(struct json_object *o, const char *key)
{
    return json_str(json_get_object(o, key), "date") != NULL;
}

static bool recurrence_good(struct json_object *list)
{
    static const char *const NAMES[] = {"RRULE", "RDATE", "EXDATE", "EXRULE"};
    size_t n = json_object_array_length(list);
    for (size_t i = 0; i < n; i++) {
        struct json_object *line = json_object_array_get_idx(list, i);
        const char *s =
            json_object_is_type(line, json_type_string) ? json_object_get_string(line) : "";
        bool known = false;
        for (size_t k = 0; k < sizeof(NAMES) / sizeof(*NAMES); k++) {
            size_t len = strlen(NAMES[k]);
            known = known || (starts_with(s, NAMES[k]) && (s[len] == ':' || s[len] == ';'));
        }
        if (!known) {
            return false;
        }
    }
    return true;
}

/* Times, recurrence and status; NULL: nothing wrong. */
static const struct api_error *check(struct json_object *o, const struct zone *zone)
{
    struct json_object *start = json_get(o, "start"), *end = json_get(o, "end");
    struct json_object *rules = json_get(o, "recurrence");
    const char *status = json_str_or(o, "status", "confirmed");
    const char *start_zone = json_str(start, "timeZone");
    int64_t from, to;
    if (start == NULL || end == NULL) {
        return start == NULL ? &NO_START : &NO_END;
    }
    if (!event_instant(start, zone, &from)) {
        return &BAD_START;
    }
    if (!event_instant(end, zone, &to) ||
        event_is_all_day(o, "start") != event_is_all_day(o, "end")) {
        return &BAD_END;
    }
    if (to < from) {
        return &TIME_RANGE_EMPTY;
    }
    if (start_zone != NULL && zone_get(start_zone) == NULL) {
        return &BAD_ZONE;
    }
    if (rules != NULL) {
        if (!json_object_is_type(rules, json_type_array) || !recurrence_good(rules)) {
            return &BAD_RULE;
        }
        bool some = json_object_array_length(rules) > 0;
        if (some && !event_is_all_day(o, "start") && start_zone == NULL) {
            return &NO_ZONE;
        }
    }
    bool known = strcmp(status, "confirmed") == 0 || strcmp(status, "tentative") == 0 ||
                 strcmp(status, "cancelled") == 0;
    return known ? NULL : &BAD_STATUS;
}

char *event_html_link(const struct calendar *cal, const char *id)
{
    const char *at = strchr(cal->id, '@');
    char *eid;
    if (at != NULL && strcmp(at, "@group.calendar.google.com") == 0) {
        eid = xprintf("%s %.*s@g", id, (int)(at - cal->id), cal->id);
    } else if (at != NULL && strcmp(at, "@gmail.com") == 0) {
        eid = xprintf("%s %.*s@m", id, (int)(at - cal->id), cal->id);
    } else {
        eid = xprintf("%s %s", id, cal->id);
    }
    char *coded = b64url_encode(eid, strlen(eid), false);
    char *link = xprintf("https://www.google.com/calendar/event?eid=%s", coded);
    free(coded);
    free(eid);
    return link;
}

static void mark_self(const struct calendar *cal, struct json_object *person)
{
    const char *email = json_str(person, "email");
    if (email == NULL) {
        return;
    }
    if (strcmp(email, cal->id) == 0) {
        json_put_bool(person, "self", true);
    } else {
        json_object_object_del(person, "self");
    }
}

static void put_person(struct json_object *o, const char *key, const struct calendar *cal,
                       const char *email, const char *name)
{
    struct json_object *person = json_object_new_object();
    json_put_str(person, "email", email);
    json_put_str(person, "displayName", name);
    mark_self(cal, person);
    json_put(o, key, person);
}

static void complete_people(const struct event_write *w, struct json_object *o)
{
    const struct calendar *cal = w->cal;
    if (!json_has(o, "creator")) {
        put_person(o, "creator", cal, w->creator, NULL);
    }
    if (!json_has(o, "organizer")) {
        put_person(o, "organizer", cal, cal->id,
                   cal->primary ? NULL : json_str(cal->props, "summary"));
    }
    mark_self(cal, json_get_object(o, "creator"));
    mark_self(cal, json_get_object(o, "organizer"));
    const char *organizer = json_str(json_get_object(o, "organizer"), "email");
    struct json_object *list = json_get_array(o, "attendees");
    for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
        struct json_object *a = json_object_array_get_idx(list, i);
        const char *email = json_str(a, "email");
        if (email == NULL) {
            continue;
        }
        if (organizer != NULL && strcmp(email, organizer) == 0) {
            json_put_bool(a, "organizer", true);
        }
        mark_self(cal, a);
        if (!json_has(a, "responseStatus")) {
            json_put_str(a, "responseStatus", "needsAction");
        }
    }
}

/* Members at their default value are not sent. */
static void drop_defaults(struct json_object *o)
{
    static const struct {
        const char *key, *text;
    } DEFAULTS[] = {{"transparency", "\"opaque\""},
                    {"visibility", "\"default\""},
                    {"guestsCanInviteOthers", "true"},
                    {"guestsCanModify", "false"},
                    {"guestsCanSeeOtherGuests", "true"},
                    {"anyoneCanAddSelf", "false"},
                    {"endTimeUnspecified", "false"},
                    {"recurrence", "[]"},
                    {"attendees", "[]"},
                    {"summary", "\"\""},
                    {"description", "\"\""},
                    {"location", "\"\""}};
    for (size_t i = 0; i < sizeof(DEFAULTS) / sizeof(*DEFAULTS); i++) {
        struct json_object *v = json_get(o, DEFAULTS[i].key);
        if (v == NULL || strcmp(json_text(v), DEFAULTS[i].text) == 0) {
            json_object_object_del(o, DEFAULTS[i].key);
        }
    }
}

static void put_defaults(const struct event_write *w, struct json_object *o, const char *id)
{
    json_put_str(o, "kind", "calendar#event");
    json_put_str(o, "id", id);
    if (!json_has(o, "status")) {
        json_put_str(o, "status", "confirmed");
    }
    if (!json_has(o, "htmlLink")) {
        char *link = event_html_link(w->cal, id);
        json_put_str(o, "htmlLink", link);
        free(link);
    }
    if (!json_has(o, "iCalUID")) {
        char *uid = xprintf("%s@google.com", id);
        json_put_str(o, "iCalUID", uid);
        free(uid);
    }
    if (!json_has(o, "sequence")) {
        json_put_int(o, "sequence", 0);
    }
    if (!json_has(o, "reminders")) {
        struct json_object *reminders = json_object_new_object();
        json_put_bool(reminders, "useDefault", true);
        json_put(o, "reminders", reminders);
    }
    if (!json_has(o, "eventType")) {
        json_put_str(o, "eventType", "default");
    }
    complete_people(w, o);
    drop_defaults(o);
}

/* created, updated and etag. A seed may bring its own times. */
static int64_t put_times(const struct event_write *w, struct json_object *o, int64_t seq)
{
    char text[TIME_TEXT_MAX];
    int64_t updated_ms = seq / 1000, given;
    const char *updated = json_str(o, "updated");
    if ((w->seeding || w->only_private) && updated != NULL && time_parse(updated, &given, NULL)) {
        updated_ms = given;
    }
    time_write_ms(text, updated_ms);
    json_put_str(o, "updated", text);
    if (!json_has(o, "created")) {
        time_write_ms(text, updated_ms / 1000 * 1000);
        json_put_str(o, "created", text);
    }
    char *etag = xprintf("\"%lld\"", (long long)(2 * seq));
    json_put_str(o, "etag", etag);
    free(etag);
    return updated_ms == seq / 1000 ? seq : updated_ms * 1000;
}

/* The end of a series for queries: its UNTIL when every rule has one, else never. */
static int64_t series_end(struct json_object *rules, int64_t end_ms, int64_t length_ms)
{
    size_t n = json_object_array_length(rules);
    int64_t last = end_ms;
    for (size_t i = 0; i < n; i++) {
        const char *line = json_object_get_string(json_object_array_get_idx(rules, i));
        if (line == NULL) { /* put there raw */
            continue;
        }
        const char *until = strstr(line, "UNTIL=");
        int y, m, d;
        if (starts_with(line, "EX")) {
            continue;
        }
        if (until == NULL || sscanf(until + 6, "%4d%2d%2d", &y, &m, &d) != 3) {
            return INT64_MAX;
        }
        /* Two days more than the date: whatever the zone, the last instance began before. */
        int64_t stop = (days_of_date(y, m, d) + 2) * 86400000 + length_ms;
        last = stop > last ? stop : last;
    }
    return last;
}

static void learn_facts(struct item *it, struct json_object *o, const struct zone *zone)
{
    struct event_facts *f = it->event;
    int64_t updated = f->updated_us;
    bool purged = f->purged;
    event_facts_release(f);
    *f = (struct event_facts){.updated_us = updated, .purged = purged};
    if (!event_instant(json_get(o, "start"), zone, &f->start_ms)) {
        f->start_ms = 0;
    }
    if (!event_instant(json_get(o, "end"), zone, &f->end_ms)) {
        f->end_ms = f->start_ms;
    }
    struct json_object *rules = json_get_array(o, "recurrence");
    f->master = rules != NULL && json_object_array_length(rules) > 0;
    if (f->master) {
        f->end_ms = series_end(rules, f->end_ms, f->end_ms - f->start_ms);
    }
    f->series = xstrdup(json_str(o, "recurringEventId"));
    f->ical_uid = xstrdup(json_str(o, "iCalUID"));
    f->type = xstrdup(json_str_or(o, "eventType", "default"));
    const char *visibility = json_str_or(o, "visibility", "default");
    f->hidden = strcmp(visibility, "private") == 0 || strcmp(visibility, "confidential") == 0;
    it->gone = strcmp(json_str_or(o, "status", "confirmed"), "cancelled") == 0;
}

/* The shortest form of a cancelled event, as real deltas bring it. */
static void put_tomb(struct item *it, struct json_object *o)
{
    static const char *const KEEP[] = {
        "kind", "etag", "id", "status", "recurringEventId", "originalStartTime"};
    struct json_object *tomb = json_object_new_object();
    for (size_t i = 0; i < sizeof(KEEP) / sizeof(*KEEP); i++) {
        if (json_has(o, KEEP[i])) {
            json_put(tomb, KEEP[i], json_object_get(json_get(o, KEEP[i])));
        }
    }
    xreplace(&it->tomb, it->gone ? xstrdup(json_text(tomb)) : NULL);
    json_object_put(tomb);
}

static void keep(struct coll *c, struct item *it, struct json_object *o, const struct zone *zone,
                 int64_t seq)
{
    item_set_text(it, json_text(o));
    learn_facts(it, o, zone);
    put_tomb(it, o);
    coll_touch(c, it, seq);
}

/* Exceptions of a series that is no more. With `tell`, deltas report each. */
static void purge_exceptions(struct event_write *w, const char *master, bool tell)
{
    struct coll *c = &w->cal->events;
    for (size_t i = 0; i < c->n; i++) {
        struct item *it = c->items[i];
        if (it->event->series == NULL || it->event->purged ||
            strcmp(it->event->series, master) != 0) {
            continue;
        }
        it->event->purged = true;
        struct json_object *o = json_read(it->text, it->len);
        json_put_str(o, "status", "cancelled");
        int64_t seq = tell ? world_tick(&w->emu->world) : it->seq;
        if (tell) {
            keep(c, it, o, w->cal->zone, seq);
        } else {
            it->gone = true;
            put_tomb(it, o);
        }
        json_object_put(o);
    }
}

/* What became of them when the series ended was told, so that is what they are when it is one
 * again. */
static void revive_exceptions(struct event_write *w, const char *master)
{
    struct coll *c = &w->cal->events;
    for (size_t i = 0; i < c->n; i++) {
        struct item *it = c->items[i];
        if (it->event->series == NULL || !it->event->purged || it->tomb == NULL ||
            strcmp(it->event->series, master) != 0) {
            continue;
        }
        struct json_object *o = json_read(it->text, it->len);
        json_put_str(o, "status", "cancelled");
        it->event->purged = false;
        keep(c, it, o, w->cal->zone, world_tick(&w->emu->world));
        json_object_put(o);
    }
}

/* A series that was deleted lives again, and so do its exceptions; no delta tells. What Google does
 * is not known: this is the harder case. */
static void unhide_exceptions(struct calendar *cal, const char *master)
{
    for (size_t i = 0; i < cal->events.n; i++) {
        struct item *it = cal->events.items[i];
        if (it->event->series == NULL || !it->event->purged ||
            strcmp(it->event->series, master) != 0) {
            continue;
        }
        struct json_object *o = json_read(it->text, it->len);
        it->event->purged = false;
        learn_facts(it, o, cal->zone);
        put_tomb(it, o);
        json_object_put(o);
    }
}

struct item *event_store(struct event_write *w, struct item *it, struct json_object *o)
{
    struct coll *c = &w->cal->events;
    w->why = check(o, w->cal->zone);
    if (w->why != NULL) {
        json_object_put(o);
        return NULL;
    }
    char *id = xstrdup(it ? it->id : json_str(o, "id"));
    bool was_series = it != NULL && it->event->master, was_there = it != NULL;
    bool was_gone = it != NULL && it->gone;
    if (it == NULL) {
        it = coll_add(c, id);
    }
    int64_t seq = world_tick(&w->emu->world);
    put_defaults(w, o, id);
    event_show_in_zone(o, "start", w->cal->zone, w->cal->zone);
    event_show_in_zone(o, "end", w->cal->zone, w->cal->zone);
    event_show_in_zone(o, "originalStartTime", w->cal->zone, w->cal->zone);
    int64_t updated = put_times(w, o, seq);
    o = event_reorder(o);
    it->event->purged = false;
    keep(c, it, o, w->cal->zone, seq);
    it->event->updated_us = updated;
    if (was_series && (!it->event->master || it->gone)) {
        purge_exceptions(w, id, !it->gone);
    } else if (was_there && !was_series && it->event->master && !it->gone) {
        revive_exceptions(w, id);
    } else if (was_gone && was_series && !it->gone) {
        unhide_exceptions(w->cal, id);
    }
    json_object_put(o);
    free(id);
    emu_changed(w->emu, c);
    return it;
}

void event_cancel(struct event_write *w, struct item *it)
{
    struct json_object *o = json_read(it->text, it->len);
    int64_t seq = world_tick(&w->emu->world);
    json_put_str(o, "status", "cancelled");
    w->only_private = false;
    it->event->updated_us = put_times(w, o, seq);
    bool series = it->event->master;
    keep(&w->cal->events, it, o, w->cal->zone, seq);
    if (series) {
        purge_exceptions(w, it->id, false);
    }
    json_object_put(o);
    emu_changed(w->emu, &w->cal->events);
}

struct item *event_store_raw(struct emu *e, struct calendar *cal, const char *id,
                             struct json_object *o)
{
    struct item *it = coll_get(&cal->events, id);
    it = it ? it : coll_add(&cal->events, id);
    int64_t seq = world_tick(&e->world);
    keep(&cal->events, it, o, cal->zone, seq);
    it->event->updated_us = seq;
    emu_changed(e, &cal->events);
    return it;
}

void event_slip_in(struct calendar *cal, const char *id, struct json_object *o)
{
    struct item *it = coll_get(&cal->events, id);
    it = it ? it : coll_add(&cal->events, id);
    item_set_text(it, json_text(o));
    xreplace(&it->prev, NULL); /* of the same age: nobody could tell which is newer */
    learn_facts(it, o, cal->zone);
    put_tomb(it, o);
}

void event_rerender(struct calendar *cal, struct item *it)
{
    struct json_object *o = json_read(it->text, it->len);
    if (o == NULL) {
        return; /* a raw one */
    }
    event_show_in_zone(o, "start", cal->zone, cal->zone);
    event_show_in_zone(o, "end", cal->zone, cal->zone);
    event_show_in_zone(o, "originalStartTime", cal->zone, cal->zone);
    item_set_text(it, json_text(o));
    learn_facts(it, o, cal->zone);
    put_tomb(it, o);
    json_object_put(o);
}
