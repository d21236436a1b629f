/* letters: keeps what hooks did not take, within bounds; has it delivered again or drops it. */
#include "core/push/letters.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/must.h"
#include "core/base/text.h"
#include "storage/push.h"

/* ---- which there are ------------------------------------------------------------------------- */

static bool count(void *arg, const struct push_dead *d)
{
    struct hook *hook = hook_find(arg, d->hook);

    if (hook) {
        hook->dead++;
        hook->dead_bytes += d->body.n;
    }
    return true;
}

void letters_count(struct hooks *h, struct txn *ledger)
{
    for (struct hook *hook = h->all; hook; hook = hook->next)
        hook->dead = hook->dead_bytes = 0;
    push_dead_each(ledger, 0, count, h);
}

static void discount(struct hook *hook, uint64_t n, uint64_t bytes)
{
    hook->dead -= n < hook->dead ? n : hook->dead;
    hook->dead_bytes -= bytes < hook->dead_bytes ? bytes : hook->dead_bytes;
}

/* Letters of a hook, oldest first: until there are so many and so large. */
struct picking {
    const char *hook;
    uint64_t number; /* of the only one; 0: any */
    uint64_t enough, enough_bytes;
    uint64_t n, bytes, v[LETTERS_MOST];
};

static void delete_picked(const struct picking *p, struct txn *t)
{
    for (uint64_t i = 0; i < p->n; i++)
        push_dead_delete(t, p->v[i]);
}

static bool pick(void *arg, const struct push_dead *d)
{
    struct picking *p = arg;

    if (strcmp(d->hook, p->hook) == 0 && (!p->number || p->number == d->number)) {
        p->v[p->n++] = d->number;
        p->bytes += d->body.n;
    }
    return p->n < LETTERS_MOST && (p->n < p->enough || p->bytes < p->enough_bytes);
}

struct expiry {
    struct hooks *h;
    int64_t before_ms;
    uint64_t n, v[LETTERS_MOST];
};

static bool see_old(void *arg, const struct push_dead *d)
{
    struct expiry *x = arg;
    const struct hook *hook = hook_find(x->h, d->hook);

    if (d->dead_ms < x->before_ms && (!hook || !hook->conf))
        x->v[x->n++] = d->number;
    return x->n < LETTERS_MOST;
}

void letters_expire(struct hooks *h, struct txn *ledger)
{
    struct expiry x = {.h = h, .before_ms = clock_wall_ms() - LETTERS_KEPT_MS};

    do {
        x.n = 0;
        push_dead_each(ledger, 0, see_old, &x);
        for (uint64_t i = 0; i < x.n; i++)
            push_dead_delete(ledger, x.v[i]);
    } while (x.n == LETTERS_MOST && txn_failed(ledger) == RC_OK);
}

/* ---- as attempts end ------------------------------------------------------------------------- */

static void make_room(struct hook *hook, size_t bytes, struct txn *t)
{
    uint64_t n = hook->dead + 1, all = hook->dead_bytes + bytes;
    struct picking p = {.hook = hook->name,
                        .enough = n > LETTERS_MOST ? n - LETTERS_MOST : 0,
                        .enough_bytes = all > LETTERS_BYTES ? all - LETTERS_BYTES : 0};

    if (p.enough == 0 && p.enough_bytes == 0)
        return;
    push_dead_each(t, 0, pick, &p);
    delete_picked(&p, t);
    discount(hook, p.n, p.bytes);
    hook->dropped += p.n;
}

void letters_add(struct hook_lane *l, struct txn *t)
{
    struct span body = buf_span(&l->body);
    struct push_dead d = {.seq = l->sending.sub,
                          .first_ms = l->failed_ms,
                          .dead_ms = clock_wall_ms(),
                          .attempts = l->lane.fails + 1};
    struct hook *hook = l->hook;

    while (body.n > 0 && body.p[body.n - 1] == '\n')
        body.n--;
    d.body = body;
    (void)text_copy(d.hook, sizeof d.hook, span_of(hook->name));
    (void)json_string_copy(json_get(body, "account"), d.account, sizeof d.account);
    (void)json_string_copy(json_get(body, "calendarId"), d.calendar, sizeof d.calendar);
    (void)text_copy(d.error, sizeof d.error, span_of(l->error ? l->error : ""));
    make_room(hook, body.n, t);
    push_dead_put(t, &d);
    hook->dead++;
    hook->dead_bytes += body.n;
}

