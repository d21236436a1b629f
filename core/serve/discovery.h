/* discovery: the description of this API that clients build themselves from, made of the route
 * table. */
#ifndef CORE_SERVE_DISCOVERY_H
#define CORE_SERVE_DISCOVERY_H

#include "core/base/buf.h"

/* Appends the document: what is really served, at `root` ("http://127.0.0.1:8080/"). */
void discovery_write(struct buf *out, const char *root);

#endif
