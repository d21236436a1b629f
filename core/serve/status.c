/* status: GET /v1/status: how the service, its accounts and its collections are doing, as JSON.
 *
 * Times end in _ms and are milliseconds since 1970 UTC, ages and delays milliseconds; 0 (ages: -1)
 * is never. Counters count since the start of the process. */
#include "core/base/clock.h"
#include "core/push/push.h"
#include "core/queue/queue.h"
#include "core/serve/fresh.h"
#include "core/serve/handlers.h"
#include "core/serve/health.h"
#include "core/serve/pages.h"
#include "core/serve/scope.h"
#include "core/serve/server.h"
#include "storage/channels.h"
#include "storage/events.h"
#include "storage/jobs.h"
#include "storage/trouble.h"

struct writer {
    struct call *c;
    bool any;                                            /* something was written before */
    uint64_t collections, ready, live_items, odd, drift; /* whether on this page or not */
    struct page_token at; /* place[0]: number of the last collection written */
    int64_t n, most;      /* on this page; most 0: all */
    bool more;
};

static void text_member(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, ",\"%s\":", name);
    buf_add_json(out, span_of(text));
}

static void number_member(struct buf *out, const char *name, int64_t n)
{
    buf_printf(out, ",\"%s\":%lld", name, (long long)n);
}

static bool write_account(void *arg, enum rc rc, const struct account *a)
{
    struct writer *w = arg;
    struct buf *out = &w->c->out;
    if (!access_has_account(&w->c->caller, a->name))
        return true;
    buf_printf(out, "%s{\"number\":%u", w->any ? "," : "", a->no);
    w->any = true;
    text_member(out, "name", a->name);
    text_member(out, "state", rc == RC_OK ? account_state_name(a->state) : "damaged");
    text_member(out, "reason", a->reason);
    number_member(out, "since_ms", a->since_ms);
    buf_add_char(out, '}');
    return true;
}

/* The channel that counts: the one of which most is known, of several the last one. */
static bool pick_channel(void *arg, const struct channel *channel)
{
    static const int ranks[] = {[CHANNEL_OPENING] = 1,
                                [CHANNEL_DEGRADED] = 2,
                                [CHANNEL_UNVERIFIED] = 3,
                                [CHANNEL_LIVE] = 4};
    struct channel *best = arg;
    if (channel->state < CHANNEL_OPENING || channel->state >= CHANNEL_STOPPING)
        return true;
    int better = ranks[channel->state] - (best->state ? ranks[best->state] : 0);
    if (better > 0 || (better == 0 && channel->created_ms > best->created_ms))
        *best = *channel;
    return true;
}

static void write_channel(struct call *c, const struct collection *coll)
{
    struct channel best = {0};
    static const char *const verdicts[] = {"untried", "ok", "refused"};
    channels_each(c->txn, coll->no, pick_channel, &best);
    text_member(&c->out, "watch", verdicts[coll->watch <= WATCH_REFUSED ? coll->watch : 0]);
    text_member(&c->out, "watch_error", coll->watch_error);
    if (best.state == 0) {
        buf_add_text(&c->out, ",\"channel\":null");
        return;
    }
    buf_add_text(&c->out, ",\"channel\":{\"state\":");
    buf_add_json(&c->out, span_of(channel_state_name(best.state)));
    number_member(&c->out, "created_ms", best.created_ms);
    number_member(&c->out, "expires_ms", best.expires_ms);
    number_member(&c->out, "renew_ms", best.renew_ms);
    number_member(&c->out, "pings", (int64_t)best.pings);
    number_member(&c->out, "last_ping_ms", best.last_ping_ms);
    buf_add_char(&c->out, '}');
}

static void write_listing(struct buf *out, const struct listing *l)
{
    if (l->reason == LISTING_NONE) {
        buf_add_text(out, ",\"listing\":null");
        return;
    }
    buf_add_text(out, ",\"listing\":{\"reason\":");
    buf_add_json(out, span_of(listing_reason_name(l->reason)));
    number_member(out, "started_ms", l->started_ms);
    number_member(out, "pages", (int64_t)l->pages);
    number_member(out, "items", (int64_t)l->items);
    buf_add_char(out, '}');
}

