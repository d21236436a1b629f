/* quota: sliding one-minute windows per user and for the project. */
#include "tests/emulator/quota.h"

#include <stdlib.h>
#include <string.h>

#include "tests/emulator/emu.h"
#include "tests/emulator/reply.h"

#define MINUTE_MS 60000

/* Counts a call unless the last `limit` ones all fell into the past minute. */
static bool window_admit(struct window *w, int64_t limit, int64_t now_ms)
{
    if (limit <= 0) {
        return true;
    }
    if (w->cap != (size_t)limit) {
        free(w->at);
        w->at = xalloc((size_t)limit * sizeof(*w->at));
        w->cap = (size_t)limit;
        w->n = w->next = 0;
    }
    if (w->n == w->cap && w->at[w->next] > now_ms - MINUTE_MS) {
        return false;
    }
    w->at[w->next] = now_ms;
    w->next = (w->next + 1) % w->cap;
    w->n += w->n < w->cap;
    return true;
}

static struct window *window_of(struct quota *q, const char *name)
{
    struct window *w = map_get(&q->users, name);
    if (w == NULL) {
        w = xalloc(sizeof(*w));
        w->name = xstrdup(name);
        map_put(&q->users, w->name, w);
    }
    return w;
}

static void refuse(struct req *r, bool by_user)
{
    struct quota *q = &r->emu->quota;
    q->refused++;
    bool user_reason = by_user && q->status != 429;
    reply_error(
        r, &(struct api_error){q->status == 429 ? 429 : 403, "usageLimits",
                               user_reason ? "userRateLimitExceeded" : "rateLimitExceeded",
                               user_reason ? "User Rate Limit Exceeded" : "Rate Limit Exceeded",
                               NULL, NULL});
    if (q->retry_after_s > 0) {
        char *seconds = xprintf("%lld", (long long)q->retry_after_s);
        req_add_header(r, "Retry-After", seconds);
        free(seconds);
    }
}

bool quota_admit(struct req *r)
{
    struct quota *q = &r->emu->quota;
    int64_t now = world_now_ms(&r->emu->world);
    const char *charged = req_header(r, "X-Goog-Quota-User");
    charged = charged ? charged : req_param(r, "quotaUser");
    if (q->per_user > 0 &&
        !window_admit(window_of(q, charged ? charged : r->user->email), q->per_user, now)) {
        refuse(r, true);
        return false;
    }
    if (!window_admit(&q->project, q->per_project, now)) {
        refuse(r, false);
        return false;
    }
    return true;
}

void quota_set(struct quota *q, struct json_object *o)
{
    q->per_user = json_int(o, "per_user_per_minute", q->per_user);
    q->per_project = json_int(o, "per_project_per_minute", q->per_project);
    q->status = json_int(o, "status", q->status) == 429 ? 429 : 403;
    q->retry_after_s = json_int(o, "retry_after_s", q->retry_after_s);
    if (json_flag(o, "forget", false)) {
        quota_release(q);
    }
}

struct json_object *quota_describe(const struct quota *q)
{
    struct json_object *o = json_object_new_object();
    json_put_int(o, "per_user_per_minute", q->per_user);
    json_put_int(o, "per_project_per_minute", q->per_project);
    json_put_int(o, "status", q->status == 429 ? 429 : 403);
    json_put_int(o, "retry_after_s", q->retry_after_s);
    json_put_int(o, "refused", (int64_t)q->refused);
    return o;
}

void quota_release(struct quota *q)
{
    for (size_t i = 0; i < q->users.cap; i++) {
        struct window *w = q->users.slots[i].value;
        if (w != NULL) {
            free(w->name);
            free(w->at);
            free(w);
        }
    }
    map_free(&q->users);
    free(q->project.at);
    q->project = (struct window){0};
}
