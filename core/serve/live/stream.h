/* stream: one open connection of server-sent events. */
#ifndef CORE_SERVE_LIVE_STREAM_H
#define CORE_SERVE_LIVE_STREAM_H

#include "core/serve/live/internal.h"

struct chunk *chunk_new(const struct buf *text, const struct cursor *end); /* NULL: no memory */
void chunk_unref(struct chunk *c);                                         /* NULL ok */

/* Takes the reader of `g` in: `first` (taken over) is what it is sent first, head included. False:
 * no memory. */
bool stream_open(struct live *l, struct group *g, struct httpd_request *req, struct chunk *first);
/* Takes over the sockets of those that came in since. */
void streams_take_over(struct live *l);
/* Sends a chunk to a stream that sends nothing. False: the stream is gone. */
bool stream_send(struct live *l, struct stream *s, struct chunk *c);
/* What epoll says of it. */
void stream_ready(struct live *l, struct stream *s, uint32_t events);
/* Makes it read on from a place. */
void stream_fall_behind(struct live *l, struct stream *s, const struct cursor *at);
/* It has caught up. */
void stream_go_live(struct stream *s);
/* Says why, as the last event, and closes as soon as that is sent. */
void stream_end(struct live *l, struct stream *s, const char *reason);
void stream_close(struct live *l, struct stream *s);
/* Once a second: heartbeats, readers that take nothing. */
void streams_look_after(struct live *l);

#endif
