/* event_record: packs and unpacks the records of events and of the ways that lead to them. */
#include <stddef.h>

#include "storage/event_store.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Offsets of the packed event. AT_CHECK is a checksum of what stands before it, so that a scan can
 * pass over an event that it does not want without reading all of it. The texts follow. */
enum {
    AT_FLAGS = 0,
    AT_ZONE_HASH = 4,
    AT_UPDATED = 8,
    AT_START = 16,
    AT_END = 24,
    AT_ORIGINAL = 32,
    AT_SEQ = 40,
    AT_LENGTHS = 48,
    AT_CHECK = 64,
    AT_TEXTS = 72,
};

#define WHERE_SIZE 9 /* an index row: time and class */

static const struct field id_entry_fields[] = {
    FIELD(struct id_entry, class), FIELD(struct id_entry, cancelled),
    FIELD(struct id_entry, time),  FIELD(struct id_entry, row),
    FIELD(struct id_entry, seq),   FIELD(struct id_entry, generation),
};

bool id_entry_unpack(struct span body, struct id_entry *ret)
{
    struct id_entry entry = {0};
    if (!fields_unpack(id_entry_fields, FIELD_COUNT(id_entry_fields), &entry, body) ||
        entry.class >= CLASS_COUNT)
        return false;
    *ret = entry;
    return true;
}

enum rc id_entry_get(struct txn *t, const struct key *k, struct id_entry *ret)
{
    struct span body;
    enum rc rc = record_get(t, SPACE_EVENT_ID, k, &body);
    if (!rc && !id_entry_unpack(body, ret))
        rc = RC_BADDATA;
    return rc;
}

void id_entry_put(struct txn *t, const struct key *k, const struct id_entry *entry)
{
    fields_put(t, SPACE_EVENT_ID, k, id_entry_fields, FIELD_COUNT(id_entry_fields), entry);
}

static size_t event_packed_size(const struct event *ev)
{
    return AT_TEXTS + ev->id.n + ev->ical_uid.n + ev->series.n + ev->raw.n;
}

static uint64_t head_check(struct span key, const void *head)
{
    return XXH3_64bits_withSeed(head, AT_CHECK, XXH3_64bits(key.p, key.n));
}

static void event_pack(uint8_t *out, struct span key, const struct event *ev)
{
    const struct span texts[] = {ev->id, ev->ical_uid, ev->series, ev->raw};
    put_u32(out + AT_FLAGS, ev->flags);
    put_u32(out + AT_ZONE_HASH, ev->zone_hash);
    put_u64(out + AT_UPDATED, (uint64_t)ev->updated_ms);
    put_u64(out + AT_START, (uint64_t)ev->start_ms);
    put_u64(out + AT_END, (uint64_t)ev->end_ms);
    put_u64(out + AT_ORIGINAL, (uint64_t)ev->original_ms);
    put_u64(out + AT_SEQ, ev->seq);
    uint8_t *p = out + AT_TEXTS;
    for (size_t i = 0; i < 4; i++) {
        put_u32(out + AT_LENGTHS + 4 * i, (uint32_t)texts[i].n);
        if (texts[i].n > 0)
            memcpy(p, texts[i].p, texts[i].n);
        p += texts[i].n;
    }
    put_u64(out + AT_CHECK, head_check(key, out));
}

bool event_peek(struct span record, int64_t *ret_start_ms, int64_t *ret_end_ms)
{
    const char *head = record.p + RECORD_HEAD;
    if (record.n < RECORD_HEAD + AT_TEXTS)
        return false;
    *ret_start_ms = (int64_t)get_u64(head + AT_START);
    *ret_end_ms = (int64_t)get_u64(head + AT_END);
    return true;
}

bool event_peek_holds(struct span key, struct span record)
{
    const char *head = record.p + RECORD_HEAD;
    return get_u64(head + AT_CHECK) == head_check(key, head);
}

