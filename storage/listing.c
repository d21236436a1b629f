/* listing: a full listing that replaces a calendar's events without readers ever seeing half of it.
 */
#include "storage/listing.h"

#include <assert.h>
#include <errno.h>

#include "core/base/buf.h"
#include "core/base/crashpoint.h"
#include "storage/accounts.h"
#include "storage/event_store.h"

static void stage_clear(struct txn *t, uint32_t coll)
{
    struct key of_coll = key_no(coll);
    space_clear(t, SPACE_STAGE, &of_coll);
}

void listing_begin(struct txn *t, struct collection *c, enum listing_reason reason, int64_t now_ms)
{
    assert(c->kind == COLL_EVENTS && reason != LISTING_NONE);
    stage_clear(t, c->no);
    if (reason == LISTING_DAMAGED)
        coll_repair(t, c);
    c->listing = (struct listing){
        .reason = reason,
        .direct = c->state != COLL_READY,
        .generation = txn_next_seq(t),
        .started_ms = now_ms,
    };
    CRASHPOINT("storage.listing.begin");
}

/* Whether `b`, which came later in the same listing, is to be kept rather than `a`. */
static bool newer(const struct event *a, const struct event *b)
{
    return b->updated_ms == 0 || b->updated_ms >= a->updated_ms;
}

static bool stage_get(struct txn *t, const struct key *k, struct event *ret)
{
    struct span body;
    return record_get(t, SPACE_STAGE, k, &body) == RC_OK && event_unpack(body, ret);
}

/* The live form, when it can be read. */
static bool live_get(struct txn *t, uint32_t coll, const struct id_entry *entry, struct event *ret)
{
    struct spot spot = {entry->class, entry->time, entry->row};
    return entry->class != CLASS_NONE && event_at(t, coll, &spot, ret) == RC_OK;
}

/* Marks an event as seen by this listing. */
static void mark(struct txn *t, const struct collection *c, const struct key *k)
{
    struct id_entry entry;
    if (id_entry_get(t, k, &entry) != RC_OK || entry.generation == c->listing.generation)
        return;
    entry.generation = c->listing.generation;
    id_entry_put(t, k, &entry);
}

/* True if something changed. */
static bool put_marked(struct txn *t, struct collection *c, const struct key *k,
                       const struct event *ev)
{
    if (event_put(t, c, ev)) /* marks it, too */
        return true;
    mark(t, c, k);
    return false;
}

static void put_direct(struct txn *t, struct collection *c, const struct key *k,
                       const struct event *ev)
{
    struct id_entry entry;
    struct event live;
    if (id_entry_get(t, k, &entry) == RC_OK && entry.generation == c->listing.generation &&
        live_get(t, c->no, &entry, &live) && !newer(&live, ev))
        return;
    put_marked(t, c, k, ev);
}

static void put_staged(struct txn *t, struct collection *c, const struct key *k,
                       const struct event *ev)
{
    struct id_entry entry;
    struct event live, staged;
    bool same = false, waits = stage_get(t, k, &staged);
    if (waits && !newer(&staged, ev))
        return;
    if (id_entry_get(t, k, &entry) == RC_OK && live_get(t, c->no, &entry, &live)) {
        if (!waits && entry.generation == c->listing.generation && !newer(&live, ev))
            return;
        same = event_same(&live, ev);
    }
    if (!same) {
        event_record_put(t, SPACE_STAGE, k, ev);
        return;
    }
    mark(t, c, k);
    if (waits)
        space_del(t, SPACE_STAGE, k);
}

void listing_put(struct txn *t, struct collection *c, const struct event *ev)
{
    assert(c->listing.reason != LISTING_NONE && ev->id.n > 0);
    struct event new = event_normal(ev);
    struct key k = key_id(c->no, new.id);
    c->listing.items++;
    if (c->listing.direct)
        put_direct(t, c, &k, &new);
    else
        put_staged(t, c, &k, &new);
    CRASHPOINT("storage.listing.put");
}

/* What a staged event is beside the live one. */
enum rank {
    RANK_NEWER,
    RANK_OLDER,
    RANK_OVERTAKEN, /* an increment brought something as new, or its end, since the listing began */
};

