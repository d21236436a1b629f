/* stream: one open connection of server-sent events.
 *
 * DESIGN. Nobody waits for a reader, and none has a queue. What is new goes straight from the
 * shared chunk into the socket. If that takes only part of it, the stream keeps a reference to that
 * one chunk and falls behind: when the chunk is through, it reads on in the store from where the
 * chunk ended, as a reader does that comes back after a restart. So a slow one costs no memory but
 * the chunk, and sees the changes it missed merged, as the log has them. One that takes no byte for
 * [api] stream_stall is cut, with an event that says so and behind which it can resume.
 *
 * A socket is in the epoll set of the live side, with EPOLLOUT only while something is to be sent.
 * What a client sends is read and dropped: unread, it would turn our close into a reset, which can
 * take the last event away from the client. */
#include "core/serve/live/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/rand.h"
#include "core/serve/live/group.h"
#include "core/serve/live/sse.h"

#define SEND_BUFFER  (128 << 10) /* in the kernel, for each stream that lags */
#define LOST_PEER_MS (60 * 1000) /* for unacknowledged data, then the peer is gone */
#define BEAT_MS      (15 * 1000) /* of silence, at least; at most twice that */
#define FAREWELL_MS  (30 * 1000) /* for the last event to get through */
#define RETRY_SPREAD 3000        /* ms: so that not all come back at once */

static struct stream *of_ring(struct link *l)
{
    return (struct stream *)((char *)l - offsetof(struct stream, ring));
}

struct chunk *chunk_new(const struct buf *text, const struct cursor *end)
{
    struct chunk *c = text->failed ? NULL : malloc(sizeof(*c) + text->n);
    if (!c)
        return NULL;
    c->refs = 1;
    c->n = text->n;
    c->end = *end;
    if (text->n > 0)
        memcpy(c->text, text->p, text->n);
    return c;
}

void chunk_unref(struct chunk *c)
{
    if (c && --c->refs == 0)
        free(c);
}

bool stream_open(struct live *l, struct group *g, struct httpd_request *req, struct chunk *first)
{
    struct stream *s = malloc(sizeof(*s));
    if (!s)
        return false;
    int64_t now_ms = clock_mono_ms();
    *s = (struct stream){.group = g,
                         .req = req,
                         .out = first,
                         .at = first->end,
                         .moved_ms = now_ms,
                         .sent_ms = now_ms,
                         .fd = -1,
                         .state = STREAM_JOINING};
    link_add(&l->joining, &s->link);
    link_add(&l->ring, &s->ring);
    l->counters.streams++;
    l->counters.opened++;
    return true;
}

static void forget(struct live *l, struct stream *s)
{
    group_skip(s->group, s);
    if (l->rover == &s->ring)
        l->rover = s->ring.next;
    link_remove(&s->link);
    link_remove(&s->ring);
    chunk_unref(s->out);
    group_leave(l, s->group);
    free(s);
    l->counters.streams--;
}

void stream_close(struct live *l, struct stream *s)
{
    if (s->fd >= 0) {
        /* A program that is just being started has all our sockets, too: closing this one would
         * leave it in the epoll set. */
        (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
        close(s->fd);
    }
    forget(l, s);
}

static void set_up_socket(int fd)
{
    const int send_buffer = SEND_BUFFER, on = 1;
    const unsigned lost_ms = LOST_PEER_MS;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails for unix sockets */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &lost_ms, sizeof(lost_ms));
}

static void listen_for(const struct live *l, struct stream *s, int op, bool out)
{
    struct epoll_event ev = {.events = EPOLLIN | (out ? EPOLLOUT : 0u), .data.ptr = s};
    (void)epoll_ctl(l->epoll_fd, op, s->fd, &ev);
}

static bool take_over(struct live *l, struct stream *s)
{
    s->fd = httpd_take_over(s->req);
    if (s->fd < 0) {
        struct httpd_response *r = httpd_response_new(503, NULL, 0);
        httpd_answer(s->req, r);
        httpd_response_unref(r);
        return false;
    }
    s->req = NULL;
    set_up_socket(s->fd);
    listen_for(l, s, EPOLL_CTL_ADD, true);
    link_remove(&s->link);
    link_add(&l->behind, &s->link);
    s->state = STREAM_BEHIND;
    return true;
}

/* Sends of `out` what the socket takes. False: the stream is gone. */
static bool go_on(struct live *l, struct stream *s)
{
    int64_t now_ms = clock_mono_ms();
    size_t left = s->out->n - s->out_at;
    ssize_t n = send(s->fd, s->out->text + s->out_at, left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        stream_close(l, s);
        return false;
    }
    if (n > 0) {
        s->sent_ms = now_ms;
        if (s->state != STREAM_ENDING)
            s->moved_ms = now_ms;
        s->out_at += (size_t)n;
    }
    if (s->out_at < s->out->n)
        return true;
    chunk_unref(s->out);
    s->out = NULL;
    if (s->state == STREAM_ENDING) {
        stream_close(l, s);
        return false;
    }
    listen_for(l, s, EPOLL_CTL_MOD, false);
    l->more |= s->state == STREAM_BEHIND;
    return true;
}

void streams_take_over(struct live *l)
{
    for (struct link *at = l->joining.next, *next; at != &l->joining; at = next) {
        next = at->next;
        struct stream *s = (struct stream *)at;
        if (take_over(l, s))
            (void)go_on(l, s);
        else
            forget(l, s);
    }
}

