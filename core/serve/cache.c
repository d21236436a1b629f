/* cache: finished answers of a loop, kept while the calendar they are made of stays the same.
 *
 * DESIGN. An entry holds the body as it goes out, plain and (from its first use on) gzip, shared by
 * all responses made of it. Headers change with time (Age), so the responses themselves are made
 * anew when the second has changed, and in between are handed out as they are: a use then costs no
 * more than looking it up. Least recently used ones make room. A query is kept when it comes the
 * second time within a while: what is asked once only would push out what is asked often. */
#include "core/serve/cache.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/must.h"
#include "core/serve/door.h"
#include "core/serve/etag.h"
#include "core/serve/fault.h"
#include "core/serve/reply.h"

#define BUCKETS    4096 /* a power of two */
#define SEEN       8192 /* likewise: queries remembered as asked once */
#define GZIP_LEVEL 6
#define OVERHEAD   2048 /* of an entry, in bytes: itself and its responses */

/* Bytes that responses on their way out may outlive their entry with. */
struct body {
    _Atomic unsigned refs;
    size_t n;
    char *p;
};

enum form { FORM_PLAIN, FORM_GZIP, FORM_NOT_MODIFIED, FORMS };

struct entry {
    struct entry *next;          /* in its bucket */
    struct entry *newer, *older; /* in order of use */
    uint64_t hash;
    struct span key; /* allocated with the entry */
    struct answer answer;
    uint64_t commits; /* of the store, when the answer was last known good */
    struct body *body[2];
    struct httpd_response *response[FORMS]; /* made in `second` */
    int64_t second;
    size_t bytes;
    char text[];
};

struct cache {
    struct entry *bucket[BUCKETS];
    struct entry *newest, *oldest;
    uint64_t most_bytes, bytes;
    uint32_t seen[SEEN];
    struct squeeze *gzip;
    struct buf key;
};

static void body_unref(void *arg)
{
    struct body *b = arg;
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    free(b->p);
    free(b);
}

static struct body *body_take(struct buf *from)
{
    struct body *b = malloc(sizeof *b);
    if (!b)
        return NULL;
    atomic_init(&b->refs, 1);
    b->p = buf_take(from, &b->n);
    if (!b->p) {
        free(b);
        return NULL;
    }
    char *fitting = realloc(b->p, b->n + 1); /* much more may have been reserved to make it */
    if (fitting)
        b->p = fitting;
    return b;
}

struct cache *cache_new(uint64_t most_bytes)
{
    struct cache *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->most_bytes = most_bytes;
    c->gzip = squeeze_new(GZIP_LEVEL);
    if (c->gzip)
        return c;
    free(c);
    return NULL;
}

static void forget_responses(struct entry *e)
{
    for (int i = 0; i < FORMS; i++) {
        httpd_response_unref(e->response[i]);
        e->response[i] = NULL;
    }
}

