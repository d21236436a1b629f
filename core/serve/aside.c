/* aside: answers that take long to make, made on a thread of their own while the loop goes on.
 *
 * DESIGN. A job is the call once more, with copies of all that it reads of its request, so that the
 * thread never looks at the loop's; the request itself just waits. Store and configuration are for
 * any thread. The answer is complete, packed if need be, when the loop gets it back. It is not kept
 * in the cache, which is the loop's and not for what is as large as this.
 *
 * There are two of these: one for feeds, and one for what tells of all calendars at once, which a
 * monitor wants soon, whatever feeds are being made and whoever is slow to read them.
 *
 * Feeds that are not yet sent hold memory for as long as their readers take. While that is more
 * than one feed may have (api.feed_size), the next is not begun: so there are never more than two
 * such amounts. While one client's are more than half of that, its next is not begun, but those of
 * others are; and it has half of the places where jobs wait. httpd, which gives up answers that are
 * too much for its own bound, does not count these. */
#include "core/serve/aside.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/serve/fault.h"
#include "core/serve/fresh.h"
#include "core/serve/reply.h"
#include "core/serve/server.h"

#define JOBS_MAX   32 /* of one client half */
#define GZIP_LEVEL 1

/* The headers that an answer depends on. */
static const char *const header_names[] = {"Accept", "Accept-Encoding", "If-None-Match", "Origin"};
static const char *const methods[] = {"GET", "HEAD", "POST"};
#define HEADERS (sizeof header_names / sizeof *header_names)

struct job {
    struct job *next;
    struct httpd_request *request;
    uint64_t who; /* access_number() */
    struct call call;
    struct buf text; /* path, query and body */
    char *header[HEADERS];
    struct httpd_response *response;
};

struct list {
    struct job *first, **last;
};

struct aside {
    struct serve *serve;
    bool bounded;
    struct squeeze *gzip; /* the thread's */
    pthread_t thread;
    bool running;                /* the loop's: the thread was started */
    unsigned jobs;               /* the loop's: taken and not answered, */
    uint64_t asked_by[JOBS_MAX]; /* by whom */
    atomic_bool giving_up;
    _Atomic(struct httpd *) httpd; /* to be woken; NULL: not started yet */
    pthread_mutex_t lock;          /* guards the two lists */
    pthread_cond_t changed;
    struct list waiting, finished;
    struct parcel *parcels; /* guarded too, as is the sum of their bytes: */
    size_t unsent;
};

/* A body on its way out. */
struct parcel {
    struct parcel *next, **at; /* in aside->parcels */
    struct aside *aside;
    uint64_t who;
    char *body;
    size_t n;
};

static void list_add(struct list *l, struct job *j)
{
    j->next = NULL;
    *(l->first ? l->last : &l->first) = j;
    l->last = &j->next;
}

static struct job *list_take_at(struct list *l, struct job **at)
{
    struct job *j = *at;
    if (j) {
        *at = j->next;
        if (l->last == &j->next)
            l->last = at;
    }
    return j;
}

static struct job *list_take(struct list *l)
{
    return list_take_at(l, &l->first);
}

static void job_free(struct job *j)
{
    if (!j)
        return;
    call_release(&j->call);
    conf_free(j->call.conf);
    buf_release(&j->text);
    for (size_t i = 0; i < HEADERS; i++)
        free(j->header[i]);
    httpd_response_unref(j->response);
    free(j);
}

static const char *job_header(const void *source, const char *name)
{
    const struct job *j = source;
    for (size_t i = 0; i < HEADERS; i++)
        if (strcasecmp(name, header_names[i]) == 0)
            return j->header[i];
    return NULL;
}

/* NULL: none that is run here. */
static const char *static_method(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(name, methods[i]) == 0)
            return methods[i];
    return NULL;
}

static struct job *job_new(struct aside *a, const struct call *c)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    buf_add_span(&j->text, c->path);
    buf_add_span(&j->text, c->query);
    buf_add_span(&j->text, c->body);
    bool ok = !j->text.failed;
    for (size_t i = 0; i < HEADERS; i++) {
        const char *value = c->header(c->source, header_names[i]);
        j->header[i] = value ? strdup(value) : NULL;
        ok &= !value || j->header[i];
    }
    if (!ok) {
        job_free(j);
        return NULL;
    }
    j->request = c->request;
    j->who = access_number(&c->caller);
    j->call = (struct call){.serve = c->serve,
                            .conf = conf_ref(c->conf), /* a reload may come meanwhile */
                            .store = c->store,
                            .queue = c->queue,
                            .token_key = c->token_key,
                            .caller = c->caller,
                            .now_ms = c->now_ms,
                            .commits = c->commits,
                            .method = static_method(c->method),
                            .path = {j->text.p, c->path.n},
                            .query = {j->text.p + c->path.n, c->query.n},
                            .body = {j->text.p + c->path.n + c->query.n, c->body.n},
                            .header = job_header,
                            .source = j,
                            .begin_us = c->begin_us,
                            .tally = serve_tally(c),
                            .aside = a};
    return j;
}

/* By any thread: it was sent, or is not wanted any more. */
static void parcel_free(void *arg)
{
    struct parcel *p = arg;
    pthread_mutex_lock(&p->aside->lock);
    p->aside->unsent -= p->n;
    *p->at = p->next;
    if (p->next)
        p->next->at = p->at;
    pthread_cond_signal(&p->aside->changed);
    pthread_mutex_unlock(&p->aside->lock);
    free(p->body);
    free(p);
}

