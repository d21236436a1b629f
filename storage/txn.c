/* txn: transactions and the sticky primitives on spaces, records and walks. */
#include "storage/txn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "core/base/clock.h"
#include "core/base/crashpoint.h"

#define NEARLY_FULL_BYTES \
    (1u << 20) /* with less than this left a short write was for want of room */

static const struct field counter_fields[] = {
    FIELD(struct counters, seq),
    FIELD(struct counters, account),
    FIELD(struct counters, coll),
};

/* LMDB's codes are negative, errno's positive. */
enum rc mdb_to_rc(int code, struct err *e, const char *what)
{
    enum rc rc = RC_SYS;
    switch (code) {
    case MDB_SUCCESS:
        return RC_OK;
    case MDB_NOTFOUND:
        rc = RC_NOTFOUND;
        break;
    case MDB_READERS_FULL:
    case EAGAIN:
        rc = RC_AGAIN;
        break;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        rc = RC_FULL;
        break;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        rc = RC_BADDATA;
        break;
    default:
        break;
    }
    return err_set(e, rc, "%s: %s", what, mdb_strerror(code));
}

enum rc txn_fail(struct txn *t, int code, enum space space)
{
    if (t->failed)
        return t->failed;
    t->failed = mdb_to_rc(code, &t->why, space_name(space));
    if (t->failed == RC_BADDATA)
        store_mark_broken(t->store);
    return t->failed;
}

static MDB_val val_of(const void *p, size_t n)
{
    return (MDB_val){.mv_size = n, .mv_data = (void *)(uintptr_t)p};
}

static struct span span_of_val(MDB_val v)
{
    return (struct span){v.mv_data, v.mv_size};
}

enum rc txn_begin(struct store *s, bool write, struct txn **ret, struct err *e)
{
    struct txn *t = calloc(1, sizeof(*t));
    if (!t)
        return err_set(e, RC_SYS, "transaction: out of memory");
    t->store = s;
    t->write = write;
    t->now_ms = clock_wall_ms();
    int code = mdb_txn_begin(s->env, NULL, write ? 0 : MDB_RDONLY, &t->mdb);
    if (code) {
        free(t);
        return mdb_to_rc(code, e, "transaction");
    }
    *ret = t;
    return RC_OK;
}

enum rc txn_load_counters(struct txn *t, struct err *e)
{
    struct key k = key_text(span_of("counter"));
    enum rc rc =
        fields_get(t, SPACE_META, &k, counter_fields, FIELD_COUNT(counter_fields), &t->counters);
    return rc ? err_set(e, RC_BADDATA, "the record of counters is damaged") : RC_OK;
}

enum rc txn_read(struct store *s, struct txn **ret, struct err *e)
{
    return txn_begin(s, false, ret, e);
}

enum rc txn_write(struct store *s, struct txn **ret, struct err *e)
{
    struct txn *t;
    enum rc rc = txn_begin(s, true, &t, e);
    if (rc)
        return rc;
    rc = txn_load_counters(t, e);
    if (rc) {
        txn_abort(t);
        store_mark_broken(s);
        return rc;
    }
    *ret = t;
    return RC_OK;
}

uint64_t txn_next_seq(struct txn *t)
{
    assert(t->write);
    t->counted = true;
    return ++t->counters.seq;
}

uint64_t txn_last_seq(struct txn *t)
{
    if (!t->write && t->counters.seq == 0)
        (void)txn_load_counters(t, NULL); /* damaged: 0, the next writer will tell */
    return t->counters.seq;
}

/* LMDB reports a short write as EIO, whatever its cause. */
static bool is_full(const struct store *s)
{
    struct statvfs fs;
    struct rlimit limit;
    MDB_envinfo info;
    MDB_stat tree;
    if (statvfs(s->dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < NEARLY_FULL_BYTES)
        return true;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           mdb_env_info(s->env, &info) == 0 && mdb_env_stat(s->env, &tree) == 0 &&
           (info.me_last_pgno + 1) * tree.ms_psize + NEARLY_FULL_BYTES > limit.rlim_cur;
}

enum rc txn_commit(struct txn *t, struct err *e)
{
    assert(t->write);
    if (t->counted) {
        struct key k = key_text(span_of("counter"));
        fields_put(t, SPACE_META, &k, counter_fields, FIELD_COUNT(counter_fields), &t->counters);
    }
    enum rc rc = t->failed;
    if (rc) {
        (void)err_set(e, rc, "%s", t->why.text);
        txn_abort(t);
        return rc;
    }
    struct store *s = t->store;
    CRASHPOINT("storage.commit.before");
    int code = mdb_txn_commit(t->mdb); /* frees it, whatever comes back */
    CRASHPOINT("storage.commit.after");
    free(t);
    if (code == EIO && is_full(s))
        code = ENOSPC;
    if (code)
        return mdb_to_rc(code, e, "commit");
    store_grow_file(s);
    return RC_OK;
}

void txn_abort(struct txn *t)
{
    if (!t)
        return;
    mdb_txn_abort(t->mdb);
    free(t);
}

enum rc txn_failed(const struct txn *t)
{
    return t->failed;
}

enum rc space_get(struct txn *t, enum space space, const struct key *k, struct span *ret)
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
    enum rc rc = space_get(t, space, k, &record);
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

bool walk_record(struct walk *w, struct span *ret_body)
{
    if (record_open(w->space, w->key, w->value, ret_body))
        return true;
    damage_note(w->t->store, space_is_per_coll(w->space) ? key_u32_at(w->key.p, 0) : 0);
    return false;
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
