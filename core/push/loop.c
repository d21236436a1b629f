/* loop: the thread that notifies channels.
 *
 * DESIGN. A turn: wait; note what ended; look at what the hub says was written; begin what is due.
 * What ended in a turn is written down in one commit, so a thousand notified channels cost a few
 * fsyncs. The commit comes after the answer: who dies in between notifies once more, never once
 * less.
 *
 * A message says only "something changed", so none is kept: what a channel is owed follows from the
 * version of its collection and the cursor of the channel. However long a receiver is down, it is
 * owed one message, and the hub's news are no more than a hint to look.
 *
 * A channel that is over is forgotten, and its client, who still counts on it, is not told. So a
 * wall clock that jumps ahead is not believed at once, in case it is set right again. One that was
 * ahead at the start shows only when it is set back: what was over by it stays in the ledger as
 * long, and is taken up then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/log.h"
#include "core/base/rand.h"
#include "core/base/text.h"
#include "core/push/channel.h"
#include "core/push/may.h"
#include "core/push/types.h"
#include "core/push/verdict.h"
#include "core/queue/backoff.h"
#include "storage/push.h"

#define TURN_MOST_MS 1000
#define CONNECT_MS   5000
#define SWEEP_MS     10000
#define SWEEP_MOST   256
#define JUMP_MS      MINUTE_MS /* ahead: more than clocks are adjusted by */
#define DOUBT_MS     HOUR_MS
#define USER_AGENT   "APIs-Google; calmirror/" CALMIRROR_VERSION /* receivers look for the first */

/* By which channels end. */
static int64_t believed_wall_ms(struct channels *c)
{
    int64_t wall_ms = clock_wall_ms(), mono_ms = clock_mono_ms(), offset_ms = wall_ms - mono_ms;
    bool ahead = offset_ms - c->offset_ms > JUMP_MS;

    if (ahead && !c->ahead_ms)
        c->ahead_ms = mono_ms;
    if (!ahead || mono_ms - c->ahead_ms >= DOUBT_MS) {
        c->offset_ms = offset_ms;
        c->ahead_ms = 0;
    }
    return mono_ms + c->offset_ms;
}

static void forget_error(struct channel *ch)
{
    free(ch->error);
    ch->error = NULL;
}

static void keep_error(struct channel *ch, const char *text)
{
    forget_error(ch);
    ch->error = strdup(text);
}

/* ---- what ended ------------------------------------------------------------------------------ */

/* With the lock held. */
static void judge(struct channels *c, const struct http_outcome *o)
{
    struct channel *ch = o->arg;
    enum verdict v = verdict_of_message(o->rc, o->status);
    struct result r = {.channel = ch,
                       .ok = v == VERDICT_DONE,
                       .final = v != VERDICT_RETRY,
                       .retry_after_ms = o->retry_after_ms};
    char text[32];

    if (v == VERDICT_DONE)
        forget_error(ch);
    else if (o->rc != RC_OK)
        keep_error(ch, o->why.text);
    else {
        (void)snprintf(text, sizeof text, "HTTP %ld", o->status);
        keep_error(ch, text);
    }
    c->results[c->n_results++] = r;
}

static void note_in_record(struct push_channel *record, const struct channel *ch, bool ok)
{
    record->number = ch->sending_number;
    record->cursor = ch->sending_version;
    record->state = ch->sending == MESSAGE_NOT_EXISTS ? PUSH_LOST : PUSH_LIVE;
    record->delivered += ok;
    record->failed += !ok;
    (void)text_copy(record->last_error, sizeof record->last_error,
                    span_of(ch->error ? ch->error : ""));
}

/* A failure costs a repetition after a restart, no more. */
static void write_down(struct channels *c)
{
    static _Atomic int64_t said_ms;
    struct push_channel record;
    struct txn *t = NULL;
    struct err e = {0};
    enum rc rc = RC_OK;

    for (unsigned i = 0; i < c->n_results && rc == RC_OK; i++) {
        const struct result *r = &c->results[i];

        if (!r->final)
            continue;
        if (!t)
            rc = txn_write(c->ledger, &t, &e);
        if (rc == RC_OK && push_channel_get(t, span_of(r->channel->id), &record) == RC_OK) {
            note_in_record(&record, r->channel, r->ok);
            push_channel_put(t, &record);
        }
    }
    if (!t && rc == RC_OK)
        return;
    CRASHPOINT("push.channel.told");
    if (rc == RC_OK)
        rc = txn_commit(t, &e);
    CRASHPOINT("push.channel.noted");
    if (rc && log_due(&said_ms, MINUTE_MS))
        log_err(NULL, "notified channels could not be written down: %s", e.text);
}

