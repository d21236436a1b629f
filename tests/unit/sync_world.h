/* sync_world: the real gcal-emulator, a real store and queue, the sync workers and the webhook in
 * this process. */
#ifndef TESTS_UNIT_SYNC_WORLD_H
#define TESTS_UNIT_SYNC_WORLD_H

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/http/http.h"
#include "core/ping/ping.h"
#include "core/sync/sync.h"
#include "storage/accounts.h"
#include "storage/channels.h"
#include "storage/events.h"
#include "storage/items.h"
#include "storage/jobs.h"

#define ME "me@example.com"

struct world {
    char dir[64];
    pid_t emulator;
    char url[64];
    int hook_fd, hook_port; /* 0: polling only */
    char sync_options[512];
    char account[16]; /* its name */
    char account_options[512];
    struct http_client *http;
    struct http_response answer; /* of the last call */
    struct conf *conf;
    struct store *store;
    struct queue *queue;
    struct sync *sync;
    struct ping *ping;
};

/* Polls the condition; fails after a minute, times what a slow build is given. */
#define WAIT(condition)                                              \
    do {                                                             \
        int64_t until_ = world_now_us() + world_patience_us();       \
        while (!(condition)) {                                       \
            if (world_now_us() > until_)                             \
                fail_msg("waited in vain for: %s", #condition);      \
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); \
        }                                                            \
    } while (0)

/* Not core/base/clock: tests shift that. */
static inline int64_t world_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static inline int64_t world_patience_us(void)
{
    const char *factor = getenv("CALMIRROR_PATIENCE");
    return (int64_t)(60e6 * (factor ? atof(factor) : 1));
}

/* -- the emulator --------------------------------------------------------------------------- */

