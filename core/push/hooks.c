/* hooks: the table of hooks and their lanes, brought in step with the configuration. */
#include "core/push/hooks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/must.h"
#include "core/base/private.h"
#include "core/base/text.h"
#include "core/push/hook.h"
#include "core/push/letters.h"
#include "storage/accounts.h"
#include "storage/push.h"

/* ---- the table ------------------------------------------------------------------------------- */

struct hook *hook_find(struct hooks *h, const char *name)
{
    for (struct hook *hook = h->all; hook; hook = hook->next)
        if (strcmp(hook->name, name) == 0)
            return hook;
    return NULL;
}

static void lane_release(struct hook_lane *l)
{
    command_kill(&l->command);
    buf_release(&l->body);
    free(l->error);
    l->error = NULL;
}

struct hook_lane *hook_lane_of(struct hook *hook, uint32_t coll, struct txn *ledger)
{
    struct push_mark mark;

    for (struct hook_lane *l = hook->lanes; l; l = l->next)
        if (l->coll == coll)
            return l;
    struct hook_lane *l = must(calloc(1, sizeof *l)); /* else its news would be lost */

    l->lane.group = &hook->group;
    l->hook = hook;
    l->coll = coll;
    l->at = hook->start;
    if (push_mark_get(ledger, coll, hook->name, &mark) == RC_OK) {
        l->at = mark.place;
        l->failed_ms = mark.failed_ms;
    }
    l->next = hook->lanes;
    hook->lanes = l;
    return l;
}

/* The lanes go once their marks are deleted, which is due with the next turn. */
void hooks_forget(struct hooks *h, uint32_t coll, struct txn *ledger)
{
    for (struct hook *hook = h->all; hook; hook = hook->next) {
        if (!hook->conf)
            continue;
        struct hook_lane *l = hook_lane_of(hook, coll, ledger);

        l->gone = l->moved = h->moved = true;
    }
    h->flushed_ms = 0;
}

static void lanes_free(struct hooks *h, struct hook *hook, bool all)
{
    for (struct hook_lane **at = &hook->lanes; *at;) {
        struct hook_lane *l = *at;

        if (!all && (!l->gone || l->moved || l->lane.running)) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        sched_remove(&h->sched, &l->lane);
        lane_release(l);
        free(l);
    }
}

/* Not while anything of it is under way. */
static void hook_free(struct hooks *h, struct hook *hook)
{
    lanes_free(h, hook, true);
    sched_remove(&h->sched, &hook->letters.lane);
    lane_release(&hook->letters);
    secret_release(&hook->secrets[0]);
    secret_release(&hook->secrets[1]);
    free(hook);
}

/* ---- in step with the configuration ---------------------------------------------------------- */

/* A secret that cannot be read leaves the last one in force; without any, nothing is posted.
 * RC_SYS: the file is not to blame. */
static enum rc read_secret(struct hook *hook, unsigned which, const char *path, struct err *e)
{
    struct secret fresh = {0};

    if (!path || !path[0]) {
        secret_release(&hook->secrets[which]);
        return RC_OK;
    }
    enum rc rc = private_read(path, &fresh, e);
    if (rc != RC_OK)
        return rc;
    secret_trim(&fresh);
    secret_move(&hook->secrets[which], &fresh);
    return RC_OK;
}

static void read_secrets(struct hook *hook, bool again)
{
    const char *const paths[] = {hook->conf->secret_file, hook->conf->next_secret_file};

    hook->unread = false;
    for (unsigned i = 0; i < 2; i++) {
        struct err e = {0};
        enum rc rc = read_secret(hook, i, paths[i], &e);

        hook->unread |= rc == RC_SYS;
        if (rc != RC_OK && !(rc == RC_SYS && again))
            log_err(NULL, "hook %s: %s", hook->name, e.text);
    }
}

static void read_secrets_again(struct hooks *h)
{
    for (struct hook *hook = h->all; hook; hook = hook->next)
        if (hook->conf && hook->unread)
            read_secrets(hook, true);
}

static struct hook *hook_add(struct hooks *h, const char *name)
{
    /* Were it passed over, where it stands would be forgotten: drop_unknown_marks(). */
    struct hook *hook = must(calloc(1, sizeof *hook));

