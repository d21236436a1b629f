/* when: points in time as a person writes them on a command line. */
#ifndef CMD_CALMIRROR_WHEN_H
#define CMD_CALMIRROR_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* A date (its midnight here), an RFC 3339 time with or without offset (without: local), now, today,
 * tomorrow, or +SPAN and -SPAN from now (+7d). */
bool when_read(const char *text, int64_t now_ms, int64_t *ret_ms);

#endif
