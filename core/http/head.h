/* head: what we keep of an answer's header lines. */
#ifndef CORE_HTTP_HEAD_H
#define CORE_HTTP_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/span.h"

enum http_coding { CODING_NONE, CODING_GZIP, CODING_OTHER };

/* head_reset() first; fed line by line; a new status line (after a 1xx) begins anew. */
struct head {
    enum http_coding coding;
    bool is_json;
    int64_t date_ms;       /* 0 = absent */
    int64_t retry_ms;      /* delay in ms; -1 = absent */
    int64_t retry_date_ms; /* Retry-After as a date; 0 = absent */
    char etag[128];
};

void head_reset(struct head *h);
void head_line(struct head *h, struct span line);
/* A date in one of the three forms of RFC 9110, or as libcurl writes that of a certificate; 0 when
 * unreadable or before 1970. Not by curl_getdate(): see WIDE in the Makefile. */
int64_t head_date_ms(struct span value);
/* The delay asked for, measured against the answer's own Date, else against `now_ms`; -1 = none. */
int64_t head_retry_after_ms(const struct head *h, int64_t now_ms);

#endif
