/* txn: transactions: their begin and end, the first failure that sticks to them, counters. */
#include "storage/txn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/model/metrics.h"
#include "storage/lineage_store.h"
#include "storage/table.h"

#define NEARLY_FULL_BYTES (1u << 20) /* with less left, a short write was for want of room */

static const struct field counter_fields[] = {
    FIELD(struct counters, seq),
    FIELD(struct counters, account),
    FIELD(struct counters, coll),
};

/* What to do when the map is full. */
static const char *const when_full[STORE_FILES] = {
    [STORE_MIRROR] = ": raise mirror.map_size and restart",
    [STORE_PUSH] = ": make room with calmirror hooks drop",
};

/* LMDB's codes are negative, errno's positive. */
enum rc mdb_to_rc(const struct store *s, int code, struct err *e, const char *what)
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
    return err_set(e, rc, "%s: %s%s", what, mdb_strerror(code),
                   code == MDB_MAP_FULL ? when_full[s->file] : "");
}

enum rc txn_fail(struct txn *t, int code, enum space space)
{
    if (t->failed)
        return t->failed;
    t->failed = mdb_to_rc(t->store, code, &t->why, space_name(space));
    if (t->failed == RC_BADDATA)
        store_mark_broken(t->store);
    return t->failed;
}

enum rc txn_begin(struct store *s, bool write, bool large, struct txn **ret, struct err *e)
{
    struct txn *t = calloc(1, sizeof(*t));
    if (!t)
        return err_set(e, RC_SYS, "transaction: out of memory");
    t->store = s;
    t->write = write;
    t->now_ms = clock_wall_ms();
    int code = write ? group_begin(&s->group, s->env, &t->writer, large)
                     : mdb_txn_begin(s->env, NULL, MDB_RDONLY, &t->mdb);
    if (!code && write)
        t->mdb = t->writer.mdb;
    if (code) {
        free(t);
        if (code == MDB_PANIC)
            atomic_store(&s->jammed, true);
        return mdb_to_rc(s, code, e, "transaction");
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
    return txn_begin(s, false, false, ret, e);
}

static enum rc begin_write(struct store *s, bool large, struct txn **ret, struct err *e)
{
    struct txn *t;
    enum rc rc = txn_begin(s, true, large, &t, e);
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

enum rc txn_write(struct store *s, struct txn **ret, struct err *e)
{
    return begin_write(s, false, ret, e);
}

enum rc txn_write_large(struct store *s, struct txn **ret, struct err *e)
{
    return begin_write(s, true, ret, e);
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
    if (statvfs(s->dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < NEARLY_FULL_BYTES)
        return true;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           store_extent(s) + NEARLY_FULL_BYTES > limit.rlim_cur;
}

/* The one commit of a group; by the thread of its leader. */
static int commit_group(void *arg, MDB_txn *txn)
{
    struct store *s = arg;
    CRASHPOINT("storage.commit.before");
    int64_t begin_us = clock_mono_us();
    int code = mdb_txn_commit(txn); /* frees it, whatever comes back */
    metric_observe(&metric_commit_duration, 0, clock_mono_us() - begin_us);
    CRASHPOINT("storage.commit.after");
    if (code == EIO && is_full(s))
        code = ENOSPC;
    if (code)
        return code;
    atomic_fetch_add_explicit(&s->commits, 1, memory_order_release);
    store_grow_file(s);
    return 0;
}

enum rc txn_commit(struct txn *t, struct err *e)
{
    assert(t->write);
    if (t->counted) {
        struct key k = key_text(span_of("counter"));
        fields_put(t, SPACE_META, &k, counter_fields, FIELD_COUNT(counter_fields), &t->counters);
    }
    struct store *s = t->store;
    bool names = t->counted && s->lineage.n > 0 && !atomic_load(&s->lineage_kept);
    if (names)
        lineage_put(t);
    enum rc rc = t->failed;
    if (rc) {
        trouble_note(&s->trouble, rc, &t->why);
        (void)err_set(e, rc, "%s", t->why.text);
        txn_abort(t);
        return rc;
    }
    struct err why = {0};
    hub_announce(s, &t->touched);
    int code = group_commit(&s->group, &t->writer, commit_group, s);
    if (!code && names)
        atomic_store(&s->lineage_kept, true);
    hub_publish(s, t->counters.seq, &t->touched, code == 0);
    free(t->touched.v);
    free(t);
    rc = mdb_to_rc(s, code, &why, "commit");
    if (rc == RC_BADDATA)
        store_mark_broken(s);
    trouble_note(&s->trouble, rc, &why);
    return rc == RC_OK ? rc : err_set(e, rc, "%s", why.text);
}

void txn_abort(struct txn *t)
{
    if (!t)
        return;
    if (t->write)
        group_abort(&t->store->group, &t->writer);
    else
        mdb_txn_abort(t->mdb);
    free(t->touched.v);
    free(t);
}

enum rc txn_failed(const struct txn *t)
{
    return t->failed;
}

void txn_needs(struct txn *t, const struct buf *b)
{
    if (b->failed)
        (void)txn_fail(t, ENOMEM, SPACE_META);
}

uint64_t store_commits(const struct store *s)
{
    return atomic_load_explicit(&s->commits, memory_order_acquire);
}

uint64_t txn_snapshot(const struct txn *t)
{
    return mdb_txn_id(t->mdb);
}
