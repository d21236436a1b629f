/* scan: the walks over a calendar's events that events.h offers.
 *
 * DESIGN. Two kinds. Over the clustered table: one lane per interval class that the calendar ever
 * used, merged by (time, row); a lane is one cursor on one range. Over an index: one walk whose
 * rows lead into the clustered table. A row that leads nowhere belongs to a damaged event that was
 * replaced since; it is passed over.
 *
 * What a random window costs is waiting for memory, so a lane's cursor is one entry ahead of what
 * is looked at, and the entry behind that one is fetched where it most likely stands: while one
 * event is verified, the next two are on their way. */
#include <errno.h>
#include <stdlib.h>

#include "storage/event_store.h"

#define LINE_BYTES  64
#define FETCH_BYTES 2048 /* longer ones are rare, and fetched by reading them in order */

/* LMDB 0.9: the size of its pages (on a machine with larger ones only the guess below is worse),
 * where the head of a page has the offset of its lowest node, and the head of a node. */
#define PAGE_BYTES 4096
#define LOWEST_AT  (sizeof(size_t) + 6)
#define NODE_HEAD  8

struct lane {
    struct walk w;
    struct interval window;
    bool starts_end_it; /* ascending by start: one at or behind the window's end is the last */
    bool more;          /* the cursor stands at an entry within the range: `next` */
    int64_t next_time;
    bool ready; /* `event` and `time` are the lane's next */
    struct event event;
    int64_t time;
};

struct event_scan {
    struct txn *t;
    uint32_t coll;
    bool clustered;
    struct lane *current; /* clustered: gave the last event, has to move on */
    struct walk index;
    struct span uid;    /* if not empty: the text whose hash is walked */
    struct span series; /* likewise */
    char *text;         /* owned copy of uid or series */
    size_t lanes;
    struct lane lane[];
};

static struct event_scan *scan_new(struct txn *t, const struct collection *c, size_t lanes)
{
    struct event_scan *s = malloc(sizeof(*s) + lanes * sizeof(s->lane[0]));
    if (!s) {
        (void)txn_fail(t, ENOMEM, SPACE_EVENT);
        return NULL;
    }
    memset(s, 0, sizeof(*s)); /* lanes are filled when they are added */
    s->t = t;
    s->coll = c->no;
    return s;
}

/* Has the processor fetch what will be read soon. Inline, since gcc takes a call of a function that
 * only prefetches for one without effect, and drops it. */
__attribute__((always_inline)) static inline void fetch(const char *p, size_t n)
{
    for (size_t at = 0; at < n; at += LINE_BYTES)
        __builtin_prefetch(p + at);
}

/* The entry behind the one with this key. Where events were written in order, it stands right below
 * on the same page; behind the page's lowest one it is at the end of the next page. */
__attribute__((always_inline)) static inline void fetch_behind(const char *key)
{
    const char *node = key - NODE_HEAD, *page = node - (uintptr_t)node % PAGE_BYTES;
    uint16_t lowest;
    memcpy(&lowest, page + LOWEST_AT, sizeof(lowest));
    size_t below = (size_t)(node - page) > lowest ? (size_t)(node - page) - lowest : 0;
    if (below > 0) {
        size_t n = below < FETCH_BYTES ? below : FETCH_BYTES;
        fetch(node - n, n);
    } else {
        __builtin_prefetch(page + PAGE_BYTES);
        fetch(page + 2 * PAGE_BYTES - FETCH_BYTES, FETCH_BYTES);
    }
}

/* Moves the lane's cursor to the next entry of its range. */
static void lane_step(struct lane *lane)
{
    bool fetched = lane->w.started;
    lane->more = false;
    while (!lane->more && walk_next(&lane->w)) {
        if (lane->w.key.n != KEY_EVENT_BYTES)
            continue;
        lane->next_time = key_time_at(lane->w.key.p, 5);
        if (lane->starts_end_it && lane->next_time >= lane->window.max &&
            lane->window.max != INT64_MAX)
            return;
        lane->more = true;
        struct span key = lane->w.key, value = lane->w.value;
        if (!fetched || value.p != key.p + key.n) /* long ones are not on the page of their key */
            fetch(value.p, value.n < FETCH_BYTES ? value.n : FETCH_BYTES);
        fetch_behind(key.p);
    }
}

