/* tzif: the bytes of a TZif file (RFC 8536) made into the table a zone is answered from. */
#ifndef CORE_CALENDAR_TZIF_H
#define CORE_CALENDAR_TZIF_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/span.h"
#include "core/calendar/posixtz.h"
#include "core/calendar/zone.h"

#define TZIF_BYTES_MAX (256u << 10)
#define TZIF_CYCLE_S   12622780800 /* 400 Gregorian years: 146,097 days, whole weeks */

/* What the file says of a kind of time beside its offset: nothing is computed from it. */
#define TZIF_ABBR_MAX 8
struct tzif_type {
    int32_t offset;
    bool dst;
    char abbr[TZIF_ABBR_MAX]; /* "" when it is longer, or no text */
};

/* Segment i is in force from the instant at[i] (at[0]: since ever) with offset[i]; wall[i] is the
 * first local time read with it. From cycle_lo on the zone repeats every 400 years; the table holds
 * the first such cycle and a little more. cycle_hi == INT64_MAX: no yearly rule, the last segment
 * is for ever. type[i] is an index of `types`, or n_types: none is known. */
struct zone {
    char name[ZONE_NAME_MAX];
    size_t n;
    int64_t *at;
    int64_t *wall;
    int32_t *offset;
    uint16_t *type;
    int64_t cycle_lo, cycle_hi;
    struct posixtz rule; /* the footer's */
    size_t n_types;
    struct tzif_type *types;
};

/* Fills all but the name. RC_BADDATA: not a version 2+ file without leap seconds; RC_SYS: no
 * memory. */
enum rc tzif_read(struct zone *ret, struct span bytes, struct err *e);
void tzif_release(struct zone *z);

#endif