/* The record is written when the error turns into another one only; retries are counted by the
 * queue. */
static uint32_t fails_of(const struct collection *coll, const struct queue_counters *n)
{
    return coll->fails > 0 && n->fails > coll->fails ? n->fails : coll->fails;
}

static void write_counters(struct call *c, const struct collection *coll)
{
    struct queue_counters n = {0};
    struct job job = {0};
    bool known = queue_counters(c->queue, coll->no, &n);
    number_member(&c->out, "fails", fails_of(coll, &n));
    if (job_get(c->txn, coll->no, &job) == RC_OK) {
        buf_printf(&c->out, ",\"dirty\":%s", job.pinged > job.pulled ? "true" : "false");
        number_member(&c->out, "last_ping_ms", job.ping_ms);
        buf_printf(&c->out, ",\"resync\":%s", job.resync ? "true" : "false");
        buf_printf(&c->out, ",\"verify\":%s", job.verify ? "true" : "false");
    }
    number_member(&c->out, "pings", (int64_t)n.pings);
    number_member(&c->out, "pulls", (int64_t)n.pulls);
    number_member(&c->out, "empty_pulls", (int64_t)n.empty_pulls);
    number_member(&c->out, "listings", (int64_t)n.listings);
    number_member(&c->out, "upstream_calls", (int64_t)n.upstream_calls);
    number_member(&c->out, "changes", (int64_t)n.changes);
    number_member(&c->out, "failures", (int64_t)n.failures);
    buf_printf(&c->out, ",\"running\":%s", n.running ? "true" : "false");
    if (known)
        number_member(&c->out, "due_in_ms", n.due_in_ms);
}

static void write_collection(struct call *c, enum rc rc, const struct collection *coll,
                             const char *account, uint64_t odd)
{
    struct buf *out = &c->out;
    int64_t age_ms = coll->fresh_ms ? fresh_age_ms(c->now_ms, coll->fresh_ms) : -1;
    buf_printf(out, "{\"number\":%u", coll->no);
    text_member(out, "account", account);
    text_member(out, "kind", coll_kind_name(coll->kind));
    text_member(out, "calendar", coll->calendar);
    text_member(out, "state", rc == RC_OK ? coll_state_name(coll->state) : "damaged");
    number_member(out, "version", (int64_t)coll->version);
    number_member(out, "live_items", (int64_t)coll->live_items);
    number_member(out, "all_items", (int64_t)coll->all_items);
    number_member(out, "changed_ms", coll->changed_ms);
    number_member(out, "fresh_ms", coll->fresh_ms);
    number_member(out, "age_ms", age_ms);
    number_member(out, "full_ms", coll->full_ms);
    number_member(out, "failed_ms", coll->failed_ms);
    text_member(out, "last_error", coll->last_error);
    number_member(out, "drift", (int64_t)coll->drift);
    if (coll->kind == COLL_EVENTS)
        number_member(out, "odd", (int64_t)odd);
    number_member(out, "damaged", (int64_t)events_damaged(c->store, coll->no));
    write_listing(out, &coll->listing);
    write_channel(c, coll);
    write_counters(c, coll);
    buf_add_char(out, '}');
}

static bool is_asked_for(struct call *c, enum rc rc, const struct collection *coll,
                         const char *account)
{
    const struct params *p = &c->params;
    struct health h = {0};
    bool named = !params_has(p, PARAM_CALENDAR);
    for (unsigned i = 0; i < p->n_repeated; i++)
        named |=
            p->repeated[i].which == PARAM_CALENDAR && span_is(p->repeated[i].text, coll->calendar);
    if (!named || (params_has(p, PARAM_ACCOUNT) && !span_is(p->v[PARAM_ACCOUNT].text, account)))
        return false;
    return !params_has(p, PARAM_HEALTH) || rc != RC_OK || health_add(c, coll, &h);
}

