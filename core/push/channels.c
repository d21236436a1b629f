/* channels: the table of channels; opening and closing. */
#include "core/push/channels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/must.h"
#include "core/base/text.h"
#include "core/push/channel.h"
#include "storage/accounts.h"
#include "storage/push.h"

#define MOST_CHANNELS 20000 /* of all clients: some 400 bytes each */
#define MOST_ERRORS   50    /* told by channels_status() */
#define BURST_MS      1000  /* changes that go on are told this often */
/* How often a client may open one, since each is a message to somebody: as many at once as it may
 * have, and some; then this often. */
#define OPENS_EXTRA   100
#define OPENS_PACE_MS 100

struct opener {
    char client[LIMIT_NAME_BYTES + 1];
    int64_t paid_ms; /* monotonic: up to here its openings are paid for */
    struct opener *next;
};

/* ---- the table ------------------------------------------------------------------------------- */

static struct host *host_join(struct channels *c, const char *url)
{
    struct http_url u;
    char name[sizeof u.host + 8];

    if (http_url_read(&u, url, NULL) != RC_OK)
        return NULL;
    (void)snprintf(name, sizeof name, "%s:%u", u.host, u.port);
    for (struct host *h = c->hosts; h; h = h->next)
        if (strcmp(h->name, name) == 0) {
            h->users++;
            return h;
        }
    struct host *h = must(calloc(1, sizeof *h));

    h->name = must(strdup(name));
    h->group.most = CHANNEL_MESSAGES_MOST / 4;
    h->users = 1;
    h->next = c->hosts;
    c->hosts = h;
    return h;
}

static void host_leave(struct channels *c, struct host *h)
{
    if (--h->users)
        return;
    for (struct host **at = &c->hosts; *at; at = &(*at)->next)
        if (*at == h) {
            *at = h->next;
            break;
        }
    free(h->name);
    free(h);
}

/* NULL: its address is none. Without memory it could not be told until the next start. */
static struct channel *add(struct channels *c, const struct push_channel *record)
{
    struct host *h = host_join(c, record->address);

    if (!h)
        return NULL;
    struct channel *ch = must(calloc(1, sizeof *ch));

    ch->lane.group = &h->group;
    memcpy(ch->id, record->id, sizeof ch->id);
    memcpy(ch->client, record->client, sizeof ch->client);
    ch->event_types = record->event_types;
    ch->state = record->state;
    ch->cursor = ch->version = record->cursor;
    ch->number = record->number;
    ch->expires_ms = record->expires_ms;
    ch->lane.proven = record->delivered > 0;
    ch->next = c->all;
    c->all = ch;
    c->n++;
    return ch;
}

static struct channel *find(struct channels *c, struct span id)
{
    for (struct channel *ch = c->all; ch; ch = ch->next)
        if (!ch->closed && span_is(id, ch->id))
            return ch;
    return NULL;
}

void channel_forget(struct channels *c, struct channel *ch)
{
    sched_remove(&c->sched, &ch->lane);
    for (struct channel **at = &c->all; *at; at = &(*at)->next)
        if (*at == ch) {
            *at = ch->next;
            break;
        }
    c->n--;
    c->n_closed -= ch->closed;
    host_leave(c, (struct host *)ch->lane.group);
    free(ch->error);
    free(ch);
}

/* A calendar that an account's list does not have is gone; without a list, it may yet be found. */
static bool is_listed(struct txn *mirror, uint32_t account)
{
    struct collection roster;
    return coll_find(mirror, account, COLL_ROSTER, span_of(""), &roster) == RC_OK &&
           roster.state == COLL_READY;
}

/* RC_NOTFOUND: it is gone. RC_AGAIN: not known yet. */
static enum rc find_coll(struct channels *c, const struct channel *ch, struct txn *mirror,
                         struct collection *ret)
{
    struct push_channel record;
    struct account account;
    struct txn *t = NULL;
    enum rc rc = RC_AGAIN;

