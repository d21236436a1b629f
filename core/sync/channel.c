/* channel: opens watch channels, writes down what Google says of them, stops those that are not
 * needed.
 *
 * DESIGN. The record is on disk before the call, since the `sync` message may come before the
 * answer, and a crash between the two must leave something that tells our channel from a forgery.
 * What the answer grants goes into the next commit of the run, which is that of the listing or pull
 * the channel was opened for; a crash before it is the same as one before the answer. A
 * record without an answer at the start of a run is what a crash left: it is stopped when its
 * resource id is known, else forgotten; its pings are strays then, which core/ping turns into
 * records to be stopped. The ping listener moves records to LIVE concurrently, so every write here
 * begins with what is stored. */
#include "core/sync/steps.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/log.h"
#include "core/base/rand.h"
#include "core/queue/token.h"

#define RANDOM_CHARS 32
/* Granted, but without a usable time: short enough to be replaced before any real limit. */
#define UNKNOWN_TTL_MS HOUR_MS
/* Google may go on sending for minutes after a stop: without a record each such message would be a
 * stray, to be stopped once more. */
#define STOPPED_MS (10 * 60 * 1000LL)

static enum rc record(struct run *r, struct channel *ch, struct err *e)
{
    struct txn *t = NULL;
    enum rc rc = run_begin(r, &t, e);
    if (rc != RC_OK)
        return rc;
    ch->coll = r->c.no;
    ch->state = CHANNEL_OPENING;
    ch->created_ms = clock_wall_ms();
    memcpy(ch->id, r->set->rules.tag, PLAN_TAG);
    ch->id[PLAN_TAG] = '-';
    rand_id(ch->id + PLAN_TAG + 1, RANDOM_CHARS);
    channel_put(t, ch);
    /* Counts as failed until it is answered: a service that dies here again and again does not ask
     * each time (plan.c). */
    r->c.watch_tried_ms = ch->created_ms;
    snprintf(r->c.watch_error, sizeof(r->c.watch_error), "the answer did not come");
    rc = run_commit(r, t, e);
    CRASHPOINT("channel.record.after");
    return rc;
}

/* The run's own view of its channels follows what is written, so that the next due time is right.
 * NULL: it is no more. */
static void view_channel(struct run *r, const char *id, const struct channel *now)
{
    size_t i = 0;
    while (i < r->n_channels && strcmp(r->channels[i].id, id) != 0)
        i++;
    if (now && i < PLAN_CHANNELS_MAX) {
        r->n_channels += i == r->n_channels;
        r->channels[i] = *now;
    } else if (!now && i < r->n_channels) {
        r->channels[i] = r->channels[--r->n_channels];
    }
}

static void granted(struct run *r, struct channel *ch, const struct google_watch *watch)
{
    int64_t now = clock_wall_ms();
    memcpy(ch->resource_id, watch->resource_id, sizeof(ch->resource_id));
    ch->expires_ms = watch->expires_ms > now ? watch->expires_ms : now + UNKNOWN_TTL_MS;
    ch->renew_ms =
        plan_renew_ms(&r->set->rules, now, ch->expires_ms, (unsigned)rand_between(0, 65535));
    ch->state = CHANNEL_UNVERIFIED;
    r->grant = *ch;
    r->granted = true;
    r->c.watch = WATCH_OK;
    r->c.watch_error[0] = '\0';
    view_channel(r, ch->id, ch);
    r->delay_ms = 0;
}

void channel_note_grant(struct run *r, struct txn *t)
{
    struct channel ch = r->grant, now;
    if (channel_get(t, span_of(ch.id), &now) == RC_OK) { /* its messages may have come already */
        now.expires_ms = ch.expires_ms;
        now.renew_ms = ch.renew_ms;
        if (ch.resource_id[0])
            memcpy(now.resource_id, ch.resource_id, sizeof(now.resource_id));
        if (now.state == CHANNEL_OPENING)
            now.state = CHANNEL_UNVERIFIED;
        ch = now;
    }
    channel_put(t, &ch);
    r->c.watch = WATCH_OK;
    r->c.watch_error[0] = '\0';
    view_channel(r, ch.id, &ch);
    r->delay_ms = 0;
}

enum rc channel_settle_grant(struct run *r, struct err *e)
{
    struct txn *t = NULL;
    if (!r->granted)
        return RC_OK;
    enum rc rc = run_begin(r, &t, e);
    return rc == RC_OK ? run_commit(r, t, e) : rc;
}

