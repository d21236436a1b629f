/* routes: what is served under Google's paths, with Google's names and scopes of each method. */
#include "tests/emulator/router.h"

#include "tests/emulator/api.h"
#include "tests/emulator/auth.h"

#define API "/calendar/v3"

/* The scopes of each method in the discovery document. */
#define EVENTS_R                                                             \
    (SCOPE_ALL | SCOPE_READ | SCOPE_EVENTS | SCOPE_EVENTS_READ | SCOPE_APP | \
     SCOPE_EVENTS_FREEBUSY | SCOPE_EVENTS_OWNED | SCOPE_EVENTS_OWNED_READ |  \
     SCOPE_EVENTS_PUBLIC_READ)
#define EVENTS_W    (SCOPE_ALL | SCOPE_EVENTS | SCOPE_APP | SCOPE_EVENTS_OWNED)
#define LIST_R      (SCOPE_ALL | SCOPE_READ | SCOPE_LIST | SCOPE_LIST_READ)
#define LIST_W      (SCOPE_ALL | SCOPE_LIST)
#define CALENDARS_R (SCOPE_ALL | SCOPE_READ | SCOPE_APP | SCOPE_CALENDARS | SCOPE_CALENDARS_READ)
#define CALENDARS_W (SCOPE_ALL | SCOPE_APP | SCOPE_CALENDARS)
#define ACL_LIST    (SCOPE_ALL | SCOPE_ACLS | SCOPE_ACLS_READ)
#define ACL_GET     (ACL_LIST | SCOPE_READ)
#define ACL_W       (SCOPE_ALL | SCOPE_ACLS)
#define SETTINGS_R  (SCOPE_ALL | SCOPE_READ | SCOPE_SETTINGS_READ)
#define COLORS_R    (EVENTS_R | LIST_R)
#define FREEBUSY    (SCOPE_ALL | SCOPE_READ | SCOPE_EVENTS_FREEBUSY | SCOPE_FREEBUSY)
#define STOP \
    (EVENTS_R | SCOPE_ACLS | SCOPE_ACLS_READ | SCOPE_LIST | SCOPE_LIST_READ | SCOPE_SETTINGS_READ)

const struct route API_ROUTES[] = {
    {"POST", "/token", token_endpoint, NULL, 0},
    {"POST", "/oauth2/v4/token", token_endpoint, NULL, 0},
    {"GET", "/o/oauth2/v2/auth", authorize_endpoint, NULL, 0},
    {"POST", "/revoke", revoke_endpoint, NULL, 0},

    {"GET", API "/users/me/calendarList", calendar_list_list, "CalendarList.List", LIST_R},
    {"POST", API "/users/me/calendarList", calendar_list_insert, "CalendarList.Insert", LIST_W},
    {"POST", API "/users/me/calendarList/watch", calendar_list_watch, "CalendarList.Watch", LIST_R},
    {"GET", API "/users/me/calendarList/{}", calendar_list_get, "CalendarList.Get",
     LIST_R | SCOPE_APP},
    {"PATCH", API "/users/me/calendarList/{}", calendar_list_patch, "CalendarList.Patch", LIST_W},
    {"PUT", API "/users/me/calendarList/{}", calendar_list_update, "CalendarList.Update", LIST_W},
    {"DELETE", API "/users/me/calendarList/{}", calendar_list_delete, "CalendarList.Delete",
     LIST_W},

    {"GET", API "/users/me/settings", settings_list, "Settings.List", SETTINGS_R},
    {"POST", API "/users/me/settings/watch", settings_watch, "Settings.Watch", SETTINGS_R},
    {"GET", API "/users/me/settings/{}", settings_get, "Settings.Get", SETTINGS_R},

    {"POST", API "/calendars", calendars_insert, "Calendars.Insert", CALENDARS_W},
    {"GET", API "/calendars/{}", calendars_get, "Calendars.Get", CALENDARS_R},
    {"PATCH", API "/calendars/{}", calendars_patch, "Calendars.Patch", CALENDARS_W},
    {"PUT", API "/calendars/{}", calendars_update, "Calendars.Update", CALENDARS_W},
    {"DELETE", API "/calendars/{}", calendars_delete, "Calendars.Delete", CALENDARS_W},
    {"POST", API "/calendars/{}/clear", calendars_clear, "Calendars.Clear", CALENDARS_W},

    {"GET", API "/calendars/{}/acl", acl_list, "Acl.List", ACL_LIST},
    {"POST", API "/calendars/{}/acl", acl_insert, "Acl.Insert", ACL_W},
    {"POST", API "/calendars/{}/acl/watch", acl_watch, "Acl.Watch", ACL_LIST},
    {"GET", API "/calendars/{}/acl/{}", acl_get, "Acl.Get", ACL_GET},
    {"PATCH", API "/calendars/{}/acl/{}", acl_patch, "Acl.Patch", ACL_W},
    {"PUT", API "/calendars/{}/acl/{}", acl_patch, "Acl.Update", ACL_W},
    {"DELETE", API "/calendars/{}/acl/{}", acl_delete, "Acl.Delete", ACL_W},

    {"GET", API "/calendars/{}/events", events_list, "Events.List", EVENTS_R},
    {"POST", API "/calendars/{}/events", events_insert, "Events.Insert", EVENTS_W},
    {"POST", API "/calendars/{}/events/watch", events_watch, "Events.Watch", EVENTS_R},
    {"POST", API "/calendars/{}/events/import", events_import, "Events.Import", EVENTS_W},
    {"POST", API "/calendars/{}/events/quickAdd", events_quick_add, "Events.QuickAdd", EVENTS_W},
    {"GET", API "/calendars/{}/events/{}", events_get, "Events.Get", EVENTS_R},
    {"PATCH", API "/calendars/{}/events/{}", events_patch, "Events.Patch", EVENTS_W},
    {"PUT", API "/calendars/{}/events/{}", events_update, "Events.Update", EVENTS_W},
    {"DELETE", API "/calendars/{}/events/{}", events_delete, "Events.Delete", EVENTS_W},
    {"POST", API "/calendars/{}/events/{}/move", events_move, "Events.Move", EVENTS_W},
    {"GET", API "/calendars/{}/events/{}/instances", events_instances, "Events.Instances",
     EVENTS_R},

    {"GET", API "/colors", colors_get, "Colors.Get", COLORS_R},
    {"POST", API "/freeBusy", freebusy_query, "Freebusy.Query", FREEBUSY},
    {"POST", API "/channels/stop", channels_stop, "Channels.Stop", STOP},
    {0}};
