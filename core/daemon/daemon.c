/* daemon: starts the parts of the service in order, keeps watch, stops them in reverse.
 *
 * DESIGN. One table lists the parts; a part that fails to start stops those before it. The main
 * thread then does nothing but wait for signals and look at heartbeats: every other thread has one,
 * moved on by real progress only (a turn of a loop, bytes of an answer), and the watchdog of the
 * service manager is fed while all of them are fresh. So a wedged worker gets the service
 * restarted, however well the rest may look.
 *
 * When the database turns out to be damaged in its structure, which shows as errors in whatever
 * reads or writes, all parts are stopped and started again: the store then sets the file aside and
 * everything is fetched anew from Google.
 *
 * Configurations are counted: a part that keeps one holds a reference of its own. Besides, the one
 * that the parts were started with is held until they are started anew, since some borrow from it.
 */
#include "core/daemon/daemon.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/must.h"
#include "core/calendar/zone.h"
#include "core/control/control.h"
#include "core/conf/print.h"
#include "core/daemon/activation.h"
#include "core/daemon/build.h"
#include "core/daemon/notify.h"
#include "core/daemon/operator.h"
#include "core/daemon/state.h"
#include "core/ping/ping.h"
#include "core/push/push.h"
#include "core/queue/queue.h"
#include "core/serve/live/hook_feed.h"
#include "core/serve/serve.h"
#include "core/sync/sync.h"
#include "storage/guard.h"
#include "storage/store.h"

#define SETTLE_MS          10 /* further notifications of the same burst come within this */
#define HEARTBEAT_MOST_MS  (20 * 1000) /* a thread that says nothing for so long is stuck, */
#define HEARTBEAT_LEAST_MS (3 * 1000)  /* or for half of a short watchdog; one beat a second */
#define HOUSEKEEPING_MS    (60 * 1000)
#define LOOK_MS            1000             /* how often heartbeats are looked at */
#define ANEW_LEAST_MS      (10 * 60 * 1000) /* breaking sooner again is not the store's fault */

struct daemon {
    const struct conf *conf;  /* in force */
    const struct conf *began; /* with which the parts were started: some read it where it stands */
    struct store *store;
    struct vault *vault; /* NULL: it could not be opened */
    struct queue *queue;
    struct sync *sync;
    struct push *push;
    struct control *control; /* NULL: nobody can sign in */
    struct serve *serve;
    struct ping *ping;
    pthread_t scrubber;
    bool scrubbing;
    atomic_bool stopping;
    bool started;       /* once, at least */
    bool accounts_owed; /* those of the configuration in force */
    int signals;        /* signalfd */
};

/* ---- the parts ------------------------------------------------------------------------------- */

static enum rc start_store(struct daemon *d, struct err *e)
{
    return state_open(d->conf, &d->store, e);
}

static void stop_store(struct daemon *d)
{
    store_close(d->store);
}

static enum rc start_vault(struct daemon *d, struct err *e)
{
    (void)e; /* what it is needed for says so itself; reads do without it */
    d->vault = state_vault(d->conf);
    return RC_OK;
}

static void stop_vault(struct daemon *d)
{
    vault_free(d->vault);
}

static enum rc start_queue(struct daemon *d, struct err *e)
{
    (void)e;
    d->queue = queue_new();
    queue_set_settle(d->queue, SETTLE_MS);
    return RC_OK;
}

static void stop_queue(struct daemon *d)
{
    queue_free(d->queue);
}

/* As long as they cannot be written down that is tried again: what is not to be shown any more must
 * go. */
static void note_accounts(struct daemon *d, bool owed, const struct err *why)
{
    if (owed && !d->accounts_owed)
        log_err(NULL, "accounts not taken over, which is tried again: %s", why->text);
    else if (!owed && d->accounts_owed)
        log_notice(NULL, "accounts taken over");
    d->accounts_owed = owed;
}

static enum rc start_sync(struct daemon *d, struct err *e)
{
    bool owed = false;
    struct sync_options opt = {.store = d->store,
                               .queue = d->queue,
                               .conf = d->conf,
                               .vault = d->vault,
                               .ret_owed = &owed,
                               .told = serve_told};

    enum rc rc = sync_new(&d->sync, &opt, e);
    if (rc == RC_OK)
        note_accounts(d, owed, e);
    return rc == RC_OK ? sync_load(d->sync, e) : rc;
}

static void stop_sync(struct daemon *d)
{
    sync_free(d->sync);
}

