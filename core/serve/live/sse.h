/* sse: the form of server-sent events (HTML Standard, section 9.2). */
#ifndef CORE_SERVE_LIVE_SSE_H
#define CORE_SERVE_LIVE_SSE_H

#include "core/serve/call.h"
#include "core/serve/live/cursor.h"

#define SSE_RETRY_MS 2000

/* "event: NAME\ndata: " and the data, which is one line; no end yet. */
void sse_begin(struct buf *out, const char *name);
/* The id, which comes last so that it can be replaced, and the end of the event. */
void sse_end(struct buf *out, const struct lineage *l, uint32_t view, const struct cursor *at);
void sse_end_without_id(struct buf *out);

/* The head of the response, for a socket that was taken over. */
void sse_head(struct call *c, struct buf *out);

#endif
