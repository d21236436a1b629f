/* loop: the thread of an HTTP server: waits, lets libmicrohttpd run, gives the owner its turn.
 *
 * DESIGN. The library's own epoll thread waits without end when its ready set is an exact multiple
 * of 128, so it gets none: its epoll descriptor sits in ours and MHD_run(), which never blocks, is
 * called when that is ready. A turn is: run all that is ready, then after_turn(). Stopping: take
 * the listening socket away from the library first (otherwise it shuts it down, also for a process
 * that shares it), finish the requests under way, then stop. */
#include "core/httpd/httpd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/httpd/internal.h"

#define DRAIN_MS        1000
#define LAST_MS         200 /* for what had connected, to say what it wants */
#define BEAT_MS         1000
#define DEFAULT_CONNS   1000
#define DEFAULT_TIMEOUT 60
#define DEFAULT_MEMORY  (16u << 10)
#define DEFAULT_BODY    (64u << 10)
/* TLS 1.2 and later, with authenticated ciphers and keys that later leaks do not open. */
#define TLS_PRIORITIES                                                             \
    "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-CIPHER-ALL:+AES-128-GCM:" \
    "+AES-256-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD:%SERVER_PRECEDENCE"

__attribute__((format(printf, 2, 0))) static void log_library(void *cls, const char *fmt,
                                                              va_list args)
{
    char line[256];
    struct httpd *h = cls;
    if (strstr(fmt, "suspending accept") && !h->stalled_ms) /* it says so nowhere else */
        h->stalled_ms = clock_mono_ms();
    if (!log_enabled(LOG_DEBUG))
        return;
    (void)vsnprintf(line, sizeof line, fmt, args);
    line[strcspn(line, "\n")] = '\0';
    log_debug(NULL, "%s: %s", h->opt.name, line);
}

static struct MHD_Daemon *start_library(struct httpd *h)
{
    const struct httpd_options *o = &h->opt;
    const struct MHD_OptionItem end = {MHD_OPTION_END, 0, NULL};
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)tls_give},
        end,
    };
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)log_library, h}, /* first: it hears of the rest */
        {MHD_OPTION_LISTEN_SOCKET, h->listener.fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)o->max_connections, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)o->max_per_address, NULL}, /* 0: none */
        {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)o->timeout_s, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)o->memory_bytes, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)request_begin, h},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)request_keep_escapes, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)guest_notify, h},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)request_end, h},
        {MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL}, /* the thread blocks all signals */
        {MHD_OPTION_ARRAY, 0, o->tls ? tls : &tls[2]},
        end,
    };
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                                MHD_USE_SUPPRESS_DATE_NO_CLOCK | (o->tls ? MHD_USE_TLS : 0u),
                            0, NULL, NULL, request_go_on, h, MHD_OPTION_ARRAY, options,
                            MHD_OPTION_END);
}

/* How long the loop may sleep. */
static int next_wait_ms(struct httpd *h, int64_t owner_ms)
{
    MHD_UNSIGNED_LONG_LONG library_ms = 0;
    int64_t wait = h->resumed ? 0 : BEAT_MS; /* the library does not tell of resumed ones itself */
    h->resumed = false;
    if (owner_ms >= 0 && owner_ms < wait)
        wait = owner_ms;
    if (MHD_get_timeout(h->daemon, &library_ms) == MHD_YES && library_ms < (uint64_t)wait)
        wait = (int64_t)library_ms;
    return (int)wait;
}

static int64_t turn(struct httpd *h, bool stopping)
{
    (void)MHD_run(h->daemon);
    if (h->stalled_ms && clock_mono_ms() - h->stalled_ms >= BEAT_MS && guest_gives_way(h))
        h->stalled_ms = 0;
    atomic_store_explicit(&h->heartbeat_ms, clock_awake_ms(), memory_order_relaxed);
    return h->opt.after_turn ? h->opt.after_turn(h->opt.arg, stopping) : -1;
}

static void sleep_until_ready(struct httpd *h, int wait_ms)
{
    struct epoll_event ready[4];
    int n = epoll_wait(h->epoll_fd, ready, 4, wait_ms);
    for (int i = 0; i < n; i++) {
        uint64_t count;
        if (ready[i].data.fd == h->wake_fd)
            (void)!read(h->wake_fd, &count, sizeof count);
    }
}

static void answer_waiting(struct httpd *h)
{
    while (h->waiting) {
        struct httpd_response *r = httpd_response_new(MHD_HTTP_SERVICE_UNAVAILABLE, NULL, 0);
        httpd_answer(&h->waiting->pub, r);
        httpd_response_unref(r);
    }
}

/* Whoever connected a moment before the end is about to send a request: it is answered. */
static void serve_the_last(struct httpd *h)
{
    int64_t until = clock_mono_ms() + LAST_MS;
    for (;;) {
        (void)turn(h, false);
        const union MHD_DaemonInfo *info =
            MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
        int64_t left = until - clock_mono_ms();
        if (left <= 0 || !info || info->num_connections == 0)
            return;
        sleep_until_ready(h, next_wait_ms(h, left));
    }
}

