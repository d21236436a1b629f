/* page: one page of an events list: which events come next, in which order, and where to go
 * on. */
#ifndef CORE_SERVE_EVENTS_PAGE_H
#define CORE_SERVE_EVENTS_PAGE_H

#include "core/serve/call.h"
#include "core/serve/events/filter.h"
#include "core/serve/token.h"
#include "core/serve/events/view.h"
#include "core/serve/events/window.h"
#include "storage/events.h"

/* place[0] of page tokens: which part of the list goes on. The last one is events.instances', where
 * `after` is the series. */
enum phase { PHASE_TIMED, PHASE_SERIES, PHASE_BARE, PHASE_INSTANCES };

struct events_page {
    struct call *c;
    const struct collection *coll;
    const struct zone *zone; /* the calendar's; UTC when it is not known */
    struct view view;
    struct filter filter;
    struct event_window window;
    int64_t max;
    bool deleted;         /* all cancelled events are wanted */
    bool expanded;        /* instances are wanted, not series */
    struct page_token at; /* of the last event looked at */

    int64_t n;       /* events on the page */
    unsigned looked; /* events looked at */
    bool more;       /* the page ended before the list */
};

/* Appends events, separated by commas, from `at` on. False: answered with an error. */
bool events_page_fill(struct events_page *page);

/* For the sources. Is the event wanted as far as its flags tell? */
bool events_page_keeps(const struct events_page *page, const struct event *ev);
/* And as far as the query narrows the list down by what events say? */
bool events_page_matches(struct events_page *page, const struct event *ev);
/* A deletion since updatedMin of which nothing is known but that: it is in no window, and told all
 * the same. */
bool events_page_tells(const struct events_page *page, const struct event *ev);
/* To be asked before each event that is looked at: true when the page has ended before it. */
bool events_page_ends(struct events_page *page, bool is_wanted);

#endif
