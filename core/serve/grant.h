/* grant: reads what clients send to a token endpoint. */
#ifndef CORE_SERVE_GRANT_H
#define CORE_SERVE_GRANT_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/span.h"

enum grant_kind { GRANT_NONE, GRANT_REFRESH, GRANT_ASSERTION, GRANT_UNKNOWN };

/* The grant that a form asks for; GRANT_NONE: it names none. */
enum grant_kind grant_read_kind(struct span form);

/* Appends the token that the grant bears: its refresh_token, or the key id ("kid") in the head of
 * its signed assertion. False: it bears none. */
bool grant_read_token(struct span form, enum grant_kind kind, struct buf *out);

#endif
