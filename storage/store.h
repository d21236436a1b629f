/* store: the one LMDB environment of a mirror, and its transactions.
 *
 * Transactions are sticky: the first failure of any operation inside one is remembered, later operations
 * do nothing, and txn_commit() returns it. So a sequence of puts needs one check, at the end. After
 * txn_commit() or txn_abort() the handle is gone. Memory read from LMDB is valid until the transaction writes or ends. */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/span.h"

struct store;
struct txn;

struct store_options {
    uint64_t map_bytes; /* address space reserved once; the file grows into it */
    bool no_fsync;      /* tests and benchmarks only */
};

/* Opens or creates DIR/mirror.mdb (0600, directory 0700), takes DIR/lock for writers of this process alone.
 *   RC_AGAIN    another process holds the lock (it is the running daemon)
 *   RC_BADDATA  the file is not ours, damaged or of another format: the caller moves it aside
 *               (store_set_aside) and opens again, which rebuilds from Google
 *   RC_FULL/RC_SYS as the system says */
enum rc store_open(struct store **ret, const char *dir, const struct store_options *opt, struct err *e);
void store_close(struct store *s); /* NULL ok; syncs */

/* Renames DIR/mirror.mdb to DIR/mirror.mdb.damaged-<UTC stamp>, keeping the newest two. Store not open. */
enum rc store_set_aside(const char *dir, struct err *e);

/* 16 random bytes as 32 hex digits, made with the file: cursors of another store are recognised by it. */
const char *store_id(const struct store *s);
/* 32 secret bytes made with the file: the key of channel tokens. */
const uint8_t *store_secret(const struct store *s);

struct store_usage {
    uint64_t map_bytes, used_bytes, file_bytes;
    uint32_t readers;
    uint64_t oldest_reader_txns; /* how many commits the oldest reader lags behind */
};
void store_usage(struct store *s, struct store_usage *ret);

/* Frees reader slots of processes that died. Called now and then. */
void store_reap_readers(struct store *s);

/* A read transaction sees one snapshot; any thread may hold several. Never across network I/O. */
enum rc txn_read(struct store *s, struct txn **ret, struct err *e);
/* The one writer; waits for another. */
enum rc txn_write(struct store *s, struct txn **ret, struct err *e);
enum rc txn_commit(struct txn *t, struct err *e); /* write transactions; returns the sticky failure if any */
void txn_abort(struct txn *t);                    /* NULL ok; the end of every read transaction */
enum rc txn_failed(const struct txn *t);          /* RC_OK while nothing failed */

/* The next number of the store-wide change sequence; first is 1. Write transactions. */
uint64_t txn_next_seq(struct txn *t);

#endif