static enum rc start_push(struct daemon *d, struct err *e)
{
    enum rc rc = push_new(&d->push, d->conf, d->store, &serve_hook_feed, e);

    return rc == RC_OK ? push_start(d->push, e) : rc;
}

static void stop_push(struct daemon *d)
{
    if (d->push)
        push_stop(d->push);
    push_free(d->push);
}

static enum rc start_serve(struct daemon *d, struct err *e)
{
    char operator_hash[BEARER_HASH_SIZE];
    struct err odd = {0};
    enum rc rc = serve_new(&d->serve, d->conf, d->store, d->queue, e);

    if (rc != RC_OK)
        return rc;
    if (operator_token_make(d->conf->mirror.state_dir, operator_hash, &odd) == RC_OK)
        serve_set_operator(d->serve, operator_hash);
    else
        log_warning(NULL, "calmirror will need a client's token: %s", odd.text);
    serve_set_push(d->serve, d->push);
    serve_set_build(d->serve, build_facts());
    return serve_start(d->serve, activation_take("api"), e);
}

static void stop_serve(struct daemon *d)
{
    if (d->serve)
        serve_stop(d->serve);
    serve_free(d->serve);
}

static enum rc start_ping(struct daemon *d, struct err *e)
{
    const struct conf *conf = d->conf;
    struct ping_options opt = {.listen = conf->webhook.listen,
                               .inherited_fd = activation_take("hook"),
                               .public_url = conf->webhook.public_url,
                               .tls_cert = conf->webhook.tls_cert,
                               .tls_key = conf->webhook.tls_key,
                               .site_verification = conf->webhook.site_verification,
                               .store = d->store,
                               .queue = d->queue};

    if (conf->webhook.public_url[0] == '\0') {
        log_notice(NULL, "no webhook.public_url: Google cannot notify us, calendars are polled");
        return RC_OK;
    }
    return ping_start(&d->ping, &opt, e);
}

static void stop_ping(struct daemon *d)
{
    ping_stop(d->ping);
}

static enum rc start_workers(struct daemon *d, struct err *e)
{
    return sync_start(d->sync, (unsigned)d->conf->mirror.workers, e);
}

static void stop_workers(struct daemon *d)
{
    if (d->sync)
        sync_stop(d->sync);
}

static void credential_changed(void *arg, const char *account)
{
    struct daemon *d = arg;

    sync_credential_changed(d->sync, account);
}

static enum rc start_control(struct daemon *d, struct err *e)
{
    struct control_options opt = {
        .conf = d->conf, .vault = d->vault, .changed = credential_changed, .arg = d};

    if (control_start(&d->control, &opt, e) != RC_OK)
        log_warning(NULL, "nobody can sign in or out: %s", e->text);
    return RC_OK;
}

static void stop_control(struct daemon *d)
{
    control_stop(d->control);
}

static bool scrub_stop(void *arg)
{
    struct daemon *d = arg;

    return atomic_load(&d->stopping);
}

static void *scrub(void *arg)
{
    struct daemon *d = arg;
    uint64_t found = store_scrub(d->store, scrub_stop, d);

    if (found)
        log_err(NULL, "%llu damaged records; their calendars are fetched anew",
                (unsigned long long)found);
    return NULL;
}

/* Reads every record once, so that damage is found before somebody asks for it. */
static enum rc start_scrub(struct daemon *d, struct err *e)
{
    int error = pthread_create(&d->scrubber, NULL, scrub, d);

    if (error) {
        errno = error;
        return err_errno(e, "scrubber");
    }
    d->scrubbing = true;
    return RC_OK;
}

static void stop_scrub(struct daemon *d)
{
    if (d->scrubbing)
        pthread_join(d->scrubber, NULL);
}

static const struct part {
    const char *name;
    enum rc (*start)(struct daemon *d, struct err *e);
    void (*stop)(struct daemon *d); /* called for parts that did not start, too */
} parts[] = {
    {"store", start_store, stop_store},       {"vault", start_vault, stop_vault},
    {"queue", start_queue, stop_queue},       {"accounts", start_sync, stop_sync},
    {"notifier", start_push, stop_push},      {"local API", start_serve, stop_serve},
    {"webhook", start_ping, stop_ping},       {"workers", start_workers, stop_workers},
    {"control", start_control, stop_control}, {"scrubber", start_scrub, stop_scrub},
};

#define N_PARTS (sizeof(parts) / sizeof(*parts))

static void stop_parts(struct daemon *d, size_t n)
{
    atomic_store(&d->stopping, true);
    while (n-- > 0) {
        log_debug(NULL, "stopping %s", parts[n].name);
        parts[n].stop(d);
    }
}

