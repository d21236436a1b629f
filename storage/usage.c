/* usage: how full the store is, and who reads it. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "storage/txn.h"

#define LMDB_FREE_DBI 0 /* LMDB's table of free pages: by transaction, a counted list of pages */

const char *store_engine(void)
{
    return mdb_version(NULL, NULL, NULL);
}

struct readers {
    uint32_t open;
    uint64_t oldest; /* transaction; UINT64_MAX: none */
};

/* LMDB lists its readers as text only: "pid thread txn", with "-" for a slot that is idle. */
static int reader_line(const char *line, void *arg)
{
    struct readers *r = arg;
    uint64_t txn;
    if (sscanf(line, "%*d %*x %" SCNu64, &txn) == 1) {
        r->open++;
        if (txn < r->oldest)
            r->oldest = txn;
    }
    return 0;
}

static uint64_t free_pages(struct store *s)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, list;
    uint64_t pages = 0;
    if (mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn))
        return 0;
    if (mdb_cursor_open(txn, LMDB_FREE_DBI, &cursor) == 0) {
        while (mdb_cursor_get(cursor, &key, &list, MDB_NEXT) == 0) {
            size_t count;
            memcpy(&count, list.mv_data, sizeof(count));
            pages += count;
        }
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return pages;
}

uint64_t store_extent(const struct store *s)
{
    MDB_envinfo info;
    MDB_stat tree;
    if (mdb_env_info(s->env, &info) || mdb_env_stat(s->env, &tree))
        return 0;
    return (info.me_last_pgno + 1) * tree.ms_psize;
}

void store_usage(struct store *s, struct store_usage *ret)
{
    MDB_envinfo info;
    MDB_stat tree;
    struct stat st;
    int fd;
    *ret = (struct store_usage){0};
    if (mdb_env_info(s->env, &info) || mdb_env_stat(s->env, &tree) || mdb_env_get_fd(s->env, &fd) ||
        fstat(fd, &st) < 0)
        return;
    struct readers readers = {.oldest = UINT64_MAX};
    mdb_reader_list(s->env, reader_line, &readers);
    uint64_t all = store_extent(s), unused = free_pages(s) * tree.ms_psize;
    ret->map_bytes = info.me_mapsize;
    ret->used_bytes = all > unused ? all - unused : 0;
    ret->file_bytes = (uint64_t)st.st_blocks * 512;
    ret->readers = readers.open;
    if (readers.open > 0 && info.me_last_txnid > readers.oldest)
        ret->oldest_reader_txns = info.me_last_txnid - readers.oldest;
}

int64_t store_held_ms(const struct store *s)
{
    return atomic_load(&s->trouble.held_ms);
}

/* The oldest view must be the same for a time to count: readers come and go. */
static void look_for_holders(struct store *s)
{
    struct readers readers = {.oldest = UINT64_MAX};
    struct trouble *t = &s->trouble;
    MDB_envinfo info;
    int64_t now = clock_mono_ms(), before = t->held_ms;
    if (mdb_env_info(s->env, &info))
        return;
    mdb_reader_list(s->env, reader_line, &readers);
    bool outdated = readers.open > 0 && info.me_last_txnid > readers.oldest;
    if (!outdated || readers.oldest != t->held_txn)
        t->held_since_ms = now;
    t->held_txn = outdated ? readers.oldest : 0;
    t->held_ms = outdated ? now - t->held_since_ms : 0;
    if (t->held_ms > STORE_HELD_MOST_MS && before <= STORE_HELD_MOST_MS)
        log_warning(NULL,
                    "an old view of the database has been read for %lld minutes: the file grows "
                    "with each change meanwhile",
                    (long long)(t->held_ms / 60000));
}

void store_reap_readers(struct store *s)
{
    int dead;
    mdb_reader_check(s->env, &dead);
    look_for_holders(s);
}
