/* key: packs the keys of every keyspace, so that LMDB's byte order is the order of their meaning.
 */
#include "storage/key.h"

#include <assert.h>
#include <endian.h>
#include <openssl/sha.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define ID_AT       4    /* in the keys of key_id() */
#define CALENDAR_AT 5    /* in the keys of key_coll_id() */
#define ID_WHOLE    200  /* ids up to here are stored as they are ... */
#define ID_PREFIX   160  /* ... longer ones as this and a hash: 193 bytes, told apart by ID_MARK */
#define ID_MARK     0xff /* never in UTF-8, so no short id can look like a shortened one */

static const struct {
    const char *name;
    bool per_coll;
} spaces[SPACE_ALL] = {
    [SPACE_META] = {"meta", false},
    [SPACE_ACCOUNT] = {"account", false},
    [SPACE_ACCOUNT_NAME] = {"account_name", false},
    [SPACE_COLL] = {"coll", true},
    [SPACE_COLL_ID] = {"coll_id", false},
    [SPACE_HEAD] = {"head", true},
    [SPACE_VERDICT] = {"verdict", true},
    [SPACE_ITEM] = {"item", true},
    [SPACE_EVENT] = {"event", true},
    [SPACE_EVENT_ID] = {"event_id", true},
    [SPACE_EVENT_UPDATED] = {"event_updated", true},
    [SPACE_EVENT_UID] = {"event_uid", true},
    [SPACE_EVENT_SERIES] = {"event_series", true},
    [SPACE_EVENT_ODD] = {"event_odd", true},
    [SPACE_CHANGE] = {"change", true},
    [SPACE_STAGE] = {"stage", true},
    [SPACE_CHANNEL] = {"channel", false},
    [SPACE_CHANNEL_COLL] = {"channel_coll", true},
    [SPACE_JOB] = {"job", true},
    [SPACE_PUSH_CHANNEL] = {"push_channel", false},
    [SPACE_PUSH_MARK] = {"push_mark", false},
    [SPACE_PUSH_DEAD] = {"push_dead", false},
};

const char *space_name(enum space space)
{
    return spaces[space].name;
}

bool space_is_per_coll(enum space space)
{
    return spaces[space].per_coll;
}

static void add(struct key *k, const void *p, size_t n)
{
    assert(n <= sizeof(k->b) - k->n);
    if (n > 0)
        memcpy(k->b + k->n, p, n);
    k->n += n;
}

static void add_u8(struct key *k, uint8_t v)
{
    add(k, &v, sizeof(v));
}

static void add_u32(struct key *k, uint32_t v)
{
    v = htobe32(v);
    add(k, &v, sizeof(v));
}

static void add_u64(struct key *k, uint64_t v)
{
    v = htobe64(v);
    add(k, &v, sizeof(v));
}

static void add_time(struct key *k, int64_t v)
{
    add_u64(k, (uint64_t)v ^ (UINT64_C(1) << 63));
}

static void add_id(struct key *k, struct span id)
{
    if (id.n <= ID_WHOLE) {
        add(k, id.p, id.n);
        return;
    }
    uint8_t sha[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)id.p, id.n, sha);
    add(k, id.p, ID_PREFIX);
    add_u8(k, ID_MARK);
    add(k, sha, sizeof(sha));
}

struct key key_text(struct span text)
{
    struct key k;
    k.n = 0;
    add_id(&k, text);
    return k;
}

struct key key_no(uint32_t no)
{
    struct key k;
    k.n = 0;
    add_u32(&k, no);
    return k;
}

struct key key_coll_id(uint32_t account, uint8_t kind, struct span calendar)
{
    struct key k = key_no(account);
    add_u8(&k, kind);
    add_id(&k, calendar);
    return k;
}

struct key key_id(uint32_t coll, struct span id)
{
    struct key k = key_no(coll);
    add_id(&k, id);
    return k;
}

struct key key_class(uint32_t coll, uint8_t class)
{
    struct key k = key_no(coll);
    add_u8(&k, class);
    return k;
}

struct key key_seq(uint32_t coll, uint64_t seq)
{
    struct key k = key_no(coll);
    add_u64(&k, seq);
    return k;
}

struct key key_event(uint32_t coll, uint8_t class, int64_t time, uint64_t row)
{
    struct key k = key_class(coll, class);
    add_time(&k, time);
    add_u64(&k, row);
    return k;
}

struct key key_updated(uint32_t coll, int64_t updated, uint64_t row)
{
    struct key k = key_no(coll);
    add_time(&k, updated);
    add_u64(&k, row);
    return k;
}

struct key key_hashed(uint32_t coll, struct span text, uint64_t row)
{
    struct key k = key_seq(coll, XXH3_64bits(text.p, text.n));
    add_u64(&k, row);
    return k;
}

void key_after(struct key *k)
{
    add_u8(k, 0);
}

bool key_copy(struct key *k, struct span bytes)
{
    if (bytes.n >= sizeof(k->b)) /* one byte stays for key_after() */
        return false;
    k->n = bytes.n;
    memcpy(k->b, bytes.p, bytes.n);
    return true;
}

static struct span whole_at(struct span key, size_t at)
{
    if (key.n < at)
        return (struct span){0};
    struct span id = {key.p + at, key.n - at};
    if (id.n == ID_PREFIX + 1 + SHA256_DIGEST_LENGTH && (uint8_t)id.p[ID_PREFIX] == ID_MARK)
        return (struct span){0};
    return id;
}

struct span key_id_whole(struct span key)
{
    return whole_at(key, ID_AT);
}

struct span key_calendar_whole(struct span key)
{
    return whole_at(key, CALENDAR_AT);
}

uint32_t key_u32_at(const void *key, size_t at)
{
    uint32_t v;
    memcpy(&v, (const uint8_t *)key + at, sizeof(v));
    return be32toh(v);
}

uint64_t key_u64_at(const void *key, size_t at)
{
    uint64_t v;
    memcpy(&v, (const uint8_t *)key + at, sizeof(v));
    return be64toh(v);
}

int64_t key_time_at(const void *key, size_t at)
{
    return (int64_t)(key_u64_at(key, at) ^ (UINT64_C(1) << 63));
}
