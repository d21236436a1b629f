/* http: one blocking request at a time over libcurl, with caps and deadlines, that can be
 * interrupted. */
#ifndef CORE_HTTP_HTTP_H
#define CORE_HTTP_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

/* Certificates are those of the system, or of the file that $SSL_CERT_FILE names. */

/* One per thread: keeps connections alive between requests. */
struct http_client;
struct http_client *http_new(void); /* NULL: out of memory */
void http_free(struct http_client *c);
/* From any thread: the request under way, and every later one, ends with RC_CANCELED. */
void http_interrupt(struct http_client *c);
/* Sleeps `ms`, or until interrupted: RC_CANCELED. For the client's own thread, between requests. */
enum rc http_pause(struct http_client *c, int64_t ms, struct err *e);
/* Asks during every request, `ms` after it was sent: in how many ms to ask again; 0 gives it up
 * with RC_AGAIN. NULL ends that. For the client's own thread. */
void http_set_patience(struct http_client *c, int64_t (*patience)(void *arg, int64_t ms),
                       void *arg);

struct http_request {
    const char *method; /* "GET"; any other is sent with a body, which may be empty */
    const char *url;
    const char *unix_socket;    /* connect here instead; NULL = the URL's host */
    const char *const *headers; /* "Name: value", NULL-terminated; NULL = none */
    struct span body;
    int64_t connect_ms, total_ms; /* deadlines; 0 = 10 s, 60 s */
    int64_t stall_ms; /* once the answer began, HTTP_STALL_BYTES must come in each such span; 0 = 20
                         s */
    bool certificate; /* look until when that of the server is valid */
    size_t max_bytes; /* of the decompressed answer; 0 = LIMIT_RESPONSE_BYTES */
    /* Takes the body of a 200 as it comes, so that none is left for the response; false:
     * RC_CANCELED. Such an answer may last: total_ms is void, and a single byte in each stall_ms is
     * enough. */
    bool (*take)(void *arg, struct span piece); /* NULL ok */
    void *take_arg;
    void (*alive)(void *arg); /* called at least once a second until the answer is there; NULL ok */
    void *alive_arg;
};
#define HTTP_STALL_BYTES 1024

struct http_response {
    long status;
    struct buf body;
    bool is_json;           /* by Content-Type */
    int64_t retry_after_ms; /* -1 when absent or unreadable; seconds or date; at most a day */
    int64_t date_ms;        /* of the Date header; 0 when absent: shows clock skew */
    int64_t certificate_ms; /* asked for: its end, of a new connection; 0 unknown */
    char etag[128];         /* "" when absent or longer */
    int64_t took_us;
};

/* RC_OK whatever the status, when a whole answer came. RC_AGAIN: network trouble, deadline, broken
 * or cut body. RC_BADDATA: larger than max_bytes. RC_INVALID: unusable URL or header. RC_CANCELED.
 * RC_SYS: out of memory. No redirects are followed; http:// only for loopback hosts and unix
 * sockets. The error names method and host, never the path or query. *ret is written for RC_OK
 * only. */
enum rc http_perform(struct http_client *c, const struct http_request *rq,
                     struct http_response *ret, struct err *e);
void http_response_release(struct http_response *r);

#endif
