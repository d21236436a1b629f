/* health: goes through accounts and collections and counts what is out of order. */
#include "core/serve/health.h"

#include "core/base/clock.h"
#include "core/serve/fresh.h"
#include "core/serve/server.h"
#include "storage/channels.h"
#include "storage/events.h"
#include "storage/trouble.h"

#define KEEP_MS  1000
#define SLACK_MS (60 * 1000) /* a poll may take a while */

struct look {
    struct call *c;
    struct health *h;
};

static bool look_at_account(void *arg, enum rc rc, const struct account *a)
{
    struct look *l = arg;
    l->h->accounts += rc == RC_OK && a->state != ACCOUNT_OK && a->state != ACCOUNT_GONE;
    return true;
}

static bool is_live(void *arg, const struct channel *ch)
{
    bool *live = arg;
    *live = ch->state == CHANNEL_LIVE;
    return !*live;
}

static bool is_deaf(const struct call *c, const struct collection *coll)
{
    bool live = false;
    if (!c->conf->webhook.public_url[0] || coll->watch == WATCH_REFUSED)
        return false;
    channels_each(c->txn, coll->no, is_live, &live);
    return !live;
}

bool health_add(struct call *c, const struct collection *coll, struct health *h)
{
    int64_t patience_ms = 2 * c->conf->sync.poll_interval_ms + SLACK_MS;
    bool failing = coll->fails > 0, damaged = events_damaged(c->store, coll->no) > 0;
    bool unlisted = coll->state != COLL_READY, behind = false, deaf = false;
    if (coll->state == COLL_GONE)
        return false;
    if (coll->kind == COLL_EVENTS && !unlisted) {
        behind = fresh_age_ms(c->now_ms, coll->fresh_ms) > patience_ms;
        deaf = is_deaf(c, coll);
    }
    h->failing += failing;
    h->damaged += damaged;
    h->unlisted += unlisted;
    h->behind += behind;
    h->deaf += deaf;
    return failing || damaged || unlisted || behind || deaf;
}

static bool look_at_coll(void *arg, enum rc rc, const struct collection *coll)
{
    struct look *l = arg;
    if (rc == RC_OK && coll->kind == COLL_EVENTS)
        (void)health_add(l->c, coll, l->h);
    return true;
}

static struct health last_look(struct serve *s)
{
    pthread_mutex_lock(&s->lock);
    struct health h = s->health;
    pthread_mutex_unlock(&s->lock);
    return h;
}

static bool is_recent(const struct health *h)
{
    int64_t now = clock_mono_ms();
    return h->at_ms && now >= h->at_ms && now - h->at_ms < KEEP_MS;
}

bool health_is_recent(struct serve *s)
{
    const struct health h = last_look(s);
    return is_recent(&h);
}

struct health health_look(struct call *c)
{
    struct health h = last_look(c->serve);
    struct look l = {.c = c, .h = &h};
    if (is_recent(&h))
        return h;
    h = (struct health){.at_ms = clock_mono_ms()};
    accounts_each(c->txn, look_at_account, &l);
    colls_each(c->txn, look_at_coll, &l);
    (void)store_trouble(c->store, &h.store, &h.store_since_ms);
    int64_t held_ms = store_held_ms(c->store);
    h.held_ms = held_ms > STORE_HELD_MOST_MS ? held_ms : 0;
    pthread_mutex_lock(&c->serve->lock);
    c->serve->health = h;
    pthread_mutex_unlock(&c->serve->lock);
    return h;
}

void health_write(const struct health *h, struct buf *out)
{
    const struct {
        uint64_t n;
        const char *words;
    } counts[] = {
        {h->accounts, "accounts that cannot be used"},
        {h->unlisted, "calendars not listed yet"},
        {h->failing, "calendars whose last attempt failed"},
        {h->behind, "calendars that may be behind Google"},
        {h->deaf, "calendars without a channel that delivers, polled instead"},
        {h->damaged, "calendars with damaged records, being fetched again"},
    };
    struct buf reasons = {0};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        if (counts[i].n)
            buf_printf(&reasons, "%s\"%s: %llu\"", reasons.n ? "," : "", counts[i].words,
                       (unsigned long long)counts[i].n);
    if (h->held_ms)
        buf_printf(&reasons,
                   "%s\"the database grows: an old view of it is being read for minutes: %lld\"",
                   reasons.n ? "," : "", (long long)(h->held_ms / 60000));
    if (h->store.text[0]) {
        struct buf text = {0};
        buf_printf(&text, "nothing can be written: %s", h->store.text);
        buf_add_text(&reasons, reasons.n ? "," : "");
        buf_add_json(&reasons, buf_span(&text));
        buf_release(&text);
    }
    buf_printf(out, "\"health\":{\"state\":\"%s\",\"reasons\":[", reasons.n ? "degraded" : "ok");
    buf_add_span(out, buf_span(&reasons));
    buf_add_text(out, "]}");
    buf_release(&reasons);
}
