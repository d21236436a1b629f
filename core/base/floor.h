/* floor: times divided so that those before 1970 land where the calendar has them: rounded down. */
#ifndef CORE_BASE_FLOOR_H
#define CORE_BASE_FLOOR_H

#include <stdint.h>

static inline int64_t floor_div(int64_t a, int64_t b) /* b > 0 */
{
    return a / b - (a % b < 0);
}

static inline int64_t floor_s(int64_t ms) /* the second it is in */
{
    return floor_div(ms, 1000);
}

#endif
