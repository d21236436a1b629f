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

void hub_announce(struct store *s, struct touched *touched)
{
    pthread_mutex_lock(&s->hub.mutex);
    touched->next = s->hub.coming;
    s->hub.coming = touched;
    pthread_mutex_unlock(&s->hub.mutex);
}

static void withdraw(struct store *s, const struct touched *touched)
{
    struct touched **at = &s->hub.coming;
    while (*at != touched)
        at = &(*at)->next;
    *at = touched->next;
}

void hub_publish(struct store *s, uint64_t seq, struct touched *touched, bool committed)
{
    pthread_mutex_lock(&s->hub.mutex);
    withdraw(s, touched);
    if (committed && seq > atomic_load_explicit(&s->hub.seq, memory_order_relaxed))
        atomic_store_explicit(&s->hub.seq, seq, memory_order_release);
    if (committed && (touched->n > 0 || touched->all)) {
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

/* Ascending, each once. */
static void put_in_order(struct hub_news *news)
{
    size_t kept = 0;
    if (news->n > 1)
        qsort(news->colls, news->n, sizeof(*news->colls), order_u32);
    for (size_t i = 0; i < news->n; i++)
        if (i == 0 || news->colls[i] != news->colls[i - 1])
            news->colls[kept++] = news->colls[i];
    news->n = kept;
}

void hub_take(struct store *s, struct hub_listener *l, struct hub_news *ret)
{
    pthread_mutex_lock(&s->hub.mutex);
    *ret = (struct hub_news){.all = l->all, .colls = l->colls, .n = l->all ? 0 : l->n};
    l->colls = NULL;
    l->n = l->room = 0;
    l->all = l->woken = false;
    pthread_mutex_unlock(&s->hub.mutex);
    put_in_order(ret);
}

void hub_add_coming(struct store *s, const struct hub_listener *l, struct hub_news *news)
{
    size_t room = news->n;
    pthread_mutex_lock(&s->hub.mutex);
    news->all |= l->all;
    for (size_t i = 0; i < l->n; i++)
        note(&news->colls, &news->n, &room, &news->all, l->colls[i]);
    for (const struct touched *t = s->hub.coming; t; t = t->next) {
        news->all |= t->all;
        for (size_t i = 0; i < t->n; i++)
            note(&news->colls, &news->n, &room, &news->all, t->v[i]);
    }
    pthread_mutex_unlock(&s->hub.mutex);
    put_in_order(news);
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