/* With the lock held. */
static void settle(struct channels *c, const struct result *r, struct txn *mirror, int64_t now_ms)
{
    const struct conf_push *conf = &c->conf->push;
    struct channel *ch = r->channel;

    sched_done(&c->sched, &ch->lane, r->ok ? LANE_OK : LANE_FAILED, now_ms);
    if (ch->closed) {
        channel_forget(c, ch);
        return;
    }
    if (!r->final) {
        int64_t wait_ms =
            queue_backoff_ms(ch->lane.fails, conf->backoff_min_ms, conf->backoff_max_ms,
                             r->retry_after_ms, (unsigned)rand_between(0, 0xffff));

        sched_set(&c->sched, &ch->lane, now_ms + wait_ms);
        return;
    }
    c->delivered += r->ok;
    c->failed += !r->ok;
    ch->number = ch->sending_number;
    ch->cursor = ch->sending_version;
    ch->state = ch->sending == MESSAGE_NOT_EXISTS ? PUSH_LOST : PUSH_LIVE;
    ch->noticed_ms = 0;
    if (mirror)
        channel_look(c, ch, mirror); /* what changed while it was opened */
    channel_owe(c, ch, now_ms);
}

/* ---- what is due ----------------------------------------------------------------------------- */

/* What it is owed; false: nothing. */
static bool choose(struct channels *c, struct channel *ch, struct txn *mirror)
{
    uint64_t last = ch->sending_number;

    channel_look(c, ch, mirror);
    ch->sending_version = ch->cursor;
    ch->sending_number = ch->number + 1;
    if (ch->state == PUSH_OPENING) {
        ch->sending = MESSAGE_SYNC;
        return true;
    }
    if (ch->lost) {
        uint64_t seq = txn_last_seq(mirror);
        /* Behind what may have been taken in before, though it was not said so. */
        if (ch->sending == MESSAGE_NOT_EXISTS && last > ch->number)
            ch->sending_number = last; /* tried again */
        else if (seq >= ch->sending_number)
            ch->sending_number = seq + 1;
        ch->sending = MESSAGE_NOT_EXISTS;
        return ch->state != PUSH_LOST;
    }
    if (ch->version <= ch->cursor)
        return false;
    ch->sending = MESSAGE_EXISTS;
    ch->sending_version = ch->version;
    /* Rises with the version, so that a repetition bears the number of what it repeats. */
    if (ch->version > ch->sending_number)
        ch->sending_number = ch->version;
    if (!ch->event_types || types_changed(mirror, ch->coll, ch->cursor, ch->event_types))
        return true;
    ch->cursor = ch->version;
    ch->noticed_ms = 0;
    return false;
}

static enum rc send_message(struct channels *c, struct channel *ch,
                            const struct push_channel *record, struct err *e)
{
    int64_t total_ms = c->conf->push.request_timeout_ms;

    if (!message_make(&c->message, record, ch->sending, ch->sending_number))
        return err_set(e, RC_SYS, "out of memory");
    const struct http_post post = {.url = record->address,
                                   .headers = c->message.lines,
                                   .user_agent = USER_AGENT,
                                   .connect_ms = total_ms < CONNECT_MS ? total_ms : CONNECT_MS,
                                   .total_ms = total_ms,
                                   .arg = ch};
    return http_pool_post(c->pool, &post, e);
}