static bool look_at_collection(void *arg, enum rc rc, const struct collection *coll)
{
    struct writer *w = arg;
    struct call *c = w->c;
    struct account a = {0};
    if (access_to_coll(&c->caller, c->txn, coll) == ACCESS_NONE)
        return true;
    const char *account = account_get(c->txn, coll->account, &a) == RC_OK ? a.name : "";
    uint64_t odd = coll->kind == COLL_EVENTS ? events_odd_count(c->txn, coll->no) : 0;
    w->collections++;
    w->ready += coll->state == COLL_READY;
    w->live_items += coll->kind == COLL_EVENTS ? coll->live_items : 0;
    w->drift += coll->drift;
    w->odd += odd;
    if (w->more || coll->no <= w->at.place[0] || !is_asked_for(c, rc, coll, account))
        return true;
    if (w->most > 0 && w->n == w->most) {
        w->more = true;
        return true;
    }
    buf_add_text(&c->out, w->n++ ? "," : "");
    write_collection(c, rc, coll, account, odd);
    w->at.place[0] = coll->no;
    return true;
}

static void write_totals(struct call *c, const struct writer *w)
{
    struct queue_totals q = {0};
    struct store_usage u = {0};
    struct err why = {0};
    int64_t since_ms = 0;
    struct buf *out = &c->out;
    queue_totals(c->queue, &q);
    store_usage(c->store, &u);
    buf_printf(out, ",\"totals\":{\"collections\":%llu", (unsigned long long)w->collections);
    number_member(out, "ready", (int64_t)w->ready);
    number_member(out, "live_events", (int64_t)w->live_items);
    number_member(out, "odd_events", (int64_t)w->odd);
    number_member(out, "drift", (int64_t)w->drift);
    number_member(out, "due", (int64_t)q.due);
    number_member(out, "running", (int64_t)q.running);
    number_member(out, "pings", (int64_t)q.pings);
    number_member(out, "pings_refused", (int64_t)q.pings_refused);
    struct tally n = serve_tally(c);
    number_member(out, "requests", (int64_t)n.requests);
    number_member(out, "requests_not_modified", (int64_t)n.not_modified);
    number_member(out, "requests_failed", (int64_t)n.errors);
    number_member(out, "streams", n.streams);
    number_member(out, "streams_opened", (int64_t)n.streams_opened);
    number_member(out, "streams_cut", (int64_t)n.streams_cut);
    number_member(out, "long_polls", n.long_polls);
    buf_printf(out, "},\"store\":{\"map_bytes\":%llu", (unsigned long long)u.map_bytes);
    number_member(out, "used_bytes", (int64_t)u.used_bytes);
    number_member(out, "file_bytes", (int64_t)u.file_bytes);
    number_member(out, "readers", u.readers);
    number_member(out, "oldest_reader_txns", (int64_t)u.oldest_reader_txns);
    number_member(out, "held_ms", store_held_ms(c->store));
    if (store_trouble(c->store, &why, &since_ms)) {
        text_member(out, "trouble", why.text);
        number_member(out, "trouble_since_ms", since_ms);
    }
    buf_add_char(out, '}');
}

void status_get(struct call *c)
{
    static const struct collection all = {.no = 0}; /* which no collection has */
    struct writer w = {.c = c};
    if (!call_read(c) || !pages_begin(c, &all, &w.at) || !scope_account_is_known(c))
        return;
    w.most = pages_max_results(c);
    buf_add_text(&c->out, "{\"version\":\"" CALMIRROR_VERSION "\"");
    number_member(&c->out, "now_ms", c->now_ms);
    number_member(&c->out, "started_ms", c->serve->started_ms);
    number_member(&c->out, "uptime_ms", clock_mono_ms() - c->serve->started_mono_ms);
    buf_printf(&c->out, ",\"stopping\":%s,\"accounts\":[",
               atomic_load(&c->serve->draining) ? "true" : "false");
    accounts_each(c->txn, write_account, &w);
    buf_add_text(&c->out, "],\"collections\":[");
    colls_each(c->txn, look_at_collection, &w);
    buf_add_char(&c->out, ']');
    if (w.more && !pages_write_next(c, &w.at))
        return;
    if (access_is_operator(&c->caller)) {
        buf_add_char(&c->out, ',');
        struct health h = health_look(c);
        health_write(&h, &c->out);
        write_totals(c, &w);
    }
    if (c->serve->push && access_is_operator(&c->caller)) {
        buf_add_text(&c->out, ",\"push\":");
        push_status(c->serve->push, &c->out);
    }
    buf_add_char(&c->out, '}');
}
