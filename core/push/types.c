/* types: event types as bits, and the look into the log of changes. */
#include "core/push/types.h"

#include "core/base/json.h"
#include "storage/accounts.h"
#include "storage/changes.h"
#include "storage/events.h"

#define LOOK_MOST 1000 /* changes looked at; with more of them it is yes */

const char *const types_names[] = {"birthday",    "default",         "focusTime", "fromGmail",
                                   "outOfOffice", "workingLocation", NULL};

/* 0: unknown. */
static uint32_t bit_of(struct span event_type)
{
    for (unsigned i = 0; types_names[i]; i++)
        if (span_is(event_type, types_names[i]))
            return 1u << i;
    return 0;
}

static bool matches(struct txn *t, uint32_t coll, const struct change *change, uint32_t types)
{
    struct event ev;

    if (change->kind != CHANGE_PUT || event_get(t, coll, change->id, &ev) != RC_OK)
        return true;
    struct span type = json_string_plain(json_get(ev.raw, "eventType"));
    uint32_t bit = bit_of(type.n ? type : span_of("default"));

    return bit == 0 || (bit & types) || (ev.flags & EVENT_CANCELLED && type.n == 0);
}

bool types_changed(struct txn *t, uint32_t coll, uint64_t cursor, uint32_t types)
{
    struct collection c;
    struct change_iter *it;
    struct change change;
    bool found = false;
    unsigned n = 0;

    if (coll_get(t, coll, &c) != RC_OK || changes_open(t, &c, cursor, &it) != RC_OK)
        return true;
    while (!found && changes_next(it, &change))
        found = ++n > LOOK_MOST || matches(t, coll, &change, types);
    changes_close(it);
    return found;
}
