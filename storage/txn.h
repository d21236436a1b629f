/* txn: what the files of storage/ share: the inside of store and transaction, sticky access to
 * LMDB.
 *
 * Private to storage/. LMDB's own names end here: above it there are spaces, keys and records. */
#ifndef STORAGE_TXN_H
#define STORAGE_TXN_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "storage/key.h"
#include "storage/record.h"
#include "storage/store.h"

/* How many damaged records reads met, by collection (0: of none in particular). */
struct damage {
    pthread_mutex_t mutex; /* a leaf lock */
    atomic_uint_fast64_t total;
    struct damage_count {
        uint32_t coll;
        uint64_t count;
    } * counts;
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
    MDB_dbi dbi[SPACE_COUNT];
    char *dir;
    char *broken_mark; /* path of the file that says "set this store aside" */
    int lock_fd;
    char id[33];
    uint8_t secret[32];
    struct damage damage;
};

struct txn {
    struct store *store;
    MDB_txn *mdb;
    enum rc failed; /* sticky */
    bool write;
    bool counted;             /* `counters` differ from what is stored */
    int64_t now_ms;           /* wall clock at its begin: the time of its changes */
    struct counters counters; /* write transactions */
    struct err why;           /* of `failed` */
};

/* The one place where LMDB's codes become ours. Sets *e (NULL ok) to "what: LMDB's words". */
enum rc mdb_to_rc(int code, struct err *e, const char *what);
/* Notes an LMDB failure in the transaction (first one wins) and returns its rc. */
enum rc txn_fail(struct txn *t, int code, enum space space);
/* Marks the file as structurally broken: the next store_open() returns RC_BADDATA. */
void store_mark_broken(struct store *s);
/* Keeps the file longer than what commits so far have used (see probe.h). */
void store_grow_file(struct store *s);
void damage_note(struct store *s, uint32_t coll);

/* A transaction whose spaces may not be open yet, and what txn_write() does on top of it. */
enum rc txn_begin(struct store *s, bool write, struct txn **ret, struct err *e);
enum rc txn_load_counters(struct txn *t, struct err *e);

/* The stored bytes. RC_NOTFOUND is not a failure of the transaction; other codes are sticky. */
enum rc space_get(struct txn *t, enum space space, const struct key *k, struct span *ret);
/* Room for a record whose body has n bytes; fill [RECORD_HEAD, +n), then record_seal() it. NULL
 * when the transaction failed. Valid until the next write. */
uint8_t *space_reserve(struct txn *t, enum space space, const struct key *k, size_t n);
void space_del(struct txn *t, enum space space, const struct key *k); /* absent: nothing happens */
/* Deletes all keys that begin with the prefix. */
void space_clear(struct txn *t, enum space space, const struct key *prefix);

/* Records. RC_BADDATA: damaged (not sticky, not yet counted). */
enum rc record_get(struct txn *t, enum space space, const struct key *k, struct span *ret_body);
void record_put(struct txn *t, enum space space, const struct key *k, const void *body, size_t n);
enum rc fields_get(struct txn *t, enum space space, const struct key *k, const struct field *f,
                   size_t count, void *to);
void fields_put(struct txn *t, enum space space, const struct key *k, const struct field *f,
                size_t count, const void *from);

/* Records that hold a number only, for ways to something by name. */
enum rc number_get(struct txn *t, enum space space, const struct key *k, uint32_t *ret);
void number_put(struct txn *t, enum space space, const struct key *k, uint32_t no);
void number_drop(struct txn *t, enum space space, uint32_t no); /* every key that leads to it */

void channels_drop(struct txn *t, uint32_t coll); /* all channels of a collection */

/* Walks the keys that begin with `prefix` in order, from the first one >= `from` (NULL: >= prefix).
 * On a failed transaction it is empty; a failure during it is sticky. */
struct walk {
    struct txn *t;
    enum space space;
    bool started;
    MDB_cursor *cursor; /* NULL: empty */
    struct key prefix;
    struct key from;
    struct span key;   /* of the entry reached */
    struct span value; /* of it, as stored */
};
void walk_open(struct walk *w, struct txn *t, enum space space, const struct key *prefix,
               const struct key *from);
bool walk_next(struct walk *w);
/* The body of the record reached; false: damaged, which is counted. */
bool walk_record(struct walk *w, struct span *ret_body);
/* Deletes the entry reached; walk_next() goes on behind it. */
void walk_delete(struct walk *w);
void walk_close(struct walk *w);

static inline struct span key_span(const struct key *k)
{
    return (struct span){(const char *)k->b, k->n};
}

#endif
