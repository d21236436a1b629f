/* line: content lines of iCalendar: properties of libical, and what libical would get wrong.
 *
 * All lines end in CRLF and are folded at 75 octets, never inside a character. Failure is the
 * buffer's own sticky one. */
#ifndef CORE_SERVE_ICS_LINE_H
#define CORE_SERVE_ICS_LINE_H

#include <stddef.h>

#include <libical/ical.h>

#include "core/base/buf.h"

/* To be called before anything else here, by every thread; costs next to nothing. */
void ics_line_init(void);

/* Appends the property and frees it. NULL (no memory) fails the buffer. */
void ics_put(struct buf *out, icalproperty *property);

/* "name:value" as it is, folded; `name` may have parameters. */
void ics_put_raw(struct buf *out, const char *name, struct span value);
/* The same with the value escaped as TEXT. For names that libical does not know. */
void ics_put_text(struct buf *out, const char *name, const char *value);

void ics_begin(struct buf *out, const char *component);
void ics_end(struct buf *out, const char *component);

/* What may be in which place: libical takes any bytes, and writes them. */
enum ics_form {
    ICS_TEXT, /* lines end in \n; other control characters go */
    ICS_LINE, /* one line: of a parameter */
    ICS_URI,  /* no blank either */
};
/* The decoded text of a JSON string in `scratch`, "" when it is none. Valid until the next use of
 * `scratch`. */
const char *ics_text(struct buf *scratch, struct span json, enum ics_form form);
/* The same of bytes that are text already, as one line. */
const char *ics_clean(struct buf *scratch, struct span text);

#endif
