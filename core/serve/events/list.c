/* list: events.list: reads the query, writes the head of the answer, the page and the token
 * behind it. */
#include <limits.h>

#include "core/calendar/zone.h"
#include "core/push/types.h"
#include "core/serve/events/head.h"
#include "core/serve/events/page.h"
#include "core/serve/events/veil.h"
#include "core/serve/fault.h"
#include "core/serve/handlers.h"
#include "core/serve/pages.h"
#include "core/serve/routes.h"
#include "core/serve/scope.h"

/* What a sync token cannot be combined with. */
#define NOT_WITH_TOKEN                                                                          \
    (PARAM_BIT(PARAM_ICAL_UID) | PARAM_BIT(PARAM_PRIVATE_PROPERTY) | PARAM_BIT(PARAM_Q) |       \
     PARAM_BIT(PARAM_SHARED_PROPERTY) | PARAM_BIT(PARAM_TIME_MIN) | PARAM_BIT(PARAM_TIME_MAX) | \
     PARAM_BIT(PARAM_UPDATED_MIN))
/* A list under these gets none at its end: it does not show all there is. */
#define NO_TOKEN_AFTER                                                                           \
    (PARAM_BIT(PARAM_ORDER_BY) | PARAM_BIT(PARAM_ICAL_UID) | PARAM_BIT(PARAM_PRIVATE_PROPERTY) | \
     PARAM_BIT(PARAM_Q) | PARAM_BIT(PARAM_SHARED_PROPERTY) | PARAM_BIT(PARAM_UPDATED_MIN))

static bool check_params(struct call *c)
{
    const struct params *p = &c->params;
    if (!call_range(c))
        return false;
    if (params_has(p, PARAM_ORDER_BY) && p->v[PARAM_ORDER_BY].number == ORDER_START_TIME &&
        !params_on(p, PARAM_SINGLE_EVENTS))
        return call_fail(c, FAULT_BAD_REQUEST, NULL,
                         "The requested ordering is not available for the particular query.");
    if (!params_has(p, PARAM_SYNC_TOKEN))
        return true;
    if (params_has(p, PARAM_ORDER_BY))
        return call_fail(c, FAULT_BAD_REQUEST, NULL,
                         "Sync token cannot be used with non-default ordering");
    if ((p->given & NOT_WITH_TOKEN) ||
        (params_has(p, PARAM_SHOW_DELETED) && !params_on(p, PARAM_SHOW_DELETED)))
        return call_fail(c, FAULT_BAD_REQUEST, NULL,
                         "Sync token cannot be used with other request restrictions");
    return true;
}

/* To who sees more than when its token was given, or less, a delta would not tell of what is new or
 * no more to be seen; nor of instances that other rules of a time zone have moved. What a list
 * began under its later pages keep. */
static bool check_token(struct call *c, struct events_page *page, enum access access)
{
    const uint64_t seen = 3; /* these bits tell what is seen, the others by which rules */
    uint64_t want = (zone_edition() & ~seen) | (access == ACCESS_ALL ? 0 : access);
    uint64_t differs = page->at.fingerprint ^ want;
    if (params_has(&c->params, PARAM_PAGE_TOKEN))
        return true;
    if (params_has(&c->params, PARAM_SYNC_TOKEN) &&
        (differs & (params_on(&c->params, PARAM_SINGLE_EVENTS) ? UINT64_MAX : seen)))
        return call_fail(c, FAULT_SYNC_TOKEN_DEAD, "syncToken", NULL);
    page->at.fingerprint = want;
    return true;
}

static bool make_filter(struct call *c, struct filter *f)
{
    const struct params *p = &c->params;
    struct err e = {0};
    f->types = types_names;
    f->type_bits = params_has(p, PARAM_EVENT_TYPES) ? (uint64_t)p->v[PARAM_EVENT_TYPES].number : 0;
    enum rc rc = params_has(p, PARAM_Q) ? filter_add_words(f, p->v[PARAM_Q].text, &e) : RC_OK;
    if (rc)
        return call_fail(c, FAULT_INVALID, "q", "%s", e.text);
    for (unsigned i = 0; i < p->n_repeated; i++) {
        enum param which = p->repeated[i].which;
        rc =
            filter_add_property(f, which == PARAM_PRIVATE_PROPERTY ? FILTER_PRIVATE : FILTER_SHARED,
                                p->repeated[i].text, &e);
        if (rc)
            return call_fail(c, FAULT_INVALID, param_specs[which].name, "%s", e.text);
    }
    return true;
}

static void write_list(struct events_page *page)
{
    struct call *c = page->c;
    events_head_write(c, page->coll, page->view.veiled ? ACCESS_FREEBUSY : ACCESS_ALL);
    if (!events_page_fill(page))
        return;
    buf_add_char(&c->out, ']');
    if (page->more && !pages_write_next(c, &page->at))
        return;
    if (!page->more && !(c->params.given & NO_TOKEN_AFTER))
        pages_write_sync(c, &page->at);
    buf_add_char(&c->out, '}');
}

void events_list(struct call *c)
{
    struct collection hold;
    const struct collection *coll;
    enum access access;
    struct events_page page = {.c = c};
    if (!call_read(c) || !(coll = scope_any_calendar(c, c->segment[0], &hold, &access)) ||
        !pages_begin(c, coll, &page.at) || (access != ACCESS_ALL && !veil_params(c)) ||
        !check_params(c) || (page.at.place[0] == PHASE_INSTANCES && !pages_refuse(c)))
        return;
    const struct params *p = &c->params;
    if (!check_token(c, &page, access) || !events_head_begin(c, coll))
        return;
    page.coll = coll;
    page.zone = zone_of_collection(coll);
    page.view = view_of_call(c, coll, access);
    page.max = pages_max_results(c);
    page.deleted = params_on(p, PARAM_SHOW_DELETED) || params_has(p, PARAM_SYNC_TOKEN) ||
                   params_has(p, PARAM_UPDATED_MIN);
    page.expanded = params_on(p, PARAM_SINGLE_EVENTS);
    page.window = window_make(params_number(p, PARAM_TIME_MIN, INT64_MIN),
                              params_number(p, PARAM_TIME_MAX, INT64_MAX), page.zone);
    if (make_filter(c, &page.filter))
        write_list(&page);
    filter_release(&page.filter);
}
