/* usage: how full the store is, and who reads it. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

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
    uint64_t pages = info.me_last_pgno + 1, unused = free_pages(s);
    ret->map_bytes = info.me_mapsize;
    ret->used_bytes = (pages > unused ? pages - unused : 0) * tree.ms_psize;
    ret->file_bytes = (uint64_t)st.st_blocks * 512;
    ret->readers = readers.open;
    if (readers.open > 0 && info.me_last_txnid > readers.oldest)
        ret->oldest_reader_txns = info.me_last_txnid - readers.oldest;
}

void store_reap_readers(struct store *s)
{
    int dead;
    mdb_reader_check(s->env, &dead);
}
