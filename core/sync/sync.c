/* sync: starting, stopping and reconfiguring the workers. */
#include "core/sync/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/sync/settings.h"
#include "core/sync/steps.h"

#define SLACK_MS 5000 /* what a request may take beyond its deadline before it counts as stuck */

enum rc sync_new(struct sync **ret, const struct sync_options *opt, struct err *e)
{
    const struct conf_google *google = &opt->conf->google;
    struct sync *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(e, RC_SYS, "out of memory");
    s->opt = *opt;
    s->opt.conf = NULL; /* only borrowed during this call, both */
    s->opt.ret_owed = NULL;
    s->started_ms = clock_wall_ms();
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->change, NULL);
    s->request_ms = google->request_timeout_ms + google->connect_timeout_ms + SLACK_MS;
    s->world = (struct seat_world){strdup(google->token_url), opt->vault};
    s->google = google_new(&(struct google_options){.api_url = google->api_url,
                                                    .request_ms = google->request_timeout_ms,
                                                    .connect_ms = google->connect_timeout_ms,
                                                    .project_per_minute = google->project_rate,
                                                    .user_per_minute = google->user_rate});
    if (!s->world.token_url || !s->google) {
        sync_free(s);
        return err_set(e, RC_SYS, "out of memory");
    }
    s->settings = settings_new(opt->conf, &s->world, NULL);
    enum rc rc = accounts_match(s, s->settings, e);
    bool owed = opt->ret_owed && (rc == RC_FULL || rc == RC_SYS);
    if (owed)
        rc = accounts_known(s, s->settings, e);
    if (rc != RC_OK) {
        sync_free(s);
        return rc;
    }
    if (opt->ret_owed)
        *opt->ret_owed = owed;
    *ret = s;
    return RC_OK;
}

void sync_free(struct sync *s)
{
    if (!s)
        return;
    settings_put(s->settings);
    google_free(s->google);
    free((char *)(uintptr_t)s->world.token_url);
    pthread_mutex_destroy(&s->change);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

enum rc workers_start(struct sync *s, unsigned n, struct err *e)
{
    s->workers = calloc(n, sizeof(struct worker));
    if (!s->workers)
        return err_set(e, RC_SYS, "out of memory");
    queue_set_workers(s->opt.queue, n);
    for (; s->n_workers < n; s->n_workers++) {
        struct worker *w = &s->workers[s->n_workers];
        w->sync = s;
        w->beat_ms = clock_awake_ms();
        w->http = http_new();
        if (!w->http || pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            http_free(w->http);
            sync_stop(s);
            return err_set(e, RC_SYS, "a worker could not be started");
        }
        char name[16];
        snprintf(name, sizeof(name), "sync-%u", s->n_workers % 1000);
        pthread_setname_np(w->thread, name);
    }
    return RC_OK;
}

void sync_stop(struct sync *s)
{
    queue_stop(s->opt.queue);
    for (unsigned i = 0; i < s->n_workers; i++)
        http_interrupt(s->workers[i].http);
    for (unsigned i = 0; i < s->n_workers; i++) {
        pthread_join(s->workers[i].thread, NULL);
        http_free(s->workers[i].http);
    }
    free(s->workers);
    s->workers = NULL;
    s->n_workers = 0;
}

static bool announce_one(void *arg, enum rc rc, const struct collection *c)
{
    struct queue *q = arg;
    struct queue_counters counters;
    if (rc != RC_OK)
        return true;
    if (c->state == COLL_GONE || c->kind == COLL_ROSTER || !queue_counters(q, c->no, &counters))
        queue_add(q, c->no, c->account, c->state == COLL_NEW ? QUEUE_NEW : QUEUE_SCHEDULE);
    return true;
}

void sync_announce(struct sync *s)
{
    struct txn *t = NULL;
    if (txn_read(s->opt.store, &t, NULL) != RC_OK)
        return;
    colls_each(t, announce_one, s->opt.queue);
    txn_abort(t);
}

/* The account's list of calendars is looked at afresh, with the config as it is now. */
static void relist(struct sync *s, uint32_t account)
{
    struct collection c = {0};
    struct txn *t = NULL;
    if (txn_read(s->opt.store, &t, NULL) != RC_OK)
        return;
    enum rc rc = coll_find(t, account, COLL_ROSTER, (struct span){0}, &c);
    txn_abort(t);
    queue_hold(s->opt.queue, account, 0);
    if (rc == RC_OK)
        queue_add(s->opt.queue, c.no, account, QUEUE_RESYNC);
}

enum rc sync_load(struct sync *s, struct err *e)
{
    if (s->loaded)
        return RC_OK;
    enum rc rc = queue_load(s->opt.queue, s->opt.store, e);
    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < s->settings->n_seats; i++)
        relist(s, s->settings->seats[i]->account);
    s->loaded = true;
    return RC_OK;
}

enum rc sync_start(struct sync *s, unsigned workers, struct err *e)
{
    enum rc rc = sync_load(s, e);
    return rc == RC_OK ? workers_start(s, workers, e) : rc;
}

static bool shared(const struct settings *set, const struct seat *seat)
{
    for (size_t i = 0; i < set->n_seats; i++) {
        if (set->seats[i] == seat)
            return true;
    }
    return false;
}

static enum rc reload(struct sync *s, const struct conf *conf, struct err *e)
{
    struct settings *old = settings_get(s);
    struct settings *set = settings_new(conf, &s->world, old);
    enum rc rc = accounts_match(s, set, e);
    if (rc != RC_OK) {
        settings_put(set);
        settings_put(old);
        return rc;
    }
    atomic_fetch_add(&set->refs, 1);
    settings_swap(s, set);
    sync_announce(s);
    for (size_t i = 0; i < set->n_seats; i++) {
        if (!shared(old, set->seats[i]))
            relist(s, set->seats[i]->account);
    }
    queue_poke_all(s->opt.queue); /* intervals may have become shorter */
    settings_put(set);
    settings_put(old);
    return RC_OK;
}

enum rc sync_reload(struct sync *s, const struct conf *conf, struct err *e)
{
    pthread_mutex_lock(&s->change);
    enum rc rc = reload(s, conf, e);
    pthread_mutex_unlock(&s->change);
    return rc;
}

void sync_credential_changed(struct sync *s, const char *account)
{
    struct settings *set = settings_get(s);
    uint32_t no = 0;
    for (size_t i = 0; i < set->n_seats; i++) {
        if (strcmp(set->seats[i]->conf.name, account) == 0)
            no = set->seats[i]->account;
    }
    settings_put(set);
    if (!no)
        return;
    settings_refresh(s, no);
    relist(s, no);
    queue_poke_all(s->opt.queue); /* what was put off while the account was parked */
}

int64_t sync_oldest_heartbeat_ms(const struct sync *s)
{
    int64_t now = clock_awake_ms(), oldest = 0;
    for (unsigned i = 0; i < s->n_workers; i++) {
        int64_t age = now - atomic_load(&s->workers[i].beat_ms);
        oldest = age > oldest ? age : oldest;
    }
    return oldest;
}
