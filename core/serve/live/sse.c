/* sse: the form of server-sent events (HTML Standard, section 9.2). */
#include "core/serve/live/sse.h"

#include "core/base/rfc3339.h"
#include "core/serve/door.h"

void sse_begin(struct buf *out, const char *name)
{
    buf_printf(out, "event: %s\ndata: ", name);
}

void sse_end(struct buf *out, const struct lineage *l, uint32_t view, const struct cursor *at)
{
    char text[CURSOR_MAX];
    cursor_write(text, l, view, at);
    buf_printf(out, "\nid: %s\n\n", text);
}

void sse_end_without_id(struct buf *out)
{
    buf_add_text(out, "\n\n");
}

void sse_head(struct call *c, struct buf *out)
{
    char date[RFC3339_MAX];
    const char *origin = door_cors_origin(c);
    (void)rfc3339_write_http(date, c->now_ms);
    /* The body ends with the connection: no framing has to be put around what is shared by all. */
    buf_printf(out,
               "HTTP/1.1 200 OK\r\nDate: %s\r\nConnection: close\r\n"
               "Content-Type: text/event-stream; charset=utf-8\r\n"
               "Cache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\n",
               date);
    if (door_has_origins(c->conf))
        buf_add_text(out, "Vary: Origin\r\n");
    if (origin)
        buf_printf(out, "Access-Control-Allow-Origin: %s\r\n", origin);
    buf_add_text(out, "\r\n");
}
