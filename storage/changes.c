/* changes: the change log: one row per item of a collection, the newest change wins. */
#include "storage/changes.h"

#include <errno.h>
#include <stdlib.h>

#include "storage/event_store.h"
#include "storage/item_store.h"

struct change_iter {
    struct walk w;
    const struct collection *c;
};

void change_del(struct txn *t, uint32_t coll, uint64_t seq)
{
    if (seq == 0)
        return;
    struct key k = key_seq(coll, seq);
    space_del(t, SPACE_CHANGE, &k);
}

void change_forget(struct txn *t, uint32_t coll, struct span id)
{
    struct walk w;
    struct key of_coll = key_no(coll);
    struct span body;
    struct change row;
    walk_open(&w, t, SPACE_CHANGE, &of_coll, NULL);
    while (walk_next(&w)) {
        if (record_open(w.space, w.key, w.value, &body) && change_unpack(w.key, body, &row) &&
            span_eq(row.id, id))
            walk_delete(&w);
    }
    walk_close(&w);
}

enum rc changes_open(struct txn *t, const struct collection *c, uint64_t after,
                     struct change_iter **ret)
{
    if (t->failed)
        return t->failed;
    if (after < c->pruned_seq || after > txn_last_seq(t))
        return RC_STALE;
    struct change_iter *it = malloc(sizeof(*it));
    if (!it)
        return txn_fail(t, ENOMEM, SPACE_CHANGE);
    struct key of_coll = key_no(c->no), from = key_seq(c->no, after + 1);
    it->c = c;
    walk_open(&it->w, t, SPACE_CHANGE, &of_coll, &from);
    if (t->failed) {
        changes_close(it);
        return t->failed;
    }
    *ret = it;
    return RC_OK;
}

/* A row that cannot be read must not become a change that nobody hears of: its number also stands
 * with the item. False when no item bears it, then the row was of no use any more. */
static bool row_search(struct change_iter *it, uint64_t seq, struct change *ret)
{
    struct walk w;
    struct key of_coll = key_no(it->c->no);
    enum space space = it->c->kind == COLL_EVENTS ? SPACE_EVENT_ID : SPACE_ITEM;
    struct span body;
    bool found = false;
    walk_open(&w, it->w.t, space, &of_coll, NULL);
    while (!found && walk_next(&w)) {
        struct id_entry entry;
        struct item_record item;
        if (!record_open(space, w.key, w.value, &body))
            continue;
        if (space == SPACE_ITEM && item_unpack(body, &item) && item.seq == seq) {
            *ret = (struct change){.kind = item.gone ? CHANGE_REMOVED : CHANGE_PUT, .id = item.id};
            found = true;
        }
        if (space == SPACE_EVENT_ID && id_entry_unpack(body, &entry) && entry.seq == seq) {
            struct spot spot = {entry.class, entry.time, entry.row};
            struct event ev = {.id = key_id_whole(w.key)};
            if (entry.class != CLASS_NONE)
                (void)event_at(it->w.t, it->c->no, &spot, &ev);
            *ret = (struct change){.kind = entry.class == CLASS_NONE ? CHANGE_REMOVED : CHANGE_PUT,
                                   .id = ev.id};
            found = ev.id.n > 0;
        }
    }
    walk_close(&w);
    ret->seq = seq;
    ret->lost = true;
    return found;
}

bool changes_next(struct change_iter *it, struct change *ret)
{
    while (walk_next(&it->w)) {
        struct span body;
        if (walk_record(&it->w, &body) && change_unpack(it->w.key, body, ret))
            return true;
        if (it->w.key.n == CHANGE_SEQ_AT + sizeof(uint64_t) &&
            row_search(it, key_u64_at(it->w.key.p, CHANGE_SEQ_AT), ret))
            return true;
    }
    return false;
}

void changes_close(struct change_iter *it)
{
    if (!it)
        return;
    walk_close(&it->w);
    free(it);
}

/* What a removed item left behind for its row in the log. */
static void ghost_drop(struct txn *t, const struct collection *c, const struct change *row)
{
    struct key k = key_id(c->no, row->id);
    if (c->kind != COLL_EVENTS) {
        item_drop_ghost(t, &k, row->seq);
        return;
    }
    struct id_entry entry;
    if (id_entry_get(t, &k, &entry) == RC_OK && entry.seq == row->seq)
        space_del(t, SPACE_EVENT_ID, &k);
}

/* The last row that is old. So are all before it, though a clock that was ahead gave some of them a
 * time to come, which tells nothing. */
static uint64_t last_old(struct txn *t, const struct collection *c, int64_t before_ms)
{
    struct walk w;
    struct key of_coll = key_no(c->no);
    struct span body;
    struct change row;
    uint64_t last = 0;
    walk_open(&w, t, SPACE_CHANGE, &of_coll, NULL);
    while (walk_next(&w)) {
        if (!walk_record(&w, &body) || !change_unpack(w.key, body, &row))
            continue;
        if (row.at_ms < before_ms)
            last = row.seq;
        else if (row.at_ms <= t->now_ms)
            break;
    }
    walk_close(&w);
    return last;
}

uint64_t changes_prune(struct txn *t, struct collection *c, int64_t before_ms, uint64_t most)
{
    struct walk w;
    struct key of_coll = key_no(c->no);
    struct span body;
    struct change row;
    uint64_t last = last_old(t, c, before_ms), dropped = 0;
    walk_open(&w, t, SPACE_CHANGE, &of_coll, NULL); /* pruned_seq may have passed over some */
    while (dropped < most && walk_next(&w)) {
        if (!walk_record(&w, &body) || !change_unpack(w.key, body, &row))
            continue;
        if (row.seq > last)
            break;
        if (row.kind != CHANGE_REMOVED)
            continue;
        ghost_drop(t, c, &row);
        walk_delete(&w);
        if (row.seq > c->pruned_seq)
            c->pruned_seq = row.seq;
        dropped++;
    }
    walk_close(&w);
    return dropped;
}