    (void)text_copy(hook->name, sizeof hook->name, span_of(name));
    hook->letters.lane.group = &hook->group;
    hook->letters.hook = hook;
    hook->next = h->all;
    h->all = hook;
    return hook;
}

/* Where it begins with collections that have no mark. */
static void find_start(struct hooks *h, struct hook *hook, struct txn *ledger, struct txn *mirror)
{
    struct push_mark mark;

    if (push_mark_get(ledger, 0, hook->name, &mark) == RC_OK) {
        hook->start = mark.place;
        return;
    }
    hook->start = h->feed.now(mirror);
    mark = (struct push_mark){.place = hook->start};
    (void)text_copy(mark.hook, sizeof mark.hook, span_of(hook->name));
    push_mark_put(ledger, &mark);
}

struct unknown {
    struct hooks *h;
    struct txn *mirror;
    struct push_mark v[64];
    unsigned n;
};

static bool see_mark(void *arg, const struct push_mark *mark)
{
    struct unknown *u = arg;
    const struct hook *hook = hook_find(u->h, mark->hook);
    struct collection c;

    /* Collections are dropped while nobody looks, too; none has the number of another. */
    if (!hook || !hook->conf || (mark->coll && coll_get(u->mirror, mark->coll, &c) == RC_NOTFOUND))
        u->v[u->n++] = *mark;
    return u->n < sizeof u->v / sizeof u->v[0];
}

/* One that comes back begins anew: nobody wants to be told of last month. */
static void drop_unknown_marks(struct hooks *h, struct txn *ledger, struct txn *mirror)
{
    struct unknown *u = calloc(1, sizeof *u);

    if (!u)
        return;
    u->h = h;
    u->mirror = mirror;
    do {
        u->n = 0;
        push_marks_each(ledger, see_mark, u);
        for (unsigned i = 0; i < u->n; i++)
            push_mark_delete(ledger, u->v[i].coll, u->v[i].hook);
    } while (u->n == sizeof u->v / sizeof u->v[0]);
    free(u);
}

static void take_one(struct hooks *h, const struct conf_hook *conf, struct txn *ledger,
                     struct txn *mirror)
{
    struct hook *hook = hook_find(h, conf->name);

    if (!hook)
        hook = hook_add(h, conf->name);
    hook->conf = conf;
    hook->group.most = conf->url ? HOOK_POSTS_MOST : 1;
    read_secrets(hook, false);
    find_start(h, hook, ledger, mirror);
}

void hooks_sweep(struct hooks *h)
{
    for (struct hook **at = &h->all; *at;) {
        struct hook *hook = *at;

        if (hook->conf || hook->group.running) {
            lanes_free(h, hook, false);
            at = &hook->next;
            continue;
        }
        *at = hook->next;
        hook_free(h, hook);
    }
}

/* Brings `all` in step with the configuration, writes down where they begin. */
static enum rc take_conf(struct hooks *h, struct err *e)
{
    struct txn *ledger = NULL, *mirror = NULL;
    enum rc rc = txn_write(h->ledger, &ledger, e);

    if (rc == RC_OK)
        rc = txn_read(h->mirror, &mirror, e);
    if (rc) {
        txn_abort(ledger);
        return rc;
    }
    for (struct hook *hook = h->all; hook; hook = hook->next)
        hook->conf = NULL;
    for (size_t i = 0; i < h->conf->n_hooks; i++)
        take_one(h, &h->conf->hooks[i], ledger, mirror);
    conf_free(h->taken);
    h->taken = conf_ref(h->conf);
    drop_unknown_marks(h, ledger, mirror);
    letters_expire(h, ledger);
    letters_count(h, ledger);
    txn_abort(mirror);
    hooks_sweep(h);
    return txn_commit(ledger, e);
}

