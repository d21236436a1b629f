/* key: packs keys so that LMDB's byte order is the order of their meaning.
 *
 * Numbers are big endian, signed times have their sign bit flipped. `id` is an id's bytes up to
 * 200; of a longer one its first 160, 0xff and its SHA-256 (ids have up to 1024 bytes, LMDB keys
 * 511). */
#ifndef STORAGE_KEY_H
#define STORAGE_KEY_H

#include <stdint.h>

#include "core/base/span.h"
#include "storage/space.h"

struct key {
    size_t n;
    uint8_t b[224];
};

#define KEY_EVENT_BYTES 21 /* coll, class, time, row */

struct key key_text(struct span text); /* meta, account_name, channel: shortened like an id */
struct key key_no(uint32_t no); /* account, coll, head, job; prefix of every space per coll */
struct key key_coll_id(uint32_t account, uint8_t kind, struct span calendar);
struct key key_id(uint32_t coll, struct span id);   /* item, event_id, stage, channel_coll */
struct key key_class(uint32_t coll, uint8_t class); /* verdict; prefix in event */
struct key key_seq(uint32_t coll, uint64_t seq);    /* change; prefix by hash */
struct key key_event(uint32_t coll, uint8_t class, int64_t time, uint64_t row);
struct key key_updated(uint32_t coll, int64_t updated, uint64_t row); /* event_updated, event_odd */
struct key key_hashed(uint32_t coll, struct span text, uint64_t row); /* event_uid, event_series */

void key_after(struct key *k); /* makes it the smallest key behind itself */
/* From LMDB; false when it is longer than any key of ours. */
bool key_copy(struct key *k, struct span bytes);

/* The id in a key made by key_id(); empty when it was shortened. */
struct span key_id_whole(struct span key);
struct span key_calendar_whole(struct span key); /* likewise of one made by key_coll_id() */

/* Big endian numbers out of a key, at an offset that is within it. */
uint32_t key_u32_at(const void *key, size_t at);
uint64_t key_u64_at(const void *key, size_t at);
int64_t key_time_at(const void *key, size_t at);

#endif
