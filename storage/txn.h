/* txn: the inside of store and transaction. Private to storage/; most files need table.h only. */
#ifndef STORAGE_TXN_H
#define STORAGE_TXN_H

#include <lmdb.h>
#include <pthread.h>

#include "storage/group.h"
#include "storage/hub_store.h"
#include "storage/key.h"
#include "storage/lineage.h"
#include "storage/record.h"
#include "storage/store.h"
#include "storage/trouble.h"

/* How many damaged records reads met, by collection (0: of none in particular). */
struct damage_count {
    uint32_t coll;
    uint64_t count;
};
struct damage {
    pthread_mutex_t mutex; /* a leaf lock */
    atomic_uint_fast64_t total;
    struct damage_count *counts;
    size_t n;
};
/* Numbers that are given out once; the record "counter" of SPACE_META. */
struct counters {
    uint64_t seq;
    uint32_t account;
    uint32_t coll;
};
struct store {
    MDB_env *env;
    MDB_dbi dbi[SPACE_ALL]; /* of the tables that its file has */
    enum store_file file;
    char *dir;
    char *broken_mark; /* path of the file that says "set this store aside" */
    int lock_fd;
    char id[33];
    uint8_t secret[32];
    struct damage damage;
    struct hub hub;
    struct group group;
    struct trouble trouble;
    struct lineage lineage; /* n = 0 in push.mdb */
    _Atomic uint64_t commits;
    atomic_bool lineage_kept;   /* in the file as it is here */
    atomic_bool broken, jammed; /* jammed: a write of LMDB's own failed, it does nothing more */
};

struct txn {
    struct store *store;
    MDB_txn *mdb;         /* borrowed from `writer` when `write` */
    struct writer writer; /* of a write transaction */
    enum rc failed;       /* sticky */
    bool write;
    bool counted;             /* `counters` differ from what is stored */
    int64_t now_ms;           /* wall clock at its begin: the time of its changes */
    struct counters counters; /* write transactions */
    struct touched touched;
    struct err why; /* of `failed` */
};
/* The one place where LMDB's codes become ours. Sets *e (NULL ok) to "what: LMDB's words". */
enum rc mdb_to_rc(const struct store *s, int code, struct err *e, const char *what);
/* Notes an LMDB failure in the transaction (first one wins) and returns its rc. */
enum rc txn_fail(struct txn *t, int code, enum space space);
/* Marks the file as structurally broken: the next store_open() returns RC_BADDATA. */
void store_mark_broken(struct store *s);
bool store_has_space(const struct store *s, enum space space); /* its file has that table */
void store_unguard(const struct store *s);                     /* undoes store_guard() */
uint64_t store_extent(const struct store *s); /* bytes up to its last page; 0: not known */
void store_grow_file(struct store *s);        /* keeps the file longer than that (see probe.h) */
void damage_note(struct store *s, uint32_t coll);

/* A transaction whose spaces may not be open yet, and what txn_write() does on top of it. */
enum rc txn_begin(struct store *s, bool write, bool large, struct txn **ret, struct err *e);
enum rc txn_load_counters(struct txn *t, struct err *e);

#endif