/* With the lock held; the lane is marked as running. */
static void begin(struct channels *c, struct channel *ch, struct txn *mirror, int64_t now_ms)
{
    struct http_outcome o = {.arg = ch, .retry_after_ms = -1};
    struct push_channel record;
    struct txn *t = NULL;
    enum rc rc = RC_NOTFOUND;

    if (txn_read(c->ledger, &t, &o.why) != RC_OK) {
        o.rc = RC_SYS;
        judge(c, &o);
        return;
    }
    if (ch->expires_ms > believed_wall_ms(c))
        rc = push_channel_get(t, span_of(ch->id), &record);
    txn_abort(t);
    if (rc == RC_BADDATA)
        log_err(NULL, "the record of channel %s is damaged: it is not notified any more", ch->id);
    bool may = rc == RC_OK && may_be_told(c->conf, mirror, &record, clock_wall_ms());

    if (!may || !choose(c, ch, mirror)) {
        sched_done(&c->sched, &ch->lane, LANE_NOTHING, now_ms);
        if (rc != RC_OK)
            channel_forget(c, ch);
        return; /* a client that may not now may again after a reload: then the next change tells */
    }
    o.rc = send_message(c, ch, &record, &o.why);
    if (o.rc != RC_OK)
        judge(c, &o);
}

/* With the lock held. */
static void begin_due(struct channels *c, struct txn *mirror, int64_t now_ms)
{
    struct lane *l;

    while (c->n_results < CHANNEL_MESSAGES_MOST && (l = sched_take(&c->sched, now_ms)) != NULL)
        begin(c, (struct channel *)l, mirror, now_ms);
}

/* ---- what was written ------------------------------------------------------------------------ */

static void take_news(struct channels *c, struct txn *mirror, const struct hub_news *news,
                      int64_t now_ms)
{
    if (!news->all && !news->n)
        return;
    for (struct channel *ch = c->all; ch; ch = ch->next) {
        if (ch->coll && !hub_news_has(news, ch->coll))
            continue;
        channel_look(c, ch, mirror);
        channel_owe(c, ch, now_ms);
    }
}

/* ---- what is over ---------------------------------------------------------------------------- */

struct sweep {
    int64_t now_ms, spared_ms; /* of what ended since */
    unsigned n;
    char ids[SWEEP_MOST][LIMIT_CHANNEL_BYTES + 1];
};

static bool sweep_one(void *arg, const struct push_channel *record)
{
    struct sweep *s = arg;

    if (record->expires_ms <= s->now_ms && record->expires_ms > s->spared_ms)
        memcpy(s->ids[s->n++], record->id, sizeof record->id);
    return s->n < SWEEP_MOST;
}

/* Of the ledger; without the lock. An id that was opened anew meanwhile has another end. */
static void sweep_ledger(struct channels *c)
{
    bool doubt = clock_mono_ms() - c->began_ms < DOUBT_MS;
    struct sweep s = {.now_ms = believed_wall_ms(c), .spared_ms = doubt ? c->loaded_ms : INT64_MIN};
    struct push_channel record;
    struct txn *t;
    struct err e = {0};

    if (txn_read(c->ledger, &t, NULL) != RC_OK)
        return;
    (void)push_channels_each(t, sweep_one, &s);
    txn_abort(t);
    if (s.n == 0 || txn_write(c->ledger, &t, NULL) != RC_OK)
        return;
    for (unsigned i = 0; i < s.n; i++)
        if (push_channel_get(t, span_of(s.ids[i]), &record) == RC_OK &&
            record.expires_ms <= s.now_ms)
            push_channel_delete(t, span_of(s.ids[i]));
    if (txn_commit(t, &e) != RC_OK)
        log_warning(NULL, "ended channels could not be deleted: %s", e.text);
}

static void sweep_table(struct channels *c)
{
    int64_t now_ms = believed_wall_ms(c);

    for (struct channel *ch = c->all, *next; ch; ch = next) {
        next = ch->next;
        if (ch->expires_ms <= now_ms && !ch->lane.running)
            channel_forget(c, ch);
    }
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void turn(struct channels *c)
{
    struct hub_news news = {0};
    struct http_outcome o;
    struct txn *mirror = NULL;

    pthread_mutex_lock(&c->lock); /* an error may be read at the same time */
    while (c->n_results < CHANNEL_MESSAGES_MOST && http_pool_next(c->pool, &o))
        judge(c, &o);
    pthread_mutex_unlock(&c->lock);
    write_down(c);
    int64_t now_ms = clock_mono_ms();
    bool sweep = now_ms - c->swept_ms >= SWEEP_MS;

    if (sweep)
        sweep_ledger(c);
    hub_take(c->mirror, &c->listener, &news);
    news.all |= c->news_lost;
    c->news_lost = txn_read(c->mirror, &mirror, NULL) != RC_OK;
    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < c->n_results; i++)
        settle(c, &c->results[i], mirror, now_ms);
    c->n_results = 0;
    if (sweep) {
        sweep_table(c);
        if (clock_wall_ms() + JUMP_MS < c->loaded_ms) /* it was set back */
            channels_load_again(c);
        c->swept_ms = now_ms;
    }
    if (mirror) {
        take_news(c, mirror, &news, now_ms);
        begin_due(c, mirror, now_ms);
    }
    pthread_mutex_unlock(&c->lock);
    txn_abort(mirror);
    free(news.colls);
}

