/* guests: who is connected, and who must go when there is no more room.
 *
 * DESIGN. A listener has so many places. Whoever fills them with connections that say nothing must
 * not keep others out until some timeout ends, so near the limit each newcomer takes the place of
 * the one that was silent for longest: first of those that never sent a whole request, when they
 * are many, then of the others. So it goes a second after no descriptor was left for a newcomer:
 * the library then asks nobody in before a connection has ended. A request that waits for its
 * answer is not interrupted. Likewise with memory: when answers that are not taken are too much of
 * it, the one that is on its way for longest is given up. The library cannot be told to close a
 * connection, but notices when its socket is shut down. */
#include "core/httpd/guests.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "core/httpd/internal.h"

#define FULL(h)      ((h)->opt.max_connections - (h)->opt.max_connections / 8)
#define UNSENT_MOST  ((size_t)64 << 20)
#define STRANGERS(h) ((h)->opt.max_connections / 4)

static void leave(struct guest *g)
{
    struct guest_list *l = g->in;
    if (!l)
        return;
    *(g->older ? &g->older->newer : &l->oldest) = g->newer;
    *(g->newer ? &g->newer->older : &l->newest) = g->older;
    l->n--;
    g->in = NULL;
}

static void join(struct guest_list *l, struct guest *g)
{
    leave(g);
    g->in = l;
    g->newer = NULL;
    g->older = l->newest;
    *(l->newest ? &l->newest->newer : &l->oldest) = g;
    l->newest = g;
    l->n++;
}

static void forget_answer(struct httpd *h, struct guest *g)
{
    h->unsent -= g->unsent;
    g->unsent = 0;
}

static void evict(struct httpd *h, struct guest *g)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(g->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    leave(g);
    forget_answer(h, g);
    if (info)
        (void)shutdown(info->connect_fd, SHUT_RDWR);
}

bool guest_gives_way(struct httpd *h)
{
    bool strange = h->strangers.n > STRANGERS(h) || h->known.n == 0;
    struct guest *g = strange ? h->strangers.oldest : h->known.oldest;
    if (g)
        evict(h, g);
    return g;
}

void guest_notify(void *cls, struct MHD_Connection *conn, void **context,
                  enum MHD_ConnectionNotificationCode what)
{
    struct httpd *h = cls;
    struct guest *g = *context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        h->guests++;
        *context = g = calloc(1, sizeof *g);
        if (g) {
            g->conn = conn;
            join(&h->strangers, g);
        }
        if (h->guests > FULL(h))
            (void)guest_gives_way(h);
        return;
    }
    h->guests--;
    if (g) {
        leave(g);
        forget_answer(h, g);
    }
    free(g);
    *context = NULL;
}

static struct guest *guest_of(struct MHD_Connection *conn)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

void guest_asks(struct httpd *h, struct MHD_Connection *conn)
{
    struct guest *g = guest_of(conn);
    if (g && g->in)
        join(&h->known, g);
}

void guest_waits(struct MHD_Connection *conn)
{
    struct guest *g = guest_of(conn);
    if (g)
        leave(g);
}

void guest_is_answered(struct httpd *h, struct MHD_Connection *conn)
{
    struct guest *g = guest_of(conn);
    if (g)
        join(&h->known, g);
}

void guest_sends(struct httpd *h, struct MHD_Connection *conn, size_t n)
{
    struct guest *own = guest_of(conn);
    if (!own)
        return;
    forget_answer(h, own);
    own->unsent = n;
    h->unsent += n;
    for (struct guest *g = h->known.oldest, *next; g && h->unsent > UNSENT_MOST; g = next) {
        next = g->newer;
        if (g != own && g->unsent > 0)
            evict(h, g);
    }
}

void guest_is_done(struct httpd *h, struct MHD_Connection *conn)
{
    struct guest *g = guest_of(conn);
    if (g)
        forget_answer(h, g);
}
