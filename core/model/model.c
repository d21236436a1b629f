/* model: the words for states, and the hash of a zone name. */
#include "core/model/account.h"
#include "core/model/channel.h"
#include "core/model/collection.h"
#include "core/model/event.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint32_t event_zone_hash(struct span zone_name)
{
    uint32_t hash = XXH32(zone_name.p, zone_name.n, 0);
    return hash ? hash : 1;
}

bool event_ended_series(const struct event *master)
{
    return master->flags & EVENT_CANCELLED ||
           !(master->flags & (EVENT_SERIES | EVENT_ODD_RECURRENCE));
}

bool event_outlived(const struct event *instance, const struct event *master)
{
    return instance->updated_ms && event_ended_series(master) &&
           master->updated_ms >= instance->updated_ms;
}

const char *event_odd_member(uint32_t bit)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } members[] = {
        {EVENT_ODD_STATUS, "status"},
        {EVENT_ODD_START, "start"},
        {EVENT_ODD_END, "end"},
        {EVENT_ODD_ORIGINAL, "originalStartTime"},
        {EVENT_ODD_SERIES, "recurringEventId"},
        {EVENT_ODD_RECURRENCE, "recurrence"},
        {EVENT_ODD_UPDATED, "updated"},
        {EVENT_ODD_TRANSPARENCY, "transparency"},
        {EVENT_ODD_ATTENDEES, "attendees"},
        {EVENT_ODD_ICAL_UID, "iCalUID"},
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (members[i].bit == bit)
            return members[i].name;
    }
    return NULL;
}

bool coll_lacks_scope(const struct collection *c)
{
    return strstr(c->last_error, COLL_NO_SCOPE) != NULL;
}

const char *coll_kind_name(enum coll_kind kind)
{
    switch (kind) {
    case COLL_ROSTER:
        return "calendarList";
    case COLL_SETTINGS:
        return "settings";
    case COLL_COLORS:
        return "colors";
    case COLL_EVENTS:
        return "events";
    case COLL_ACL:
        return "acl";
    }
    return "unknown";
}

const char *coll_state_name(enum coll_state state)
{
    switch (state) {
    case COLL_NEW:
        return "new";
    case COLL_READY:
        return "ready";
    case COLL_GONE:
        return "gone";
    }
    return "unknown";
}

const char *listing_reason_name(enum listing_reason reason)
{
    switch (reason) {
    case LISTING_NONE:
        return "none";
    case LISTING_FIRST:
        return "first";
    case LISTING_STALE:
        return "token dead";
    case LISTING_ASKED:
        return "asked for";
    case LISTING_VERIFY:
        return "verification";
    case LISTING_DAMAGED:
        return "damaged record";
    case LISTING_AUDIT:
        return "verification asked for";
    case LISTING_PARTIAL:
        return "increments not complete";
    }
    return "unknown";
}

bool listing_verifies(enum listing_reason reason)
{
    return reason == LISTING_VERIFY || reason == LISTING_AUDIT;
}

const char *account_state_name(enum account_state state)
{
    switch (state) {
    case ACCOUNT_OK:
        return "ok";
    case ACCOUNT_NEEDS_LOGIN:
        return "needs login";
    case ACCOUNT_NO_ACCESS:
        return "no access";
    case ACCOUNT_GONE:
        return "gone";
    case ACCOUNT_SCOPE_MISSING:
        return "scope missing";
    case ACCOUNT_API_DISABLED:
        return "API disabled";
    case ACCOUNT_CLOCK_SKEW:
        return "clock skew";
    }
    return "unknown";
}

const char *channel_state_name(enum channel_state state)
{
    switch (state) {
    case CHANNEL_OPENING:
        return "opening";
    case CHANNEL_UNVERIFIED:
        return "unverified";
    case CHANNEL_LIVE:
        return "live";
    case CHANNEL_DEGRADED:
        return "degraded";
    case CHANNEL_STOPPED:
        return "stopped";
    case CHANNEL_STOPPING:
        return "stopping";
    }
    return "unknown";
}
