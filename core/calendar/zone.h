/* zone: time zones read from the system's TZif files, loaded once, immutable, cached for ever.
 *
 * Instants are seconds since 1970-01-01 UTC; "local" is wall time counted the same way, as if it
 * were UTC. Years 1 to 9999. All calls are thread-safe; the pointers stay valid until the process
 * ends. */
#ifndef CORE_CALENDAR_ZONE_H
#define CORE_CALENDAR_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#define ZONE_NAME_MAX 64 /* with the NUL; the longest of tzdata has 33 characters */

struct zone;

/* The zone of an IANA name or of an alias tzdata knows ("Asia/Calcutta"), or NULL: unknown,
 * malformed, not a zone file. Then the caller uses the calendar's zone. Names are case-sensitive,
 * as files are. */
const struct zone *zone_find(const char *name);
const struct zone *zone_utc(void); /* never NULL, needs no file */
const char *zone_name(const struct zone *z);

/* Where zone files are; before the first zone_find(). Default: $CALMIRROR_ZONEINFO, else
 * /usr/share/zoneinfo. */
void zone_set_dir(const char *dir);

/* Another number when the zone files may be others than those of an earlier process. */
uint64_t zone_edition(void);

int32_t zone_offset_at(const struct zone *z, int64_t utc_s); /* seconds east of UTC */

/* Wall time to instant. RFC 5545 §3.3.5: a time in a gap is read with the offset before the gap, so
 * it lands later on the clock; a time that occurs twice is its first pass. */
int64_t zone_local_to_utc(const struct zone *z, int64_t local_s);

/* The stretch of wall time around `local_s` within which utc = local - offset. Local times from
 * `gap` (inclusive) to `hi` exist on no clock there; gap == hi when the stretch ends without one.
 */
struct zone_span {
    int64_t lo, gap, hi;
    int32_t offset_s;
};
struct zone_span zone_local_span(const struct zone *z, int64_t local_s);

/* Is this instant the second pass of its wall time? Then *ret_end is the local time its pass ends
 * at. */
bool zone_second_pass(const struct zone *z, int64_t utc_s, int64_t *ret_end);

/* Least and greatest offset in force within [from_s, to_s]. */
void zone_offset_range(const struct zone *z, int64_t from_s, int64_t to_s, int32_t *ret_min,
                       int32_t *ret_max);

/* For rows of neighbouring instants: remembers the stretch of the last answer. `= { 0 }` is empty.
 */
struct zone_hint {
    int64_t lo, hi;
    int32_t offset_s;
};
int32_t zone_offset_lookup(const struct zone *z, int64_t utc_s, struct zone_hint *hint);

static inline int32_t zone_offset_near(const struct zone *z, int64_t utc_s, struct zone_hint *hint)
{
    return utc_s >= hint->lo && utc_s < hint->hi ? hint->offset_s
                                                 : zone_offset_lookup(z, utc_s, hint);
}

#endif
