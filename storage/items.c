/* items: the small collections (calendarList entries, settings, colours, access rules), raw by id.
 */
#include "storage/items.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "storage/accounts.h"
#include "storage/event_store.h"
#include "storage/item_store.h"

/* A packed item: flags, seq, length of the id, the id, the raw resource. */
#define ITEM_DELETED  1
#define ITEM_GONE     2
#define ITEM_LEFT_OUT 4
#define ITEM_HEAD     13

struct item_iter {
    struct walk w;
};

bool item_unpack(struct span body, struct item_record *ret)
{
    if (body.n < ITEM_HEAD)
        return false;
    uint32_t id_bytes = get_u32(body.p + 9);
    if (id_bytes > body.n - ITEM_HEAD)
        return false;
    *ret = (struct item_record){
        .id = {body.p + ITEM_HEAD, id_bytes},
        .raw = {body.p + ITEM_HEAD + id_bytes, body.n - ITEM_HEAD - id_bytes},
        .deleted = body.p[0] & ITEM_DELETED,
        .left_out = body.p[0] & ITEM_LEFT_OUT,
        .gone = body.p[0] & ITEM_GONE,
        .seq = get_u64(body.p + 1),
    };
    return true;
}

static void record_write(struct txn *t, const struct key *k, const struct item_record *item)
{
    uint8_t *record = space_reserve(t, SPACE_ITEM, k, ITEM_HEAD + item->id.n + item->raw.n);
    if (!record)
        return;
    uint8_t *body = record + RECORD_HEAD;
    body[0] = (uint8_t)((item->deleted ? ITEM_DELETED : 0) | (item->gone ? ITEM_GONE : 0) |
                        (item->left_out ? ITEM_LEFT_OUT : 0));
    put_u64(body + 1, item->seq);
    put_u32(body + 9, (uint32_t)item->id.n);
    memcpy(body + ITEM_HEAD, item->id.p, item->id.n);
    if (item->raw.n > 0)
        memcpy(body + ITEM_HEAD + item->id.n, item->raw.p, item->raw.n);
    record_seal(SPACE_ITEM, key_span(k), record,
                RECORD_HEAD + ITEM_HEAD + item->id.n + item->raw.n);
}

static enum rc record_read(struct txn *t, uint32_t coll, const struct key *k,
                           struct item_record *ret)
{
    struct span body;
    enum rc rc = record_get(t, SPACE_ITEM, k, &body);
    if (!rc && !item_unpack(body, ret))
        rc = RC_BADDATA;
    if (rc == RC_BADDATA)
        damage_note(t->store, coll);
    return rc;
}

enum rc item_get(struct txn *t, uint32_t coll, struct span id, struct item *ret)
{
    struct key k = key_id(coll, id);
    struct item_record item;
    enum rc rc = record_read(t, coll, &k, &item);
    if (!rc && item.gone)
        rc = RC_NOTFOUND;
    if (!rc)
        *ret = (struct item){item.id, item.raw, item.deleted, item.left_out};
    return rc;
}

enum rc item_of_calendar(struct txn *t, uint32_t account, struct span calendar,
                         struct span *ret_raw)
{
    struct collection roster;
    struct item item;
    enum rc rc = coll_find(t, account, COLL_ROSTER, (struct span){"", 0}, &roster);
    if (rc == RC_OK)
        rc = item_get(t, roster.no, calendar, &item);
    if (rc == RC_OK && item.deleted)
        rc = RC_NOTFOUND;
    if (rc == RC_OK)
        *ret_raw = item.raw;
    return rc;
}

/* Replaces what is there under the next change number. A damaged one counts as present. */
static void replace(struct txn *t, struct collection *c, const struct key *k, enum rc old_rc,
                    const struct item_record *old, struct item_record *new)
{
    bool listed = old_rc == RC_BADDATA || (!old_rc && !old->gone);
    bool live = listed && !old->deleted;
    struct change_form from = {live && !old->left_out, old->raw};
    if (old_rc == RC_BADDATA)
        change_forget(t, c->no, new->id);
    new->seq = change_log(t, c, old->seq, new->gone ? CHANGE_REMOVED : CHANGE_PUT, new->id, &from,
                          new->raw);
    record_write(t, k, new);
    c->all_items = (c->all_items > listed ? c->all_items - listed : 0) + !new->gone;
    c->live_items =
        (c->live_items > live ? c->live_items - live : 0) + (!new->gone && !new->deleted);
}

bool item_put(struct txn *t, struct collection *c, const struct item *item)
{
    assert(c->no != 0 && item->id.n > 0);
    struct key k = key_id(c->no, item->id);
    struct item_record old = {0};
    struct item_record new = {
        .id = item->id, .raw = item->raw, .deleted = item->deleted, .left_out = item->left_out};
    enum rc rc = record_read(t, c->no, &k, &old);
    bool same = old.deleted == new.deleted &&old.left_out == new.left_out &&
                (new.left_out || span_eq(old.raw, new.raw));
    if (t->failed || (!rc && !old.gone && same))
        return false;
    replace(t, c, &k, rc, &old, &new);
    return !t->failed;
}

bool item_remove(struct txn *t, struct collection *c, struct span id)
{
    struct key k = key_id(c->no, id);
    struct item_record old = {0}, ghost = {.id = id, .gone = true};
    enum rc rc = record_read(t, c->no, &k, &old);
    if (t->failed || rc == RC_NOTFOUND || (!rc && old.gone))
        return false;
    replace(t, c, &k, rc, &old, &ghost);
    return !t->failed;
}

void item_drop_ghost(struct txn *t, const struct key *k, uint64_t seq)
{
    struct span body;
    struct item_record item;
    if (record_get(t, SPACE_ITEM, k, &body) == RC_OK && item_unpack(body, &item) && item.gone &&
        item.seq == seq)
        space_del(t, SPACE_ITEM, k);
}

struct item_iter *items_open(struct txn *t, uint32_t coll, struct span after)
{
    struct item_iter *it = malloc(sizeof(*it));
    if (!it) {
        (void)txn_fail(t, ENOMEM, SPACE_ITEM);
        return NULL;
    }
    struct key of_coll = key_no(coll), from = key_id(coll, after);
    if (after.n > 0)
        key_after(&from);
    walk_open(&it->w, t, SPACE_ITEM, &of_coll, &from);
    return it;
}

bool items_next(struct item_iter *it, struct item *ret)
{
    while (it && walk_next(&it->w)) {
        struct span body;
        struct item_record item;
        if (!walk_record(&it->w, &body) || !item_unpack(body, &item) || item.gone)
            continue;
        *ret = (struct item){item.id, item.raw, item.deleted, item.left_out};
        return true;
    }
    return false;
}

void items_close(struct item_iter *it)
{
    if (!it)
        return;
    walk_close(&it->w);
    free(it);
}
