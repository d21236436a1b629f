/* events: puts, gets and removes events, and keeps every way that leads to them in step. */
#include "storage/events.h"

#include <assert.h>

#include "storage/event_store.h"

/* What is known of the present form of an event before it is changed. */
struct present {
    bool listed;  /* counted in all_items, stands at `spot` */
    bool damaged; /* its event_id entry is */
    bool read;    /* `event` (borrowed: until the first write) and `index` are good */
    struct event event;
    struct index_keys index;
    struct spot spot;
    struct id_entry entry;
};

/* Finds an event without its event_id entry: reads the whole calendar. */
static bool search(struct txn *t, uint32_t coll, struct span id, struct event *ret,
                   struct spot *ret_spot)
{
    struct walk w;
    struct key of_coll = key_no(coll);
    struct span body;
    struct event ev;
    bool found = false;
    walk_open(&w, t, SPACE_EVENT, &of_coll, NULL);
    while (!found && walk_next(&w)) {
        if (!record_open(w.space, w.key, w.value, &body) || !event_unpack(body, &ev) ||
            !span_eq(ev.id, id))
            continue;
        found = true;
        *ret_spot = spot_of_key(w.key);
        *ret = ev;
    }
    walk_close(&w);
    return found;
}

/* A damaged event_id entry must not let a second copy of the event appear beside the first, so that
 * one is searched for. A damaged event leaves index rows behind that lead nowhere; the full listing
 * that the damage causes clears them (coll_repair). */
static void present_load(struct txn *t, uint32_t coll, const struct key *k, struct span id,
                         struct present *ret)
{
    ret->listed = ret->damaged = ret->read = false;
    ret->entry = (struct id_entry){0};
    enum rc rc = id_entry_get(t, k, &ret->entry);
    if (rc == RC_OK && ret->entry.class != CLASS_NONE) {
        ret->listed = true;
        ret->spot = (struct spot){ret->entry.class, ret->entry.time, ret->entry.row};
        ret->read = event_at(t, coll, &ret->spot, &ret->event) == RC_OK;
        if (ret->read && !span_eq(ret->event.id, id)) /* led to another one */
            rc = RC_BADDATA;
        else if (!ret->read)
            damage_note(t->store, coll);
    }
    if (rc == RC_BADDATA) {
        damage_note(t->store, coll);
        ret->damaged = true;
        ret->entry = (struct id_entry){0};
        ret->read = ret->listed = search(t, coll, id, &ret->event, &ret->spot);
        if (ret->read) {
            ret->entry.seq = ret->event.seq;
            ret->entry.cancelled = ret->event.flags & EVENT_CANCELLED;
        } else {
            change_forget(t, coll, id);
        }
    }
    if (ret->read)
        index_keys_make(&ret->index, coll, &ret->event, ret->spot.row);
}

enum rc event_get(struct txn *t, uint32_t coll, struct span id, struct event *ret)
{
    struct key k = key_id(coll, id);
    struct id_entry entry;
    struct event ev;
    enum rc rc = id_entry_get(t, &k, &entry);
    if (!rc) {
        if (entry.class == CLASS_NONE)
            return RC_NOTFOUND;
        struct spot spot = {entry.class, entry.time, entry.row};
        rc = event_at(t, coll, &spot, &ev);
        if (rc == RC_NOTFOUND) /* led here, yet nothing there */
            rc = RC_BADDATA;
    }
    if (!rc && !span_eq(ev.id, id)) /* led to another one */
        rc = RC_BADDATA;
    if (rc == RC_BADDATA)
        damage_note(t->store, coll);
    if (!rc)
        *ret = ev;
    return rc;
}

enum rc event_get_again(struct txn *t, uint32_t coll, const struct event *known, struct event *ret)
{
    struct spot spot = interval_spot(known);
    struct event ev;
    spot.row = known->row;
    if (event_at(t, coll, &spot, &ev) != RC_OK || !span_eq(ev.id, known->id))
        return event_get(t, coll, known->id, ret);
    *ret = ev;
    return RC_OK;
}

bool spot_same(const struct spot *a, const struct spot *b)
{
    return a->class == b->class && a->time == b->time && a->row == b->row;
}

static void spot_clear(struct txn *t, uint32_t coll, const struct spot *spot)
{
    struct key k = key_event(coll, spot->class, spot->time, spot->row);
    space_del(t, SPACE_EVENT, &k);
}

