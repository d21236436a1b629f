/* pack: rewrites a calendar's events so that the pages they stand in are full.
 *
 * DESIGN. Google lists events in no order of time, and here they stand in it: LMDB splits full
 * pages wherever the next event happens to belong and leaves many with a single one, so that a
 * window touches half as many pages again as it need. Touching them is most of what a window costs
 * that was not read lately. So once all are there they are taken out, a stretch at a time, and put
 * back in order.
 *
 * Order alone does not help: given a key behind the last one of a full page, LMDB begins a new page
 * and takes the old page's last node along to it. With two or three events to a page that leaves
 * every page one short. So a page that has no room for the next event gets a tiny node as its last,
 * which goes along instead and is deleted. How full the page is, is reckoned here; where that is
 * wrong (at the ends of a stretch) a page may be one short, and nothing worse. */
#include "storage/pack.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/base/buf.h"
#include "storage/table.h"

#define STRETCH_BYTES (1u << 20)

/* LMDB 0.9: the heads of a page and of a node, and a node's row in the table of its page. */
#define PAGE_HEAD 16
#define NODE_HEAD 8
#define NODE_ROW  2

/* The last event rewritten; `= { 0 }`: none yet. In meta, since few calendars have one. */
struct mark {
    uint32_t class;
    int64_t time;
    uint64_t row;
    uint64_t filled; /* bytes of the page that it stands on, as reckoned */
};
static const struct field mark_fields[] = {
    FIELD(struct mark, class),
    FIELD(struct mark, time),
    FIELD(struct mark, row),
    FIELD(struct mark, filled),
};

static struct key mark_key(uint32_t coll)
{
    char name[32];
    (void)snprintf(name, sizeof(name), "pack %" PRIu32, coll);
    return key_text(span_of(name));
}

static void mark_put(struct txn *t, uint32_t coll, const struct mark *m)
{
    struct key k = mark_key(coll);
    fields_put(t, SPACE_META, &k, mark_fields, FIELD_COUNT(mark_fields), m);
}

/* A damaged one means all of it. */
static bool mark_get(struct txn *t, uint32_t coll, struct mark *ret)
{
    struct key k = mark_key(coll);
    struct mark m = {0};
    enum rc rc = fields_get(t, SPACE_META, &k, mark_fields, FIELD_COUNT(mark_fields), &m);
    *ret = rc == RC_OK ? m : (struct mark){0};
    return rc == RC_OK || rc == RC_BADDATA;
}

void pack_owe(struct txn *t, uint32_t coll)
{
    mark_put(t, coll, &(struct mark){0});
}

bool pack_is_owed(struct txn *t, uint32_t coll)
{
    struct mark m;
    return mark_get(t, coll, &m);
}

void pack_forget(struct txn *t, uint32_t coll)
{
    struct key k = mark_key(coll);
    space_del(t, SPACE_META, &k);
}

/* What a page has room for; 0: the transaction has failed. */
static size_t page_room(struct txn *t)
{
    MDB_stat st;
    int code = t->failed ? 0 : mdb_stat(t->mdb, t->store->dbi[SPACE_EVENT], &st);
    if (code)
        (void)txn_fail(t, code, SPACE_EVENT);
    return t->failed ? 0 : st.ms_psize - PAGE_HEAD;
}

/* What an entry takes of it. The value of a node longer than half of it stands on pages of its own.
 */
static size_t node_bytes(size_t room, size_t key_n, size_t value_n)
{
    size_t n = NODE_HEAD + key_n + value_n;
    if (n > room / 2 - NODE_ROW)
        n = NODE_HEAD + key_n + sizeof(uint64_t);
    return n + n % 2 + NODE_ROW;
}

/* Takes the next stretch out of the table: lengths, keys and values, one after another. */
static void take(struct txn *t, const struct key *of_coll, const struct key *from, struct buf *out)
{
    struct walk w;
    walk_open(&w, t, SPACE_EVENT, of_coll, from);
    while (out->n < STRETCH_BYTES && walk_next(&w)) {
        uint32_t n = (uint32_t)w.value.n;
        if (w.key.n != KEY_EVENT_BYTES || n < RECORD_HEAD)
            continue; /* damaged, and nothing to move */
        buf_add(out, &n, sizeof(n));
        buf_add_span(out, w.key);
        buf_add_span(out, w.value);
        if (out->failed)
            (void)txn_fail(t, ENOMEM, SPACE_EVENT);
        walk_delete(&w);
    }
    walk_close(&w);
}

static void put(struct txn *t, const struct key *k, struct span value)
{
    uint8_t *record = space_reserve(t, SPACE_EVENT, k, value.n - RECORD_HEAD);
    if (record)
        memcpy(record, value.p, value.n);
}

/* Puts an event behind `last`, on a page of which `filled` bytes are taken. Returns how many of the
 * page that it now stands on are. */
static size_t put_behind(struct txn *t, size_t room, size_t filled, const struct key *last,
                         const struct key *k, struct span value)
{
    size_t bytes = node_bytes(room, k->n, value.n);
    struct key tiny = *last;
    key_after(&tiny);
    if (filled + bytes <= room) {
        put(t, k, value);
        return filled + bytes;
    }
    bool fits = filled + node_bytes(room, tiny.n, RECORD_HEAD) <= room;
    if (fits)
        (void)space_reserve(t, SPACE_EVENT, &tiny, 0);
    put(t, k, value);
    if (fits)
        space_del(t, SPACE_EVENT, &tiny);
    return bytes;
}

bool events_pack(struct txn *t, uint32_t coll)
{
    struct mark m;
    if (!mark_get(t, coll, &m))
        return false;
    size_t room = page_room(t), filled = m.filled ? m.filled : room;
    struct key of_coll = key_no(coll), last = of_coll;
    struct buf stretch = {.cap = SIZE_MAX};
    if (m.class) {
        last = key_event(coll, (uint8_t)m.class, m.time, m.row);
        key_after(&last);
    }
    take(t, &of_coll, &last, &stretch);
    for (size_t at = 0; at < stretch.n && !t->failed;) {
        uint32_t n;
        struct key k = {.n = KEY_EVENT_BYTES};
        memcpy(&n, stretch.p + at, sizeof(n));
        memcpy(k.b, stretch.p + at + sizeof(n), k.n);
        at += sizeof(n) + k.n;
        filled = put_behind(t, room, filled, &last, &k, (struct span){stretch.p + at, n});
        at += n;
        last = k;
    }
    bool more = stretch.n >= STRETCH_BYTES && !t->failed;
    if (more)
        mark_put(t, coll,
                 &(struct mark){.class = last.b[4],
                                .time = key_time_at(last.b, 5),
                                .row = key_u64_at(last.b, 13),
                                .filled = filled});
    else
        pack_forget(t, coll);
    buf_release(&stretch);
    return more;
}
