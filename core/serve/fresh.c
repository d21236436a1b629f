/* fresh: requests that want data no older than they say, and wait for it. */
#include "core/serve/fresh.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/queue/queue.h"

#define MAX_AGE_MOST_S (INT64_C(1) << 31) /* RFC 9111 §1.2.2: greater ones are this */
#define AHEAD_MOST_MS  10000              /* pulled since the call began */

static void read_directive(struct span d, struct fresh_wish *wish)
{
    const char *eq = memchr(d.p, '=', d.n);
    struct span name = {d.p, eq ? (size_t)(eq - d.p) : d.n};
    struct span value = {eq ? eq + 1 : "", eq ? d.n - name.n - 1 : 0};
    uint64_t s = 0;
    if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
        value = (struct span){value.p + 1, value.n - 2};
    if (span_is_word(name, "only-if-cached"))
        wish->only_if_cached = true;
    else if (span_is_word(name, "max-age") && text_to_u64(value, &s))
        wish->max_age_ms = (s < MAX_AGE_MOST_S ? (int64_t)s : MAX_AGE_MOST_S) * 1000;
}

struct fresh_wish fresh_read(const char *cache_control)
{
    struct fresh_wish wish = {.max_age_ms = -1};
    for (const char *p = cache_control; p && *p;) {
        p += strspn(p, " \t,");
        size_t n = strcspn(p, ","), trimmed = n;
        while (trimmed && (p[trimmed - 1] == ' ' || p[trimmed - 1] == '\t'))
            trimmed--;
        if (trimmed)
            read_directive((struct span){p, trimmed}, &wish);
        p += n;
    }
    return wish;
}

int64_t fresh_age_ms(int64_t now_ms, int64_t fresh_ms)
{
    int64_t age_ms = now_ms - fresh_ms;
    if (age_ms < -AHEAD_MOST_MS || age_ms > FRESH_UNKNOWN_MS)
        return FRESH_UNKNOWN_MS;
    return age_ms > 0 ? age_ms : 0;
}

static bool is_enough(const struct call *c, const struct fresh_wish *wish, int64_t fresh_ms)
{
    int64_t most_ms = wish->max_age_ms > FRESH_LEAST_MS ? wish->max_age_ms : FRESH_LEAST_MS;
    return wish->max_age_ms < 0 || (fresh_ms && fresh_age_ms(c->now_ms, fresh_ms) <= most_ms);
}

bool fresh_enough(const struct call *c, const struct fresh_wish *wish)
{
    return !c->answer.mirrored || is_enough(c, wish, c->answer.fresh_ms);
}

/* As a notification would, but at once, and not written down: after a restart nobody waits for it.
 */
static void ask_for(struct call *c, uint32_t coll)
{
    uint64_t serial;
    if (coll == 0)
        return;
    (void)queue_ping(c->queue, coll, &serial);
    queue_poke(c->queue, coll);
}

void fresh_ask(struct call *c)
{
    ask_for(c, c->answer.oldest);
}

void fresh_add(struct call *c, const struct collection *coll)
{
    struct answer *a = &c->answer;
    struct fresh_wish wish = fresh_read(c->header(c->source, "Cache-Control"));
    struct answer other = {.oldest = coll->no, .fresh_ms = coll->fresh_ms};
    if (!a->mirrored ||
        fresh_age_ms(c->now_ms, coll->fresh_ms) > fresh_age_ms(c->now_ms, a->fresh_ms)) {
        other = *a;
        a->fresh_ms = coll->fresh_ms;
        a->oldest = coll->no;
    }
    if (coll->changed_ms > a->changed_ms)
        a->changed_ms = coll->changed_ms;
    a->mirrored = true;
    /* One that has waited has asked. */
    if (c->wait_until_ms == 0 && !wish.only_if_cached && !is_enough(c, &wish, other.fresh_ms))
        ask_for(c, other.oldest);
}

bool fresh_wait(struct fresh_list *list, struct call *c, struct httpd_request *req,
                int64_t deadline_ms)
{
    int64_t now_ms = clock_mono_ms();
    if (list->n == FRESH_MOST_WAITS || c->answer.oldest == 0 ||
        (deadline_ms && deadline_ms <= now_ms))
        return false;
    if (deadline_ms == 0)
        fresh_ask(c);
    if (list->n == 0)
        list->commits = c->commits;
    list->v[list->n++] =
        (struct fresh_waiting){req, deadline_ms ? deadline_ms : now_ms + FRESH_WAIT_MS,
                               access_number(&c->caller)};
    return true;
}

unsigned fresh_take(struct fresh_list *list, const struct store *store,
                    struct fresh_waiting out[FRESH_MOST_WAITS])
{
    uint64_t commits = store_commits(store);
    int64_t now_ms = clock_mono_ms();
    bool all = commits != list->commits;
    unsigned n = 0, kept = 0;
    for (unsigned i = 0; i < list->n; i++) {
        if (all || list->v[i].deadline_ms <= now_ms)
            out[n++] = list->v[i];
        else
            list->v[kept++] = list->v[i];
    }
    list->n = kept;
    list->commits = commits;
    return n;
}