static void unlink_use(struct cache *c, struct entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void link_newest(struct cache *c, struct entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void drop(struct cache *c, struct entry *e)
{
    struct entry **at = &c->bucket[e->hash % BUCKETS];
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    unlink_use(c, e);
    c->bytes -= e->bytes;
    forget_responses(e);
    body_unref(e->body[FORM_PLAIN]);
    body_unref(e->body[FORM_GZIP]);
    free(e);
}

void cache_clear(struct cache *c)
{
    while (c->oldest)
        drop(c, c->oldest);
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    cache_clear(c);
    squeeze_free(c->gzip);
    buf_release(&c->key);
    free(c);
}

/* What an answer depends on besides the data: the request, who asks, and whether a page may read
 * it. Clients are told apart even when they see the same: configurations come and go, and with them
 * the cache, but none is ever answered with what was made for another. */
static uint64_t make_key(struct cache *cache, const struct call *c)
{
    const char *origin = door_cors_origin(c);
    buf_reset(&cache->key);
    buf_add_span(&cache->key, c->path);
    buf_add_char(&cache->key, '?');
    buf_add_span(&cache->key, c->query);
    buf_add_char(&cache->key, c->caller.trusted ? '+' : ' ');
    if (c->caller.client)
        buf_add_text(&cache->key, c->caller.client->name);
    if (origin) {
        buf_add_char(&cache->key, ' ');
        buf_add_text(&cache->key, origin);
    }
    must_hold(&cache->key); /* cut short it would be that of another client's answer */
    return XXH3_64bits(cache->key.p, cache->key.n);
}

static bool is_read(const struct call *c)
{
    if (!c->caller.client && !c->caller.trusted)
        return false;
    return strcmp(c->method, "GET") == 0 || strcmp(c->method, "HEAD") == 0;
}

/* Is the answer still that of the store? Takes up how fresh it is now. */
static bool is_good(struct entry *e, struct call *c)
{
    struct collection coll;
    struct txn *t = NULL;
    uint64_t commits = store_commits(c->store);
    if (e->commits == commits)
        return true;
    if (txn_read(c->store, &t, NULL) != RC_OK)
        return false;
    bool same = coll_get(t, e->answer.coll, &coll) == RC_OK && coll.state == COLL_READY &&
                coll.version == e->answer.version;
    txn_abort(t);
    if (!same)
        return false;
    e->commits = commits;
    if (e->answer.fresh_ms != coll.fresh_ms)
        forget_responses(e);
    e->answer.fresh_ms = coll.fresh_ms;
    return true;
}

static void make_room(struct cache *cache, const struct entry *besides)
{
    while (cache->bytes > cache->most_bytes && cache->oldest != besides)
        drop(cache, cache->oldest);
}

/* The entry is the newest. */
static void pack(struct cache *cache, struct entry *e)
{
    struct buf packed = {0};
    if (squeeze_gzip(cache->gzip, (struct span){e->body[FORM_PLAIN]->p, e->body[FORM_PLAIN]->n},
                     &packed))
        e->body[FORM_GZIP] = body_take(&packed);
    buf_release(&packed);
    if (e->body[FORM_GZIP]) {
        e->bytes += e->body[FORM_GZIP]->n;
        cache->bytes += e->body[FORM_GZIP]->n;
        make_room(cache, e);
    }
}

/* FORMS: none that the entry can give. */
static enum form wanted_form(struct cache *cache, struct entry *e, struct call *c)
{
    if (call_not_modified(c))
        return FORM_NOT_MODIFIED;
    if (!e->body[FORM_PLAIN])
        return FORMS;
    if (e->body[FORM_PLAIN]->n < REPLY_GZIP_MIN_BYTES ||
        !squeeze_accepted(c->header(c->source, "Accept-Encoding")))
        return FORM_PLAIN;
    if (!e->body[FORM_GZIP])
        pack(cache, e);
    return e->body[FORM_GZIP] ? FORM_GZIP : FORM_PLAIN;
}

static struct httpd_response *make_response(struct entry *e, struct call *c, enum form form)
{
    struct httpd_response *r;
    if (form == FORM_NOT_MODIFIED) {
        r = httpd_response_new(304, NULL, 0);
        reply_headers(c, r, 0, false);
    } else {
        struct body *b = e->body[form];
        atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
        r = httpd_response_over(200, b->p, b->n, body_unref, b);
        reply_headers(c, r, b->n, form == FORM_GZIP);
    }
    return r;
}

/* NULL: only the validators are known yet, and the client wants the body. */
static struct httpd_response *respond(struct cache *cache, struct entry *e, struct call *c)
{
    c->answer = e->answer;
    enum form form = wanted_form(cache, e, c);
    if (form == FORMS)
        return NULL;
    int64_t second = c->now_ms / 1000;
    if (e->second != second)
        forget_responses(e);
    e->second = second;
    if (!e->response[form])
        e->response[form] = make_response(e, c, form);
    return httpd_response_ref(e->response[form]);
}

static struct entry *lookup(struct cache *cache, uint64_t hash)
{
    struct entry *e = cache->bucket[hash % BUCKETS];
    while (e && (e->hash != hash || !span_eq(e->key, buf_span(&cache->key))))
        e = e->next;
    return e;
}

struct httpd_response *cache_find(struct cache *cache, struct call *c)
{
    if (cache->most_bytes == 0 || !is_read(c))
        return NULL;
    struct entry *e = lookup(cache, make_key(cache, c));
    if (!e)
        return NULL;
    if (!is_good(e, c)) {
        drop(cache, e);
        return NULL;
    }
    if (cache->newest != e) {
        unlink_use(cache, e);
        link_newest(cache, e);
    }
    return respond(cache, e, c);
}

/* Has this been asked before, lately? From now on it has. */
static bool was_seen(struct cache *cache, uint64_t hash)
{
    uint32_t *slot = &cache->seen[hash % SEEN];
    uint32_t mark = (uint32_t)(hash >> 32) | 1;
    bool seen = *slot == mark;
    *slot = mark;
    return seen;
}

/* Makes the entry's body, if there is to be one, of the call's. False: no memory. */
static bool take_body(struct entry *e, struct call *c)
{
    if (c->answer.status == 304)
        return true;
    e->body[FORM_PLAIN] = body_take(&c->out);
    if (e->body[FORM_PLAIN])
        e->bytes += e->body[FORM_PLAIN]->n;
    return e->body[FORM_PLAIN];
}

static void insert(struct cache *cache, struct entry *e)
{
    e->next = cache->bucket[e->hash % BUCKETS];
    cache->bucket[e->hash % BUCKETS] = e;
    link_newest(cache, e);
    cache->bytes += e->bytes;
    make_room(cache, e);
}

struct httpd_response *cache_keep(struct cache *cache, struct call *c)
{
    const struct answer *a = &c->answer;
    if (cache->most_bytes == 0 || !is_read(c) || (a->status != 200 && a->status != 304) ||
        a->coll == 0 || !a->etag[0] || c->out.n > cache->most_bytes / 8)
        return NULL;
    uint64_t hash = make_key(cache, c);
    if (!was_seen(cache, hash))
        return NULL;
    struct entry *e = calloc(1, sizeof *e + cache->key.n);
    if (!e || !take_body(e, c)) {
        free(e);
        return NULL;
    }
    memcpy(e->text, cache->key.p, cache->key.n);
    e->key = (struct span){e->text, cache->key.n};
    e->hash = hash;
    e->answer = *a;
    e->answer.status = 200;
    e->commits = c->commits;
    e->bytes += cache->key.n + OVERHEAD;
    struct entry *known = lookup(cache, hash); /* its validators, without a body */
    if (known)
        drop(cache, known);
    insert(cache, e);
    struct httpd_response *r = respond(cache, e, c);
    if (!r) /* no memory, and the call's own answer is the entry's now */
        (void)call_fail(c, FAULT_INTERNAL, NULL, NULL);
    return r;
}
