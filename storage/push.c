/* push: records of clients' channels, hooks' marks and dead letters. */
#include "storage/push.h"

#include <assert.h>
#include <stddef.h>

#include "core/base/text.h"
#include "storage/table.h"

static const struct field channel_fields[] = {
    FIELD(struct push_channel, id),          FIELD(struct push_channel, client),
    FIELD(struct push_channel, account),     FIELD(struct push_channel, kind),
    FIELD(struct push_channel, calendar),    FIELD(struct push_channel, primary),
    FIELD(struct push_channel, event_types), FIELD(struct push_channel, address),
    FIELD(struct push_channel, token),       FIELD(struct push_channel, resource_id),
    FIELD(struct push_channel, state),       FIELD(struct push_channel, created_ms),
    FIELD(struct push_channel, expires_ms),  FIELD(struct push_channel, cursor),
    FIELD(struct push_channel, number),      FIELD(struct push_channel, delivered),
    FIELD(struct push_channel, failed),      FIELD(struct push_channel, last_error),
};
static const struct field mark_fields[] = {
    FIELD(struct push_mark, coll),       FIELD(struct push_mark, hook),
    FIELD(struct push_mark, place.pos),  FIELD(struct push_mark, place.sub),
    FIELD(struct push_mark, place.from), FIELD(struct push_mark, failed_ms),
};
static const struct field dead_fields[] = {
    FIELD(struct push_dead, number),  FIELD(struct push_dead, hook),
    FIELD(struct push_dead, account), FIELD(struct push_dead, calendar),
    FIELD(struct push_dead, seq),     FIELD(struct push_dead, first_ms),
    FIELD(struct push_dead, dead_ms), FIELD(struct push_dead, attempts),
    FIELD(struct push_dead, error),
};
struct mirror_name {
    char id[33];
};
static const struct field mirror_fields[] = {FIELD(struct mirror_name, id)};

/* Of the packed fields and the body, in front of a dead letter's record. */
#define DEAD_HEAD 4

enum rc push_channel_get(struct txn *t, struct span id, struct push_channel *ret)
{
    struct key k = key_text(id);
    struct push_channel c = {0};
    enum rc rc =
        fields_get(t, SPACE_PUSH_CHANNEL, &k, channel_fields, FIELD_COUNT(channel_fields), &c);
    if (rc == RC_OK)
        *ret = c;
    return rc;
}

void push_channel_put(struct txn *t, const struct push_channel *c)
{
    struct key k = key_text(span_of(c->id));
    fields_put(t, SPACE_PUSH_CHANNEL, &k, channel_fields, FIELD_COUNT(channel_fields), c);
}

void push_channel_delete(struct txn *t, struct span id)
{
    struct key k = key_text(id);
    space_del(t, SPACE_PUSH_CHANNEL, &k);
}

unsigned push_channels_each(struct txn *t, bool (*each)(void *arg, const struct push_channel *c),
                            void *arg)
{
    struct walk w;
    struct key all = {0};
    struct span body;
    struct push_channel c;
    unsigned damaged = 0;
    bool more = true;
    walk_open(&w, t, SPACE_PUSH_CHANNEL, &all, NULL);
    while (more && walk_next(&w)) {
        c = (struct push_channel){0};
        if (walk_record(&w, &body) &&
            fields_unpack(channel_fields, FIELD_COUNT(channel_fields), &c, body))
            more = each(arg, &c);
        else
            damaged++;
    }
    walk_close(&w);
    return damaged;
}

enum rc push_mark_get(struct txn *t, uint32_t coll, const char *hook, struct push_mark *ret)
{
    struct key k = key_id(coll, span_of(hook));
    struct push_mark m = {0};
    enum rc rc = fields_get(t, SPACE_PUSH_MARK, &k, mark_fields, FIELD_COUNT(mark_fields), &m);
    if (rc == RC_OK)
        *ret = m;
    return rc == RC_BADDATA ? RC_NOTFOUND : rc;
}

void push_mark_put(struct txn *t, const struct push_mark *m)
{
    struct key k = key_id(m->coll, span_of(m->hook));
    fields_put(t, SPACE_PUSH_MARK, &k, mark_fields, FIELD_COUNT(mark_fields), m);
}

void push_mark_delete(struct txn *t, uint32_t coll, const char *hook)
{
    struct key k = key_id(coll, span_of(hook));
    space_del(t, SPACE_PUSH_MARK, &k);
}

