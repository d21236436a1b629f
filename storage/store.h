/* store: the LMDB environments of a mirror, and their transactions.
 *
 * Two files: what can be had from Google again, and what cannot (push.h), with a writer of its own.
 *
 * Transactions are sticky: the first failure of any operation inside one is remembered, later
 * operations do nothing, and txn_commit() returns it. So a sequence of puts needs one check, at the
 * end. After txn_commit() or txn_abort() the handle is gone. Memory read from LMDB is valid until
 * the transaction writes or ends. */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

struct store;
struct txn;

struct store_options {
    enum store_file { STORE_MIRROR, STORE_PUSH, STORE_FILES } file;
    uint64_t map_bytes; /* address space, reserved once; 0 = 8 GiB (push.mdb 1 GiB) */
    bool no_fsync;      /* tests and benchmarks only */
};

/* Opens or creates DIR/mirror.mdb (0600, directory 0700), takes DIR/lock for this process alone
 * (push.mdb, push.lock).
 * - RC_AGAIN: another process holds the lock (it is the running daemon).
 * - RC_BADDATA: the file is not ours, damaged or of another format: the caller moves it aside
 *   (store_set_aside) and opens again, which rebuilds from Google.
 * - RC_FULL, RC_SYS: as the system says. */
enum rc store_open(struct store **ret, const char *dir, const struct store_options *opt,
                   struct err *e);
void store_close(struct store *s); /* NULL ok; syncs */

/* Renames a closed file to mirror.mdb.damaged-<UTC stamp>, keeping the newest two. */
enum rc store_set_aside(const char *dir, struct err *e); /* mirror.mdb */
enum rc store_set_aside_file(const char *dir, enum store_file file, struct err *e);

/* Made with the file: 16 random bytes as 32 hex digits, which tell cursors of another store, and 32
 * secret bytes, the key of channel tokens. */
const char *store_id(const struct store *s);
const uint8_t *store_secret(const struct store *s);

const char *store_engine(void); /* "LMDB 0.9.24: (...)": for -V. Static text. */
uint64_t store_commits(const struct store *s); /* by this process: the same, so is all content */

struct store_usage {
    uint64_t map_bytes;
    uint64_t used_bytes;         /* without the pages that are free for reuse */
    uint64_t file_bytes;         /* on disk */
    uint32_t readers;            /* transactions open at this moment */
    uint64_t oldest_reader_txns; /* how many commits the oldest of them lags behind */
};
void store_usage(struct store *s, struct store_usage *ret);
void store_reap_readers(struct store *s); /* of processes that died; called now and then */

/* Reads every record of every keyspace once, verifying its checksum; damaged ones are counted as
 * reads count them (events_damaged) and named in the log by collection. Returns how many were
 * found. Runs in its own short transactions; ends early when `stop` (NULL ok) says so. */
uint64_t store_scrub(struct store *s, bool (*stop)(void *arg), void *arg);

/* A read transaction sees one snapshot; any thread may hold several. Never across network I/O. */
enum rc txn_read(struct store *s, struct txn **ret, struct err *e);
enum rc txn_write(struct store *s, struct txn **ret, struct err *e);       /* waits for its turn */
enum rc txn_write_large(struct store *s, struct txn **ret, struct err *e); /* it will take long */
/* Returns the sticky failure if there is one. Who writes at the same time shares one fsync. */
enum rc txn_commit(struct txn *t, struct err *e);
void txn_abort(struct txn *t);           /* NULL ok; the end of every read transaction */
enum rc txn_failed(const struct txn *t); /* RC_OK while nothing failed */
void txn_needs(struct txn *t, const struct buf *b); /* fails if b did, which it was to follow */

uint64_t txn_snapshot(const struct txn *t); /* names what it sees: the same, so is all content */
/* The next number of the store-wide change sequence; first is 1. Write transactions. */
uint64_t txn_next_seq(struct txn *t);
/* The last one given out, as this transaction sees it. */
uint64_t txn_last_seq(struct txn *t);

#endif