static int64_t wait_ms(struct channels *c)
{
    pthread_mutex_lock(&c->lock);
    int64_t next_ms = sched_next_ms(&c->sched), now_ms = clock_mono_ms();

    pthread_mutex_unlock(&c->lock);
    if (c->n_results || next_ms <= now_ms)
        return 0;
    return next_ms - now_ms < TURN_MOST_MS ? next_ms - now_ms : TURN_MOST_MS;
}

static void *run(void *arg)
{
    struct channels *c = arg;
    struct err e = {0};

    while (!atomic_load(&c->stopping)) {
        atomic_store(&c->heartbeat_ms, clock_awake_ms());
        if (http_pool_wait(c->pool, NULL, 0, wait_ms(c), &e) != RC_OK)
            log_err(NULL, "notifying channels: %s", e.text);
        turn(c);
    }
    return NULL;
}

static void wake(void *arg)
{
    struct channels *c = arg;

    http_pool_wake(c->pool);
}

static bool guard(void *arg, const struct sockaddr *to, bool https, struct err *e)
{
    struct channels *c = arg;

    pthread_mutex_lock(&c->lock);
    bool allowed = address_allowed(&c->rules, to, https, e);

    pthread_mutex_unlock(&c->lock);
    return allowed;
}

enum rc channels_start(struct channels *c, struct err *e)
{
    c->pool = http_pool_new(guard, c);
    c->results = calloc(CHANNEL_MESSAGES_MOST, sizeof *c->results);
    if (!c->pool || !c->results) {
        channels_stop(c);
        return err_set(e, RC_SYS, "notifying channels: out of memory");
    }
    c->offset_ms = clock_wall_ms() - clock_mono_ms();
    c->ahead_ms = 0;
    c->listener = (struct hub_listener){.wake = wake, .arg = c};
    hub_join(c->mirror, &c->listener);
    atomic_store(&c->heartbeat_ms, clock_awake_ms());
    int error = pthread_create(&c->thread, NULL, run, c);

    if (error) {
        channels_stop(c);
        return err_set(e, RC_SYS, "notifying channels: %s", strerror(error));
    }
    (void)pthread_setname_np(c->thread, "channels");
    pthread_mutex_lock(&c->lock);
    c->running = true;
    pthread_mutex_unlock(&c->lock);
    return RC_OK;
}

/* Messages that were under way are begun again by the next start. */
static void forget_running(struct channels *c)
{
    for (struct channel *ch = c->all, *next; ch; ch = next) {
        next = ch->next;
        if (ch->lane.running) {
            sched_done(&c->sched, &ch->lane, LANE_NOTHING, clock_mono_ms());
            if (ch->closed)
                channel_forget(c, ch);
        }
    }
}

void channels_stop(struct channels *c)
{
    if (c->running) {
        atomic_store(&c->stopping, true);
        http_pool_wake(c->pool);
        pthread_join(c->thread, NULL);
    }
    pthread_mutex_lock(&c->lock);
    c->running = false;
    pthread_mutex_unlock(&c->lock);
    if (c->listener.wake)
        hub_leave(c->mirror, &c->listener);
    c->listener.wake = NULL;
    forget_running(c);
    http_pool_free(c->pool);
    c->pool = NULL;
    free(c->results);
    c->results = NULL;
    c->n_results = 0;
    message_release(&c->message);
    atomic_store(&c->stopping, false);
}
