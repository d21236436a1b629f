/* deliver: POSTs pings beside the event loop, loses or shuffles them when told so, and logs each.
 *
 * DESIGN: libcurl's multi interface lives in the same epoll as the HTTP server, so a receiver that
 * is slow or gone never delays an answer of the API. A ping is in one queue (ready, paused,
 * shuffled), waits for a timer, or is being sent. */
#include "tests/emulator/deliver.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "tests/emulator/emu.h"
#include "tests/emulator/pinglog.h"
#include "tests/emulator/req.h"
#include "tests/emulator/server.h"

#define NUMBER_STEP_MAX 500000 /* numbers seen in real pings jump like this */

struct ping {
    struct deliverer *d;
    struct channel *channel;
    struct ping *next;          /* in its queue */
    struct ping *older, *newer; /* all pings */
    struct timer *timer;
    struct req *waiting;
    struct json_object *overrides;
    CURL *easy;
    struct curl_slist *headers;
    char state[16];
    uint64_t number, log_n;
    int attempt;
};

struct queue {
    struct ping *first, **end;
    size_t n;
};

/* What befalls the next `count` pings. */
struct rule {
    int64_t count; /* 0: nothing; < 0: for ever */
    bool drop;
    int64_t delay_ms, duplicate, reorder;
    char *state, *calendar; /* only these; or NULL */
};

struct deliverer {
    struct emu *emu;
    CURLM *multi;
    int epoll;
    struct timer *timer;
    struct queue ready, paused, shuffled;
    struct ping *all;
    size_t pending, sending;
    struct rule rule;
    bool is_paused, merge, no_tls_verify;
    char *tls_ca; /* PEM file to trust instead of the system's, or NULL */
    int64_t retry_base_ms, retry_max, max_in_flight, timeout_ms;
    struct pinglog log;
};

static void queue_init(struct queue *q)
{
    *q = (struct queue){.end = &q->first};
}

static void queue_add(struct queue *q, struct ping *p)
{
    p->next = NULL;
    *q->end = p;
    q->end = &p->next;
    q->n++;
}

static struct ping *queue_take(struct queue *q)
{
    struct ping *p = q->first;
    if (p != NULL) {
        q->first = p->next;
        q->end = q->first ? q->end : &q->first;
        q->n--;
    }
    return p;
}

static void send_ready(struct deliverer *d);

static void ping_end(struct ping *p)
{
    struct deliverer *d = p->d;
    if (p->waiting != NULL) {
        p->waiting->waiting_for_ping = false;
        server_wake(p->waiting);
    }
    if (p->older != NULL) {
        p->older->newer = p->newer;
    }
    if (p->newer != NULL) {
        p->newer->older = p->older;
    } else {
        d->all = p->older;
    }
    p->channel->owed--;
    d->pending--;
    timer_cancel(&d->emu->timers, p->timer);
    curl_slist_free_all(p->headers);
    json_object_put(p->overrides);
    free(p);
}

static void enqueue(struct ping *p)
{
    struct deliverer *d = p->d;
    queue_add(d->is_paused ? &d->paused : &d->ready, p);
    send_ready(d);
}

static void ping_due(void *arg)
{
    struct ping *p = arg;
    p->timer = NULL;
    enqueue(p);
}

static void add_header(struct ping *p, const char *name, const char *value)
{
    struct json_object *instead;
    if (p->overrides && json_object_object_get_ex(p->overrides, name, &instead)) {
        value = instead ? json_object_get_string(instead) : NULL;
    }
    if (value != NULL) {
        char *line = xprintf("%s: %s", name, value);
        p->headers = curl_slist_append(p->headers, line);
        free(line);
    }
}

/* As in pings captured behind a proxy in 2021 and 2022. */
static void build_headers(struct ping *p)
{
    const struct channel *ch = p->channel;
    char number[24], expires[TIME_TEXT_MAX];
    snprintf(number, sizeof(number), "%llu", (unsigned long long)p->number);
    time_write_http(expires, ch->expires_ms);
    p->headers = curl_slist_append(p->headers, "Content-Type:");
    p->headers = curl_slist_append(p->headers, "Expect:");
    p->headers = curl_slist_append(p->headers, "Accept-Encoding: gzip, deflate, br");
    add_header(p, "X-Goog-Channel-ID", ch->id);
    add_header(p, "X-Goog-Channel-Expiration", expires);
    add_header(p, "X-Goog-Channel-Token", ch->token);
    add_header(p, "X-Goog-Message-Number", number);
    add_header(p, "X-Goog-Resource-ID", ch->resource_id);
    add_header(p, "X-Goog-Resource-State", p->state);
    add_header(p, "X-Goog-Resource-URI", ch->resource_uri);
}

