/* routes: the table of what is served, and how a path is matched against it. */
#include "core/serve/routes.h"

#include <string.h>

#include "core/base/must.h"
#include "core/base/text.h"
#include "core/serve/fault.h"
#include "core/serve/handlers.h"

#define B(p) PARAM_BIT(PARAM_##p)
#define CAL  "/calendar/v3/"

#define EVENTS_PARAMS                                                                             \
    (B(ALWAYS_INCLUDE_EMAIL) | B(EVENT_TYPES) | B(ICAL_UID) | B(MAX_ATTENDEES) | B(MAX_RESULTS) | \
     B(ORDER_BY) | B(PAGE_TOKEN) | B(PRIVATE_PROPERTY) | B(Q) | B(SHARED_PROPERTY) |              \
     B(SHOW_DELETED) | B(SHOW_HIDDEN_INVITATIONS) | B(SINGLE_EVENTS) | B(SYNC_TOKEN) |            \
     B(TIME_MAX) | B(TIME_MIN) | B(TIME_ZONE) | B(UPDATED_MIN))
#define CALENDAR_LIST_PARAMS                                                                  \
    (B(MAX_RESULTS) | B(MIN_ACCESS_ROLE) | B(PAGE_TOKEN) | B(SHOW_DELETED) | B(SHOW_HIDDEN) | \
     B(SYNC_TOKEN))

#define ITEMS_PARAMS (B(MAX_RESULTS) | B(PAGE_TOKEN) | B(SHOW_DELETED) | B(SYNC_TOKEN))

#define BATCH_DOC     "Many calls in one request: multipart/mixed, at most 1000 parts."
#define TOKEN_DOC     "Gives a client its token, for programs that insist on obtaining one by OAuth."
#define DISCOVERY_DOC "Describes what is served, for clients that build themselves from it."

