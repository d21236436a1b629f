/* repair: throws out what is damaged in a collection and makes the rest agree again.
 *
 * DESIGN. The events that can be read are the truth; every way to them is checked and made again
 * where it is wrong. Nothing is written where nothing is wrong, so the transaction is as small as
 * the damage. A change that fell out of the log cannot be told to those who missed it: so after any
 * repair older cursors are dead (changes_open: RC_STALE) and clients start over. */
#include "storage/accounts.h"
#include "storage/event_store.h"
#include "storage/item_store.h"

struct repair {
    struct txn *t;
    uint32_t coll;
    uint64_t fixed;
    uint64_t all, live;
    uint32_t classes;
};

static void drop(struct repair *r, struct walk *w)
{
    walk_delete(w);
    r->fixed++;
}

static bool row_is_there(struct repair *r, uint64_t seq)
{
    struct key k = key_seq(r->coll, seq);
    struct span body;
    return record_get(r->t, SPACE_CHANGE, &k, &body) == RC_OK;
}

/* Makes the event's id lead to this copy, unless it leads to one that is newer. */
static void claim_id(struct repair *r, const struct event *ev, const struct spot *spot)
{
    struct key k = key_id(r->coll, ev->id);
    struct id_entry entry = {0};
    struct event other;
    if (id_entry_get(r->t, &k, &entry) == RC_OK) {
        struct spot led = {entry.class, entry.time, entry.row};
        bool here = spot_same(&led, spot);
        if (here && entry.seq == ev->seq)
            return;
        if (!here && event_at(r->t, r->coll, &led, &other) == RC_OK && span_eq(other.id, ev->id) &&
            other.seq >= ev->seq)
            return;
    }
    entry = (struct id_entry){.class = spot->class,
                              .cancelled = ev->flags & EVENT_CANCELLED,
                              .time = spot->time,
                              .row = spot->row,
                              .seq = ev->seq};
    id_entry_put(r->t, &k, &entry);
    r->fixed++;
}

static bool has_id(struct repair *r, const struct event *ev, const struct spot *spot)
{
    struct key k = key_id(r->coll, ev->id);
    struct id_entry entry;
    if (id_entry_get(r->t, &k, &entry) != RC_OK)
        return false;
    struct spot led = {entry.class, entry.time, entry.row};
    return spot_same(&led, spot);
}

/* The ways to an event, made where they are missing. */
static void ways_restore(struct repair *r, const struct index_keys *index, const struct spot *spot)
{
    for (size_t i = 0; i < INDEX_COUNT; i++) {
        struct span body;
        struct spot led;
        const struct key *k = &index->k[i];
        if (k->n == 0 || (record_get(r->t, index_spaces[i], k, &body) == RC_OK &&
                          index_unpack(key_span(k), body, &led) && spot_same(&led, spot)))
            continue;
        index_put(r->t, index_spaces[i], k, spot);
        r->fixed++;
    }
}

/* First walk: of several copies of an event the newest gets the id. */
static void claim_ids(struct repair *r)
{
    struct walk w;
    struct key of_coll = key_no(r->coll);
    struct span body;
    struct event ev;
    walk_open(&w, r->t, SPACE_EVENT, &of_coll, NULL);
    while (walk_next(&w)) {
        struct spot spot = spot_of_key(w.key);
        if (record_open(w.space, w.key, w.value, &body) && event_unpack(body, &ev))
            claim_id(r, &ev, &spot);
    }
    walk_close(&w);
}

/* Second walk: the others and the bad go, those that stay are found again in every way. */
static void repair_events(struct repair *r)
{
    struct walk w;
    struct key of_coll = key_no(r->coll);
    struct span body;
    struct event ev;
    walk_open(&w, r->t, SPACE_EVENT, &of_coll, NULL);
    while (walk_next(&w)) {
        struct spot spot = spot_of_key(w.key);
        struct index_keys index;
        if (!record_open(w.space, w.key, w.value, &body) || !event_unpack(body, &ev) ||
            !has_id(r, &ev, &spot)) {
            drop(r, &w);
            continue;
        }
        index_keys_make(&index, r->coll, &ev, spot.row);
        if (!row_is_there(r, ev.seq)) {
            change_put(r->t, r->coll, ev.seq, CHANGE_PUT, ev.id);
            r->fixed++;
        }
        r->all++;
        r->live += !(ev.flags & EVENT_CANCELLED);
        r->classes |= 1u << spot.class;
        ways_restore(r, &index, &spot);
    }
    walk_close(&w);
}

