/* gunzip: a gzip stream (one or more members) unfolded piece by piece into a capped buffer. */
#include "core/base/gunzip.h"

#include <assert.h>
#include <limits.h>

#define CHUNK_BYTES      16384
#define WINDOW_BITS_GZIP (15 + 16) /* zlib: the largest window, gzip framing only */

void gunzip_reset(struct gunzip *g)
{
    g->begun = g->any = g->full = false;
    if (g->ready)
        inflateReset(&g->z);
}

void gunzip_release(struct gunzip *g)
{
    if (g->ready)
        inflateEnd(&g->z);
    *g = (struct gunzip){0};
}

static enum rc make_ready(struct gunzip *g, struct err *e)
{
    if (g->ready)
        return RC_OK;
    if (inflateInit2(&g->z, WINDOW_BITS_GZIP) != Z_OK)
        return err_set(e, RC_SYS, "out of memory");
    g->ready = true;
    return RC_OK;
}

static enum rc append(struct buf *out, size_t max, const void *p, size_t n, struct err *e)
{
    if (n > max - out->n)
        return err_set(e, RC_BADDATA, "answer larger than %zu bytes", max);
    buf_add(out, p, n);
    return out->failed ? err_set(e, RC_SYS, "out of memory") : RC_OK;
}

enum rc gunzip_add(struct gunzip *g, const void *p, size_t n, struct buf *out, size_t max,
                   struct err *e)
{
    unsigned char chunk[CHUNK_BYTES];
    enum rc rc = make_ready(g, e);

    assert(n <= UINT_MAX && out->n <= max);
    g->z.next_in = (unsigned char *)p; /* zlib only reads it */
    g->z.avail_in = (unsigned)n;
    while (!rc && (g->z.avail_in > 0 || g->full)) {
        if (g->z.avail_in > 0)
            g->begun = true;
        g->z.next_out = chunk;
        g->z.avail_out = sizeof(chunk);
        int z = inflate(&g->z, Z_NO_FLUSH);
        if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR) /* the last: nothing to do now */
            return err_set(e, RC_AGAIN, "broken gzip");
        g->full = z == Z_OK && g->z.avail_out == 0; /* more may wait inside zlib */
        rc = append(out, max, chunk, sizeof(chunk) - g->z.avail_out, e);
        if (z == Z_STREAM_END) {
            g->begun = false;
            g->any = true;
            inflateReset(&g->z); /* keeps next_in: another member may follow */
        }
    }
    return rc;
}

bool gunzip_whole(const struct gunzip *g)
{
    return g->any && !g->begun;
}