/* A row that names no door is for clients: what was forgotten must not stand open. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
const struct route routes[] = {
    {"calendarList.list", "GET", CAL "users/me/calendarList", calendar_list_list,
     CALENDAR_LIST_PARAMS, 100, 250, NULL, "CalendarList",
     "The calendars of the account's calendar list."},
    {"calendarList.get", "GET", CAL "users/me/calendarList/{calendarId}", calendar_list_get, 0, 0,
     0, NULL, "CalendarListEntry", "One calendar of the account's calendar list."},
    {"calendars.get", "GET", CAL "calendars/{calendarId}", calendars_get, 0, 0, 0, NULL, "Calendar",
     "A calendar as everybody who sees it has it."},
    {"events.list", "GET", CAL "calendars/{calendarId}/events", events_list, EVENTS_PARAMS, 250,
     2500, NULL, "Events", "The events of a calendar."},
    {"events.get", "GET", CAL "calendars/{calendarId}/events/{eventId}", events_get,
     B(ALWAYS_INCLUDE_EMAIL) | B(MAX_ATTENDEES) | B(TIME_ZONE), 0, 0, NULL, "Event",
     "One event by its id; deleted ones too."},

    {"events.instances", "GET", CAL "calendars/{calendarId}/events/{eventId}/instances",
     events_instances,
     B(ALWAYS_INCLUDE_EMAIL) | B(MAX_ATTENDEES) | B(MAX_RESULTS) | B(ORIGINAL_START) |
         B(PAGE_TOKEN) | B(SHOW_DELETED) | B(TIME_MAX) | B(TIME_MIN) | B(TIME_ZONE),
     250, 2500, NULL, "Events", "The instances of a recurring event."},
    {"freebusy.query", "POST", CAL "freeBusy", freebusy_query, 0, 0, 0, "FreeBusyRequest",
     "FreeBusyResponse", "When calendars are busy: merged blocks, without saying why."},
    {"settings.list", "GET", CAL "users/me/settings", user_settings_list,
     B(MAX_RESULTS) | B(PAGE_TOKEN) | B(SYNC_TOKEN), 100, 250, NULL, "Settings",
     "The account's settings."},
    {"settings.get", "GET", CAL "users/me/settings/{setting}", user_settings_get, 0, 0, 0, NULL,
     "Setting", "One setting of the account."},
    {"colors.get", "GET", CAL "colors", colors_get, 0, 0, 0, NULL, "Colors",
     "The palettes that colorId of calendars and events refers to."},
    {"acl.list", "GET", CAL "calendars/{calendarId}/acl", acl_list,
     B(MAX_RESULTS) | B(PAGE_TOKEN) | B(SHOW_DELETED) | B(SYNC_TOKEN), 100, 250, NULL, "Acl",
     "The access rules of a calendar that the account owns."},
    {"acl.get", "GET", CAL "calendars/{calendarId}/acl/{ruleId}", acl_get, 0, 0, 0, NULL, "AclRule",
     "One access rule of a calendar that the account owns."},

#define WATCH(id, path, handle, params, most_default, most)                             \
    {                                                                                   \
        id, "POST", CAL path, handle, params, most_default, most, "Channel", "Channel", \
            "Opens a channel: changes are announced to its address.", DOOR_CLIENT       \
    }
    WATCH("events.watch", "calendars/{calendarId}/events/watch", events_watch, EVENTS_PARAMS, 250,
          2500),
    WATCH("calendarList.watch", "users/me/calendarList/watch", calendar_list_watch,
          CALENDAR_LIST_PARAMS, 100, 250),
    WATCH("acl.watch", "calendars/{calendarId}/acl/watch", acl_watch, ITEMS_PARAMS, 100, 250),
    WATCH("settings.watch", "users/me/settings/watch", user_settings_watch,
          B(MAX_RESULTS) | B(PAGE_TOKEN) | B(SYNC_TOKEN), 100, 250),
#undef WATCH
    {"channels.stop", "POST", CAL "channels/stop", channels_stop_post, 0, 0, 0, "Channel", NULL,
     "Ends a channel of the caller's own.", DOOR_CLIENT},

#define WRITE(id, method, path, doc)                                \
    {                                                               \
        id, method, CAL path, not_implemented, 0, 0, 0, NULL, NULL, \
            doc " Not served: answers 501.", DOOR_CLIENT            \
    }
    WRITE("acl.insert", "POST", "calendars/{calendarId}/acl", "Adds an access rule."),
    WRITE("acl.patch", "PATCH", "calendars/{calendarId}/acl/{ruleId}", "Changes an access rule."),
    WRITE("acl.update", "PUT", "calendars/{calendarId}/acl/{ruleId}", "Replaces an access rule."),
    WRITE("acl.delete", "DELETE", "calendars/{calendarId}/acl/{ruleId}", "Removes an access rule."),
    WRITE("calendarList.insert", "POST", "users/me/calendarList", "Adds a calendar to the list."),
    WRITE("calendarList.patch", "PATCH", "users/me/calendarList/{calendarId}", "Changes an entry."),
    WRITE("calendarList.update", "PUT", "users/me/calendarList/{calendarId}", "Replaces an entry."),
    WRITE("calendarList.delete", "DELETE", "users/me/calendarList/{calendarId}",
          "Removes a calendar from the list."),
    WRITE("calendars.insert", "POST", "calendars", "Creates a calendar."),
    WRITE("calendars.patch", "PATCH", "calendars/{calendarId}", "Changes a calendar."),
    WRITE("calendars.update", "PUT", "calendars/{calendarId}", "Replaces a calendar."),
    WRITE("calendars.delete", "DELETE", "calendars/{calendarId}", "Deletes a calendar."),
    WRITE("calendars.clear", "POST", "calendars/{calendarId}/clear", "Deletes all events."),
    WRITE("events.insert", "POST", "calendars/{calendarId}/events", "Creates an event."),
    WRITE("events.import", "POST", "calendars/{calendarId}/events/import", "Imports an event."),
    WRITE("events.quickAdd", "POST", "calendars/{calendarId}/events/quickAdd",
          "Creates an event from a line of text."),
    WRITE("events.move", "POST", "calendars/{calendarId}/events/{eventId}/move",
          "Moves an event to another calendar."),
    WRITE("events.patch", "PATCH", "calendars/{calendarId}/events/{eventId}", "Changes an event."),
    WRITE("events.update", "PUT", "calendars/{calendarId}/events/{eventId}", "Replaces an event."),
    WRITE("events.delete", "DELETE", "calendars/{calendarId}/events/{eventId}",
          "Deletes an event."),
#undef WRITE

    {"", "POST", "/batch/calendar/v3", batch_post, 0, 0, 0, NULL, NULL, BATCH_DOC, DOOR_OPEN},
    {"", "POST", "/batch", batch_post, 0, 0, 0, NULL, NULL, BATCH_DOC, DOOR_OPEN},
    {"", "POST", "/token", grant_post, 0, 0, 0, NULL, NULL, TOKEN_DOC, DOOR_OPEN},
    {"", "POST", "/oauth2/v4/token", grant_post, 0, 0, 0, NULL, NULL, TOKEN_DOC, DOOR_OPEN},
    {"", "POST", "/o/oauth2/token", grant_post, 0, 0, 0, NULL, NULL, TOKEN_DOC, DOOR_OPEN},
    {"", "GET", "/discovery/v1/apis", discovery_list, 0, 0, 0, NULL, NULL,
     "Names the one API served here and where it is described; parameters are ignored.", DOOR_OPEN},
    {"", "GET", "/discovery/v1/apis/calendar/v3/rest", discovery_get, 0, 0, 0, NULL, NULL,
     DISCOVERY_DOC, DOOR_OPEN},
    {"", "GET", "/$discovery/rest", discovery_get, 0, 0, 0, NULL, NULL, DISCOVERY_DOC, DOOR_OPEN},

#define ICS_PARAMS (B(FREE_BUSY_ONLY) | B(TIME_MAX) | B(TIME_MIN))
    {"", "GET", "/v1/calendars/{calendarId}.ics", ics_get, ICS_PARAMS, 0, 0, NULL, NULL,
     "A calendar as an iCalendar feed; timeMin, timeMax, freeBusyOnly."},
    {"", "GET", "/calendar/ical/{calendarId}/public/basic.ics", ics_get, ICS_PARAMS, 0, 0, NULL,
     NULL, "The same, at Google's address; also with private-TOKEN in place of public."},
#undef ICS_PARAMS

    {"", "GET", "/v1/status", status_get,
     B(ACCOUNT) | B(CALENDAR) | B(HEALTH) | B(MAX_RESULTS) | B(PAGE_TOKEN), 0, 2500, NULL, NULL,
     "The state of the service, its accounts and calendars; see Health below.", .whole = true},
#define FEED_PARAMS (B(ACCOUNT) | B(CALENDAR) | B(CURSOR) | B(INCLUDE) | B(TYPES))
    {"", "GET", "/v1/stream", stream_get, FEED_PARAMS, 0, 0, NULL, NULL,
     "Changes as they happen, as server-sent events; see below."},
    {"", "GET", "/v1/changes", changes_get, FEED_PARAMS | B(MAX_RESULTS) | B(WAIT), 250, 2500, NULL,
     NULL, "The same changes in pages, or as a long poll."},
#undef FEED_PARAMS
    {"", "GET", "/v1/hooks", hooks_get, 0, 0, 0, NULL, NULL,
     "The state of the hooks, with their dead letters.", DOOR_OPERATOR},
    {"", "POST", "/v1/hooks", hooks_post, 0, 0, 0, NULL, NULL,
     "Delivers dead letters again, or drops them. Body: {\"hook\": NAME, \"do\": \"retry\" or "
     "\"drop\", \"number\": N}; without a number all of the hook's.",
     DOOR_OPERATOR},
    {"", "POST", "/v1/resync", resync_post, 0, 0, 0, NULL, NULL,
     "Lists calendars anew from Google. Body: {\"calendar\": ID, \"account\": NAME}, both "
     "optional.",
     DOOR_OPERATOR, .whole = true},
    {"", "POST", "/v1/verify", verify_post, 0, 0, 0, NULL, NULL,
     "Compares calendars with Google and repairs them. Body: {\"calendar\": ID, \"account\": NAME, "
     "\"instances\": BOOL, \"min_ms\": TIME, \"max_ms\": TIME}, all optional.",
     DOOR_OPERATOR, .whole = true},
    {"", "GET", "/v1/verify", verify_get, 0, 0, 0, NULL, NULL,
     "What the last verification of each calendar found.", DOOR_OPERATOR, .whole = true},
    {"", "GET", "/v1/clients", clients_get, 0, 0, 0, NULL, NULL,
     "The clients of the configuration, what each may see, and when it was last seen.",
     DOOR_OPERATOR},
    {"", "GET", "/v1/odd", odd_get, 0, 0, 0, NULL, NULL,
     "Events in which something makes no sense, by calendar and id, and what that is.",
     DOOR_OPERATOR, .whole = true},
    {"", "POST", "/v1/probe", probe_post, 0, 0, 0, NULL, NULL,
     "Makes a probe: a notification with these X-Goog-Channel-ID and X-Goog-Channel-Token, sent to "
     "the public address, shows whether that leads here.",
     DOOR_OPERATOR},
    {"", "GET", "/v1/probe/{probeId}", probe_get, 0, 0, 0, NULL, NULL,
     "Whether a probe has arrived at the webhook.", DOOR_OPERATOR},
    {"", "GET", "/metrics", metrics_get, 0, 0, 0, NULL, NULL,
     "What the process counts, for Prometheus; OpenMetrics if the Accept header asks for it.",
     .whole = true},
    {"", "GET", "/healthz", healthz_get, 0, 0, 0, NULL, NULL, "200 while the process serves.",
     DOOR_OPEN},
    {"", "GET", "/readyz", readyz_get, 0, 0, 0, NULL, NULL,
     "200 if requests can be answered, with what is out of order; otherwise 503 with the reasons.",
     DOOR_OPEN},
    {"", "GET", "/", home_get, 0, 0, 0, NULL, NULL, "A page for people.", .whole = true},
};
#pragma GCC diagnostic pop
const unsigned n_routes = sizeof routes / sizeof routes[0];

/* Bytes up to the next slash. */
static size_t segment_rest(const char *p, const char *end)
{
    const char *slash = p < end ? memchr(p, '/', (size_t)(end - p)) : NULL;
    return (size_t)((slash ? slash : end) - p);
}

