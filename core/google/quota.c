/* quota: token buckets over the monotonic clock. */
#include "core/google/quota.h"

#include <pthread.h>
#include <stdlib.h>

/* One request in units: a rate of N a minute is then exactly N units a millisecond. */
#define REQUEST_UNITS 60000

struct bucket {
    int64_t units;
    int64_t filled_ms; /* when `units` was right; 0 = never used: full */
};

struct rate {
    int64_t per_minute; /* that flow in; 0 = unlimited */
    int64_t most_units;
};

struct quota {
    pthread_mutex_t lock;
    struct rate project_rate, user_rate;
    struct bucket project;
    struct bucket *users; /* by account number: these are small and dense */
    size_t n_users;
};

/* Half of a minute's requests may go at once and the other half flow in over the minute, so that no
 * minute sees more than all of them, and a change after a quiet time never waits. */
static struct rate make_rate(int64_t per_minute)
{
    int64_t burst = per_minute >= 2 ? per_minute / 2 : 1;

    if (per_minute <= 0)
        return (struct rate){0};
    return (struct rate){
        .per_minute = per_minute > burst ? per_minute - burst : 1,
        .most_units = burst * REQUEST_UNITS,
    };
}

struct quota *quota_new(int64_t project_per_minute, int64_t user_per_minute)
{
    struct quota *q = calloc(1, sizeof(*q));

    if (!q)
        return NULL;
    pthread_mutex_init(&q->lock, NULL);
    q->project_rate = make_rate(project_per_minute);
    q->user_rate = make_rate(user_per_minute);
    return q;
}

void quota_free(struct quota *q)
{
    if (!q)
        return;
    pthread_mutex_destroy(&q->lock);
    free(q->users);
    free(q);
}

static void fill(struct bucket *b, const struct rate *rate, int64_t now_ms)
{
    int64_t elapsed = now_ms - b->filled_ms;

    if (!b->filled_ms || elapsed > rate->most_units / rate->per_minute)
        b->units = rate->most_units;
    else if (elapsed > 0)
        b->units += elapsed * rate->per_minute;
    if (b->units > rate->most_units)
        b->units = rate->most_units;
    b->filled_ms = now_ms;
}

/* How long until there is a request in it. */
static int64_t wait_ms(struct bucket *b, const struct rate *rate, int64_t now_ms)
{
    if (!rate->per_minute)
        return 0;
    fill(b, rate, now_ms);
    if (b->units >= REQUEST_UNITS)
        return 0;
    return (REQUEST_UNITS - b->units + rate->per_minute - 1) / rate->per_minute;
}

static void spend(struct bucket *b, const struct rate *rate)
{
    if (rate->per_minute)
        b->units -= REQUEST_UNITS;
}

/* NULL: no memory; the project's bucket alone then limits that account. */
static struct bucket *find_user(struct quota *q, uint32_t account)
{
    struct bucket *users;
    size_t n = (size_t)account + 16;

    if (account < q->n_users)
        return &q->users[account];
    users = reallocarray(q->users, n, sizeof(*users));
    if (!users)
        return NULL;
    for (size_t i = q->n_users; i < n; i++)
        users[i] = (struct bucket){0};
    q->users = users;
    q->n_users = n;
    return &q->users[account];
}

int64_t quota_take(struct quota *q, uint32_t account, int64_t now_ms)
{
    struct bucket none = {0};
    int64_t project, user;

    pthread_mutex_lock(&q->lock);
    struct bucket *b = find_user(q, account);
    if (!b)
        b = &none;
    project = wait_ms(&q->project, &q->project_rate, now_ms);
    user = wait_ms(b, &q->user_rate, now_ms);
    if (project == 0 && user == 0) {
        spend(&q->project, &q->project_rate);
        spend(b, &q->user_rate);
    }
    pthread_mutex_unlock(&q->lock);
    return project > user ? project : user;
}

void quota_drain(struct quota *q, uint32_t account, int64_t now_ms)
{
    pthread_mutex_lock(&q->lock);
    struct bucket *b = find_user(q, account);
    if (b && q->user_rate.per_minute) {
        fill(b, &q->user_rate, now_ms);
        b->units = 0;
    }
    pthread_mutex_unlock(&q->lock);
}