    if (txn_read(c->ledger, &t, NULL) != RC_OK)
        return rc;
    if (push_channel_get(t, span_of(ch->id), &record) == RC_OK &&
        account_find(mirror, record.account, &account) == RC_OK) {
        rc = coll_find(mirror, account.no, record.kind, span_of(record.calendar), ret);
        if (rc == RC_NOTFOUND && !is_listed(mirror, account.no))
            rc = RC_AGAIN;
    }
    txn_abort(t);
    return rc;
}

void channel_look(struct channels *c, struct channel *ch, struct txn *mirror)
{
    struct collection coll = {0};
    enum rc rc = ch->coll ? coll_get(mirror, ch->coll, &coll) : RC_NOTFOUND;

    if (rc == RC_NOTFOUND) {
        rc = find_coll(c, ch, mirror, &coll);
        ch->coll = coll.no;
    }
    if (rc == RC_NOTFOUND)
        ch->lost = true;
    if (rc != RC_OK || coll.state == COLL_NEW)
        return;
    ch->lost = coll.state == COLL_GONE;
    if (!ch->lost && ch->state == PUSH_LOST)
        ch->state = PUSH_LIVE; /* it is back */
    if (!ch->lost && coll.version > ch->version)
        ch->version = coll.version;
}

void channel_owe(struct channels *c, struct channel *ch, int64_t now_ms)
{
    if (ch->lane.running || ch->closed)
        return;
    if (ch->state == PUSH_OPENING) {
        if (!sched_is_set(&ch->lane))
            sched_set(&c->sched, &ch->lane, now_ms);
        return;
    }
    bool owed = ch->version > ch->cursor || (ch->lost && ch->state != PUSH_LOST);

    if (!owed || (ch->lane.fails && sched_is_set(&ch->lane))) /* a retry is due some time */
        return;
    int64_t settle = c->conf->push.settle_ms, most = settle > BURST_MS ? settle : BURST_MS;

    if (!ch->noticed_ms)
        ch->noticed_ms = now_ms;
    int64_t due = now_ms + settle;

    if (due > ch->noticed_ms + most)
        due = ch->noticed_ms + most;
    sched_set(&c->sched, &ch->lane, due);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct loading {
    struct channels *c;
    int64_t now_ms, until_ms; /* later ones are loaded already; INT64_MAX: none is */
    bool anew;                /* the cursors are of another mirror */
};

static bool load_one(void *arg, const struct push_channel *record)
{
    struct loading *l = arg;

    if (record->expires_ms <= l->now_ms || record->expires_ms > l->until_ms) /* swept later */
        return true;
    if (l->until_ms != INT64_MAX && find(l->c, span_of(record->id)))
        return true;
    struct channel *ch = add(l->c, record);

    if (ch && l->anew)
        ch->cursor = ch->version = 0;
    return true;
}

static enum rc load(struct channels *c, int64_t until_ms, bool anew, struct err *e)
{
    struct loading l = {.c = c, .now_ms = clock_wall_ms(), .until_ms = until_ms, .anew = anew};
    struct txn *t;
    enum rc rc = txn_read(c->ledger, &t, e);

    if (rc)
        return rc;
    unsigned damaged = push_channels_each(t, load_one, &l);

    txn_abort(t);
    if (damaged)
        log_err(NULL,
                "%u records of clients' channels are damaged: these are not notified any more",
                damaged);
    c->began_ms = clock_mono_ms();
    c->loaded_ms = anew ? INT64_MIN : l.now_ms; /* those passed over lose their cursors with it */
    return RC_OK;
}

void channels_load_again(struct channels *c)
{
    if (load(c, c->loaded_ms, false, NULL) == RC_OK)
        c->news_lost = true;
}

enum rc channels_new(struct channels **ret, struct store *mirror, struct store *ledger,
                     const struct conf *conf, struct address_rules *rules, bool anew, struct err *e)
{
    struct channels *c = calloc(1, sizeof *c);

    if (!c)
        return err_set(e, RC_SYS, "out of memory");
    c->mirror = mirror;
    c->ledger = ledger;
    c->conf = conf_ref(conf);
    c->rules = *rules;
    *rules = (struct address_rules){0};
    pthread_mutex_init(&c->lock, NULL);
    sched_init(&c->sched, CHANNEL_MESSAGES_MOST);
    enum rc rc = load(c, INT64_MAX, anew, e);

    if (rc) {
        channels_free(c);
        return err_prefix(e, rc, "channels of clients");
    }
    *ret = c;
    return RC_OK;
}

void channels_free(struct channels *c)
{
    if (!c)
        return;
    while (c->all)
        channel_forget(c, c->all);
    while (c->openers) {
        struct opener *o = c->openers;

        c->openers = o->next;
        free(o);
    }
    sched_release(&c->sched);
    address_rules_release(&c->rules);
    conf_free(c->conf);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void channels_reload(struct channels *c, const struct conf *conf, struct address_rules *rules)
{
    pthread_mutex_lock(&c->lock);
    conf_free(c->conf);
    c->conf = conf_ref(conf);
    address_rules_release(&c->rules);
    c->rules = *rules;
    *rules = (struct address_rules){0};
    pthread_mutex_unlock(&c->lock);
}

int64_t channels_heartbeat_ms(const struct channels *c)
{
    return c->running ? atomic_load(&c->heartbeat_ms) : clock_awake_ms();
}

/* ---- opening and closing --------------------------------------------------------------------- */

static enum channel_verdict check_address(const struct channels *c, const char *address,
                                          struct err *e)
{
    struct http_url u;

    if (http_url_read(&u, address, e) != RC_OK)
        return CHANNEL_NOT_URL;
    if (!u.https && c->rules.n_networks == 0)
        return CHANNEL_NOT_HTTPS;
    if (u.numeric && !address_allowed(&c->rules, (struct sockaddr *)&u.address, u.https, e))
        return CHANNEL_FORBIDDEN;
    return CHANNEL_OPENED;
}

/* Clients are those of the configuration: their number is bounded. */
static struct opener *opener_of(struct channels *c, const char *client)
{
    for (struct opener *o = c->openers; o; o = o->next)
        if (strcmp(o->client, client) == 0)
            return o;
    struct opener *o = must(calloc(1, sizeof *o));

    (void)text_copy(o->client, sizeof o->client, span_of(client));
    o->next = c->openers;
    c->openers = o;
    return o;
}

static bool opens_too_often(struct channels *c, const char *client)
{
    struct opener *o = opener_of(c, client);
    int64_t now_ms = clock_mono_ms();
    int64_t ahead_ms = (c->conf->push.channels_per_client + OPENS_EXTRA) * OPENS_PACE_MS;

    if (o->paid_ms - now_ms >= ahead_ms)
        return true;
    o->paid_ms = (o->paid_ms > now_ms ? o->paid_ms : now_ms) + OPENS_PACE_MS;
    return false;
}

static enum channel_verdict check_new(struct channels *c, const struct push_channel *channel)
{
    int64_t of_client = 0;

    for (struct channel *ch = c->all; ch; ch = ch->next)
        of_client += !ch->closed && strcmp(ch->client, channel->client) == 0;
    if (find(c, span_of(channel->id)))
        return CHANNEL_NOT_UNIQUE;
    if (of_client >= c->conf->push.channels_per_client || c->n >= MOST_CHANNELS)
        return CHANNEL_TOO_MANY;
    return opens_too_often(c, channel->client) ? CHANNEL_TOO_OFTEN : CHANNEL_OPENED;
}

static enum channel_verdict write_new(struct channels *c, const struct push_channel *channel,
                                      struct err *e)
{
    struct txn *t;

    if (txn_write(c->ledger, &t, e) != RC_OK)
        return CHANNEL_BROKEN;
    push_channel_put(t, channel);
    return txn_commit(t, e) == RC_OK ? CHANNEL_OPENED : CHANNEL_BROKEN;
}

enum channel_verdict channels_open(struct channels *c, struct push_channel *channel, struct err *e)
{
    channel->state = PUSH_OPENING;
    channel->created_ms = clock_wall_ms();
    message_resource_id(channel->resource_id, channel->account, channel->kind, channel->calendar);

    pthread_mutex_lock(&c->lock);
    enum channel_verdict verdict = check_address(c, channel->address, e);

    if (verdict == CHANNEL_OPENED)
        verdict = check_new(c, channel);
    if (verdict == CHANNEL_OPENED)
        verdict = write_new(c, channel, e);
    if (verdict == CHANNEL_OPENED) {
        struct channel *ch = add(c, channel);

        if (ch)
            channel_owe(c, ch, clock_mono_ms());
    }
    bool wake = verdict == CHANNEL_OPENED && c->running;

    pthread_mutex_unlock(&c->lock);
    if (wake)
        http_pool_wake(c->pool);
    return verdict;
}

static enum rc delete_record(struct channels *c, const char *client, struct span id,
                             struct span resource_id, struct err *e)
{
    struct push_channel record;
    struct txn *t;
    enum rc rc = txn_write(c->ledger, &t, e);

    if (rc)
        return rc;
    rc = push_channel_get(t, id, &record);
    if (rc == RC_OK && (!span_is(resource_id, record.resource_id) ||
                        (client && strcmp(client, record.client) != 0)))
        rc = RC_NOTFOUND;
    if (rc) {
        txn_abort(t);
        return rc == RC_BADDATA ? RC_NOTFOUND : rc;
    }
    push_channel_delete(t, id);
    return txn_commit(t, e);
}

enum rc channels_close(struct channels *c, const char *client, struct span id,
                       struct span resource_id, struct err *e)
{
    pthread_mutex_lock(&c->lock);
    enum rc rc = delete_record(c, client, id, resource_id, e);
    struct channel *ch = rc == RC_OK ? find(c, id) : NULL;

    if (ch && ch->lane.running) { /* the thread forgets it when its message is over */
        ch->closed = true;
        c->n_closed++;
    } else if (ch) {
        channel_forget(c, ch);
    }
    pthread_mutex_unlock(&c->lock);
    return rc;
}

/* ---- status ---------------------------------------------------------------------------------- */

static void add_error(struct buf *out, const struct channel *ch, unsigned nth)
{
    buf_add_text(out, nth ? ",{\"id\":" : "{\"id\":");
    buf_add_json(out, span_of(ch->id));
    buf_add_text(out, ",\"client\":");
    buf_add_json(out, span_of(ch->client));
    buf_printf(out, ",\"fails\":%u,\"error\":", ch->lane.fails);
    buf_add_json(out, span_of(ch->error));
    buf_add_char(out, '}');
}

void channels_count(struct channels *c, uint64_t *ret_open, uint64_t *ret_failing,
                    uint64_t *ret_delivered, uint64_t *ret_failed)
{
    pthread_mutex_lock(&c->lock);
    *ret_open = c->n - c->n_closed;
    *ret_failing = 0;
    for (const struct channel *ch = c->all; ch; ch = ch->next)
        *ret_failing += ch->error != NULL;
    *ret_delivered = c->delivered;
    *ret_failed = c->failed;
    pthread_mutex_unlock(&c->lock);
}

void channels_status(struct channels *c, struct buf *out)
{
    unsigned opening = 0, failing = 0, listed = 0;
    struct buf errors = {0};

    pthread_mutex_lock(&c->lock);
    for (const struct channel *ch = c->all; ch; ch = ch->next) {
        opening += ch->state == PUSH_OPENING;
        failing += ch->error != NULL;
        if (ch->error && listed < MOST_ERRORS)
            add_error(&errors, ch, listed++);
    }
    buf_printf(out,
               "{\"open\":%u,\"opening\":%u,\"failing\":%u,\"delivered\":%llu,\"failed\":%llu,"
               "\"errors\":[",
               c->n - c->n_closed, opening, failing, (unsigned long long)c->delivered,
               (unsigned long long)c->failed);
    pthread_mutex_unlock(&c->lock);
    buf_add_span(out, buf_span(&errors));
    buf_add_text(out, "]}");
    buf_release(&errors);
}
