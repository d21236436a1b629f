/* guests: who is connected, and who must go when there is no more room. */
#ifndef CORE_HTTPD_GUESTS_H
#define CORE_HTTPD_GUESTS_H

#include <microhttpd.h>
#include <stdbool.h>

struct httpd;

/* A connection, by how long it has been silent; in no list while a request is under way. */
struct guest {
    struct MHD_Connection *conn;
    struct guest_list *in;
    struct guest *older, *newer;
    size_t unsent; /* of the answer under way */
};
struct guest_list {
    struct guest *oldest, *newest;
    unsigned n;
};

/* The library's callback, and what becomes of a connection: a whole request came in, it waits for
 * its answer, it has been given it. */
void guest_notify(void *cls, struct MHD_Connection *conn, void **context,
                  enum MHD_ConnectionNotificationCode what);
bool guest_gives_way(struct httpd *h); /* the most silent one; false: there is none */
void guest_asks(struct httpd *h, struct MHD_Connection *conn);
void guest_waits(struct MHD_Connection *conn);
void guest_is_answered(struct httpd *h, struct MHD_Connection *conn);
/* An answer, of so many bytes that nobody else holds, begins to be sent to it; that has ended. */
void guest_sends(struct httpd *h, struct MHD_Connection *conn, size_t n);
void guest_is_done(struct httpd *h, struct MHD_Connection *conn);

#endif