bool hooks_take_reload(struct hooks *h, bool again)
{
    struct err e = {0};
    bool before = h->owed;

    if (again)
        read_secrets_again(h);
    if (!h->reload || (before && !again))
        return false;
    h->reload = h->owed = take_conf(h, &e) != RC_OK;
    if (h->owed && !before)
        log_err(NULL, "hooks not taken over, which is tried again: %s", e.text);
    return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

enum rc hooks_new(struct hooks **ret, struct store *mirror, struct store *ledger,
                  const struct conf *conf, const struct push_feed *feed, struct err *e)
{
    struct hooks *h = calloc(1, sizeof *h);

    if (!h)
        return err_set(e, RC_SYS, "out of memory");
    h->mirror = mirror;
    h->ledger = ledger;
    h->conf = conf_ref(conf);
    h->feed = *feed;
    pthread_mutex_init(&h->lock, NULL);
    sched_init(&h->sched, HOOK_RUNNING_MOST);
    h->reload = true;
    (void)hooks_take_reload(h, false); /* the disk may be full: then it is owed */
    *ret = h;
    return RC_OK;
}

void hooks_free(struct hooks *h)
{
    if (!h)
        return;
    while (h->all) {
        struct hook *hook = h->all;

        h->all = hook->next;
        hook_free(h, hook);
    }
    sched_release(&h->sched);
    conf_free(h->taken);
    conf_free(h->conf);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

void hooks_reload(struct hooks *h, const struct conf *conf)
{
    pthread_mutex_lock(&h->lock);
    conf_free(h->conf);
    h->conf = conf_ref(conf);
    h->reload = true;
    h->owed = false;
    pthread_mutex_unlock(&h->lock);
    if (h->running)
        http_pool_wake(h->pool);
}

int64_t hooks_heartbeat_ms(const struct hooks *h)
{
    return h->running ? atomic_load(&h->heartbeat_ms) : clock_awake_ms();
}

/* ---- what is told of them -------------------------------------------------------------------- */

static void write_failing(struct buf *out, const struct hook *hook)
{
    bool any = false;

    buf_add_text(out, ",\"failing\":[");
    for (const struct hook_lane *l = hook->lanes; l; l = l->next) {
        if (!l->error)
            continue;
        buf_printf(out, "%s{\"collection\":%u,\"since_ms\":%" PRId64 ",\"attempts\":%u,\"error\":",
                   any ? "," : "", l->coll, l->failed_ms, l->lane.fails);
        buf_add_json(out, span_of(l->error));
        buf_add_char(out, '}');
        any = true;
    }
    buf_add_char(out, ']');
}

void hooks_write(struct hooks *h, struct buf *out)
{
    struct txn *t = NULL;
    bool any = false;

    if (txn_read(h->ledger, &t, NULL) != RC_OK)
        t = NULL;
    buf_add_char(out, '[');
    pthread_mutex_lock(&h->lock);
    for (const struct hook *hook = h->all; hook; hook = hook->next) {
        if (!hook->conf)
            continue;
        buf_add_text(out, any ? ",{\"name\":" : "{\"name\":");
        any = true;
        buf_add_json(out, span_of(hook->name));
        buf_printf(out, ",\"kind\":\"%s\",\"delivered\":%" PRIu64 ",\"attempts_failed\":%" PRIu64,
                   hook->conf->url ? "url" : "command", hook->delivered, hook->attempts_failed);
        buf_printf(out,
                   ",\"delivered_ms\":%" PRId64 ",\"failed_ms\":%" PRId64
                   ",\"running\":%u,\"dead\":%" PRIu64,
                   hook->delivered_ms, hook->failed_ms, hook->group.running, hook->dead);
        write_failing(out, hook);
        buf_add_text(out, ",\"dead_letters\":[");
        if (t)
            letters_write(t, hook->name, out);
        buf_add_text(out, "]}");
    }
    pthread_mutex_unlock(&h->lock);
    buf_add_char(out, ']');
    txn_abort(t);
}

void hooks_count(struct hooks *h, uint64_t *ret_delivered, uint64_t *ret_failed, uint64_t *ret_dead)
{
    pthread_mutex_lock(&h->lock);
    *ret_delivered = *ret_failed = *ret_dead = 0;
    for (const struct hook *hook = h->all; hook; hook = hook->next) {
        *ret_delivered += hook->delivered;
        *ret_failed += hook->attempts_failed;
        *ret_dead += hook->dead;
    }
    pthread_mutex_unlock(&h->lock);
}
