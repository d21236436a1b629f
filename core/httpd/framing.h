/* framing: refuses heads that two readers could take for different requests. */
#ifndef CORE_HTTPD_FRAMING_H
#define CORE_HTTPD_FRAMING_H

#include <stdbool.h>

#include <microhttpd.h>

#include "core/base/span.h"

/* Can the head be read in one way only? `authority`: of a target with a host, or empty.
 * *ret_length: what Content-Length says, NULL without one. */
bool framing_is_plain(struct MHD_Connection *conn, const char *method, const char *version,
                      struct span authority, const char **ret_length);

#endif