static void drain(struct httpd *h)
{
    int64_t deadline = clock_mono_ms() + DRAIN_MS;
    (void)turn(h, false); /* takes what has already connected */
    (void)MHD_quiesce_daemon(h->daemon);
    listener_close(&h->listener);
    serve_the_last(h);
    (void)turn(h, true);
    h->draining = true;
    answer_waiting(h);
    while (h->in_flight) {
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0)
            break;
        (void)MHD_run(h->daemon);
        answer_waiting(h); /* those whose body was still coming in */
        if (h->in_flight)
            sleep_until_ready(h, next_wait_ms(h, left));
    }
    /* Suspended connections must be none when the library stops. */
    answer_waiting(h);
    (void)MHD_run(h->daemon);
}

static void *run(void *arg)
{
    struct httpd *h = arg;
    tls_serve_here(h->opt.tls);
    while (!atomic_load_explicit(&h->stop, memory_order_acquire)) {
        int64_t owner_ms = turn(h, false);
        sleep_until_ready(h, next_wait_ms(h, owner_ms));
    }
    drain(h);
    MHD_stop_daemon(h->daemon);
    h->daemon = NULL;
    return NULL;
}

enum rc httpd_watch(struct httpd *h, int fd, struct err *e)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    if (fd < 0 || epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
        return err_errno(e, "epoll");
    return RC_OK;
}

static enum rc start_thread(struct httpd *h, struct err *e)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    int code = pthread_create(&h->thread, NULL, run, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code) {
        errno = code;
        return err_errno(e, "thread");
    }
    h->started = true;
    (void)pthread_setname_np(h->thread, h->opt.name);
    return RC_OK;
}

static void set_defaults(struct httpd_options *o)
{
    struct rlimit files;
    o->max_connections = o->max_connections ? o->max_connections : DEFAULT_CONNS;
    /* Each needs a descriptor, and so do the other listener, the database and Google. */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && o->max_connections > files.rlim_cur / 3)
        o->max_connections = (unsigned)(files.rlim_cur / 3);
    o->timeout_s = o->timeout_s ? o->timeout_s : DEFAULT_TIMEOUT;
    o->memory_bytes = o->memory_bytes ? o->memory_bytes : DEFAULT_MEMORY;
    o->body_bytes = o->body_bytes ? o->body_bytes : DEFAULT_BODY;
}

enum rc httpd_start(struct httpd **ret, const struct httpd_options *opt, struct err *e)
{
    struct httpd *h = calloc(1, sizeof *h);
    if (!h)
        return err_errno(e, "http server");
    h->opt = *opt;
    set_defaults(&h->opt);
    h->listener.fd = h->dead_fd = -1;
    h->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_init(&h->heartbeat_ms, clock_awake_ms());
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0) {
        h->dead_fd = pair[0];
        close(pair[1]);
    }
    enum rc rc = httpd_watch(h, h->wake_fd, e);
    if (rc == RC_OK)
        rc = listener_open(&h->listener, &h->opt, e);
    if (rc == RC_OK && h->listener.exposed && h->opt.local_only)
        rc = err_set(e, RC_INVALID,
                     "the socket listens on an address that other machines reach, and there is no "
                     "[client] section: make one with `calmirror client add NAME`, or listen on "
                     "127.0.0.1, [::1] or a unix socket");
    if (rc == RC_OK) {
        h->exposed = h->listener.exposed;
        h->port = h->listener.port;
        h->daemon = start_library(h);
        if (!h->daemon)
            rc = err_set(e, RC_SYS, "%s: libmicrohttpd does not start", h->opt.listen);
    }
    if (rc == RC_OK) {
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        rc = httpd_watch(h, info ? info->epoll_fd : -1, e);
    }
    if (rc == RC_OK)
        rc = start_thread(h, e);
    if (rc) {
        httpd_free(h);
        return rc;
    }
    h->opt.listen = h->opt.socket_owner = NULL; /* borrowed for the start only */
    *ret = h;
    return RC_OK;
}

void httpd_wake(struct httpd *h)
{
    const uint64_t one = 1;
    (void)!write(h->wake_fd, &one, sizeof one);
}

void httpd_free(struct httpd *h)
{
    if (!h)
        return;
    if (h->started) {
        atomic_store_explicit(&h->stop, true, memory_order_release);
        httpd_wake(h);
        pthread_join(h->thread, NULL);
    } else if (h->daemon) {
        (void)MHD_quiesce_daemon(h->daemon);
        MHD_stop_daemon(h->daemon);
    }
    listener_close(&h->listener);
    if (h->epoll_fd >= 0)
        close(h->epoll_fd);
    if (h->wake_fd >= 0)
        close(h->wake_fd);
    if (h->dead_fd >= 0)
        close(h->dead_fd);
    free(h);
}

unsigned httpd_port(const struct httpd *h)
{
    return h->port;
}

bool httpd_is_exposed(const struct httpd *h)
{
    return h->exposed;
}

int64_t httpd_heartbeat_ms(const struct httpd *h)
{
    return atomic_load_explicit(&h->heartbeat_ms, memory_order_relaxed);
}
