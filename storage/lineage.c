/* lineage: which run of the service gave out which numbers of the change sequence. */
#include "storage/lineage.h"

#include <string.h>

#include "core/base/rand.h"
#include "core/base/text.h"
#include "storage/lineage_store.h"
#include "storage/table.h"

#define RUN_BYTES (sizeof(uint64_t) + LINEAGE_NAME_CHARS) /* of one in the record */

static void add(struct lineage *l, uint64_t after)
{
    uint8_t name[LINEAGE_NAME_BYTES];
    struct lineage_run *run = &l->v[l->n++];
    rand_bytes(name, sizeof(name));
    text_hex(run->name, name, sizeof(name));
    run->after = after;
}

void lineage_begin(struct lineage *l, const char *name)
{
    *l = (struct lineage){.n = 1};
    memcpy(l->v[0].name, name, sizeof(l->v[0].name));
}

/* What bears one of the names that are lost is refused, which costs a listing. */
static void shorten(struct lineage *l)
{
    struct lineage_run kept[LINEAGE_MOST / 2];
    memcpy(kept, l->v + l->n - LINEAGE_MOST / 2, sizeof(kept));
    l->n = 0;
    add(l, 0);
    memcpy(l->v + 1, kept, sizeof(kept));
    l->n += LINEAGE_MOST / 2;
}

void lineage_go_on(struct lineage *l, uint64_t seq)
{
    if (l->n > 1 && l->v[l->n - 1].after == seq)
        l->n--; /* it gave out nothing, so nobody can have its name */
    if (l->n == LINEAGE_MOST)
        shorten(l);
    add(l, seq);
}

const char *lineage_at(const struct lineage *l, uint64_t seq)
{
    size_t i = l->n - 1;
    while (i > 0 && l->v[i].after >= seq)
        i--;
    return l->v[i].name;
}

bool lineage_has(const struct lineage *l, struct span name)
{
    for (size_t i = 0; i < l->n; i++)
        if (span_is(name, l->v[i].name))
            return true;
    return false;
}

const struct lineage *store_lineage(const struct store *s)
{
    return &s->lineage;
}

/* ---- its record ------------------------------------------------------------------------------ */

void lineage_put(struct txn *t)
{
    const struct lineage *l = &t->store->lineage;
    struct key k = key_text(span_of("lineage"));
    uint8_t body[LINEAGE_MOST * RUN_BYTES];
    for (size_t i = 0; i < l->n; i++) {
        put_u64(body + i * RUN_BYTES, l->v[i].after);
        memcpy(body + i * RUN_BYTES + sizeof(uint64_t), l->v[i].name, LINEAGE_NAME_CHARS);
    }
    record_put(t, SPACE_META, &k, body, l->n * RUN_BYTES);
}

static bool unpack(struct span body, struct lineage *l)
{
    if (body.n == 0 || body.n % RUN_BYTES || body.n / RUN_BYTES > LINEAGE_MOST)
        return false;
    *l = (struct lineage){.n = body.n / RUN_BYTES};
    for (size_t i = 0; i < l->n; i++) {
        l->v[i].after = get_u64(body.p + i * RUN_BYTES);
        memcpy(l->v[i].name, body.p + i * RUN_BYTES + sizeof(uint64_t), LINEAGE_NAME_CHARS);
    }
    return true;
}

void lineage_load(struct txn *t, const char *id)
{
    struct lineage *l = &t->store->lineage;
    struct key k = key_text(span_of("lineage"));
    struct span body;
    enum rc rc = record_get(t, SPACE_META, &k, &body);
    if (rc == RC_NOTFOUND) {
        lineage_begin(l, id);
    } else if (rc || !unpack(body, l)) { /* damaged: no text of before is believed any more */
        l->n = 0;
        add(l, 0);
    }
    lineage_go_on(l, t->counters.seq);
}
