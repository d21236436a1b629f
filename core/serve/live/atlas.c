/* atlas: the collections that the feed speaks of, remembered by the loop. */
#include "core/serve/live/atlas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/accounts.h"

struct refresh {
    struct atlas *a;
    struct txn *t;
    bool failed;
};

/* Where it is, or belongs. */
static size_t place_of(const struct atlas *a, uint32_t no)
{
    size_t low = 0, high = a->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (a->v[mid].no < no)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct atlas_entry *atlas_find(const struct atlas *a, uint32_t no)
{
    size_t at = place_of(a, no);
    return at < a->n && a->v[at].no == no ? &a->v[at] : NULL;
}

static void forget(struct atlas *a, uint32_t no)
{
    size_t at = place_of(a, no);
    if (at == a->n || a->v[at].no != no)
        return;
    free(a->v[at].calendar);
    memmove(&a->v[at], &a->v[at + 1], (a->n - at - 1) * sizeof(*a->v));
    a->n--;
    a->generation++;
}

static struct atlas_entry *make_room(struct refresh *r, size_t at, const struct collection *c)
{
    struct atlas *a = r->a;
    struct account account = {0};
    if (a->n == a->room) {
        size_t room = a->room ? 2 * a->room : 64;
        struct atlas_entry *v = reallocarray(a->v, room, sizeof(*v));
        if (!v)
            return NULL;
        a->v = v;
        a->room = room;
    }
    char *calendar = strdup(c->calendar);
    if (!calendar)
        return NULL;
    memmove(&a->v[at + 1], &a->v[at], (a->n - at) * sizeof(*a->v));
    a->v[at] = (struct atlas_entry){.no = c->no, .calendar = calendar};
    if (account_get(r->t, c->account, &account) == RC_OK)
        (void)snprintf(a->v[at].account_name, sizeof(a->v[at].account_name), "%s", account.name);
    a->n++;
    a->generation++;
    return &a->v[at];
}

static void note(struct refresh *r, const struct collection *c)
{
    if (c->kind != COLL_EVENTS && c->kind != COLL_ROSTER)
        return;
    size_t at = place_of(r->a, c->no);
    bool known = at < r->a->n && r->a->v[at].no == c->no;
    struct atlas_entry *e = known ? &r->a->v[at] : make_room(r, at, c);
    if (!e) {
        r->failed = true;
        return;
    }
    bool ready = c->state == COLL_READY, stale = c->fails > 0;
    r->a->generation += ready != e->ready;
    if (known && e->stale != stale)
        e->turned = r->a->turned = true;
    e->account = c->account;
    e->kind = c->kind;
    e->ready = ready;
    e->stale = stale;
    e->version = c->version;
    e->fresh_ms = c->fresh_ms;
}

static bool note_each(void *arg, enum rc rc, const struct collection *c)
{
    struct refresh *r = arg;
    if (rc == RC_OK)
        note(r, c);
    return !r->failed;
}

enum rc atlas_refresh(struct atlas *a, struct txn *t, const struct hub_news *news, struct err *e)
{
    struct refresh r = {.a = a, .t = t};
    struct collection c;
    a->seq = txn_last_seq(t);
    if (news->all) {
        for (size_t i = a->n; i-- > 0;)
            if (coll_get(t, a->v[i].no, &c) != RC_OK)
                forget(a, a->v[i].no);
        colls_each(t, note_each, &r);
    }
    for (size_t i = 0; i < news->n && !r.failed; i++) {
        if (coll_get(t, news->colls[i], &c) == RC_OK)
            note(&r, &c);
        else
            forget(a, news->colls[i]);
    }
    if (r.failed)
        return err_set(e, RC_SYS, "change feed: out of memory");
    return txn_failed(t) ? err_set(e, txn_failed(t), "change feed: the store cannot be read")
                         : RC_OK;
}

const struct atlas_entry *atlas_turned(struct atlas *a)
{
    for (size_t i = 0; a->turned && i < a->n; i++) {
        if (!a->v[i].turned)
            continue;
        a->v[i].turned = false;
        return &a->v[i];
    }
    a->turned = false;
    return NULL;
}

void atlas_release(struct atlas *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(a->v[i].calendar);
    free(a->v);
    *a = (struct atlas){0};
}