/* NULL without memory. */
static struct httpd_response *make_parcel(struct aside *a, struct job *j)
{
    struct call *c = &j->call;
    struct parcel *p = malloc(sizeof *p);
    bool gzipped;
    if (!p)
        return NULL;
    *p = (struct parcel){.aside = a, .who = j->who, .at = &a->parcels};
    p->body = reply_body(c, a->gzip, &p->n, &gzipped);
    pthread_mutex_lock(&a->lock);
    a->unsent += p->n;
    p->next = a->parcels;
    if (p->next)
        p->next->at = &p->next;
    a->parcels = p;
    pthread_mutex_unlock(&a->lock);
    struct httpd_response *r =
        httpd_response_over(c->answer.status, p->body ? p->body : "", p->n, parcel_free, p);
    reply_headers(c, r, p->n, gzipped);
    return r;
}

static struct httpd_response *make_response(struct aside *a, struct job *j)
{
    return a->bounded ? make_parcel(a, j) : reply_make(&j->call, a->gzip);
}

/* Is there memory for it? */
static bool may_begin(const struct aside *a, const struct job *j)
{
    uint64_t most = j->call.conf->api.feed_size, own = 0;
    for (const struct parcel *p = a->parcels; p; p = p->next)
        own += p->who == j->who ? p->n : 0;
    return a->unsent <= most && (!j->call.caller.client || own <= most / 2);
}

/* Under the lock: the next job that may be begun. */
static struct job *take_next(struct aside *a)
{
    struct job **at = &a->waiting.first;
    while (*at && !may_begin(a, *at))
        at = &(*at)->next;
    return list_take_at(&a->waiting, at);
}

static void *work(void *arg)
{
    struct aside *a = arg;
    pthread_mutex_lock(&a->lock);
    for (;;) {
        struct job *j = NULL;
        while (!atomic_load(&a->giving_up) && !(j = take_next(a)))
            pthread_cond_wait(&a->changed, &a->lock);
        if (!j)
            break;
        pthread_mutex_unlock(&a->lock);
        call_run(&j->call);
        reply_shape(&j->call);
        j->response = make_response(a, j);
        pthread_mutex_lock(&a->lock);
        list_add(&a->finished, j);
        httpd_wake(atomic_load(&a->httpd));
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

struct aside *aside_new(struct serve *s, bool bounded)
{
    struct aside *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->serve = s;
    a->bounded = bounded;
    a->gzip = squeeze_new(GZIP_LEVEL);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    if (a->gzip)
        return a;
    aside_free(a);
    return NULL;
}

void aside_free(struct aside *a)
{
    if (!a)
        return;
    for (struct job *j; (j = list_take(&a->waiting));)
        job_free(j);
    for (struct job *j; (j = list_take(&a->finished));)
        job_free(j);
    squeeze_free(a->gzip);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

void aside_start(struct aside *a, struct httpd *h)
{
    atomic_store(&a->httpd, h);
}

/* It is started when there is something to do for the first time. */
static bool start(struct aside *a)
{
    if (!a->running && !atomic_load(&a->giving_up) && atomic_load(&a->httpd))
        a->running = pthread_create(&a->thread, NULL, work, a) == 0;
    return a->running && !atomic_load(&a->giving_up);
}

bool aside_is_full(const struct aside *a, const struct caller *who)
{
    unsigned own = 0;
    for (unsigned i = 0; i < a->jobs; i++)
        own += a->asked_by[i] == access_number(who);
    return a->jobs == JOBS_MAX || (who->client && own >= JOBS_MAX / 2);
}

/* May it be answered only when the mirror is as fresh as it says? That is for the loop to wait for.
 */
static bool has_wish(const struct call *c)
{
    struct fresh_wish wish = fresh_read(c->header(c->source, "Cache-Control"));
    return c->answer.mirrored && (wish.max_age_ms >= 0 || wish.only_if_cached);
}

bool aside_take(struct aside *a, struct call *c)
{
    if (c->aside || !c->request || !static_method(c->method) || has_wish(c))
        return false;
    if (aside_is_full(a, &c->caller)) {
        (void)call_fail(c, FAULT_NOT_READY, NULL, "Too much is asked for at once.");
        return true;
    }
    struct job *j = start(a) ? job_new(a, c) : NULL;
    if (!j)
        return false;
    a->asked_by[a->jobs++] = j->who;
    c->answer = (struct answer){.later = true};
    pthread_mutex_lock(&a->lock);
    list_add(&a->waiting, j);
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return true;
}

bool aside_given_up(const struct call *c)
{
    return c->aside && atomic_load_explicit(&c->aside->giving_up, memory_order_relaxed);
}

static void leave(struct aside *a, uint64_t who)
{
    unsigned i = 0;
    while (a->asked_by[i] != who)
        i++;
    a->asked_by[i] = a->asked_by[--a->jobs];
}

void aside_turn(struct aside *a)
{
    while (a->jobs) {
        pthread_mutex_lock(&a->lock);
        struct job *j = list_take(&a->finished);
        pthread_mutex_unlock(&a->lock);
        if (!j)
            return;
        leave(a, j->who);
        serve_count(a->serve, &j->call);
        httpd_answer(j->request, j->response);
        job_free(j);
    }
}

void aside_stop(struct aside *a)
{
    pthread_mutex_lock(&a->lock);
    atomic_store(&a->giving_up, true);
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    if (a->running)
        pthread_join(a->thread, NULL);
}