static enum rc start_parts(struct daemon *d, struct err *e)
{
    for (size_t i = 0; i < N_PARTS; i++) {
        enum rc rc = parts[i].start(d, e);

        if (rc != RC_OK) {
            stop_parts(d, i + 1);
            return rc;
        }
    }
    return RC_OK;
}

/* ---- keeping watch --------------------------------------------------------------------------- */

/* A heartbeat older than this means stuck: early enough for the watchdog to act in its time. */
static int64_t heartbeat_most_ms(void)
{
    int64_t most_ms = notify_watchdog_ms();

    if (most_ms == 0 || most_ms > HEARTBEAT_MOST_MS)
        return HEARTBEAT_MOST_MS;
    return most_ms > HEARTBEAT_LEAST_MS ? most_ms : HEARTBEAT_LEAST_MS;
}

/* Which kind of thread makes no progress; NULL: all do. */
static const char *stuck_thread(const struct daemon *d)
{
    int64_t now_ms = clock_awake_ms(), most_ms = heartbeat_most_ms();

    if (sync_oldest_heartbeat_ms(d->sync) >= most_ms)
        return "a sync worker";
    if (now_ms - serve_heartbeat_ms(d->serve) >= most_ms)
        return "the local API";
    if (now_ms - push_heartbeat_ms(d->push) >= most_ms)
        return "the sender of notifications";
    if (d->ping && now_ms - ping_heartbeat_ms(d->ping) >= most_ms)
        return "the webhook";
    return NULL;
}

/* One record for each line, so that none is hidden in another. */
static void log_each(enum log_level level, const char *what, const struct buf *lines)
{
    for (const char *p = buf_text(lines); *p;) {
        size_t n = strcspn(p, "\n");
        log_write(level, NULL, "%s: %.*s", what, (int)n, p);
        p += n + (p[n] == '\n');
    }
}

static void take_accounts(struct daemon *d)
{
    struct err e = {0};

    note_accounts(d, sync_reload(d->sync, d->conf, &e) != RC_OK, &e);
}

static void reload(struct daemon *d)
{
    struct buf problems = {0}, live = {0}, restart = {0};
    struct conf *conf = NULL;

    notify_reloading();
    ping_look(d->ping, true);
    if (conf_load(d->conf->path, &conf, &problems) == RC_OK)
        conf_diff(d->conf, conf, &live, &restart);
    else
        log_each(LOG_ERR, "configuration not reloaded, the old one stays in force", &problems);
    if (conf) {
        conf_free(d->conf);
        d->conf = conf;
        log_each(LOG_WARNING, "takes effect only after a restart", &restart);
        log_set_level(conf_log_level(conf));
        serve_reload(d->serve, conf);
        push_reload(d->push, conf);
        control_reload(d->control, conf);
        take_accounts(d);
        log_each(LOG_NOTICE, "configuration reloaded", &live);
        if (!live.n)
            log_notice(NULL, "configuration reloaded: nothing new");
    }
    buf_release(&problems);
    buf_release(&live);
    buf_release(&restart);
    notify_ready();
}

/* False: it is time to stop. */
static bool take_signal(struct daemon *d)
{
    struct signalfd_siginfo info;

    if (read(d->signals, &info, sizeof(info)) != sizeof(info))
        return true;
    if (info.ssi_signo == SIGHUP) {
        reload(d);
        return true;
    }
    log_notice(NULL, "stopping on %s", info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
    return false;
}

static void keep_house(struct daemon *d)
{
    struct queue_totals totals;

    store_reap_readers(d->store);
    queue_totals(d->queue, &totals);
    notify_status("following %llu collections, %llu due, %llu running",
                  (unsigned long long)totals.collections, (unsigned long long)totals.due,
                  (unsigned long long)totals.running);
}

/* Until it is time to stop; true when it is to start anew. */
static bool watch(struct daemon *d)
{
    int64_t house_ms = 0, fed_ms = 0;
    const char *stuck = NULL;

    for (;;) {
        struct pollfd pfd = {.fd = d->signals, .events = POLLIN};
        int64_t watchdog_ms = notify_watchdog_ms();
        int wait_ms = watchdog_ms && watchdog_ms < LOOK_MS ? (int)watchdog_ms : LOOK_MS;

        if (poll(&pfd, 1, wait_ms) > 0 && !take_signal(d))
            return false;
        ping_look(d->ping, false);
        if (store_is_broken(d->store) || push_is_broken(d->push))
            return true;
        if (d->accounts_owed)
            take_accounts(d);
        int64_t now_ms = clock_awake_ms();
        const char *now_stuck = stuck_thread(d);
        if (now_stuck && !stuck)
            log_err(NULL, "%s makes no progress: the watchdog is not fed", now_stuck);
        if (stuck && !now_stuck)
            log_err(NULL, "%s makes progress again", stuck);
        stuck = now_stuck;
        if (!stuck && watchdog_ms && now_ms - fed_ms >= watchdog_ms / 2) {
            notify_watchdog();
            fed_ms = now_ms;
        }
        if (now_ms - house_ms >= HOUSEKEEPING_MS) {
            keep_house(d);
            house_ms = now_ms;
        }
    }
}

/* All threads inherit the mask: signals come through the descriptor, to the main thread alone. */
static enum rc take_over_signals(struct daemon *d, struct err *e)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGCHLD, SIG_DFL); /* may be inherited as ignored: hooks' programs have a status */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk, not the end */
    d->signals = signalfd(-1, &set, SFD_CLOEXEC);
    return d->signals < 0 ? err_errno(e, "signalfd") : RC_OK;
}

