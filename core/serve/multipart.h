/* multipart: batch requests: many small HTTP requests in one body, and their answers likewise.
 *
 * Reads what clients really send: lines ended by LF or CRLF, quoted and bare boundaries, text
 * before the first part, no closing delimiter, part headers missing or in any case, targets with or
 * without an origin, request lines with or without a version. Writes one form only. Nothing is
 * copied while reading: spans point into the body. (Google's guide "batch"; RFC 2046 §5.1.) */
#ifndef CORE_SERVE_MULTIPART_H
#define CORE_SERVE_MULTIPART_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/span.h"

#define MULTIPART_PARTS_MAX    1000 /* Google's own bound */
#define MULTIPART_BOUNDARY_MAX 200  /* RFC 2046 says 70 */
#define MULTIPART_ID_MAX       512

struct multipart {
    struct span boundary;
    unsigned parts;
    const char *p, *end; /* what is not read yet */
};

struct multipart_part {
    struct span id;      /* Content-ID as sent; empty when there is none fit to be echoed */
    struct span method;  /* empty: the part is no HTTP request; to be answered 400 */
    struct span target;  /* path and query; begins with '/' */
    struct span headers; /* of the request inside, see multipart_header() */
    struct span body;
};

/* Finds the boundary and counts the parts. RC_INVALID: not multipart, no boundary or none in the
 * body; RC_FULL: too many parts. */
enum rc multipart_open(struct multipart *ret, const char *content_type, struct span body,
                       struct err *e);
bool multipart_next(struct multipart *m, struct multipart_part *ret);

/* Takes the next header off *headers; both spans trimmed. A value that goes on on further lines has
 * their line breaks in it. */
bool multipart_next_header(struct span *headers, struct span *ret_name, struct span *ret_value);
/* The value of the first header of that name; false when absent. */
bool multipart_header(struct span headers, const char *name, struct span *ret);

/* The answer's parts. `boundary` must not occur in any body: make it random. `headers` are lines,
 * each ended by CRLF. */
void multipart_put(struct buf *out, const char *boundary, struct span id, unsigned status,
                   struct span headers, struct span body);
void multipart_put_end(struct buf *out, const char *boundary);

#endif
