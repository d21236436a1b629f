/* table: sticky access to the keyspaces: bytes, records, walks. Private to storage/. */
#ifndef STORAGE_TABLE_H
#define STORAGE_TABLE_H

#include "storage/txn.h"

static inline struct span key_span(const struct key *k)
{
    return (struct span){(const char *)k->b, k->n};
}

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
/* The same of an entry that was reached before; keys and values stay until the transaction writes
 * or ends. */
bool entry_open(struct txn *t, enum space space, struct span key, struct span value,
                struct span *ret_body);
/* Deletes the entry reached; walk_next() goes on behind it. */
void walk_delete(struct walk *w);
void walk_close(struct walk *w);

#endif
