/* params: the table of query parameters, which the parser, the discovery document and the reference
 * read. */
#include "core/serve/params.h"

#include <stddef.h>

static const char *const alt_choices[] = {"json", NULL};
const char *const order_choices[] = {"startTime", "updated", NULL};
/* Weakest first: the order is that of access. */
const char *const role_choices[] = {"freeBusyReader", "reader", "writerWithoutPrivateAccess",
                                    "writer",         "owner",  NULL};
const char *const event_type_choices[] = {
    "birthday", "default", "focusTime", "fromGmail", "outOfOffice", "workingLocation", NULL};

const struct param_spec param_specs[PARAM_COUNT] = {
    [PARAM_ALT] = {"alt", PARAM_CHOICE, alt_choices, .form = true,
                   .doc = "Data format of the answer."},
    [PARAM_FIELDS] = {"fields", PARAM_TEXT, .form = true,
                      .doc = "Selector of the members to include in the answer, such as "
                             "kind,items(id,start/dateTime)."},
    [PARAM_KEY] = {"key", PARAM_TEXT, .form = true, .doc = "API key. Accepted and not used."},
    [PARAM_OAUTH_TOKEN] = {"oauth_token", PARAM_TEXT, .form = true,
                           .doc = "OAuth token. Accepted and not used."},
    [PARAM_PRETTY_PRINT] = {"prettyPrint", PARAM_BOOL, .form = true,
                            .doc = "Answers with indentation and line breaks. Default: true."},
    [PARAM_QUOTA_USER] = {"quotaUser", PARAM_TEXT, .form = true,
                          .doc = "Accepted and not used: there is no quota on reads."},
    [PARAM_USER_IP] = {"userIp", PARAM_TEXT, .form = true, .doc = "Deprecated and ignored."},
    [PARAM_ALWAYS_INCLUDE_EMAIL] = {"alwaysIncludeEmail", PARAM_BOOL,
                                    .doc = "Deprecated and ignored."},
    [PARAM_EVENT_TYPES] = {"eventTypes", PARAM_CHOICE, event_type_choices, .repeated = true,
                           .doc = "Event types to return; may be repeated. Default: all."},
    [PARAM_ICAL_UID] = {"iCalUID", PARAM_TEXT,
                        .doc = "Only events with this iCalendar UID: a series and its exceptions."},
    [PARAM_MAX_ATTENDEES] = {"maxAttendees", PARAM_INT,
                             .doc = "If an event has more attendees than this, only the calendar's "
                                    "own one is returned and attendeesOmitted is set."},
    [PARAM_MAX_RESULTS] = {"maxResults", PARAM_INT,
                           .doc = "Most entries on one page; greater values are cut to the cap."},
    [PARAM_MIN_ACCESS_ROLE] = {"minAccessRole", PARAM_CHOICE, role_choices,
                               .doc = "Only calendars to which the account has this role or more."},
    [PARAM_ORDER_BY] = {"orderBy", PARAM_CHOICE, order_choices,
                        .doc = "startTime (only with singleEvents) or updated, ascending. Default: "
                               "a stable order of no meaning."},
    [PARAM_ORIGINAL_START] = {"originalStart", PARAM_TEXT,
                              .doc = "Only the instance whose originalStartTime is this."},
    [PARAM_PAGE_TOKEN] = {"pageToken", PARAM_TEXT,
                          .doc = "Which page to return. The token holds the whole query, so that "
                                 "nothing else need be sent with it."},
    [PARAM_PRIVATE_PROPERTY] = {"privateExtendedProperty", PARAM_TEXT, .repeated = true,
                                .doc = "name=value that must be among the private extended "
                                       "properties; if repeated, one for each name must."},
    [PARAM_Q] = {"q", PARAM_TEXT,
                 .doc = "Words that must all occur in summary, description, location, names and "
                        "addresses of attendees and organizer, or working location."},
    [PARAM_SHARED_PROPERTY] = {"sharedExtendedProperty", PARAM_TEXT, .repeated = true,
                               .doc = "name=value that must be among the shared extended "
                                      "properties; if repeated, one for each name must."},
    [PARAM_SHOW_DELETED] = {"showDeleted", PARAM_BOOL, .doc = "Include deleted entries."},
    [PARAM_SHOW_HIDDEN] = {"showHidden", PARAM_BOOL, .doc = "Include hidden calendars."},
    [PARAM_SHOW_HIDDEN_INVITATIONS] = {"showHiddenInvitations", PARAM_BOOL,
                                       .doc = "Include hidden invitations."},
    [PARAM_SINGLE_EVENTS] = {"singleEvents", PARAM_BOOL,
                             .doc = "Return the instances of recurring events instead of the "
                                    "series."},
    [PARAM_SYNC_TOKEN] = {"syncToken", PARAM_TEXT,
                          .doc = "Only what changed since the answer that bore this token as "
                                 "nextSyncToken; deletions are always among it."},
    [PARAM_TIME_MAX] = {"timeMax", PARAM_TIME,
                        .doc = "Exclusive upper bound of an event's start; RFC 3339 with offset."},
    [PARAM_TIME_MIN] = {"timeMin", PARAM_TIME,
                        .doc = "Exclusive lower bound of an event's end; RFC 3339 with offset."},
    [PARAM_TIME_ZONE] = {"timeZone", PARAM_ZONE,
                         .doc = "IANA zone in which times are given. Default: the calendar's."},
    [PARAM_UPDATED_MIN] = {"updatedMin", PARAM_TIME,
                           .doc = "Lower bound of the last modification; deletions since then are "
                                  "always included."},
};
