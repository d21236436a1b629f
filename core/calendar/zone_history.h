/* zone_history: the changes of a zone's clock one by one, for those who write them down. */
#ifndef CORE_CALENDAR_ZONE_HISTORY_H
#define CORE_CALENDAR_ZONE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/calendar/posixtz.h"
#include "core/calendar/zone.h"

struct zone_change {
    int64_t at;           /* the instant; INT64_MIN: it was always so */
    int32_t from_s, to_s; /* offsets before and from then on; the same for the first */
    bool summer;          /* summer time begins */
    const char *abbr;     /* "CEST"; "" when it has none. Static */
};

/* Number of the change that is in force at an instant; the first is 0. Beyond the years that are
 * listed it is one that looks the same by the yearly rule. */
size_t zone_change_at(const struct zone *z, int64_t utc_s);
/* False behind the last one, which lies some 400 years ahead for a zone with a yearly rule. */
bool zone_change_get(const struct zone *z, size_t number, struct zone_change *ret);

/* The rule that every change from number *ret_first on follows, each of the two in turn, for ever.
 * NULL: the zone has none. */
const struct posixtz *zone_yearly_rule(const struct zone *z, size_t *ret_first);

#endif
