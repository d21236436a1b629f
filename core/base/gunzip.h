/* gunzip: undoes Content-Encoding: gzip while it arrives, and knows when the stream was cut short.
 *
 * DESIGN: libcurl would do it, but it takes a stream that ends before its trailer for a whole one,
 * and half a page of events that happens to end well must not pass for the page. */
#ifndef CORE_BASE_GUNZIP_H
#define CORE_BASE_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <zlib.h>

#include "core/base/buf.h"
#include "core/base/err.h"

/* `= { 0 }` is valid; the inflate state is made on first use and kept for the next stream. */
struct gunzip {
    z_stream z;
    bool ready; /* z was set up */
    bool begun; /* inside a member: its end has not been seen */
    bool full;  /* output was cut by the room there was */
    bool any;   /* at least one member was seen whole */
};

void gunzip_reset(struct gunzip *g);
void gunzip_release(struct gunzip *g);

/* Appends what these bytes unfold to, never beyond `max` bytes in `out`: RC_BADDATA. RC_AGAIN: not
 * gzip. */
enum rc gunzip_add(struct gunzip *g, const void *p, size_t n, struct buf *out, size_t max,
                   struct err *e);
/* Every member that began has ended. */
bool gunzip_whole(const struct gunzip *g);

#endif
