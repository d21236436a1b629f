/* event_store: the records behind events.h, for the files of storage/ that share them. Private. */
#ifndef STORAGE_EVENT_STORE_H
#define STORAGE_EVENT_STORE_H

#include "storage/changes.h"
#include "storage/events.h"
#include "storage/interval.h"
#include "storage/table.h"

/* The value of event_id. Of a removed event that still has a row in the change log it is a ghost:
 * class CLASS_NONE, only seq is set. */
struct id_entry {
    uint8_t class;
    bool cancelled;
    int64_t time;
    uint64_t row;
    uint64_t seq;
    uint64_t generation; /* of the listing that saw it last, see listing.h */
};
/* RC_BADDATA is not counted here. */
enum rc id_entry_get(struct txn *t, const struct key *k, struct id_entry *ret);
bool id_entry_unpack(struct span body, struct id_entry *ret);
void id_entry_put(struct txn *t, const struct key *k, const struct id_entry *entry);

/* The value of event and stage: all members but row. */
bool event_unpack(struct span body, struct event *ret);
/* Its times, from the head of a record, unverified; false: there is none. Whoever passes over the
 * event because of them asks event_peek_holds(), which reads no more than the head either. */
bool event_peek(struct span record, int64_t *ret_start_ms, int64_t *ret_end_ms);
bool event_peek_holds(struct span key, struct span record);
void event_record_put(struct txn *t, enum space space, const struct key *k, const struct event *ev);
/* Nothing differs but seq and row. */
bool event_same(const struct event *a, const struct event *b);
/* What is stored of an event: an end before the start counts as the start. */
struct event event_normal(const struct event *ev);

/* RC_NOTFOUND and RC_BADDATA are not counted here. */
enum rc event_at(struct txn *t, uint32_t coll, const struct spot *spot, struct event *ret);
struct spot spot_of_key(struct span key); /* of an entry of SPACE_EVENT */
bool spot_same(const struct spot *a, const struct spot *b);

/* The index rows of one event; n == 0: it has none there. */
#define INDEX_COUNT 4
extern const enum space index_spaces[INDEX_COUNT];
struct index_keys {
    struct key k[INDEX_COUNT];
};
void index_keys_make(struct index_keys *ret, uint32_t coll, const struct event *ev, uint64_t row);
/* The value of an index row: the rest of the spot, whose row is in its key. */
void index_put(struct txn *t, enum space space, const struct key *k, const struct spot *spot);
bool index_unpack(struct span key, struct span body, struct spot *ret);

#define CHANGE_SEQ_AT 4 /* in the key of a row */
/* The change log. Deleting seq 0 does nothing. */
bool change_unpack(struct span key, struct span body, struct change *ret);
/* One whose history is not known any more. */
void change_put(struct txn *t, uint32_t coll, uint64_t seq, enum change_kind kind, struct span id);
/* An item before a change, as JSON; `raw` is empty when it was not there, `live` says that it was,
 * and not as a tombstone. */
struct change_form {
    bool live;
    struct span raw;
};
/* Takes the next number for a change of an item and moves its row to the end of the log. `to` is
 * its raw form from now on, empty when it goes. The spans may be LMDB's: they are read before
 * anything is written. */
uint64_t change_log(struct txn *t, struct collection *c, uint64_t old_seq, enum change_kind kind,
                    struct span id, const struct change_form *from, struct span to);
void change_del(struct txn *t, uint32_t coll, uint64_t seq);
/* Deletes every row of an id whose seq is unknown: reads the whole log of the collection. */
void change_forget(struct txn *t, uint32_t coll, struct span id);

/* event_remove() by key of event_id. An id too long for a key whose event is damaged cannot be
 * named in the change log; such an entry just goes. */
bool event_remove_at(struct txn *t, struct collection *c, const struct key *k);

#endif