static bool id_is_good(struct repair *r, const struct walk *w)
{
    struct span body;
    struct id_entry entry;
    struct event ev;
    if (!record_open(w->space, w->key, w->value, &body) || !id_entry_unpack(body, &entry))
        return false;
    if (entry.class == CLASS_NONE)
        return row_is_there(r, entry.seq);
    struct spot spot = {entry.class, entry.time, entry.row};
    if (event_at(r->t, r->coll, &spot, &ev) != RC_OK)
        return false;
    struct key k = key_id(r->coll, ev.id);
    return span_eq(key_span(&k), w->key);
}

static bool index_is_good(struct repair *r, const struct walk *w)
{
    struct span body;
    struct spot spot;
    struct event ev;
    struct index_keys keys;
    if (!record_open(w->space, w->key, w->value, &body) || !index_unpack(w->key, body, &spot) ||
        event_at(r->t, r->coll, &spot, &ev) != RC_OK)
        return false;
    index_keys_make(&keys, r->coll, &ev, spot.row);
    for (size_t i = 0; i < INDEX_COUNT; i++) {
        if (w->space == index_spaces[i])
            return span_eq(key_span(&keys.k[i]), w->key);
    }
    return false;
}

static bool item_is_good(struct repair *r, const struct walk *w)
{
    struct span body;
    struct item_record item;
    if (!record_open(w->space, w->key, w->value, &body) || !item_unpack(body, &item) ||
        !row_is_there(r, item.seq))
        return false;
    r->all += !item.gone;
    r->live += !item.gone && !item.deleted;
    return true;
}

/* A row in the change log is good when its item bears its number. */
static bool change_is_good(struct repair *r, const struct walk *w)
{
    struct span body;
    struct change row;
    struct id_entry entry;
    struct item_record item;
    if (!record_open(w->space, w->key, w->value, &body) || !change_unpack(w->key, body, &row))
        return false;
    struct key k = key_id(r->coll, row.id);
    if (id_entry_get(r->t, &k, &entry) == RC_OK)
        return entry.seq == row.seq;
    return record_get(r->t, SPACE_ITEM, &k, &body) == RC_OK && item_unpack(body, &item) &&
           item.seq == row.seq;
}

static bool channel_is_good(struct repair *r, const struct walk *w)
{
    struct span body;
    struct span id = key_id_whole(w->key);
    struct key k = key_text(id);
    if (record_open(w->space, w->key, w->value, &body) &&
        record_get(r->t, SPACE_CHANNEL, &k, &body) == RC_OK)
        return true;
    space_del(r->t, SPACE_CHANNEL, &k);
    return false;
}

static bool json_is_good(struct repair *r, const struct walk *w)
{
    struct span body;
    (void)r;
    return record_open(w->space, w->key, w->value, &body);
}

/* In this order: ids after events, what leads to them after both. */
static const struct {
    enum space space;
    bool (*is_good)(struct repair *r, const struct walk *w);
} checks[] = {
    {SPACE_EVENT_ID, id_is_good},     {SPACE_EVENT_UPDATED, index_is_good},
    {SPACE_EVENT_UID, index_is_good}, {SPACE_EVENT_SERIES, index_is_good},
    {SPACE_EVENT_ODD, index_is_good}, {SPACE_ITEM, item_is_good},
    {SPACE_CHANGE, change_is_good},   {SPACE_CHANNEL_COLL, channel_is_good},
    {SPACE_HEAD, json_is_good},       {SPACE_VERDICT, json_is_good},
};

uint64_t coll_repair(struct txn *t, struct collection *c)
{
    struct repair r = {.t = t, .coll = c->no};
    struct key of_coll = key_no(c->no);
    claim_ids(&r);
    repair_events(&r);
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        struct walk w;
        walk_open(&w, t, checks[i].space, &of_coll, NULL);
        while (walk_next(&w)) {
            if (!checks[i].is_good(&r, &w))
                drop(&r, &w);
        }
        walk_close(&w);
    }
    c->all_items = r.all;
    c->live_items = r.live;
    c->classes = r.classes;
    if (r.fixed > 0) {
        c->version = c->pruned_seq = txn_next_seq(t);
        c->changed_ms = t->now_ms;
    }
    return r.fixed;
}