static enum rank rank_of(struct txn *t, const struct collection *c, const struct key *k,
                         const struct event *staged)
{
    struct id_entry entry;
    struct event live;
    if (id_entry_get(t, k, &entry) != RC_OK)
        return RANK_NEWER;
    bool since = entry.seq > c->listing.generation;
    if (entry.class == CLASS_NONE)
        return since ? RANK_OVERTAKEN : RANK_NEWER;
    if (!live_get(t, c->no, &entry, &live))
        return RANK_NEWER;
    bool older = !newer(&live, staged);
    if (since && (older || staged->updated_ms == live.updated_ms))
        return RANK_OVERTAKEN;
    return older ? RANK_OLDER : RANK_NEWER;
}

/* Puts what was staged. Each event is copied first: putting it ends the life of LMDB's memory. */
static void apply_stage(struct txn *t, struct collection *c, struct listing_result *result)
{
    struct walk w;
    struct key of_coll = key_no(c->no);
    struct buf copy = {.cap = SIZE_MAX};
    struct span body;
    struct event ev;
    walk_open(&w, t, SPACE_STAGE, &of_coll, NULL);
    while (walk_next(&w)) {
        struct key k;
        buf_reset(&copy);
        if (walk_record(&w, &body))
            buf_add_span(&copy, body);
        if (copy.failed) {
            (void)txn_fail(t, ENOMEM, SPACE_STAGE);
            break;
        }
        uint64_t before = c->all_items;
        if (!key_copy(&k, w.key))
            continue;
        enum rank rank = RANK_OVERTAKEN; /* also a damaged one: the old form is better than none */
        if (event_unpack(buf_span(&copy), &ev))
            rank = rank_of(t, c, &k, &ev);
        if (rank == RANK_OVERTAKEN) {
            mark(t, c, &k);
        } else {
            result->older += rank == RANK_OLDER;
            if (put_marked(t, c, &k, &ev))
                *(c->all_items > before ? &result->added : &result->changed) += 1;
        }
        walk_delete(&w);
    }
    walk_close(&w);
    buf_release(&copy);
}

/* The series that the row of the index by series reached belongs to, if it has ended. */
static bool ended_series(struct walk *w, const struct collection *c, struct event *ret_member,
                         struct event *ret_master)
{
    struct span body;
    struct spot spot;
    return walk_record(w, &body) && index_unpack(w->key, body, &spot) &&
           event_at(w->t, c->no, &spot, ret_member) == RC_OK &&
           event_get(w->t, c->no, ret_member->series, ret_master) == RC_OK &&
           event_ended_series(ret_master);
}

/* Instances that outlived their series. The index has those of one series together, and of a series
 * that goes on only the first is looked at. */
static void find_outlived(struct txn *t, const struct collection *c, struct buf *ids)
{
    struct walk w;
    struct key of_coll = key_no(c->no), passed = {0};
    struct event ev, master;
    walk_open(&w, t, SPACE_EVENT_SERIES, &of_coll, NULL);
    while (walk_next(&w)) {
        const size_t hashed = w.key.n - sizeof(uint64_t);
        if (passed.n == hashed && memcmp(passed.b, w.key.p, hashed) == 0)
            continue;
        if (!ended_series(&w, c, &ev, &master)) {
            if (key_copy(&passed, w.key))
                passed.n = hashed;
        } else if (event_outlived(&ev, &master)) {
            buf_add_span(ids, ev.id);
            buf_add_char(ids, '\0');
        }
    }
    walk_close(&w);
}

static void remove_outlived(struct txn *t, struct collection *c, struct listing_result *result)
{
    struct buf ids = {.cap = SIZE_MAX};
    find_outlived(t, c, &ids);
    txn_needs(t, &ids);
    for (size_t at = 0; at < ids.n; at += strlen(ids.p + at) + 1)
        result->removed += event_remove(t, c, span_of(ids.p + at));
    buf_release(&ids);
}

/* One stretch of the sweep from *from on: counts what the listing saw into *seen, collects the
 * others. Returns how many those are; the last stretch has less than SWEEP_BATCH. */
