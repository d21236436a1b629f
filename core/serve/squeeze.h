/* squeeze: gzip of whole bodies, with one compressor kept for all of a loop's answers. */
#ifndef CORE_SERVE_SQUEEZE_H
#define CORE_SERVE_SQUEEZE_H

#include <stdbool.h>

#include "core/base/buf.h"

struct squeeze;
struct squeeze *squeeze_new(int level); /* NULL without memory */
void squeeze_free(struct squeeze *s);   /* NULL ok */

/* Appends; false when out of memory (`out` is then as it was, but for its room). */
bool squeeze_gzip(struct squeeze *s, struct span body, struct buf *out);

/* Does an Accept-Encoding (NULL: none) want gzip? */
bool squeeze_accepted(const char *accept_encoding);

#endif
