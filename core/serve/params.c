/* params: the table of query parameters, which the parser, the discovery document and the reference
 * read. */
#include "core/serve/params.h"

#include <stddef.h>

#include "core/push/types.h"

static const char *const alt_choices[] = {"json", NULL};
const char *const order_choices[] = {"startTime", "updated", NULL};
/* Weakest first: the order is that of access. */
const char *const role_choices[] = {"freeBusyReader", "reader", "writerWithoutPrivateAccess",
                                    "writer",         "owner",  NULL};

const char *const change_type_choices[] = {"created",   "updated", "deleted", "calendar",
                                           "freshness", "reset",   NULL};
static const char *const health_choices[] = {"degraded", NULL};
static const char *const include_choices[] = {"event", NULL};

#define NAME(text) .name = (text), .name_n = sizeof(text) - 1

const struct param_spec param_specs[PARAM_COUNT] = {
    [PARAM_ALT] = {NAME("alt"), PARAM_CHOICE, alt_choices, .form = true,
                   .doc = "Data format of the answer."},
    [PARAM_FIELDS] =
        {NAME("fields"), PARAM_TEXT, .form = true,
         .doc = "Which members to include in the answer, such as kind,items(id,start/dateTime)."},
    [PARAM_KEY] = {NAME("key"), PARAM_TEXT, .form = true, .doc = "Token of a client."},
    [PARAM_OAUTH_TOKEN] = {NAME("oauth_token"), PARAM_TEXT, .form = true,
                           .doc = "Token of a client; so is access_token."},
    [PARAM_PRETTY_PRINT] = {NAME("prettyPrint"), PARAM_BOOL, .form = true,
                            .doc = "Answers with indentation and line breaks. Default: true."},
    [PARAM_QUOTA_USER] = {NAME("quotaUser"), PARAM_TEXT, .form = true,
                          .doc = "Accepted and ignored: there is no quota on reads."},
    [PARAM_USER_IP] = {NAME("userIp"), PARAM_TEXT, .form = true, .doc = "Deprecated and ignored."},
    [PARAM_ACCOUNT] = {NAME("account"), PARAM_TEXT,
                       .doc = "Only calendars of this account, by its name in the configuration."},
    [PARAM_ALWAYS_INCLUDE_EMAIL] = {NAME("alwaysIncludeEmail"), PARAM_BOOL,
                                    .doc = "Deprecated and ignored."},
    [PARAM_CALENDAR] = {NAME("calendar"), PARAM_TEXT, .repeated = true,
                        .doc = "Only this calendar, by its id; may be repeated. Default: all that "
                               "the client may see."},
    [PARAM_CURSOR] =
        {NAME("cursor"), PARAM_TEXT,
         .doc =
             "Only what changed after it. 0 is the beginning: everything there is. Default: now."},
    [PARAM_EVENT_TYPES] = {NAME("eventTypes"), PARAM_CHOICE, types_names, .repeated = true,
                           .doc = "Event types to return; may be repeated. Default: all."},
    [PARAM_FREE_BUSY_ONLY] = {NAME("freeBusyOnly"), PARAM_BOOL,
                              .doc = "Show when the calendar is busy, and nothing else of its "
                                     "events."},
    [PARAM_HEALTH] = {NAME("health"), PARAM_CHOICE, health_choices,
                      .doc = "degraded: only calendars that are out of order."},
    [PARAM_ICAL_UID] = {NAME("iCalUID"), PARAM_TEXT,
                        .doc = "Only events with this iCalendar UID: a series and its exceptions."},
    [PARAM_INCLUDE] = {NAME("include"), PARAM_CHOICE, include_choices,
                       .doc = "event: include the event as it is now."},
    [PARAM_MAX_ATTENDEES] = {NAME("maxAttendees"), PARAM_INT,
                             .doc = "If an event has more attendees than this, only the calendar's "
                                    "own attendee is returned and attendeesOmitted is set."},
    [PARAM_MAX_RESULTS] = {NAME("maxResults"), PARAM_INT,
                           .doc =
                               "Most entries on one page; larger values are reduced to the cap."},
    [PARAM_MIN_ACCESS_ROLE] = {NAME("minAccessRole"), PARAM_CHOICE, role_choices,
                               .doc = "Only calendars to which the account has this role or more."},
    [PARAM_ORDER_BY] = {NAME("orderBy"), PARAM_CHOICE, order_choices,
                        .doc = "startTime (only with singleEvents) or updated, ascending. Default: "
                               "a stable, unspecified order."},
    [PARAM_ORIGINAL_START] = {NAME("originalStart"), PARAM_TEXT,
                              .doc = "Only the instance whose originalStartTime is this."},
    [PARAM_PAGE_TOKEN] = {NAME("pageToken"), PARAM_TEXT,
                          .doc = "Which page to return. The token contains the whole query, so "
                                 "nothing else need be sent with it."},
    [PARAM_PRIVATE_PROPERTY] = {NAME("privateExtendedProperty"), PARAM_TEXT, .repeated = true,
                                .doc = "name=value that must be among the private extended "
                                       "properties; if repeated, one value of each name must."},
    [PARAM_Q] = {NAME("q"), PARAM_TEXT,
                 .doc = "Words that must all occur in summary, description, location, names and "
                        "addresses of attendees and organizer, or working location."},
    [PARAM_SHARED_PROPERTY] = {NAME("sharedExtendedProperty"), PARAM_TEXT, .repeated = true,
                               .doc = "name=value that must be among the shared extended "
                                      "properties; if repeated, one value of each name must."},
    [PARAM_SHOW_DELETED] = {NAME("showDeleted"), PARAM_BOOL, .doc = "Include deleted entries."},
    [PARAM_SHOW_HIDDEN] = {NAME("showHidden"), PARAM_BOOL, .doc = "Include hidden calendars."},
    [PARAM_SHOW_HIDDEN_INVITATIONS] = {NAME("showHiddenInvitations"), PARAM_BOOL,
                                       .doc = "Include hidden invitations."},
    [PARAM_SINGLE_EVENTS] = {NAME("singleEvents"), PARAM_BOOL,
                             .doc = "Return the instances of recurring events instead of the "
                                    "series."},
    [PARAM_SYNC_TOKEN] = {NAME("syncToken"), PARAM_TEXT,
                          .doc = "Only what changed since the answer that had this token as "
                                 "nextSyncToken; deletions are always included."},
    [PARAM_TIME_MAX] = {NAME("timeMax"), PARAM_TIME,
                        .doc = "Exclusive upper bound of an event's start; RFC 3339 with offset."},
    [PARAM_TIME_MIN] = {NAME("timeMin"), PARAM_TIME,
                        .doc = "Exclusive lower bound of an event's end; RFC 3339 with offset."},
    [PARAM_TIME_ZONE] = {NAME("timeZone"), PARAM_ZONE,
                         .doc = "IANA zone for times in the answer. Default: the calendar's."},
    [PARAM_TYPES] =
        {NAME("types"), PARAM_CHOICE, change_type_choices, .repeated = true,
         .doc =
             "Only entries of this type; may be repeated. reset is always included. Default: all."},
    [PARAM_UPDATED_MIN] = {NAME("updatedMin"), PARAM_TIME,
                           .doc = "Lower bound of the last modification; deletions since then are "
                                  "always included."},
    [PARAM_WAIT] = {NAME("wait"), PARAM_TEXT,
                    .doc = "Seconds, at most 60, to wait for a change if there is none yet."},
};