static void lane_add(struct event_scan *s, const struct collection *c, uint8_t class,
                     const struct interval *window, struct event_place from)
{
    if (!(c->classes & 1u << class) || window->min > window->max)
        return;
    struct lane *lane = &s->lane[s->lanes++];
    struct key prefix = key_class(c->no, class);
    struct key first = key_event(c->no, class, from.start_ms, from.row);
    lane->window = *window;
    lane->starts_end_it = class < CLASS_SERIES;
    lane->ready = false;
    walk_open(&lane->w, s->t, SPACE_EVENT, &prefix, &first);
    lane_step(lane);
}

/* Finds the lane's next event that overlaps its window. */
static void lane_move(struct lane *lane)
{
    lane->ready = false;
    while (lane->more && !lane->ready) {
        struct span key = lane->w.key, value = lane->w.value, body;
        int64_t start_ms, end_ms;
        lane->time = lane->next_time;
        lane_step(lane); /* what was reached before stays where it is */
        bool peeked = event_peek(value, &start_ms, &end_ms);
        if (peeked && !lane->starts_end_it && end_ms < INT64_MAX)
            end_ms++; /* a series may end with an instance of no length */
        if (peeked && !interval_overlaps(&lane->window, start_ms, end_ms) &&
            event_peek_holds(key, value))
            continue;
        lane->ready = entry_open(lane->w.t, SPACE_EVENT, key, value, &body) &&
                      event_unpack(body, &lane->event);
        lane->event.row = key_u64_at(key.p, 13);
    }
}

static struct event_scan *lanes_start(struct event_scan *s)
{
    s->clustered = true;
    for (size_t i = 0; i < s->lanes; i++)
        lane_move(&s->lane[i]);
    return s;
}

static bool lane_before(const struct lane *a, const struct lane *b)
{
    return a->time != b->time ? a->time < b->time : a->event.row < b->event.row;
}

static bool lanes_next(struct event_scan *s, struct event *ret)
{
    if (s->current)
        lane_move(s->current);
    s->current = NULL;
    for (size_t i = 0; i < s->lanes; i++) {
        struct lane *lane = &s->lane[i];
        if (lane->ready && (!s->current || lane_before(lane, s->current)))
            s->current = lane;
    }
    if (!s->current)
        return false;
    *ret = s->current->event;
    return true;
}

struct event_scan *events_by_time(struct txn *t, const struct collection *c,
                                  const struct event_window *w, struct event_place after)
{
    struct event_scan *s = scan_new(t, c, (size_t)__builtin_popcount(c->classes));
    if (!s)
        return NULL;
    struct event_place from = {after.start_ms, after.row + 1};
    for (uint8_t class = CLASS_TIMED; class < CLASS_SERIES; class++) {
        struct interval window = interval_of_window(w, class);
        struct event_place first = {interval_earliest(class, window.min), 0};
        lane_add(s, c, class, &window, first.start_ms > from.start_ms ? first : from);
    }
    return lanes_start(s);
}

struct event_scan *events_series(struct txn *t, const struct collection *c,
                                 const struct event_window *w)
{
    static const uint8_t classes[] = {CLASS_SERIES, CLASS_SERIES_ALL_DAY};
    struct event_scan *s = scan_new(t, c, 2);
    if (!s)
        return NULL;
    for (size_t i = 0; i < 2; i++) {
        struct interval window = interval_of_window(w, classes[i]);
        lane_add(s, c, classes[i], &window, (struct event_place){window.min, 0});
    }
    return lanes_start(s);
}

struct event_scan *events_by_updated(struct txn *t, const struct collection *c, int64_t min_ms,
                                     struct event_place after)
{
    struct event_scan *s = scan_new(t, c, 0);
    if (!s)
        return NULL;
    struct key of_coll = key_no(c->no);
    struct key from = after.start_ms >= min_ms ? key_updated(c->no, after.start_ms, after.row + 1)
                                               : key_updated(c->no, min_ms, 0);
    walk_open(&s->index, t, SPACE_EVENT_UPDATED, &of_coll, &from);
    return s;
}

