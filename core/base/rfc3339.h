/* rfc3339: dates and times as Google writes them, to and from milliseconds UTC. Proleptic
 * Gregorian. */
#ifndef CORE_BASE_RFC3339_H
#define CORE_BASE_RFC3339_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/span.h"

#define RFC3339_MAX 40

/* Days since 1970-01-01 of a civil date, and back, for any year; month and day 1-based. */
int64_t days_from_civil(int year, int month, int day);
void civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day);

static inline bool year_is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static inline int days_of_month(int year, int month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && year_is_leap(year));
}

/* "2026-03-29" -> days. Strict; the date must exist; years 0001..9999. */
bool rfc3339_date(struct span s, int64_t *ret_days);

/* "2026-03-29T02:30:00[.fff](Z|+hh:mm)" -> ms UTC, sub-ms digits dropped, second 60 read as 59; t
 * and z may be small. *ret_offset_s (may be NULL) is seconds east of UTC. With no offset: false,
 * unless `local` is not NULL, which is then set to true (else to false) and the time read as if
 * UTC. */
bool rfc3339_time(struct span s, int64_t *ret_ms, int32_t *ret_offset_s, bool *local);

/* Writers; return the length. Whole seconds; offset 0 is written "Z". What the four digits of a
 * year cannot say is written as the first or last moment that they can. */
int rfc3339_write_date(char out[RFC3339_MAX], int64_t days);
int rfc3339_write(char out[RFC3339_MAX], int64_t ms, int32_t offset_s);
int rfc3339_write_ms(char out[RFC3339_MAX], int64_t ms);   /* "….123Z" */
int rfc3339_write_http(char out[RFC3339_MAX], int64_t ms); /* RFC 9110 IMF-fixdate */

#endif