static inline void world_spawn(struct world *w)
{
    char path[512];
    int out[2];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
    assert(n > 0);
    path[n] = '\0';
    *strrchr(path, '/') = '\0';
    strcpy(strrchr(path, '/'), "/gcal-emulator");
    int rc = pipe(out);
    assert(rc == 0);
    w->emulator = fork();
    if (w->emulator == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that dies leaves no server behind */
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        execl(path, path, "--listen", "127.0.0.1:0", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    char line[128] = "";
    n = read(out[0], line, sizeof(line) - 1);
    close(out[0]);
    const char *url = strstr(line, "http://");
    assert(url && "gcal-emulator is not built");
    snprintf(w->url, sizeof(w->url), "%.*s", (int)strcspn(url, "\n"), url);
}

/* The body of the answer, checked JSON or empty; valid until the next call. */
static inline struct span world_call(struct world *w, const char *method, const char *path,
                                     const char *body)
{
    char url[512];
    const char *headers[] = {"Authorization: Bearer test-token", "Content-Type: application/json",
                             NULL};
    snprintf(url, sizeof(url), "%s%s", w->url, path);
    http_response_release(&w->answer);
    struct err e = {0};
    enum rc rc = http_perform(
        w->http,
        &(struct http_request){
            .method = method, .url = url, .headers = headers, .body = span_of(body ? body : "")},
        &w->answer, &e);
    if (rc != RC_OK || w->answer.status >= 400) {
        fail_msg("%s %s: %s %ld %s", method, path, e.text, w->answer.status,
                 buf_text(&w->answer.body));
    }
    return buf_span(&w->answer.body);
}

static inline struct span api(struct world *w, const char *method, const char *path,
                              const char *body)
{
    char full[400];
    snprintf(full, sizeof(full), "/calendar/v3%s", path);
    return world_call(w, method, full, body);
}

static inline struct span control(struct world *w, const char *method, const char *path,
                                  const char *body)
{
    char full[400];
    snprintf(full, sizeof(full), "/_emulator/%s", path);
    return world_call(w, method, full, body);
}

static inline void insert_event(struct world *w, const char *id, const char *members)
{
    char body[1024];
    snprintf(body, sizeof(body),
             "{\"id\":\"%s\",\"summary\":\"%s\",\"start\":{\"dateTime\":\"2026-07-01T10:00:00Z\","
             "\"timeZone\":\"UTC\"},"
             "\"end\":{\"dateTime\":\"2026-07-01T11:00:00Z\",\"timeZone\":\"UTC\"}%s%s}",
             id, id, members[0] ? "," : "", members);
    api(w, "POST", "/calendars/primary/events", body);
}

/* How many API requests came that match the glob. */
static inline size_t requests(struct world *w, const char *match)
{
    char path[256];
    struct buf glob = {0};
    text_percent_encode(&glob, span_of(match));
    snprintf(path, sizeof(path), "requests?match=%s", buf_text(&glob));
    buf_release(&glob);
    struct json_iter it = json_iter(control(w, "GET", path, NULL));
    struct span key, value;
    size_t n = 0;
    while (json_next(&it, &key, &value))
        n++;
    return n;
}

/* -- the mirror ------------------------------------------------------------------------------ */

static inline void world_write(const struct world *w, const char *name, const char *text,
                               mode_t mode)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", w->dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    ssize_t n = write(fd, text, strlen(text));
    assert(n == (ssize_t)strlen(text));
    close(fd);
}

static inline struct conf *world_conf(struct world *w)
{
    char text[4096], hook[256] = "", path[128];
    if (w->hook_port)
        snprintf(hook, sizeof(hook),
                 "[webhook]\nlisten = 127.0.0.1:%d\npublic_url = http://127.0.0.1:%d/hook\n",
                 w->hook_port, w->hook_port);
    snprintf(text, sizeof(text),
             "[mirror]\nstate_dir = %s/state\nmap_size = 256MiB\n"
             "[google]\napi_url = %s/calendar/v3\ntoken_url = %s/token\n%s"
             "[sync]\nbackoff_min = 20ms\nbackoff_max = 200ms\n%s\n"
             "[account %s]\ntoken_file = %s/token\nacl = yes\n%s\n",
             w->dir, w->url, w->url, hook, w->sync_options, w->account, w->dir, w->account_options);
    world_write(w, "conf", text, 0644);
    snprintf(path, sizeof(path), "%s/conf", w->dir);
    struct conf *conf = NULL;
    struct buf problems = {0};
    if (conf_load(path, &conf, &problems) != RC_OK) {
        fprintf(stderr, "%s\n", buf_text(&problems));
        abort();
    }
    buf_release(&problems);
    return conf;
}

/* Opens store, queue and sync, without starting anything. */
static inline void mirror_open(struct world *w)
{
    struct err e = {0};
    char dir[128];
    snprintf(dir, sizeof(dir), "%s/state", w->dir);
    w->conf = world_conf(w);
    enum rc rc = store_open(&w->store, dir,
                            &(struct store_options){.map_bytes = 256 << 20, .no_fsync = true}, &e);
    w->queue = queue_new();
    if (rc == RC_OK)
        rc = sync_new(&w->sync,
                      &(struct sync_options){.store = w->store, .queue = w->queue, .conf = w->conf},
                      &e);
    if (rc == RC_OK && w->hook_port)
        rc = ping_start(&w->ping,
                        &(struct ping_options){.listen = w->conf->webhook.listen,
                                               .inherited_fd = dup(w->hook_fd),
                                               .public_url = w->conf->webhook.public_url,
                                               .store = w->store,
                                               .queue = w->queue},
                        &e);
    if (rc != RC_OK) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
}

static inline void mirror_up(struct world *w)
{
    struct err e = {0};
    mirror_open(w);
    if (sync_start(w->sync, 3, &e) != RC_OK) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
}

static inline void mirror_down(struct world *w)
{
    ping_stop(w->ping);
    sync_stop(w->sync);
    sync_free(w->sync);
    queue_free(w->queue);
    store_close(w->store);
    conf_free(w->conf);
    w->ping = NULL;
    w->sync = NULL;
    w->queue = NULL;
    w->store = NULL;
    w->conf = NULL;
}

/* The webhook's socket outlives the mirror, as one that a service manager holds. */
static inline void world_listen(struct world *w)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    w->hook_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = bind(w->hook_fd, (struct sockaddr *)&a, sizeof(a));
    rc |= listen(w->hook_fd, 64);
    rc |= getsockname(w->hook_fd, (struct sockaddr *)&a, &n);
    assert(rc == 0);
    w->hook_port = ntohs(a.sin_port);
}

static inline void world_begin(struct world *w, bool webhook, const char *sync_options)
{
    *w = (struct world){.dir = "/tmp/calmirror-sync-XXXXXX", .account = "a"};
    char *made = mkdtemp(w->dir);
    assert(made);
    snprintf(w->sync_options, sizeof(w->sync_options), "%s", sync_options);
    if (webhook)
        world_listen(w);
    w->http = http_new();
    log_set_level(getenv("SYNC_TEST_LOG") ? LOG_DEBUG : LOG_ERR - 1);
    world_write(w, "token", "test-token\n", 0600);
    world_spawn(w);
}

static inline void world_end(struct world *w)
{
    char command[128];
    if (w->sync)
        mirror_down(w);
    kill(w->emulator, SIGTERM);
    waitpid(w->emulator, NULL, 0);
    http_response_release(&w->answer);
    http_free(w->http);
    if (w->hook_fd)
        close(w->hook_fd);
    snprintf(command, sizeof(command), "rm -rf %s", w->dir);
    int rc = system(command);
    assert(rc == 0);
}