static enum rc refused(struct run *r, struct channel *ch, enum rc why, const struct err *because,
                       struct err *e)
{
    struct txn *t = NULL;
    enum rc rc = run_begin(r, &t, e);
    if (rc != RC_OK)
        return rc;
    (void)channel_get(t, span_of(ch->id), ch);
    /* Its `sync` came although the answer said no or was lost: it exists. */
    if (ch->resource_id[0]) {
        ch->state = CHANNEL_STOPPING;
        channel_put(t, ch);
        view_channel(r, ch->id, ch);
    } else {
        channel_delete(t, span_of(ch->id));
        view_channel(r, ch->id, NULL);
    }
    if (why == RC_INVALID || why == RC_NOTFOUND)
        r->c.watch = WATCH_REFUSED;
    snprintf(r->c.watch_error, sizeof(r->c.watch_error), "%.*s", (int)sizeof(r->c.watch_error) - 1,
             because->text);
    r->delay_ms = 0;
    return run_commit(r, t, e);
}

/* One attempt. */
static enum rc ask(struct run *r, struct channel *ch, struct err *why)
{
    char token[CHANNEL_TOKEN_MAX];
    struct google_watch watch = {0};
    struct google_channel asked = {
        .id = ch->id, .token = token, .address = r->set->address, .ttl_ms = r->set->ttl_ms};
    channel_token(store_secret(r->sync->opt.store), span_of(ch->id), r->c.no, token);
    run_upstream(r);
    enum rc rc = google_watch(&r->call, r->c.kind, r->c.calendar, &asked, &watch, why);
    if (rc != RC_OK)
        return rc;
    CRASHPOINT("channel.watch.after");
    granted(r, ch, &watch);
    return RC_OK;
}

enum rc channel_open(struct run *r, struct err *e)
{
    for (unsigned attempt = 0;; attempt++) {
        struct channel ch = {0};
        struct err why = {0};
        enum rc rc = record(r, &ch, e);
        if (rc != RC_OK)
            return rc;
        rc = ask(r, &ch, &why);
        if (rc == RC_OK || rc == RC_CANCELED || rc == RC_FULL || rc == RC_SYS)
            return rc == RC_OK ? rc : err_set(e, rc, "opening a channel: %s", why.text);
        bool used = strcmp(r->call.reason, "channelIdNotUnique") == 0;
        enum rc noted = refused(r, &ch, used ? RC_AGAIN : rc, &why, e);
        if (noted != RC_OK)
            return noted;
        if (used && attempt == 0)
            continue; /* with another id, never this one again */
        if (rc == RC_AUTH)
            return err_set(e, rc, "opening a channel: %s", why.text);
        /* Polling carries on: a calendar that cannot be watched is no failure of its pull. */
        log_notice(r->about, "not watched, polled instead: %s", why.text);
        return RC_OK;
    }
}

static enum rc stop(struct run *r, struct channel *ch, struct err *e)
{
    run_upstream(r);
    enum rc rc = google_stop(&r->call, ch->id, ch->resource_id, e);
    if (rc == RC_OK || rc == RC_NOTFOUND || rc == RC_INVALID)
        return RC_OK;
    return err_prefix(e, rc, "stopping a channel");
}

static void put_away(struct run *r, struct txn *t, const struct channel *done, enum plan_fate fate)
{
    struct channel ch = *done;
    if (fate == FATE_STOP) {
        (void)channel_get(t, span_of(ch.id), &ch);
        ch.state = CHANNEL_STOPPED;
        ch.renew_ms = clock_wall_ms() + STOPPED_MS;
        channel_put(t, &ch);
    } else {
        channel_delete(t, span_of(ch.id));
    }
    view_channel(r, ch.id, NULL);
}

enum rc channel_settle(struct run *r, const struct plan *plan, struct err *e)
{
    struct channel done[PLAN_CHANNELS_MAX];
    enum plan_fate fates[PLAN_CHANNELS_MAX];
    size_t n_done = 0;
    enum rc first = RC_OK;
    for (size_t i = 0; i < r->n_channels; i++) {
        if (plan->fate[i] == FATE_KEEP)
            continue;
        enum rc rc = plan->fate[i] == FATE_STOP ? stop(r, &r->channels[i], e) : RC_OK;
        if (rc == RC_CANCELED)
            return rc;
        if (rc == RC_OK) {
            fates[n_done] = plan->fate[i];
            done[n_done++] = r->channels[i];
        } else if (first == RC_OK) {
            first = rc;
        }
    }
    if (n_done == 0)
        return first;
    CRASHPOINT("channel.stopped.before");
    struct txn *t = NULL;
    enum rc rc = run_begin(r, &t, e);
    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < n_done; i++)
        put_away(r, t, &done[i], fates[i]);
    rc = run_commit(r, t, e);
    CRASHPOINT("channel.stopped.after");
    return rc == RC_OK ? first : rc;
}
