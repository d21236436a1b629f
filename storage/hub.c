/* hub: wakes those who wait for commits, so that nobody has to poll the store. */
#include "storage/hub.h"

#include <stdlib.h>

#include "core/base/order.h"
#include "storage/txn.h"

#define MOST_NAMED 4096 /* written collections are told by number up to here, then as "all" */

static void note(uint32_t **v, size_t *n, size_t *room, bool *all, uint32_t no)
{
    if (*all || (*n > 0 && (*v)[*n - 1] == no)) /* the same again: it is so most of the time */
        return;
    if (*n == *room) {
        size_t more = *room ? 2 * *room : 16;
        uint32_t *grown = *n < MOST_NAMED ? reallocarray(*v, more, sizeof(**v)) : NULL;
        if (!grown) {
            *all = true;
            *n = 0;
            return;
        }
        *v = grown;
        *room = more;
    }
    (*v)[(*n)++] = no;
}

void txn_touch(struct txn *t, uint32_t coll)
{
    note(&t->touched.v, &t->touched.n, &t->touched.room, &t->touched.all, coll);
}

void hub_publish(struct store *s, uint64_t seq, const struct touched *touched)
{
    pthread_mutex_lock(&s->hub.mutex);
    if (seq > atomic_load_explicit(&s->hub.seq, memory_order_relaxed))
        atomic_store_explicit(&s->hub.seq, seq, memory_order_release);
    if (touched->n > 0 || touched->all) {
        for (struct hub_listener *l = s->hub.listeners; l; l = l->next) {
            for (size_t i = 0; i < touched->n; i++)
                note(&l->colls, &l->n, &l->room, &l->all, touched->v[i]);
            l->all |= touched->all;
            if (!l->woken)
                l->wake(l->arg);
            l->woken = true;
        }
    }
    pthread_mutex_unlock(&s->hub.mutex);
}

void hub_join(struct store *s, struct hub_listener *l)
{
    pthread_mutex_lock(&s->hub.mutex);
    l->colls = NULL;
    l->n = l->room = 0;
    l->all = true;
    l->woken = false;
    l->next = s->hub.listeners;
    s->hub.listeners = l;
    pthread_mutex_unlock(&s->hub.mutex);
}

void hub_leave(struct store *s, struct hub_listener *l)
{
    pthread_mutex_lock(&s->hub.mutex);
    for (struct hub_listener **at = &s->hub.listeners; *at; at = &(*at)->next) {
        if (*at != l)
            continue;
        *at = l->next;
        free(l->colls);
        l->colls = NULL;
        break;
    }
    pthread_mutex_unlock(&s->hub.mutex);
}

void hub_take(struct store *s, struct hub_listener *l, struct hub_news *ret)
{
    pthread_mutex_lock(&s->hub.mutex);
    *ret = (struct hub_news){.all = l->all, .colls = l->colls, .n = l->all ? 0 : l->n};
    l->colls = NULL;
    l->n = l->room = 0;
    l->all = l->woken = false;
    pthread_mutex_unlock(&s->hub.mutex);
    if (ret->n > 1)
        qsort(ret->colls, ret->n, sizeof(*ret->colls), order_u32);
    size_t kept = 0;
    for (size_t i = 0; i < ret->n; i++)
        if (i == 0 || ret->colls[i] != ret->colls[i - 1])
            ret->colls[kept++] = ret->colls[i];
    ret->n = kept;
}

bool hub_news_has(const struct hub_news *news, uint32_t coll)
{
    return news->all ||
           (news->n && bsearch(&coll, news->colls, news->n, sizeof(*news->colls), order_u32));
}

uint64_t hub_seq(const struct store *s)
{
    return atomic_load_explicit(&s->hub.seq, memory_order_acquire);
}