/* -- looking at it --------------------------------------------------------------------------- */

static inline struct txn *reading(struct world *w)
{
    struct txn *t = NULL;
    enum rc rc = txn_read(w->store, &t, NULL);
    assert(rc == RC_OK);
    return t;
}

/* False: not there. */
static inline bool look_coll(struct world *w, enum coll_kind kind, const char *calendar,
                             struct collection *ret)
{
    struct account a;
    struct txn *t = reading(w);
    bool found = account_find(t, w->account, &a) == RC_OK &&
                 coll_find(t, a.no, kind, span_of(calendar), ret) == RC_OK;
    txn_abort(t);
    return found;
}

static inline struct collection events_of(struct world *w, const char *calendar)
{
    struct collection c = {0};
    (void)look_coll(w, COLL_EVENTS, calendar, &c);
    return c;
}

static inline bool is_ready(struct world *w, const char *calendar)
{
    return events_of(w, calendar).state == COLL_READY;
}

/* The emulator's events and the mirror's: same ids, same bytes; tombstones are told in several
 * forms. */
static inline bool is_equal(struct world *w, const char *calendar)
{
    char path[256];
    struct collection c = events_of(w, calendar);
    struct buf id = {0};
    struct event ev;
    size_t n = 0;
    bool equal = c.state == COLL_READY;
    struct buf encoded = {0};
    text_percent_encode(&encoded, span_of(calendar));
    snprintf(path, sizeof(path), "dump?user=%s&calendar=%s", "me%40example.com",
             buf_text(&encoded));
    buf_release(&encoded);
    struct json_iter it = json_iter(control(w, "GET", path, NULL));
    struct span key, raw;
    struct txn *t = reading(w);
    while (equal && json_next(&it, &key, &raw)) {
        buf_reset(&id);
        equal = json_string(json_get(raw, "id"), &id) &&
                event_get(t, c.no, buf_span(&id), &ev) == RC_OK &&
                (span_is(json_get(raw, "status"), "\"cancelled\"") ? ev.flags & EVENT_CANCELLED
                                                                   : span_eq(ev.raw, raw));
        n++;
    }
    txn_abort(t);
    buf_release(&id);
    return equal && n == c.all_items;
}

struct one_channel {
    struct channel ch;
    size_t n;
};

static inline bool take_channel(void *arg, const struct channel *ch)
{
    struct one_channel *one = arg;
    if (ch->state == CHANNEL_STOPPED)
        return true;
    one->ch = *ch;
    one->n++;
    return true;
}

/* The last of the collection's channels that are not stopped, and how many there are. */
static inline struct one_channel channels_of(struct world *w, uint32_t coll)
{
    struct one_channel one = {0};
    struct txn *t = reading(w);
    channels_each(t, coll, take_channel, &one);
    txn_abort(t);
    return one;
}

static inline struct queue_counters counters_of(struct world *w, uint32_t coll)
{
    struct queue_counters c = {0};
    (void)queue_counters(w->queue, coll, &c);
    return c;
}

static inline bool is_idle(struct world *w)
{
    struct queue_totals totals;
    queue_totals(w->queue, &totals);
    return totals.due == 0 && totals.running == 0;
}

/* How many notifications were sent; -1: of some of them it is not known yet what became of them. */
static inline int pings_settled(struct world *w)
{
    struct json_iter it = json_iter(control(w, "GET", "pings", NULL));
    struct span key, ping, result;
    int n = 0;
    while (json_next(&it, &key, &ping)) {
        result = json_get(ping, "result");
        if (span_is(result, "\"queued\"") || span_is(result, "\"retrying\""))
            return -1;
        n++;
    }
    return n;
}

/* Nothing is left to do, and no notification is on its way that would bring something: that a
 * channel is live is written down before its collection is looked at for it. */
static inline bool is_quiet(struct world *w)
{
    int sent = pings_settled(w);
    return sent >= 0 && is_idle(w) && pings_settled(w) == sent;
}

/* The primary calendar's channel has proved itself, and all is quiet. */
static inline void live_channel(struct world *w)
{
    WAIT(channels_of(w, events_of(w, ME).no).ch.state == CHANNEL_LIVE);
    WAIT(is_quiet(w));
}

/* Of an event of the primary calendar; UINT32_MAX when there is none. */
static inline uint32_t flags_of(struct world *w, const char *id)
{
    struct event ev = {.flags = UINT32_MAX};
    struct txn *t = reading(w);
    (void)event_get(t, events_of(w, ME).no, span_of(id), &ev);
    txn_abort(t);
    return ev.flags;
}

#endif
