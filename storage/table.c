/* table: sticky access to the keyspaces: bytes, records, walks. */
#include "storage/table.h"

static MDB_val val_of(const void *p, size_t n)
{
    return (MDB_val){.mv_size = n, .mv_data = (void *)(uintptr_t)p};
}

static struct span span_of_val(MDB_val v)
{
    return (struct span){v.mv_data, v.mv_size};
}

/* The stored bytes. RC_NOTFOUND is not a failure of the transaction; other codes are sticky. */
static enum rc get(struct txn *t, enum space space, const struct key *k, struct span *ret)
{
    if (t->failed)
        return t->failed;
    if (k->n == 0)
        return RC_NOTFOUND;
    MDB_val key = val_of(k->b, k->n), value;
    int code = mdb_get(t->mdb, t->store->dbi[space], &key, &value);
    if (code == MDB_NOTFOUND)
        return RC_NOTFOUND;
    if (code)
        return txn_fail(t, code, space);
    *ret = span_of_val(value);
    return RC_OK;
}

uint8_t *space_reserve(struct txn *t, enum space space, const struct key *k, size_t n)
{
    if (t->failed)
        return NULL;
    MDB_val key = val_of(k->b, k->n), value = val_of(NULL, n + RECORD_HEAD);
    int code = mdb_put(t->mdb, t->store->dbi[space], &key, &value, MDB_RESERVE);
    if (code) {
        (void)txn_fail(t, code, space);
        return NULL;
    }
    return value.mv_data;
}

void space_del(struct txn *t, enum space space, const struct key *k)
{
    if (t->failed || k->n == 0)
        return;
    MDB_val key = val_of(k->b, k->n);
    int code = mdb_del(t->mdb, t->store->dbi[space], &key, NULL);
    if (code && code != MDB_NOTFOUND)
        (void)txn_fail(t, code, space);
}

void space_clear(struct txn *t, enum space space, const struct key *prefix)
{
    struct walk w;
    walk_open(&w, t, space, prefix, NULL);
    while (walk_next(&w))
        walk_delete(&w);
    walk_close(&w);
}

enum rc record_get(struct txn *t, enum space space, const struct key *k, struct span *ret_body)
{
    struct span record;
    enum rc rc = get(t, space, k, &record);
    if (rc)
        return rc;
    return record_open(space, key_span(k), record, ret_body) ? RC_OK : RC_BADDATA;
}

void record_put(struct txn *t, enum space space, const struct key *k, const void *body, size_t n)
{
    uint8_t *record = space_reserve(t, space, k, n);
    if (!record)
        return;
    if (n > 0)
        memcpy(record + RECORD_HEAD, body, n);
    record_seal(space, key_span(k), record, RECORD_HEAD + n);
}

enum rc fields_get(struct txn *t, enum space space, const struct key *k, const struct field *f,
                   size_t count, void *to)
{
    struct span body;
    enum rc rc = record_get(t, space, k, &body);
    if (rc)
        return rc;
    return fields_unpack(f, count, to, body) ? RC_OK : RC_BADDATA;
}

void fields_put(struct txn *t, enum space space, const struct key *k, const struct field *f,
                size_t count, const void *from)
{
    uint8_t body[RECORD_BODY_MAX];
    record_put(t, space, k, body, fields_pack(f, count, from, body));
}

enum rc number_get(struct txn *t, enum space space, const struct key *k, uint32_t *ret)
{
    struct span body;
    enum rc rc = record_get(t, space, k, &body);
    if (!rc && body.n != sizeof(*ret))
        rc = RC_BADDATA;
    if (!rc)
        *ret = get_u32(body.p);
    if (rc == RC_BADDATA)
        damage_note(t->store, 0);
    return rc;
}

void number_put(struct txn *t, enum space space, const struct key *k, uint32_t no)
{
    uint8_t body[sizeof(no)];
    put_u32(body, no);
    record_put(t, space, k, body, sizeof(body));
}

void number_drop(struct txn *t, enum space space, uint32_t no)
{
    struct walk w;
    struct key all = {0};
    struct span body;
    walk_open(&w, t, space, &all, NULL);
    while (walk_next(&w)) {
        if (record_open(space, w.key, w.value, &body) && body.n == sizeof(no) &&
            get_u32(body.p) == no)
            walk_delete(&w);
    }
    walk_close(&w);
}

void walk_open(struct walk *w, struct txn *t, enum space space, const struct key *prefix,
               const struct key *from)
{
    w->t = t;
    w->space = space;
    w->started = false;
    w->cursor = NULL;
    w->prefix = *prefix;
    w->from = from ? *from : *prefix;
    if (t->failed)
        return;
    int code = mdb_cursor_open(t->mdb, t->store->dbi[space], &w->cursor);
    if (code) {
        w->cursor = NULL;
        (void)txn_fail(t, code, space);
    }
}

bool walk_next(struct walk *w)
{
    if (!w->cursor || w->t->failed)
        return false;
    MDB_val key = val_of(w->from.b, w->from.n), value;
    MDB_cursor_op op = w->started ? MDB_NEXT : w->from.n > 0 ? MDB_SET_RANGE : MDB_FIRST;
    int code = mdb_cursor_get(w->cursor, &key, &value, op);
    if (code) {
        if (code != MDB_NOTFOUND)
            (void)txn_fail(w->t, code, w->space);
        return false;
    }
    w->started = true;
    if (key.mv_size < w->prefix.n || memcmp(key.mv_data, w->prefix.b, w->prefix.n) != 0)
        return false;
    w->key = span_of_val(key);
    w->value = span_of_val(value);
    return true;
}

bool entry_open(struct txn *t, enum space space, struct span key, struct span value,
                struct span *ret_body)
{
    if (record_open(space, key, value, ret_body))
        return true;
    damage_note(t->store, space_is_per_coll(space) ? key_u32_at(key.p, 0) : 0);
    return false;
}

bool walk_record(struct walk *w, struct span *ret_body)
{
    return entry_open(w->t, w->space, w->key, w->value, ret_body);
}

void walk_delete(struct walk *w)
{
    int code = mdb_cursor_del(w->cursor, 0);
    if (code)
        (void)txn_fail(w->t, code, w->space);
}

void walk_close(struct walk *w)
{
    if (w->cursor)
        mdb_cursor_close(w->cursor);
    w->cursor = NULL;
}
