/* details: what is said of an event beside its times. */
#ifndef CORE_SERVE_ICS_DETAILS_H
#define CORE_SERVE_ICS_DETAILS_H

#include "core/serve/ics/vevent.h"

/* `raw`: the event's JSON. */
void ics_put_details(struct ics_feed *f, struct span raw);

#endif
