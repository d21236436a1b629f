/* response: answers that can be shared between requests and threads. */
#include "core/httpd/httpd.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/rfc3339.h"
#include "core/httpd/internal.h"

struct httpd_response {
    struct MHD_Response *mhd;
    unsigned status;
    size_t own_bytes;
    bool failed; /* a header is missing for want of memory: it must not be sent */
    _Atomic unsigned refs;
};

/* Date of the response's making, which is when it is sent, or so little before that nobody tells.
 * The library would write it anew for every request, which costs more than looking a response up.
 */
static void add_date(struct MHD_Response *mhd)
{
    static _Thread_local int64_t second;
    static _Thread_local char text[RFC3339_MAX];
    int64_t now_ms = clock_wall_ms();
    if (!text[0] || now_ms / 1000 != second) {
        second = now_ms / 1000;
        (void)rfc3339_write_http(text, now_ms);
    }
    (void)MHD_add_response_header(mhd, MHD_HTTP_HEADER_DATE, text);
}

static struct httpd_response *wrap(unsigned status, struct MHD_Response *mhd, size_t own_bytes)
{
    struct httpd_response *r = mhd ? malloc(sizeof *r) : NULL;
    if (!r) {
        if (mhd)
            MHD_destroy_response(mhd);
        return NULL;
    }
    add_date(mhd);
    r->mhd = mhd;
    r->status = status;
    r->own_bytes = own_bytes;
    r->failed = false;
    atomic_init(&r->refs, 1);
    return r;
}

struct httpd_response *httpd_response_new(unsigned status, char *body, size_t n)
{
    if (!body)
        return wrap(status, MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT), 0);
    struct MHD_Response *mhd = MHD_create_response_from_buffer(n, body, MHD_RESPMEM_MUST_FREE);
    if (!mhd)
        free(body);
    return wrap(status, mhd, n);
}

struct httpd_response *httpd_response_over(unsigned status, const char *body, size_t n,
                                           void (*release)(void *arg), void *arg)
{
    struct MHD_Response *mhd = MHD_create_response_from_buffer_with_free_callback_cls(
        n, (void *)(uintptr_t)body, release, arg);
    if (!mhd)
        release(arg);
    return wrap(status, mhd, 0);
}

/* The library takes none that is empty or has such a blank, which says nothing of memory. */
void httpd_response_header(struct httpd_response *r, const char *name, const char *value)
{
    if (r && MHD_add_response_header(r->mhd, name, value) != MHD_YES)
        r->failed |= value[0] && !strpbrk(value, "\t\r\n");
}

struct httpd_response *httpd_response_ref(struct httpd_response *r)
{
    if (r)
        atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void httpd_response_unref(struct httpd_response *r)
{
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    MHD_destroy_response(r->mhd);
    free(r);
}

enum MHD_Result response_queue(struct httpd_response *r, struct MHD_Connection *conn)
{
    return r && !r->failed ? MHD_queue_response(conn, r->status, r->mhd) : MHD_NO;
}

size_t response_own_bytes(const struct httpd_response *r)
{
    return r ? r->own_bytes : 0;
}