void letters_settle(struct hook_lane *l, bool ok, struct txn *t)
{
    struct push_dead d;

    if (push_dead_get(t, l->sending.pos, &d) != RC_OK) /* dropped meanwhile */
        return;
    if (ok) {
        discount(l->hook, 1, d.body.n);
        push_dead_delete(t, l->sending.pos);
        return;
    }
    char *body = must(strndup(d.body.p, d.body.n)); /* the record is about to be replaced */

    d.attempts++;
    (void)text_copy(d.error, sizeof d.error, span_of(l->error ? l->error : ""));
    d.body.p = body;
    push_dead_put(t, &d);
    free(body);
}

/* ---- asked for again ------------------------------------------------------------------------- */

static bool see_next(void *arg, const struct push_dead *d)
{
    struct hook_lane *l = arg;

    if (strcmp(d->hook, l->hook->name) != 0 || d->number > l->last_letter)
        return d->number <= l->last_letter;
    l->letter = l->sending.pos = d->number;
    buf_add_span(&l->body, d->body);
    return false;
}

enum rc letters_next(struct hooks *h, struct hook_lane *l)
{
    struct txn *t;
    uint64_t before = l->letter;

    if (l->last_letter == 0)
        return RC_NOTFOUND;
    enum rc rc = txn_read(h->ledger, &t, NULL);

    if (rc)
        return rc;
    push_dead_each(t, before, see_next, l);
    txn_abort(t);
    if (l->letter != before)
        return RC_OK;
    l->last_letter = 0;
    return RC_NOTFOUND;
}

static enum rc drop(struct hooks *h, const struct picking *p, struct err *e)
{
    struct txn *t;
    enum rc rc = txn_write(h->ledger, &t, e);

    if (rc)
        return rc;
    delete_picked(p, t);
    return txn_commit(t, e);
}

enum rc hooks_dead(struct hooks *h, const char *name, uint64_t number, bool drop_them,
                   uint64_t *ret_n, struct err *e)
{
    struct picking p = {.hook = name, .number = number, .enough = UINT64_MAX};
    struct txn *t;

    pthread_mutex_lock(&h->lock);
    struct hook *hook = hook_find(h, name);
    enum rc rc = txn_read(h->ledger, &t, e);

    if (rc == RC_OK) {
        push_dead_each(t, 0, pick, &p);
        txn_abort(t);
    }
    if (rc == RC_OK && p.n == 0 && (number || !hook || !hook->conf))
        rc = RC_NOTFOUND;
    if (rc == RC_OK && !drop_them && (!hook || !hook->conf))
        rc = RC_NOTFOUND; /* nobody to deliver them to */
    if (rc == RC_OK && drop_them && p.n)
        rc = drop(h, &p, e);
    if (rc == RC_OK && drop_them && hook)
        discount(hook, p.n, p.bytes);
    if (rc == RC_OK && !drop_them && p.n) {
        struct hook_lane *l = &hook->letters;
        uint64_t before = number ? number - 1 : 0, last = p.v[p.n - 1];
        bool more = l->letter < l->last_letter; /* are asked for already */

        l->letter = more && l->letter < before ? l->letter : before;
        l->last_letter = more && l->last_letter > last ? l->last_letter : last;
        if (!hook->letters.lane.running) /* else it goes on from there */
            sched_set(&h->sched, &hook->letters.lane, clock_mono_ms());
    }
    if (rc == RC_OK)
        *ret_n = p.n;
    pthread_mutex_unlock(&h->lock);
    if (rc == RC_OK && h->running)
        http_pool_wake(h->pool);
    return rc;
}

/* ---- what is told of them -------------------------------------------------------------------- */

struct writing {
    struct buf *out;
    const char *hook;
    bool any;
};

static bool write_one(void *arg, const struct push_dead *d)
{
    struct writing *w = arg;

    if (strcmp(d->hook, w->hook) != 0)
        return true;
    buf_printf(w->out, "%s{\"number\":%" PRIu64 ",\"account\":", w->any ? "," : "", d->number);
    w->any = true;
    buf_add_json(w->out, span_of(d->account));
    buf_add_text(w->out, ",\"calendar\":");
    buf_add_json(w->out, span_of(d->calendar));
    buf_printf(w->out,
               ",\"first_ms\":%" PRId64 ",\"dead_ms\":%" PRId64 ",\"attempts\":%u,\"error\":",
               d->first_ms, d->dead_ms, d->attempts);
    buf_add_json(w->out, span_of(d->error));
    buf_add_text(w->out, ",\"change\":");
    buf_add_span(w->out, d->body);
    buf_add_char(w->out, '}');
    return true;
}

void letters_write(struct txn *t, const char *hook, struct buf *out)
{
    struct writing w = {.out = out, .hook = hook};

    push_dead_each(t, 0, write_one, &w);
}