/* Some clients escape what needs no escape ("/%24discovery"). */
static bool same_decoded(struct span want, struct span have)
{
    struct buf decoded = {0};
    bool same = text_percent_decode(&decoded, have, false) && span_eq(want, buf_span(&decoded));
    must_hold(&decoded);
    buf_release(&decoded);
    return same;
}

/* Does the path have the form of the route? What stands for "{name}" in a segment, which may go on
 * behind it, as in "{name}.ics", is left in `raw` as it was sent. */
static bool path_matches(const struct route *r, struct span path,
                         struct span raw[CALL_SEGMENTS_MAX])
{
    const char *want = r->path, *have = path.p, *end = path.p + path.n;
    unsigned n = 0;
    for (;;) {
        while (have < end && *want == *have && *want && *want != '{')
            want++, have++;
        size_t rest = segment_rest(have, end);
        if (*want == '{') {
            const char *behind = strchr(want, '}') + 1;
            size_t after = strcspn(behind, "/");
            if (rest <= after || memcmp(have + rest - after, behind, after) != 0)
                return false;
            raw[n++] = (struct span){have, rest - after};
            want = behind + after;
        } else if (rest > 0 && *have == '%') {
            size_t literal = strcspn(want, "/");
            if (!same_decoded((struct span){want, literal}, (struct span){have, rest}))
                return false;
            want += literal;
        } else {
            return have == end && !*want;
        }
        have += rest;
    }
}

