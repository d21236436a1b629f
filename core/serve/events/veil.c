/* veil: what is left of an event for those who may only know when a calendar is busy.
 *
 * DESIGN. Members are let through by name, so that one which Google adds tomorrow stays hidden. To
 * callers with freeBusyReader access Google lists instances instead of series and shows times
 * without details; which members are left is not documented. These are: what names the event and
 * tells whether it changed, its times, and whether they are busy, by the rule of freeBusy.query (an
 * invitation that was declined is free). What cannot be seen cannot be searched by either, since an
 * empty and a full list would tell it. */
#include "core/serve/events/veil.h"

#include "core/base/json.h"
#include "core/serve/fault.h"

static const char *const event_members[] = {
    "kind",
    "etag",
    "id",
    "status",
    "updated",
    "start",
    "end",
    "endTimeUnspecified",
    "recurringEventId",
    "originalStartTime",
};
static const char *const head_members[] = {"summary", "updated", "timeZone"};
static const char *const calendar_members[] = {
    "kind",
    "etag",
    "id",
    "summary",
    "summaryOverride",
    "timeZone",
    "colorId",
    "backgroundColor",
    "foregroundColor",
    "selected",
    "hidden",
    "primary",
    "deleted",
};
#define COUNT(list) (sizeof(list) / sizeof(*(list)))

static bool is_among(struct span key, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (span_is(key, names[i]))
            return true;
    return false;
}

/* Appends the members that are among the names, a comma before each. */
static void pass(struct span raw, const char *const *names, size_t n, struct buf *out)
{
    struct json_iter it = json_iter(raw);
    struct span key, value;
    while (json_next(&it, &key, &value)) {
        if (!is_among(key, names, n))
            continue;
        buf_add_text(out, ",\"");
        buf_add_span(out, key);
        buf_add_text(out, "\":");
        buf_add_span(out, value);
    }
}

void veil_event(const struct event *ev, struct span raw, struct buf *out)
{
    bool free = ev->flags & (EVENT_TRANSPARENT | EVENT_DECLINED);
    buf_printf(out, "{\"visibility\":\"private\",\"transparency\":\"%s\"",
               free ? "transparent" : "opaque");
    pass(raw, event_members, COUNT(event_members), out);
    buf_add_char(out, '}');
}

void veil_head(struct span head, struct buf *out)
{
    buf_add_text(out, ",\"accessRole\":\"freeBusyReader\",\"defaultReminders\":[]");
    pass(head, head_members, COUNT(head_members), out);
}

void veil_calendar(struct span raw, struct buf *out)
{
    buf_add_text(out, "{\"accessRole\":\"freeBusyReader\",\"defaultReminders\":[]");
    pass(raw, calendar_members, COUNT(calendar_members), out);
    buf_add_char(out, '}');
}

bool veil_params(struct call *c)
{
    static const enum param hidden[] = {PARAM_Q, PARAM_ICAL_UID, PARAM_PRIVATE_PROPERTY,
                                        PARAM_SHARED_PROPERTY, PARAM_EVENT_TYPES};
    struct params *p = &c->params;
    for (size_t i = 0; i < COUNT(hidden); i++)
        if (params_has(p, hidden[i]))
            return call_fail(c, FAULT_FORBIDDEN, param_specs[hidden[i]].name,
                             "Of this calendar you may only see when it is busy.");
    p->given |= PARAM_BIT(PARAM_SINGLE_EVENTS);
    p->v[PARAM_SINGLE_EVENTS].number = true;
    return true;
}
