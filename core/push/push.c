/* push: owns the file and the threads of what is sent to others. */
#include "core/push/push.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "storage/guard.h"
#include "storage/push.h"

struct push {
    struct store *ledger;
    struct channels *channels;
    struct hooks *hooks;
};

/* What clients left here cannot be had again, but a file that cannot be read is no reason to stay
 * down. */
static enum rc open_ledger(const char *dir, struct store **ret, struct err *e)
{
    const struct store_options opt = {.file = STORE_PUSH};
    enum rc rc = store_open(ret, dir, &opt, e);

    if (rc != RC_BADDATA)
        return rc;
    log_err(
        NULL,
        "%s: moved aside; channels that clients had opened are gone, hooks begin at this moment",
        e->text);
    rc = store_set_aside_file(dir, STORE_PUSH, e);
    return rc ? rc : store_open(ret, dir, &opt, e);
}

/* All of it is read now: what is damaged is written over by whoever starts without it. */
static void look_through(struct store *ledger)
{
    uint64_t found = store_scrub(ledger, NULL, NULL);

    if (found)
        log_err(
            NULL,
            "push.mdb: %llu damaged records: channels and dead letters among them are lost, hooks "
            "may not be told of everything, or be told again",
            (unsigned long long)found);
}

/* A configuration that was loaded has only networks that can be read. */
static enum rc make_rules(const struct conf *conf, struct address_rules *ret, struct err *e)
{
    enum rc rc = address_rules_init(ret, &conf->push.networks, e);

    if (rc == RC_OK) {
        address_rules_add_own(ret, conf->api.listen);
        address_rules_add_own(ret, conf->webhook.listen);
    }
    return rc;
}

static bool see_mark(void *arg, const struct push_mark *mark)
{
    uint64_t *last = arg;

    *last = mark->place.pos > *last ? mark->place.pos : *last;
    return true;
}

static bool see_channel(void *arg, const struct push_channel *channel)
{
    uint64_t *last = arg;

    *last = channel->cursor > *last ? channel->cursor : *last;
    return true;
}

/* Has somebody been told of more than the mirror ever heard of? */
static enum rc is_ahead(struct txn *ledger, struct store *mirror, bool *ret, struct err *e)
{
    uint64_t told = 0;
    struct txn *t;
    enum rc rc = txn_read(mirror, &t, e);

    if (rc)
        return rc;
    push_marks_each(ledger, see_mark, &told);
    (void)push_channels_each(ledger, see_channel, &told);
    *ret = told > txn_last_seq(t);
    txn_abort(t);
    return RC_OK;
}

#define OLDER                                                                                   \
    "mirror.mdb is older than push.mdb: channels are notified once, hooks go on from here and " \
    "may lack what was deleted since"

/* Cursors count the changes of one mirror. With another one, or one that was put back as it was
 * before, channels are told once, rather than left without what happened in between; hooks begin
 * with it, and are told of each listing that follows. */
static enum rc adopt_mirror(struct store *ledger, struct store *mirror, bool *ret_anew,
                            struct err *e)
{
    char id[33];
    bool ahead = false;
    struct txn *t;
    enum rc rc = txn_write(ledger, &t, e);

    if (rc)
        return rc;
    push_mirror_get(t, id);
    bool same = strcmp(id, store_id(mirror)) == 0;

    if (same)
        rc = is_ahead(t, mirror, &ahead, e);
    if (rc || (same && !ahead)) {
        txn_abort(t);
        return rc;
    }
    if (ahead)
        log_warning(NULL, OLDER);
    *ret_anew = id[0] != '\0';
    push_marks_clear(t);
    push_mirror_put(t, store_id(mirror));
    return txn_commit(t, e);
}

enum rc push_note_older(const char *dir, struct store *mirror, struct err *e)
{
    struct store *ledger = NULL;
    struct txn *t = NULL;
    bool ahead = false;
    char id[33];
    enum rc rc = open_ledger(dir, &ledger, e);

    if (rc == RC_OK)
        rc = txn_write(ledger, &t, e);
    if (rc == RC_OK) {
        push_mirror_get(t, id);
        if (strcmp(id, store_id(mirror)) == 0)
            rc = is_ahead(t, mirror, &ahead, e);
    }
    if (ahead) {
        log_warning(NULL, OLDER);
        push_mirror_put(t, "older"); /* the id of none */
        rc = txn_commit(t, e);
        t = NULL;
    }
    txn_abort(t);
    store_close(ledger);
    return rc;
}

enum rc push_new(struct push **ret, const struct conf *conf, struct store *mirror,
                 const struct push_feed *feed, struct err *e)
{
    struct push *p = calloc(1, sizeof *p);
    struct address_rules rules = {0};

    if (!p)
        return err_set(e, RC_SYS, "out of memory");
    enum rc rc = open_ledger(conf->mirror.state_dir, &p->ledger, e);

    if (rc == RC_OK) {
        store_guard(p->ledger);
        look_through(p->ledger);
        rc = make_rules(conf, &rules, e);
    }
    bool anew = false;

    if (rc == RC_OK)
        rc = adopt_mirror(p->ledger, mirror, &anew, e);
    if (rc == RC_OK)
        rc = channels_new(&p->channels, mirror, p->ledger, conf, &rules, anew, e);
    if (rc == RC_OK)
        rc = hooks_new(&p->hooks, mirror, p->ledger, conf, feed, e);
    address_rules_release(&rules);
    if (rc) {
        push_free(p);
        return rc;
    }
    *ret = p;
    return RC_OK;
}

void push_free(struct push *p)
{
    if (!p)
        return;
    hooks_free(p->hooks);
    channels_free(p->channels);
    store_close(p->ledger);
    free(p);
}

enum rc push_start(struct push *p, struct err *e)
{
    enum rc rc = channels_start(p->channels, e);

    return rc == RC_OK ? hooks_start(p->hooks, e) : rc;
}

void push_stop(struct push *p)
{
    hooks_stop(p->hooks);
    channels_stop(p->channels);
}

void push_reload(struct push *p, const struct conf *conf)
{
    struct address_rules rules = {0};
    struct err e = {0};

    if (make_rules(conf, &rules, &e) == RC_OK)
        channels_reload(p->channels, conf, &rules);
    else
        log_err(NULL, "push: %s", e.text);
    address_rules_release(&rules);
    hooks_reload(p->hooks, conf);
}

bool push_is_broken(const struct push *p)
{
    return store_is_broken(p->ledger);
}

int64_t push_heartbeat_ms(const struct push *p)
{
    int64_t a = channels_heartbeat_ms(p->channels), b = hooks_heartbeat_ms(p->hooks);

    return a < b ? a : b;
}

struct channels *push_channels(struct push *p)
{
    return p->channels;
}

struct hooks *push_hooks(struct push *p)
{
    return p->hooks;
}

void push_totals(struct push *p, struct push_totals *ret)
{
    *ret = (struct push_totals){0};
    channels_count(p->channels, &ret->channels, &ret->channels_failing, &ret->messages,
                   &ret->messages_failed);
    hooks_count(p->hooks, &ret->deliveries, &ret->deliveries_failed, &ret->dead_letters);
}

void push_status(struct push *p, struct buf *out)
{
    buf_add_text(out, "{\"channels\":");
    channels_status(p->channels, out);
    buf_add_text(out, ",\"hooks\":");
    hooks_write(p->hooks, out);
    buf_add_char(out, '}');
}
