/* server: the event loop: HTTP, timers, pings, signals.
 *
 * DESIGN: one thread. libmicrohttpd runs without its own thread: its epoll thread waits for ever
 * when the number of ready connections is a multiple of 128, so its epoll descriptor is one member
 * of ours and MHD_run(), which never blocks, is called in every round. */
#include "tests/emulator/server.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/emulator/deliver.h"
#include "tests/emulator/emu.h"
#include "tests/emulator/exchange.h"

#define ROUND_EVENTS 64

struct server {
    struct emu *emu;
    struct MHD_Daemon *daemon;
    int epoll, signals, mhd_epoll;
    bool woken; /* a connection was resumed that MHD_run() has not seen */
};

int server_epoll(const struct server *s)
{
    return s->epoll;
}

void server_wake(struct req *r)
{
    if (r->suspended) {
        r->suspended = false;
        MHD_resume_connection(r->conn);
        r->emu->server->woken = true;
    }
}

static void wake_due(void *arg)
{
    struct req *r = arg;
    r->timer = NULL;
    server_wake(r);
}

void server_wake_later(struct req *r, int64_t delay_ms)
{
    r->timer = timer_add(&r->emu->timers, delay_ms, wake_due, r);
}

/* Every connection begins a request here, with the URI before any decoding. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *conn)
{
    struct emu *e = cls;
    (void)conn;
    struct req *r = req_new(e, uri);
    r->next_live = e->live;
    if (e->live != NULL) {
        e->live->prev_live = r;
    }
    e->live = r;
    return r;
}

static size_t keep_escapes(void *cls, struct MHD_Connection *conn, char *s)
{
    (void)cls;
    (void)conn;
    return strlen(s);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **con_cls)
{
    struct req *r = *con_cls;
    (void)cls;
    (void)url;
    (void)version;
    if (!r->started) {
        /* An answer queued in this first call would close the connection. */
        r->started = true;
        r->conn = conn;
        r->method = method;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        r->too_big = r->too_big || r->body.len + *upload_size > REQ_BODY_MAX;
        if (!r->too_big) {
            buf_add(&r->body, upload, *upload_size);
        }
        *upload_size = 0;
        return MHD_YES;
    }
    switch (exchange_step(r)) {
    case STEP_WAIT:
        r->suspended = true;
        MHD_suspend_connection(conn);
        return MHD_YES;
    case STEP_SEND:
        return exchange_send(r);
    case STEP_DROP:
        break;
    }
    return MHD_NO;
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    struct req *r = *con_cls;
    (void)cls;
    (void)conn;
    (void)code;
    if (r == NULL) {
        return;
    }
    *con_cls = NULL;
    if (r->prev_live != NULL) {
        r->prev_live->next_live = r->next_live;
    } else {
        r->emu->live = r->next_live;
    }
    if (r->next_live != NULL) {
        r->next_live->prev_live = r->prev_live;
    }
    timer_cancel(&r->emu->timers, r->timer);
    deliver_forget(r->emu->channels.deliverer, r);
    fault_put(r->fault);
    req_free(r);
}

/* "host:port" or "[v6]:port". */
static int listen_socket(const char *listen_at)
{
    const char *colon = strrchr(listen_at, ':');
    if (colon == NULL) {
        fprintf(stderr, "gcal-emulator: --listen wants host:port, not '%s'\n", listen_at);
        return -1;
    }
    bool bracket = *listen_at == '[' && colon > listen_at && colon[-1] == ']';
    char *host = xstrndup(listen_at + bracket, (size_t)(colon - listen_at) - 2 * bracket);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    int bad = getaddrinfo(*host ? host : NULL, colon + 1, &hints, &found);
    free(host);
    if (bad) {
        fprintf(stderr, "gcal-emulator: %s: %s\n", listen_at, gai_strerror(bad));
        return -1;
    }
    int one = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
                    bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1024) != 0)) {
        fprintf(stderr, "gcal-emulator: %s: %s\n", listen_at, strerror(errno));
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static char *url_of_socket(int fd)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof(a);
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getsockname(fd, (struct sockaddr *)&a, &n) != 0 ||
        getnameinfo((struct sockaddr *)&a, n, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return xstrdup("http://127.0.0.1");
    }
    return strchr(host, ':') ? xprintf("http://[%s]:%s", host, port)
                             : xprintf("http://%s:%s", host, port);
}

static void watch_fd(struct server *s, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) != 0) {
        perror("gcal-emulator: epoll");
        abort();
    }
}

static int signal_fd(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

struct server *server_new(struct emu *e, const char *listen_at)
{
    int fd = listen_socket(listen_at);
    if (fd < 0) {
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    struct server *s = xalloc(sizeof(*s));
    s->emu = e;
    e->server = s;
    e->base_url = url_of_socket(fd);
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->signals = signal_fd();
    e->channels.deliverer = deliverer_new(e, s->epoll);
    s->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, e,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, e,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)64 << 10, MHD_OPTION_CONNECTION_LIMIT,
        16384u, MHD_OPTION_END);
    if (s->daemon == NULL) {
        fputs("gcal-emulator: cannot start the HTTP server\n", stderr);
        close(fd);
        server_free(s);
        return NULL;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    s->mhd_epoll = info->listen_fd;
    watch_fd(s, s->mhd_epoll);
    watch_fd(s, s->signals);
    return s;
}

static int wait_ms(const struct server *s)
{
    int64_t wait = timers_wait_ms(&s->emu->timers);
    MHD_UNSIGNED_LONG_LONG mhd;
    if (MHD_get_timeout(s->daemon, &mhd) == MHD_YES && (wait < 0 || (int64_t)mhd < wait)) {
        wait = (int64_t)mhd;
    }
    return wait > 60000 ? 60000 : (int)wait;
}

void server_run(struct server *s)
{
    for (;;) {
        struct epoll_event events[ROUND_EVENTS];
        int n = epoll_wait(s->epoll, events, ROUND_EVENTS, wait_ms(s));
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == s->signals) {
                return;
            }
            if (events[i].data.fd != s->mhd_epoll) {
                deliverer_ready(s->emu->channels.deliverer, events[i].data.fd, events[i].events);
            }
        }
        timers_run(&s->emu->timers);
        /* Without a thread of its own the daemon is not told of resumed connections: they wait
         * for the next MHD_run(), also when it was a handler that resumed them. */
        do {
            s->woken = false;
            MHD_run(s->daemon);
        } while (s->woken);
    }
}

void server_free(struct server *s)
{
    struct emu *e = s->emu;
    if (s->daemon != NULL) {
        int fd = MHD_quiesce_daemon(s->daemon);
        /* A daemon must not be stopped while connections are suspended. */
        for (struct req *r = e->live; r != NULL; r = r->next_live) {
            r->stage = STAGE_DROP;
            server_wake(r);
        }
        MHD_run(s->daemon);
        MHD_stop_daemon(s->daemon);
        if (fd >= 0) {
            close(fd);
        }
    }
    deliverer_free(e->channels.deliverer);
    e->channels.deliverer = NULL;
    close(s->epoll);
    close(s->signals);
    free(s);
}
