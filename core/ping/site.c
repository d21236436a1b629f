/* site: the proof that Google's Search Console asks of whoever says that a host is theirs. */
#include "core/ping/site.h"

#include "core/base/must.h"

void site_make(struct site *s, const char *proof)
{
    size_t n = proof ? strlen(proof) : 0;

    if (n == 0)
        return;
    if (n > 5 && strcmp(proof + n - 5, ".html") == 0) {
        buf_printf(&s->path, "/%s", proof);
        buf_printf(&s->body, "google-site-verification: %s", proof);
    } else {
        buf_add_text(&s->path, "/");
        buf_printf(&s->body,
                   "<!doctype html><meta name=\"google-site-verification\" "
                   "content=\"%s\"><title></title>\n",
                   proof);
    }
    must_hold(&s->path);
    must_hold(&s->body);
}

bool site_has(const struct site *s, const char *method, struct span path)
{
    return s->path.n > 0 && span_eq(path, buf_span(&s->path)) &&
           (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0);
}

void site_release(struct site *s)
{
    buf_release(&s->path);
    buf_release(&s->body);
}
