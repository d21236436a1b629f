/* fields: members of the service's answers, read leniently: an absent one has a default. */
#ifndef CMD_CALMIRROR_FIELDS_H
#define CMD_CALMIRROR_FIELDS_H

#include <stdint.h>

#include "core/base/buf.h"

int64_t field_number(struct span object, const char *name, int64_t absent);
/* The text, cut at a character boundary when it does not fit; "" when absent. Returns `out`. */
const char *field_text(struct span object, const char *name, char *out, size_t size);
/* Of an entry of the calendar list: as the account calls the calendar, else as its owner does. */
const char *field_calendar_name(struct span entry, char *out, size_t size);
bool field_is(struct span object, const char *name, const char *text);

#endif
