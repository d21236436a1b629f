/* settings: what the workers need of the config, as a counted snapshot that a reload swaps. */
#include "core/sync/settings.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/must.h"
#include "core/base/text.h"
#include "core/sync/steps.h"

/* Channel ids begin with a hash of the address they were opened for, so that one that points
 * elsewhere is known. */
static void make_tag(const char *address, char tag[PLAN_TAG + 1])
{
    XXH32_canonical_t hash;
    XXH32_canonicalFromHash(&hash, XXH32(address, strlen(address), 0));
    text_hex(tag, hash.digest, PLAN_TAG / 2);
}

static struct settings *allocate(size_t n_seats)
{
    struct settings *set = must(calloc(1, sizeof(*set) + n_seats * sizeof(struct seat *)));
    set->refs = 1;
    set->n_seats = n_seats;
    return set;
}

static struct seat *find(const struct settings *set, const char *name)
{
    for (size_t i = 0; set && i < set->n_seats; i++) {
        if (strcmp(set->seats[i]->conf.name, name) == 0)
            return set->seats[i];
    }
    return NULL;
}

struct settings *settings_new(const struct conf *conf, const struct seat_world *world,
                              const struct settings *old)
{
    const struct conf_sync *sync = &conf->sync;
    /* The listener takes up another one at the next start only. */
    const char *address = old ? old->address : conf->webhook.public_url;
    struct settings *set = allocate(conf->n_accounts);
    set->rules = (struct plan_rules){
        .poll_ms = sync->poll_interval_ms,
        .poll_unhealthy_ms = sync->poll_interval_unhealthy_ms,
        .roster_ms = sync->roster_interval_ms,
        .verify_ms = sync->full_sync_interval_ms,
        .overlap_ms = sync->channel_overlap_ms,
        .watch = address && address[0],
    };
    set->ttl_ms = sync->channel_ttl_ms;
    set->backoff_min_ms = sync->backoff_min_ms;
    set->backoff_max_ms = sync->backoff_max_ms;
    set->retention_ms = sync->change_retention_ms;
    set->address = must(strdup(address ? address : ""));
    make_tag(set->address, set->rules.tag);
    for (size_t i = 0; i < conf->n_accounts; i++) {
        struct seat *seat = find(old, conf->accounts[i].name);
        bool same = seat && seat_fits(seat, &conf->accounts[i]);
        set->seats[i] = same && seat->auth
                            ? seat_ref(seat)
                            : seat_new(&conf->accounts[i], world, seat ? seat->account : 0);
        if (same && !seat->auth) /* no news to the log if it is as bad as it was */
            atomic_store(&set->seats[i]->told, atomic_load(&seat->told));
    }
    return set;
}

struct settings *settings_get(struct sync *s)
{
    pthread_mutex_lock(&s->lock);
    struct settings *set = s->settings;
    atomic_fetch_add(&set->refs, 1);
    pthread_mutex_unlock(&s->lock);
    return set;
}

void settings_put(struct settings *set)
{
    if (!set || atomic_fetch_sub(&set->refs, 1) != 1)
        return;
    for (size_t i = 0; i < set->n_seats; i++)
        seat_unref(set->seats[i]);
    free(set->address);
    free(set);
}

struct seat *settings_seat(const struct settings *set, uint32_t account)
{
    for (size_t i = 0; i < set->n_seats; i++) {
        if (set->seats[i]->account == account)
            return set->seats[i];
    }
    return NULL;
}

void settings_swap(struct sync *s, struct settings *set)
{
    pthread_mutex_lock(&s->lock);
    struct settings *old = s->settings;
    s->settings = set;
    pthread_mutex_unlock(&s->lock);
    settings_put(old);
}

/* All of it, but for the seat of `account`, which is made anew. */
static struct settings *renew(struct sync *s, const struct settings *old, uint32_t account,
                              struct seat **ret_seat)
{
    struct settings *set = allocate(old->n_seats);
    set->rules = old->rules;
    set->ttl_ms = old->ttl_ms;
    set->backoff_min_ms = old->backoff_min_ms;
    set->backoff_max_ms = old->backoff_max_ms;
    set->retention_ms = old->retention_ms;
    set->address = must(strdup(old->address));
    for (size_t i = 0; i < old->n_seats; i++) {
        if (old->seats[i]->account == account)
            *ret_seat = set->seats[i] = seat_new(&old->seats[i]->conf, &s->world, account);
        else
            set->seats[i] = seat_ref(old->seats[i]);
    }
    return set;
}

void settings_refresh(struct sync *s, uint32_t account)
{
    struct seat *seat = NULL;
    pthread_mutex_lock(&s->change); /* or one of two at once would undo the other */
    struct settings *old = settings_get(s);
    struct settings *set = renew(s, old, account, &seat);
    settings_put(old);
    seat = seat ? seat_ref(seat) : NULL;
    settings_swap(s, set);
    pthread_mutex_unlock(&s->change);
    if (seat && !seat->auth)
        account_trouble(s, seat, ACCOUNT_NEEDS_LOGIN, seat->reason);
    seat_unref(seat);
    queue_hold(s->opt.queue, account, 0);
}