/* Moves the index rows of the old form to the new one (NULL: there is none any more). */
static void index_move(struct txn *t, uint32_t coll, const struct present *old,
                       const struct event *new, const struct spot *spot)
{
    struct index_keys none = {0}, to = {0};
    const struct index_keys *from = old->read ? &old->index : &none;
    bool moved = !old->read || !new || !spot_same(&old->spot, spot);
    if (new)
        index_keys_make(&to, coll, new, spot->row);
    for (size_t i = 0; i < INDEX_COUNT; i++) {
        bool same = span_eq(key_span(&from->k[i]), key_span(&to.k[i]));
        if (!same)
            space_del(t, index_spaces[i], &from->k[i]);
        if (to.k[i].n > 0 && (!same || moved))
            index_put(t, index_spaces[i], &to.k[i], spot);
    }
}

static void count(struct collection *c, const struct present *old, bool listed, bool cancelled)
{
    uint64_t all = old->listed, live = old->listed && !old->entry.cancelled;
    /* Never below zero, though a record of counts may have been lost to damage. */
    c->all_items = (c->all_items > all ? c->all_items - all : 0) + listed;
    c->live_items = (c->live_items > live ? c->live_items - live : 0) + (listed && !cancelled);
}

/* What the change log is told about the form that is replaced. */
static struct change_form form_of(const struct present *p)
{
    return (struct change_form){.live = p->listed && !p->entry.cancelled,
                                .raw = p->read ? p->event.raw : (struct span){0}};
}

bool event_put(struct txn *t, struct collection *c, const struct event *ev)
{
    assert(c->no != 0 && c->kind == COLL_EVENTS && ev->id.n > 0);
    if (t->failed)
        return false;
    struct event new = event_normal(ev);
    struct key k = key_id(c->no, new.id);
    struct present old;
    present_load(t, c->no, &k, new.id, &old);
    if (old.read && old.event.flags & (EVENT_SERIES | EVENT_WAS_SERIES) &&
        !(new.flags &EVENT_SERIES))
        new.flags |= EVENT_WAS_SERIES;
    if (old.read && !old.damaged && event_same(&old.event, &new))
        return false;

    struct change_form from = form_of(&old);
    new.seq = change_log(t, c, old.entry.seq, CHANGE_PUT, new.id, &from, new.raw);
    struct spot spot = interval_spot(&new);
    spot.row = new.row = old.read ? old.spot.row : new.seq;
    index_move(t, c->no, &old, &new, &spot);
    if (old.listed && !spot_same(&old.spot, &spot))
        spot_clear(t, c->no, &old.spot);
    struct key is = key_event(c->no, spot.class, spot.time, spot.row);
    event_record_put(t, SPACE_EVENT, &is, &new);

    struct id_entry entry = {
        .class = spot.class,
        .cancelled = new.flags &EVENT_CANCELLED,
        .time = spot.time,
        .row = spot.row,
        .seq = new.seq,
        .generation = c->listing.generation,
    };
    id_entry_put(t, &k, &entry);
    count(c, &old, true, entry.cancelled);
    c->classes |= 1u << spot.class;
    return !t->failed;
}

static bool remove_named(struct txn *t, struct collection *c, const struct key *k, struct span id)
{
    struct present old;
    present_load(t, c->no, k, id, &old);
    if (t->failed || (!old.listed && !old.damaged))
        return false;

    struct id_entry ghost = {.class = CLASS_NONE};
    struct change_form from = form_of(&old);
    ghost.seq = change_log(t, c, old.entry.seq, CHANGE_REMOVED, id, &from, (struct span){0});
    index_move(t, c->no, &old, NULL, NULL);
    if (old.listed)
        spot_clear(t, c->no, &old.spot);
    id_entry_put(t, k, &ghost);
    count(c, &old, false, false);
    return !t->failed;
}

bool event_remove(struct txn *t, struct collection *c, struct span id)
{
    assert(c->no != 0 && c->kind == COLL_EVENTS);
    struct key k = key_id(c->no, id);
    return remove_named(t, c, &k, id);
}

bool event_remove_at(struct txn *t, struct collection *c, const struct key *k)
{
    struct id_entry entry;
    struct event ev = {0};
    char id[LIMIT_EVENT_ID_BYTES];
    if (id_entry_get(t, k, &entry) != RC_OK || entry.class == CLASS_NONE)
        return false;
    struct spot spot = {entry.class, entry.time, entry.row};
    struct span name = key_id_whole(key_span(k));
    if (name.n == 0 && event_at(t, c->no, &spot, &ev) == RC_OK)
        name = ev.id;
    if (name.n > 0 && name.n <= sizeof(id)) { /* copied: the removal writes */
        memcpy(id, name.p, name.n);
        return remove_named(t, c, k, (struct span){id, name.n});
    }
    spot_clear(t, c->no, &spot);
    change_del(t, c->no, entry.seq);
    space_del(t, SPACE_EVENT_ID, k);
    c->pruned_seq = c->version = txn_next_seq(t); /* so that no cursor passes over it */
    return !t->failed;
}