void push_marks_each(struct txn *t, bool (*each)(void *arg, const struct push_mark *m), void *arg)
{
    struct walk w;
    struct key all = {0};
    struct span body;
    bool more = true;
    walk_open(&w, t, SPACE_PUSH_MARK, &all, NULL);
    while (more && walk_next(&w)) {
        struct push_mark m = {0};
        if (walk_record(&w, &body) &&
            fields_unpack(mark_fields, FIELD_COUNT(mark_fields), &m, body))
            more = each(arg, &m);
    }
    walk_close(&w);
}

void push_marks_clear(struct txn *t)
{
    struct key all = {0};
    space_clear(t, SPACE_PUSH_MARK, &all);
}

/* ---- dead letters: u32 length of the fields, the fields, the change
 * ------------------------------ */

static struct key dead_key(uint64_t number)
{
    return key_seq(0, number);
}

void push_dead_put(struct txn *t, struct push_dead *d)
{
    static_assert(sizeof(struct push_dead) < RECORD_BODY_MAX / 2, "its fields fit");
    uint8_t head[RECORD_BODY_MAX];
    if (d->number == 0)
        d->number = txn_next_seq(t);
    size_t n = fields_pack(dead_fields, FIELD_COUNT(dead_fields), d, head);
    struct key k = dead_key(d->number);
    size_t size = DEAD_HEAD + n + d->body.n;
    uint8_t *record = space_reserve(t, SPACE_PUSH_DEAD, &k, size);
    if (!record)
        return;
    uint8_t *at = record + RECORD_HEAD;
    put_u32(at, (uint32_t)n);
    memcpy(at + DEAD_HEAD, head, n);
    if (d->body.n)
        memcpy(at + DEAD_HEAD + n, d->body.p, d->body.n);
    record_seal(SPACE_PUSH_DEAD, key_span(&k), record, RECORD_HEAD + size);
}

static bool dead_unpack(struct span body, struct push_dead *ret)
{
    struct push_dead d = {0};
    if (body.n < DEAD_HEAD)
        return false;
    size_t n = get_u32(body.p);
    if (n > body.n - DEAD_HEAD || !fields_unpack(dead_fields, FIELD_COUNT(dead_fields), &d,
                                                 (struct span){body.p + DEAD_HEAD, n}))
        return false;
    d.body = (struct span){body.p + DEAD_HEAD + n, body.n - DEAD_HEAD - n};
    *ret = d;
    return true;
}

enum rc push_dead_get(struct txn *t, uint64_t number, struct push_dead *ret)
{
    struct key k = dead_key(number);
    struct span body;
    enum rc rc = record_get(t, SPACE_PUSH_DEAD, &k, &body);
    if (rc)
        return rc;
    return dead_unpack(body, ret) ? RC_OK : RC_BADDATA;
}

void push_dead_delete(struct txn *t, uint64_t number)
{
    struct key k = dead_key(number);
    space_del(t, SPACE_PUSH_DEAD, &k);
}

void push_dead_each(struct txn *t, uint64_t after,
                    bool (*each)(void *arg, const struct push_dead *d), void *arg)
{
    struct walk w;
    struct key all = {0}, from = dead_key(after + 1);
    struct span body;
    struct push_dead d;
    bool more = true;
    walk_open(&w, t, SPACE_PUSH_DEAD, &all, &from);
    while (more && walk_next(&w))
        if (walk_record(&w, &body) && dead_unpack(body, &d))
            more = each(arg, &d);
    walk_close(&w);
}

/* ---- whose numbers the cursors are
 * ---------------------------------------------------------------- */

void push_mirror_get(struct txn *t, char ret[33])
{
    struct key k = key_text(span_of("mirror"));
    struct mirror_name m = {0};
    if (fields_get(t, SPACE_META, &k, mirror_fields, FIELD_COUNT(mirror_fields), &m) != RC_OK)
        m.id[0] = '\0';
    memcpy(ret, m.id, sizeof m.id);
}

void push_mirror_put(struct txn *t, const char *id)
{
    struct key k = key_text(span_of("mirror"));
    struct mirror_name m = {0};
    (void)text_copy(m.id, sizeof m.id, span_of(id));
    fields_put(t, SPACE_META, &k, mirror_fields, FIELD_COUNT(mirror_fields), &m);
}
