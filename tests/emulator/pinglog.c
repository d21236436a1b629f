/* pinglog: what became of each ping. */
#include "tests/emulator/pinglog.h"

#include <stdlib.h>

#include "tests/emulator/coll.h"
#include "tests/emulator/util.h"

static void entry_free(struct pinglog_entry *e)
{
    free(e->channel);
    free(e->of);
    free(e->state);
    free(e->error);
    *e = (struct pinglog_entry){0};
}

static struct pinglog_entry *entry_of(const struct pinglog *l, uint64_t n)
{
    struct pinglog_entry *e = &l->ring[n % PINGLOG_KEEP];
    return e->n == n ? e : NULL;
}

uint64_t pinglog_begin(struct pinglog *l, const struct channel *ch, const char *state,
                       uint64_t number)
{
    if (l->ring == NULL) {
        l->ring = xalloc(PINGLOG_KEEP * sizeof(*l->ring));
    }
    struct pinglog_entry *e = &l->ring[++l->last % PINGLOG_KEEP];
    entry_free(e);
    *e = (struct pinglog_entry){.n = l->last,
                                .number = number,
                                .channel = xstrdup(ch->id),
                                .of = xstrdup(ch->coll->owner),
                                .state = xstrdup(state),
                                .result = "queued",
                                .queued_ms = real_us() / 1000};
    return l->last;
}

void pinglog_attempt(struct pinglog *l, uint64_t n, int attempt)
{
    struct pinglog_entry *e = entry_of(l, n);
    if (e != NULL) {
        e->attempts = attempt;
        e->sent_ms = real_us() / 1000;
    }
}

void pinglog_result(struct pinglog *l, uint64_t n, const char *result, int status,
                    const char *error)
{
    struct pinglog_entry *e = entry_of(l, n);
    if (e != NULL) {
        e->result = result;
        e->status = status;
        e->done_ms = real_us() / 1000;
        xreplace(&e->error, xstrdup(error));
    }
}

struct json_object *pinglog_list(const struct pinglog *l, uint64_t since)
{
    struct json_object *list = json_object_new_array();
    uint64_t from = since > l->cleared ? since : l->cleared;
    for (uint64_t n = from + 1; n <= l->last; n++) {
        const struct pinglog_entry *e = entry_of(l, n);
        if (e == NULL) {
            continue;
        }
        struct json_object *o = json_object_new_object();
        json_put_int(o, "n", (int64_t)e->n);
        json_put_str(o, "channel", e->channel);
        json_put_str(o, "of", e->of);
        json_put_str(o, "state", e->state);
        json_put_int(o, "number", (int64_t)e->number);
        json_put_str(o, "result", e->result);
        json_put_int(o, "status", e->status);
        json_put_str(o, "error", e->error);
        json_put_int(o, "attempts", e->attempts);
        json_put_int(o, "queued_ms", e->queued_ms);
        json_put_int(o, "sent_ms", e->sent_ms);
        json_put_int(o, "done_ms", e->done_ms);
        json_object_array_add(list, o);
    }
    return list;
}

void pinglog_release(struct pinglog *l)
{
    for (size_t i = 0; l->ring != NULL && i < PINGLOG_KEEP; i++) {
        entry_free(&l->ring[i]);
    }
    free(l->ring);
    *l = (struct pinglog){0};
}