struct event_scan *events_odd(struct txn *t, const struct collection *c)
{
    struct event_scan *s = scan_new(t, c, 0);
    if (!s)
        return NULL;
    struct key of_coll = key_no(c->no);
    walk_open(&s->index, t, SPACE_EVENT_ODD, &of_coll, NULL);
    return s;
}

uint64_t events_odd_count(struct txn *t, uint32_t coll)
{
    struct walk w;
    struct key of_coll = key_no(coll);
    uint64_t n = 0;
    walk_open(&w, t, SPACE_EVENT_ODD, &of_coll, NULL);
    while (walk_next(&w))
        n++;
    walk_close(&w);
    return n;
}

/* An index by hash; what is found is compared with the text itself. */
static struct event_scan *scan_hashed(struct txn *t, const struct collection *c, enum space space,
                                      struct span text)
{
    struct event_scan *s = scan_new(t, c, 0);
    if (!s || text.n == 0)
        return s; /* an index walk that was not opened is empty */
    s->text = malloc(text.n);
    if (!s->text) {
        (void)txn_fail(t, ENOMEM, space);
        return s;
    }
    memcpy(s->text, text.p, text.n);
    *(space == SPACE_EVENT_UID ? &s->uid : &s->series) = (struct span){s->text, text.n};
    struct key prefix = key_hashed(c->no, text, 0);
    prefix.n -= sizeof(uint64_t); /* any row */
    walk_open(&s->index, t, space, &prefix, NULL);
    return s;
}

struct event_scan *events_by_ical_uid(struct txn *t, const struct collection *c, struct span uid)
{
    return scan_hashed(t, c, SPACE_EVENT_UID, uid);
}

struct event_scan *events_of_series(struct txn *t, const struct collection *c,
                                    struct span master_id)
{
    return scan_hashed(t, c, SPACE_EVENT_SERIES, master_id);
}

struct event_scan *events_by_id(struct txn *t, const struct collection *c, struct span after_id)
{
    struct event_scan *s = scan_new(t, c, 0);
    if (!s)
        return NULL;
    struct key of_coll = key_no(c->no), from = key_id(c->no, after_id);
    if (after_id.n > 0)
        key_after(&from);
    walk_open(&s->index, t, SPACE_EVENT_ID, &of_coll, &from);
    return s;
}

/* Where the index row reached leads to; false when it leads nowhere. */
static bool index_spot(struct event_scan *s, struct spot *ret)
{
    struct span body;
    if (!walk_record(&s->index, &body))
        return false;
    if (s->index.space != SPACE_EVENT_ID)
        return index_unpack(s->index.key, body, ret);
    struct id_entry entry;
    if (!id_entry_unpack(body, &entry) || entry.class == CLASS_NONE)
        return false;
    *ret = (struct spot){entry.class, entry.time, entry.row};
    return true;
}

static bool index_next(struct event_scan *s, struct event *ret)
{
    while (walk_next(&s->index)) {
        struct spot spot;
        struct event ev;
        if (!index_spot(s, &spot))
            continue;
        enum rc rc = event_at(s->t, s->coll, &spot, &ev);
        /* Of the ways to an event only its id is never left behind. */
        if (rc == RC_BADDATA || (rc == RC_NOTFOUND && s->index.space == SPACE_EVENT_ID))
            damage_note(s->t->store, s->coll);
        if (rc || (s->uid.n > 0 && !span_eq(s->uid, ev.ical_uid)) ||
            (s->series.n > 0 && !span_eq(s->series, ev.series)))
            continue;
        *ret = ev;
        return true;
    }
    return false;
}

bool event_scan_next(struct event_scan *s, struct event *ret)
{
    if (!s || s->t->failed)
        return false;
    return s->clustered ? lanes_next(s, ret) : index_next(s, ret);
}

void event_scan_close(struct event_scan *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->lanes; i++)
        walk_close(&s->lane[i].w);
    walk_close(&s->index);
    free(s->text);
    free(s);
}