static int exit_status(enum rc rc)
{
    if (rc == RC_OK)
        return EX_OK;
    if (rc == RC_INVALID || rc == RC_AUTH)
        return EX_CONFIG;
    if (rc == RC_FULL)
        return EX_CANTCREAT;
    return rc == RC_AGAIN ? EX_UNAVAILABLE : EX_OSERR;
}

/* What start_parts() fills, as it was before. */
static void forget_parts(struct daemon *d)
{
    d->store = NULL;
    d->vault = NULL;
    d->queue = NULL;
    d->sync = NULL;
    d->control = NULL;
    d->serve = NULL;
    d->ping = NULL;
    d->push = NULL;
    d->scrubbing = false;
    atomic_store(&d->stopping, false);
}

/* From start to stop; *ret_anew: the store is broken, and wants to be opened again. */
static enum rc live(struct daemon *d, bool *ret_anew, struct err *e)
{
    conf_free(d->began);
    d->began = conf_ref(d->conf);

    enum rc rc = start_parts(d, e);

    if (rc != RC_OK)
        return rc;
    log_notice(NULL, "calmirrord " CALMIRROR_VERSION " serves on %s", d->conf->api.listen);
    notify_ready();
    d->started = true;
    *ret_anew = watch(d);
    if (!*ret_anew)
        notify_stopping();
    serve_drain(d->serve); /* /readyz says no from now on */
    stop_parts(d, N_PARTS);
    forget_parts(d);
    return RC_OK;
}

static enum rc run(struct daemon *d, struct err *e)
{
    int64_t anew_ms = 0; /* when it was last started so */

    for (;;) {
        bool anew = false;
        enum rc rc = live(d, &anew, e);

        if (rc != RC_OK || !anew)
            return rc;
        int64_t now_ms = clock_mono_ms();
        if (anew_ms && now_ms - anew_ms < ANEW_LEAST_MS)
            return err_set(e, RC_SYS,
                           "the database broke twice within minutes: is the disk sound?");
        log_err(NULL, "the database cannot be used as it is open now: starting anew");
        anew_ms = now_ms;
    }
}

/* Answers of some hundred KiB come and go all the time: they are taken from the heap, and its end
 * is kept, or each would be paid for page by page. Larger ones (pages of a listing) go back. */
static void size_heap(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 2 << 20);
}

/* Shells give a process a thousand descriptors, and let it have more. */
static void allow_connections(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

int daemon_run(struct conf *conf)
{
    struct daemon *d = must(calloc(1, sizeof(*d)));
    struct err e = {0};

    d->signals = -1;
    d->conf = conf;
    (void)prctl(PR_SET_DUMPABLE, 0); /* access tokens are in memory */
    size_heap();
    allow_connections();
    notify_init();
    log_set_level(conf_log_level(conf));
    zone_set_dir(conf->mirror.zoneinfo);

    enum rc rc = take_over_signals(d, &e);
    if (rc == RC_OK)
        rc = run(d, &e);
    if (rc == RC_OK)
        log_notice(NULL, "stopped");
    else
        log_err(NULL, "%s: %s", d->started ? "stopped" : "not started", e.text);
    if (d->signals >= 0)
        close(d->signals);
    conf_free(d->conf);
    conf_free(d->began);
    free(d);
    return exit_status(rc);
}