static size_t discard(char *data, size_t size, size_t n, void *user)
{
    (void)data;
    (void)user;
    return size * n;
}

static void ping_send(struct ping *p)
{
    struct deliverer *d = p->d;
    p->easy = curl_easy_init();
    p->attempt++;
    if (p->headers == NULL) {
        build_headers(p);
    }
    curl_easy_setopt(p->easy, CURLOPT_URL, p->channel->address);
    curl_easy_setopt(p->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(p->easy, CURLOPT_POSTFIELDS, "");
    curl_easy_setopt(p->easy, CURLOPT_POSTFIELDSIZE, 0L);
    curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, p->headers);
    curl_easy_setopt(p->easy, CURLOPT_USERAGENT,
                     "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)");
    curl_easy_setopt(p->easy, CURLOPT_WRITEFUNCTION, discard);
    curl_easy_setopt(p->easy, CURLOPT_TIMEOUT_MS, (long)d->timeout_ms);
    curl_easy_setopt(p->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(p->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(p->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(p->easy, CURLOPT_PRIVATE, p);
    if (d->tls_ca) {
        curl_easy_setopt(p->easy, CURLOPT_CAINFO, d->tls_ca);
    }
    if (d->no_tls_verify) {
        curl_easy_setopt(p->easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(p->easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    pinglog_attempt(&d->log, p->log_n, p->attempt);
    d->sending++;
    curl_multi_add_handle(d->multi, p->easy);
}

static void send_ready(struct deliverer *d)
{
    while (d->ready.n > 0 && (int64_t)d->sending < d->max_in_flight) {
        ping_send(queue_take(&d->ready));
    }
}

/* Only these statuses are tried again, says the push guide; silence, too. */
static bool worth_retry(CURLcode code, long status)
{
    return code != CURLE_OK || status == 500 || status == 502 || status == 503 || status == 504;
}

static void ping_done(struct ping *p, CURLcode code)
{
    struct deliverer *d = p->d;
    long status = 0;
    curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(d->multi, p->easy);
    curl_easy_cleanup(p->easy);
    p->easy = NULL;
    d->sending--;
    bool good =
        code == CURLE_OK && (status == 102 || (status >= 200 && status <= 204 && status != 203));
    bool again = worth_retry(code, status) && p->attempt <= d->retry_max;
    pinglog_result(&d->log, p->log_n,
                   good    ? "delivered"
                   : again ? "retrying"
                           : "failed",
                   (int)status, code == CURLE_OK ? NULL : curl_easy_strerror(code));
    if (!again) {
        ping_end(p);
        return;
    }
    if (p->waiting != NULL) {
        p->waiting->waiting_for_ping = false;
        server_wake(p->waiting);
        p->waiting = NULL;
    }
    int shift = p->attempt - 1 < 16 ? p->attempt - 1 : 16;
    p->timer = timer_add(&d->emu->timers, d->retry_base_ms << shift, ping_due, p);
}

static void collect(struct deliverer *d)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(d->multi, &left)) != NULL;) {
        if (m->msg == CURLMSG_DONE) {
            struct ping *p = NULL;
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&p);
            ping_done(p, m->data.result);
        }
    }
    send_ready(d);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    struct deliverer *d = user;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(d->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    struct epoll_event ev = {.data.fd = fd};
    ev.events = (what & CURL_POLL_IN ? (unsigned)EPOLLIN : 0u) |
                (what & CURL_POLL_OUT ? (unsigned)EPOLLOUT : 0u);
    epoll_ctl(d->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev);
    curl_multi_assign(d->multi, fd, d);
    return 0;
}

static void timer_due(void *arg)
{
    struct deliverer *d = arg;
    int running;
    d->timer = NULL;
    curl_multi_socket_action(d->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(d);
}

static int on_timer(CURLM *multi, long wait_ms, void *user)
{
    struct deliverer *d = user;
    (void)multi;
    timer_cancel(&d->emu->timers, d->timer);
    d->timer = wait_ms >= 0 ? timer_add(&d->emu->timers, wait_ms, timer_due, d) : NULL;
    return 0;
}

void deliverer_ready(struct deliverer *d, int fd, uint32_t events)
{
    int running, flags = 0;
    flags |= events & EPOLLIN ? CURL_CSELECT_IN : 0;
    flags |= events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
    flags |= events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0;
    curl_multi_socket_action(d->multi, fd, flags, &running);
    collect(d);
}

struct deliverer *deliverer_new(struct emu *e, int epoll_fd)
{
    struct deliverer *d = xalloc(sizeof(*d));
    *d = (struct deliverer){.emu = e,
                            .epoll = epoll_fd,
                            .multi = curl_multi_init(),
                            .retry_base_ms = 1000,
                            .retry_max = 5,
                            .max_in_flight = 64,
                            .timeout_ms = 10000};
    queue_init(&d->ready);
    queue_init(&d->paused);
    queue_init(&d->shuffled);
    curl_multi_setopt(d->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(d->multi, CURLMOPT_SOCKETDATA, d);
    curl_multi_setopt(d->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(d->multi, CURLMOPT_TIMERDATA, d);
    return d;
}

void deliverer_free(struct deliverer *d)
{
    while (d->all != NULL) {
        struct ping *p = d->all;
        if (p->easy != NULL) {
            curl_multi_remove_handle(d->multi, p->easy);
            curl_easy_cleanup(p->easy);
        }
        p->waiting = NULL;
        ping_end(p);
    }
    curl_multi_cleanup(d->multi);
    timer_cancel(&d->emu->timers, d->timer);
    free(d->rule.state);
    free(d->tls_ca);
    free(d->rule.calendar);
    pinglog_release(&d->log);
    free(d);
}

/* The shuffled pings leave in reverse order. */
static void flush_shuffled(struct deliverer *d)
{
    struct ping *reversed = NULL;
    for (struct ping *p; (p = queue_take(&d->shuffled)) != NULL;) {
        p->next = reversed;
        reversed = p;
    }
    while (reversed != NULL) {
        struct ping *p = reversed;
        reversed = p->next;
        enqueue(p);
    }
}

static bool rule_strikes(struct rule *rule, const struct ping *p)
{
    if (rule->count == 0 || (rule->state && strcmp(rule->state, p->state) != 0) ||
        (rule->calendar && strcmp(rule->calendar, p->channel->coll->owner) != 0)) {
        return false;
    }
    rule->count -= rule->count > 0;
    return true;
}

static struct ping *ping_new(struct deliverer *d, struct channel *ch, const char *state,
                             uint64_t number)
{
    struct ping *p = xalloc(sizeof(*p));
    p->d = d;
    p->channel = ch;
    p->number = number;
    snprintf(p->state, sizeof(p->state), "%s", state);
    p->older = d->all;
    if (d->all != NULL) {
        d->all->newer = p;
    }
    d->all = p;
    d->pending++;
    ch->owed++;
    p->log_n = pinglog_begin(&d->log, ch, state, number);
    return p;
}

static void ping_start(struct ping *p, int64_t delay_ms)
{
    if (delay_ms > 0) {
        p->timer = timer_add(&p->d->emu->timers, delay_ms, ping_due, p);
    } else {
        enqueue(p);
    }
}

void deliver_ping(struct deliverer *d, struct channel *ch, const char *state, int64_t delay_ms,
                  struct req *waiting, struct json_object *overrides)
{
    bool sync = strcmp(state, "sync") == 0;
    if (d->merge && !sync && ch->owed > 0) {
        return;
    }
    ch->number += sync && ch->number == 0 ? 1 : 1 + rng_below(&d->emu->world.rng, NUMBER_STEP_MAX);
    struct ping *p = ping_new(d, ch, state, ch->number);
    p->waiting = waiting;
    p->overrides = overrides ? json_object_get(overrides) : NULL;
    struct rule *rule = &d->rule;
    if (!rule_strikes(rule, p)) {
        ping_start(p, delay_ms);
        return;
    }
    if (rule->drop) {
        pinglog_result(&d->log, p->log_n, "dropped", 0, NULL);
        ping_end(p);
        return;
    }
    for (int64_t i = 0; i < rule->duplicate; i++) {
        ping_start(ping_new(d, ch, state, ch->number), delay_ms + rule->delay_ms);
    }
    if (rule->reorder > 1) {
        queue_add(&d->shuffled, p);
        if ((int64_t)d->shuffled.n >= rule->reorder || rule->count == 0) {
            flush_shuffled(d);
        }
    } else {
        ping_start(p, delay_ms + rule->delay_ms);
    }
}

void deliver_forget(struct deliverer *d, struct req *r)
{
    for (struct ping *p = r->waiting_for_ping && d ? d->all : NULL; p != NULL; p = p->older) {
        if (p->waiting == r) {
            p->waiting = NULL;
        }
    }
}

/* A new rule replaces the old one whole; a request without any of its members leaves it. */
static void set_rule(struct deliverer *d, struct json_object *o)
{
    static const char *const KEYS[] = {"drop", "delay_ms", "duplicate", "reorder", "reset"};
    bool named = false;
    for (size_t i = 0; i < sizeof(KEYS) / sizeof(*KEYS); i++) {
        named = named || json_object_object_get_ex(o, KEYS[i], NULL);
    }
    if (!named) {
        return;
    }
    struct rule *rule = &d->rule;
    rule->drop = json_flag(o, "drop", false);
    rule->delay_ms = json_int(o, "delay_ms", 0);
    rule->duplicate = json_int(o, "duplicate", 0);
    rule->reorder = json_int(o, "reorder", 0);
    rule->count = json_flag(o, "reset", false) ? 0 : json_int(o, "count", -1);
    xreplace(&rule->state, xstrdup(json_str(o, "state")));
    xreplace(&rule->calendar, xstrdup(json_str(o, "calendar")));
    flush_shuffled(d);
}

void deliver_conf_set(struct deliverer *d, struct json_object *o)
{
    set_rule(d, o);
    d->merge = json_flag(o, "merge", d->merge);
    d->no_tls_verify = !json_flag(o, "tls_verify", !d->no_tls_verify);
    if (json_str(o, "tls_ca")) {
        xreplace(&d->tls_ca, xstrdup(json_str(o, "tls_ca")));
    }
    d->retry_base_ms = json_int(o, "retry_base_ms", d->retry_base_ms);
    d->retry_max = json_int(o, "retry_max", d->retry_max);
    d->max_in_flight = json_int(o, "max_in_flight", d->max_in_flight);
    d->timeout_ms = json_int(o, "timeout_ms", d->timeout_ms);
    d->is_paused = json_flag(o, "paused", d->is_paused);
    if (!d->is_paused) {
        for (struct ping *p; (p = queue_take(&d->paused)) != NULL;) {
            enqueue(p);
        }
    }
    send_ready(d);
}

struct json_object *deliver_conf_describe(const struct deliverer *d)
{
    struct json_object *o = json_object_new_object();
    json_put_bool(o, "drop", d->rule.drop);
    json_put_int(o, "delay_ms", d->rule.delay_ms);
    json_put_int(o, "duplicate", d->rule.duplicate);
    json_put_int(o, "reorder", d->rule.reorder);
    json_put_int(o, "count", d->rule.count);
    json_put_bool(o, "paused", d->is_paused);
    json_put_bool(o, "merge", d->merge);
    json_put_bool(o, "tls_verify", !d->no_tls_verify);
    json_put_int(o, "retry_base_ms", d->retry_base_ms);
    json_put_int(o, "retry_max", d->retry_max);
    json_put_int(o, "max_in_flight", d->max_in_flight);
    json_put_int(o, "timeout_ms", d->timeout_ms);
    json_put_int(o, "pending", (int64_t)d->pending);
    return o;
}

struct json_object *deliver_log(const struct deliverer *d, uint64_t since)
{
    return pinglog_list(&d->log, since);
}

void deliver_log_clear(struct deliverer *d)
{
    d->log.cleared = d->log.last;
}

int64_t deliver_pending(const struct deliverer *d)
{
    return (int64_t)d->pending;
}
