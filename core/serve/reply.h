/* reply: from a finished call to the HTTP response in the form the client asked for. */
#ifndef CORE_SERVE_REPLY_H
#define CORE_SERVE_REPLY_H

#include "core/httpd/httpd.h"
#include "core/serve/call.h"
#include "core/serve/squeeze.h"

#define REPLY_GZIP_MIN_BYTES 512 /* below it a header and a checksum cost more than they save */

/* Gives c->out its final form: indented unless prettyPrint=false. */
void reply_shape(struct call *c);

/* Sets all headers that go with c->answer. */
void reply_headers(struct call *c, struct httpd_response *r, size_t body_bytes, bool gzipped);

/* The bytes of the body as they go out, taken from c->out. The caller's; NULL: there are none. */
char *reply_body(struct call *c, struct squeeze *gzip, size_t *ret_n, bool *ret_gzipped);

/* The response, with all its headers; takes c->out's memory. The caller's; NULL without memory. */
struct httpd_response *reply_make(struct call *c, struct squeeze *gzip);

#endif
