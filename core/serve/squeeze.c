/* squeeze: gzip of whole bodies, with one compressor kept for all of a loop's answers. */
#include "core/serve/squeeze.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* the greatest window, in gzip's wrapping */
#define MEMORY      8

struct squeeze {
    z_stream z;
};

struct squeeze *squeeze_new(int level)
{
    struct squeeze *s = calloc(1, sizeof *s);
    if (s &&
        deflateInit2(&s->z, level, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(s);
        return NULL;
    }
    return s;
}

void squeeze_free(struct squeeze *s)
{
    if (!s)
        return;
    (void)deflateEnd(&s->z);
    free(s);
}

bool squeeze_gzip(struct squeeze *s, struct span body, struct buf *out)
{
    if (body.n > UINT_MAX / 2 || deflateReset(&s->z) != Z_OK)
        return false;
    size_t most = deflateBound(&s->z, body.n);
    if (!buf_reserve(out, most))
        return false;
    s->z.next_in = (Bytef *)(uintptr_t)body.p;
    s->z.avail_in = (uInt)body.n;
    s->z.next_out = (Bytef *)out->p + out->n;
    s->z.avail_out = (uInt)most;
    if (deflate(&s->z, Z_FINISH) != Z_STREAM_END)
        return false;
    out->n += most - s->z.avail_out;
    out->p[out->n] = '\0';
    return true;
}

/* The weight behind a coding, e.g. ";q=0.5": is it zero? */
static bool weight_is_zero(const char *p)
{
    const char *q = strcasestr(p, "q=");
    const char *comma = strchr(p, ',');
    return q && (!comma || q < comma) && strtod(q + 2, NULL) <= 0;
}

bool squeeze_accepted(const char *accept)
{
    for (const char *p = accept; p && *p; p = strchr(p, ',')) {
        p += strspn(p, ", \t");
        size_t n = strcspn(p, ",; \t");
        bool gzip = (n == 4 && strncasecmp(p, "gzip", 4) == 0) ||
                    (n == 6 && strncasecmp(p, "x-gzip", 6) == 0);
        if (gzip)
            return !weight_is_zero(p + n);
    }
    return false;
}
