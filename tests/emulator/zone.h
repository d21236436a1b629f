/* zone: time zones from the system's tz database, civil dates, and RFC 3339 text. */
#ifndef EMULATOR_ZONE_H
#define EMULATOR_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#define TIME_TEXT_MAX 48

struct zone;

/* NULL when there is no such zone. Loaded once, lives until zones_release(). */
const struct zone *zone_get(const char *name);
const char *zone_name(const struct zone *z);
void zones_release(void);

int32_t zone_offset(const struct zone *z, int64_t utc_s); /* seconds east of UTC */
/* Wall time to UTC: of two readings the first; in a gap, by the offset before it (RFC 5545). */
int64_t zone_to_utc(const struct zone *z, int64_t wall_s);

int64_t days_of_date(int year, int month, int day); /* since 1970-01-01 */
void date_of_days(int64_t days, int *ret_year, int *ret_month, int *ret_day);

bool date_parse(const char *s, int64_t *ret_days);
/* "2026-03-29T02:30:00[.fff][Z|+hh:mm]" to ms. Without an offset: wall time in *ret_ms and
 * *ret_wall true; when ret_wall is NULL that is an error. */
bool time_parse(const char *s, int64_t *ret_ms, bool *ret_wall);

void date_write(char out[TIME_TEXT_MAX], int64_t days);
void time_write(char out[TIME_TEXT_MAX], int64_t utc_ms, const struct zone *z); /* NULL: "…Z" */
void time_write_ms(char out[TIME_TEXT_MAX], int64_t utc_ms);                    /* "….123Z" */
void time_write_stamp(char out[TIME_TEXT_MAX], int64_t utc_ms); /* "20260329T013000Z" */
void time_write_http(char out[TIME_TEXT_MAX], int64_t utc_ms);

#endif