#define SWEEP_BATCH 32
static size_t sweep_find(struct txn *t, const struct collection *c, struct key *from,
                         struct collection *seen, struct key unseen[SWEEP_BATCH])
{
    struct walk w;
    struct key of_coll = key_no(c->no);
    size_t n = 0;
    walk_open(&w, t, SPACE_EVENT_ID, &of_coll, from);
    while (n < SWEEP_BATCH && walk_next(&w)) {
        struct span body;
        struct id_entry entry;
        if (!walk_record(&w, &body) || !id_entry_unpack(body, &entry) || entry.class == CLASS_NONE)
            continue;
        if (entry.generation == c->listing.generation) {
            seen->all_items++;
            seen->live_items += !entry.cancelled;
            seen->classes |= 1u << entry.class;
            continue;
        }
        n += key_copy(&unseen[n], w.key);
    }
    walk_close(&w);
    if (n == SWEEP_BATCH)
        *from = unseen[n - 1];
    return n;
}

/* Removes what this listing did not see, and counts anew what it did: so whatever a damaged record
 * of the collection made us forget is known again after every full listing. */
static void sweep(struct txn *t, struct collection *c, struct listing_result *result)
{
    struct collection seen = {.classes = c->classes};
    struct key unseen[SWEEP_BATCH], from = key_no(c->no);
    size_t n;
    do {
        n = sweep_find(t, c, &from, &seen, unseen);
        for (size_t i = 0; i < n; i++)
            result->removed += event_remove_at(t, c, &unseen[i]);
    } while (n == SWEEP_BATCH && !t->failed);
    c->all_items = seen.all_items;
    c->live_items = seen.live_items;
    c->classes = seen.classes;
}

/* Told to whoever compares. */
struct telling {
    void (*each)(void *arg, const struct event *ours, const struct event *theirs);
    void *arg;
};

static void compare_staged(struct txn *t, const struct collection *c, const struct telling *tell)
{
    struct walk w;
    struct key of_coll = key_no(c->no), k;
    struct span body;
    struct id_entry entry;
    struct event ours, theirs;
    walk_open(&w, t, SPACE_STAGE, &of_coll, NULL);
    while (walk_next(&w)) {
        if (!walk_record(&w, &body) || !event_unpack(body, &theirs) || !key_copy(&k, w.key))
            continue;
        enum rc rc = id_entry_get(t, &k, &entry);
        if (rc == RC_OK && entry.seq > c->listing.generation)
            continue;
        bool here = rc == RC_OK && live_get(t, c->no, &entry, &ours);
        tell->each(tell->arg, here ? &ours : NULL, &theirs);
    }
    walk_close(&w);
}

static void compare_unlisted(struct txn *t, const struct collection *c, const struct telling *tell)
{
    struct walk w;
    struct key of_coll = key_no(c->no), k;
    struct span body;
    struct id_entry entry;
    struct event ours, theirs;
    walk_open(&w, t, SPACE_EVENT_ID, &of_coll, NULL);
    while (walk_next(&w)) {
        if (!walk_record(&w, &body) || !id_entry_unpack(body, &entry) || !key_copy(&k, w.key) ||
            entry.generation == c->listing.generation || /* or put since it began */
            !live_get(t, c->no, &entry, &ours) || stage_get(t, &k, &theirs))
            continue;
        tell->each(tell->arg, &ours, NULL);
    }
    walk_close(&w);
}

void listing_compare(struct txn *t, const struct collection *c,
                     void (*each)(void *arg, const struct event *ours, const struct event *theirs),
                     void *arg)
{
    const struct telling tell = {each, arg};
    assert(c->listing.reason != LISTING_NONE);
    if (c->listing.direct)
        return;
    compare_staged(t, c, &tell);
    compare_unlisted(t, c, &tell);
}

void listing_finish(struct txn *t, struct collection *c, struct listing_result *ret)
{
    assert(c->listing.reason != LISTING_NONE);
    struct listing_result result = {.listed = c->listing.items};
    CRASHPOINT("storage.listing.finish");
    apply_stage(t, c, &result);
    sweep(t, c, &result);
    remove_outlived(t, c, &result);
    /* For readers all of it is new: also when it left and came back while it was listed. */
    if (c->listing.direct || c->state != COLL_READY) {
        result.added = c->all_items;
        result.changed = result.removed = 0;
        c->version = c->listed_seq = txn_next_seq(t);
        c->changed_ms = t->now_ms;
    }
    c->state = COLL_READY;
    c->listing = (struct listing){0};
    *ret = result;
}

void listing_abandon(struct txn *t, struct collection *c)
{
    stage_clear(t, c->no);
    c->listing = (struct listing){0};
}