static bool decode_segments(struct call *c, const struct span raw[CALL_SEGMENTS_MAX])
{
    for (unsigned i = 0; i < CALL_SEGMENTS_MAX && raw[i].n; i++) {
        size_t at = c->text.n;
        if (!text_percent_decode(&c->text, raw[i], false) ||
            !text_is_utf8((struct span){c->text.p + at, c->text.n - at}))
            return call_fail(c, FAULT_INVALID, NULL, "Invalid resource id value.");
        c->segment[i] = (struct span){c->text.p + at, c->text.n - at};
    }
    return true;
}

/* "GET, HEAD, POST" for the Allow header. */
static const char *allowed(unsigned methods)
{
    static const char *const texts[] = {"OPTIONS", "GET, HEAD, OPTIONS", "OPTIONS, POST",
                                        "GET, HEAD, OPTIONS, POST"};
    return texts[methods & 3];
}

/* Clients write "freeBusy/" and "users/me/calendarList/", which Google takes for the same without
 * the slash. */
static struct span asked_path(const struct call *c)
{
    struct span path = c->path;
    size_t n = sizeof CAL - 1;
    if (path.n > n && memcmp(path.p, CAL, n) == 0 && path.p[path.n - 1] == '/')
        path.n--;
    return path;
}

bool route_find(struct call *c)
{
    const struct span path = asked_path(c);
    unsigned methods = 0; /* bit 0: GET, bit 1: POST exist for this path */
    bool known = false;
    const char *method = strcmp(c->method, "HEAD") == 0 ? "GET" : c->method;
    for (unsigned i = 0; i < n_routes; i++) {
        struct span raw[CALL_SEGMENTS_MAX] = {0};
        const struct route *r = &routes[i];
        if (!path_matches(r, path, raw))
            continue;
        if (strcmp(r->method, method) == 0) {
            c->route = r;
            return decode_segments(c, raw);
        }
        known = true;
        methods |=
            (strcmp(r->method, "GET") == 0 ? 1u : 0) | (strcmp(r->method, "POST") == 0 ? 2u : 0);
    }
    if (!known)
        return call_fail(c, FAULT_NOT_FOUND, NULL, NULL);
    c->answer.allow = allowed(methods);
    return call_fail(c, FAULT_METHOD, NULL, NULL);
}