bool event_unpack(struct span body, struct event *ret)
{
    if (body.n < AT_TEXTS)
        return false;
    struct event ev = {
        .flags = get_u32(body.p + AT_FLAGS),
        .zone_hash = get_u32(body.p + AT_ZONE_HASH),
        .updated_ms = (int64_t)get_u64(body.p + AT_UPDATED),
        .start_ms = (int64_t)get_u64(body.p + AT_START),
        .end_ms = (int64_t)get_u64(body.p + AT_END),
        .original_ms = (int64_t)get_u64(body.p + AT_ORIGINAL),
        .seq = get_u64(body.p + AT_SEQ),
    };
    struct span *texts[] = {&ev.id, &ev.ical_uid, &ev.series, &ev.raw};
    size_t at = AT_TEXTS;
    for (size_t i = 0; i < 4; i++) {
        size_t n = get_u32(body.p + AT_LENGTHS + 4 * i);
        if (n > body.n - at)
            return false;
        *texts[i] = (struct span){body.p + at, n};
        at += n;
    }
    if (at != body.n)
        return false;
    *ret = ev;
    return true;
}

void event_record_put(struct txn *t, enum space space, const struct key *k, const struct event *ev)
{
    size_t n = event_packed_size(ev);
    uint8_t *record = space_reserve(t, space, k, n);
    if (!record)
        return;
    event_pack(record + RECORD_HEAD, key_span(k), ev);
    record_seal(space, key_span(k), record, RECORD_HEAD + n);
}

bool event_same(const struct event *a, const struct event *b)
{
    return a->flags == b->flags && a->zone_hash == b->zone_hash && a->updated_ms == b->updated_ms &&
           a->start_ms == b->start_ms && a->end_ms == b->end_ms &&
           a->original_ms == b->original_ms && span_eq(a->id, b->id) &&
           span_eq(a->ical_uid, b->ical_uid) && span_eq(a->series, b->series) &&
           span_eq(a->raw, b->raw);
}

struct event event_normal(const struct event *ev)
{
    struct event normal = *ev;
    if (normal.end_ms < normal.start_ms)
        normal.end_ms = normal.start_ms;
    return normal;
}

struct spot spot_of_key(struct span key)
{
    return (struct spot){
        .class = (uint8_t)key.p[4], .time = key_time_at(key.p, 5), .row = key_u64_at(key.p, 13)};
}

enum rc event_at(struct txn *t, uint32_t coll, const struct spot *spot, struct event *ret)
{
    struct key k = key_event(coll, spot->class, spot->time, spot->row);
    struct span body;
    enum rc rc = record_get(t, SPACE_EVENT, &k, &body);
    if (rc)
        return rc;
    if (!event_unpack(body, ret))
        return RC_BADDATA;
    ret->row = spot->row;
    return RC_OK;
}

const enum space index_spaces[INDEX_COUNT] = {SPACE_EVENT_UPDATED, SPACE_EVENT_UID,
                                              SPACE_EVENT_SERIES, SPACE_EVENT_ODD};

void index_keys_make(struct index_keys *ret, uint32_t coll, const struct event *ev, uint64_t row)
{
    ret->k[0] = key_updated(coll, ev->updated_ms, row);
    ret->k[1].n = ret->k[2].n = ret->k[3].n = 0;
    if (ev->ical_uid.n > 0)
        ret->k[1] = key_hashed(coll, ev->ical_uid, row);
    if (ev->series.n > 0)
        ret->k[2] = key_hashed(coll, ev->series, row);
    if (ev->flags & EVENT_ODD)
        ret->k[3] = key_updated(coll, ev->updated_ms, row);
}

void index_put(struct txn *t, enum space space, const struct key *k, const struct spot *spot)
{
    uint8_t body[WHERE_SIZE];
    put_u64(body, (uint64_t)spot->time);
    body[8] = spot->class;
    record_put(t, space, k, body, sizeof(body));
}

bool index_unpack(struct span key, struct span body, struct spot *ret)
{
    if (body.n != WHERE_SIZE || key.n != 20)
        return false;
    *ret = (struct spot){.class = (uint8_t)body.p[8],
                         .time = (int64_t)get_u64(body.p),
                         .row = key_u64_at(key.p, 12)};
    return true;
}