void stream_fall_behind(struct live *l, struct stream *s, const struct cursor *at)
{
    group_skip(s->group, s);
    s->at = *at;
    s->state = STREAM_BEHIND;
    link_remove(&s->link);
    link_add(&l->behind, &s->link);
    l->more = true;
}

void stream_go_live(struct stream *s)
{
    s->state = STREAM_LIVE;
    link_remove(&s->link);
    link_add(&s->group->live, &s->link);
}

bool stream_send(struct live *l, struct stream *s, struct chunk *c)
{
    ssize_t n = send(s->fd, c->text, c->n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        stream_close(l, s);
        return false;
    }
    int64_t now_ms = clock_mono_ms();
    if (n > 0)
        s->sent_ms = now_ms;
    s->at = c->end;
    if (n == (ssize_t)c->n)
        return true;
    c->refs++;
    s->out = c;
    s->out_at = n > 0 ? (size_t)n : 0;
    s->moved_ms = now_ms;
    listen_for(l, s, EPOLL_CTL_MOD, true);
    if (s->state == STREAM_LIVE)
        stream_fall_behind(l, s, &c->end);
    return true;
}

/* Reads what the client has to say, which is nothing. False: it is gone. */
static bool hear_out(struct live *l, struct stream *s)
{
    char scratch[4096];
    ssize_t n = recv(s->fd, scratch, sizeof(scratch), MSG_DONTWAIT);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return true;
    stream_close(l, s);
    return false;
}

void stream_ready(struct live *l, struct stream *s, uint32_t events)
{
    if (events & EPOLLERR) {
        stream_close(l, s);
        return;
    }
    if ((events & (EPOLLIN | EPOLLHUP)) && !hear_out(l, s))
        return;
    if ((events & EPOLLOUT) && s->out)
        (void)go_on(l, s);
}

/* What has to be sent of `out` so that the reader has whole events. */
static struct span rest_of_event(const struct stream *s)
{
    if (!s->out || s->out_at == 0)
        return (struct span){0};
    const char *from = s->out->text + s->out_at, *end = s->out->text + s->out->n;
    const char *before = from - 1; /* the empty line may have been sent by half */
    if (*before == '\n' && (s->out_at < 2 || before[-1] == '\n'))
        return (struct span){0};
    const char *stop = memmem(before, (size_t)(end - before), "\n\n", 2);
    return (struct span){from, (size_t)((stop ? stop + 2 : end) - from)};
}

void stream_end(struct live *l, struct stream *s, const char *reason)
{
    struct buf text = {0};
    bool head = s->out && s->out->text[0] == 'H'; /* not sent whole: nobody listens yet */
    if (s->state == STREAM_ENDING)
        return;
    buf_add_span(&text, rest_of_event(s));
    buf_printf(&text, "retry: %u\n",
               (unsigned)rand_between(SSE_RETRY_MS / 2, SSE_RETRY_MS / 2 + RETRY_SPREAD));
    sse_begin(&text, "end");
    buf_printf(&text, "{\"type\":\"end\",\"reason\":\"%s\"}", reason);
    sse_end_without_id(&text);
    struct chunk *last = head ? NULL : chunk_new(&text, &s->at);
    buf_release(&text);
    if (!last) {
        stream_close(l, s);
        return;
    }
    chunk_unref(s->out);
    s->out = last;
    s->out_at = 0;
    group_skip(s->group, s);
    link_remove(&s->link);
    link_add(&l->behind, &s->link);
    s->state = STREAM_ENDING;
    s->moved_ms = clock_mono_ms() + FAREWELL_MS;
    listen_for(l, s, EPOLL_CTL_MOD, true);
    (void)go_on(l, s);
}

static void look_for_stalled(struct live *l, int64_t now_ms)
{
    int64_t stall_ms = l->serve->conf->api.stream_stall_ms;
    for (struct link *at = l->behind.next, *next; at != &l->behind; at = next) {
        next = at->next;
        struct stream *s = (struct stream *)at;
        if (!s->out)
            continue;
        if (s->state == STREAM_ENDING && now_ms >= s->moved_ms) {
            stream_close(l, s);
        } else if (s->state == STREAM_BEHIND && now_ms - s->moved_ms >= stall_ms) {
            l->counters.cut++;
            stream_end(l, s, "slow");
        }
    }
}

/* A part of all streams each time, so that a round takes BEAT_MS and they do not beat at once. */
static void beat(struct live *l, int64_t now_ms)
{
    static const char text[] = ":\n\n";
    unsigned n = l->counters.streams / (BEAT_MS / 1000) + 1;
    for (unsigned i = 0; i < n; i++) {
        struct link *at = l->rover;
        if (at == &l->ring)
            at = at->next;
        if (at == &l->ring)
            return;
        l->rover = at->next;
        struct stream *s = of_ring(at);
        if (s->state != STREAM_LIVE || s->out || now_ms - s->sent_ms < BEAT_MS)
            continue;
        ssize_t sent = send(s->fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        bool whole = sent == (ssize_t)sizeof(text) - 1;
        if (whole || (sent < 0 && (errno == EAGAIN || errno == EINTR)))
            s->sent_ms = now_ms;
        else
            stream_close(l, s);
    }
}

void streams_look_after(struct live *l)
{
    int64_t now_ms = clock_mono_ms();
    look_for_stalled(l, now_ms);
    beat(l, now_ms);
}
