/* feed: the change logs of many collections as one sequence of entries, from a cursor on. */
#include "core/serve/live/feed.h"

#include <stdlib.h>

#include "storage/accounts.h"
#include "storage/events.h"
#include "storage/items.h"

/* One collection's part: its next entry is at `at`, and is a reset or `row`. */
struct source {
    struct collection c;
    uint64_t base;
    uint64_t passed; /* the reader was given its rows up to here */
    struct change_iter *rows;
    bool reset, done;
    struct change row;
    struct cursor at;
};

struct feed {
    struct txn *t;
    struct cursor after, place;
    uint64_t seq;
    struct source **v;
    size_t n, room;
    unsigned rows; /* looked at */
    bool failed;
    struct buf names;
};

struct feed *feed_open(struct txn *t, const struct cursor *after, uint64_t seq)
{
    struct feed *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->t = t;
    f->after = f->place = *after;
    f->seq = seq;
    return f;
}

static void source_free(struct source *s)
{
    if (!s)
        return;
    changes_close(s->rows);
    free(s);
}

void feed_close(struct feed *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++)
        source_free(f->v[i]);
    free(f->v);
    buf_release(&f->names);
    free(f);
}

static void set_place(struct source *s, const struct feed *f)
{
    uint64_t sub = s->reset ? 0 : s->row.seq;
    uint64_t pos = s->reset || s->row.seq < s->base ? s->base : s->row.seq;
    s->at = (struct cursor){.pos = pos, .sub = sub, .from = f->after.from, .all = f->after.all};
}

/* Moves on to the row behind. False: there is none that this feed tells of. */
static bool source_next(struct feed *f, struct source *s)
{
    s->reset = false;
    if (!s->rows || !changes_next(s->rows, &s->row))
        return false;
    set_place(s, f);
    return s->at.pos <= f->seq;
}

/* Finds its first entry. False: it has none. */
static bool source_begin(struct feed *f, struct source *s)
{
    uint64_t pos = f->after.pos, from = pos;
    s->base = s->c.listed_seq > s->c.pruned_seq ? s->c.listed_seq : s->c.pruned_seq;
    s->reset = s->base > pos;
    if (s->base >= pos)
        from = !f->after.all ? s->base : s->reset ? 0 : f->after.sub;
    s->passed = from;
    s->c.pruned_seq = 0; /* what is lost is told by the reset */
    if (s->base > f->seq || changes_open(f->t, &s->c, from, &s->rows) != RC_OK)
        return false;
    if (!s->reset)
        return source_next(f, s);
    set_place(s, f);
    return true;
}

void feed_add(struct feed *f, uint32_t coll)
{
    struct source *s = malloc(sizeof(*s));
    if (!s) {
        f->failed = true;
        return;
    }
    *s = (struct source){0};
    if (coll_get(f->t, coll, &s->c) != RC_OK || s->c.state != COLL_READY || !source_begin(f, s)) {
        source_free(s);
        return;
    }
    if (f->n == f->room) {
        size_t room = f->room ? 2 * f->room : 16;
        struct source **v = reallocarray(f->v, room, sizeof(struct source *));
        if (!v) {
            f->failed = true;
            source_free(s);
            return;
        }
        f->v = v;
        f->room = room;
    }
    f->v[f->n++] = s;
}

static void tell_event(struct feed *f, const struct source *s, struct feed_entry *ret)
{
    bool stored =
        s->row.kind == CHANGE_PUT && event_get(f->t, s->c.no, s->row.id, &ret->event) == RC_OK;
    bool live = stored && !(ret->event.flags & EVENT_CANCELLED);
    if (!stored)
        ret->event = (struct event){0};
    ret->gone = !stored;
    ret->type = !live ? FEED_DELETED : ret->since.was_live ? FEED_UPDATED : FEED_CREATED;
}

static void tell_calendar(struct feed *f, const struct source *s, struct feed_entry *ret)
{
    struct item item = {0};
    ret->type = FEED_CALENDAR;
    ret->gone = s->row.kind != CHANGE_PUT || item_get(f->t, s->c.no, s->row.id, &item) != RC_OK ||
                item.deleted || item.left_out;
    ret->unseen = item.left_out && s->row.history.n == 0 && !s->row.lost;
    ret->event = (struct event){.raw = item.raw};
}

static void tell_row(struct feed *f, const struct source *s, struct feed_entry *ret)
{
    uint64_t from = f->after.from > s->base ? f->after.from : s->base;
    ret->id = s->row.id;
    /* Such a reader has not been told of the calendar before, wherever the row stands now. */
    ret->initial = f->after.all && (s->base > f->after.from || f->after.from == 0);
    buf_reset(&f->names);
    change_since(&s->row, ret->initial ? s->passed : from, &f->names, &ret->since);
    ret->known = ret->since.was_live;
    if (ret->initial)
        ret->since = (struct change_since){0};
    ret->names = ret->initial ? (struct span){0} : buf_span(&f->names);
    if (s->c.kind == COLL_EVENTS)
        tell_event(f, s, ret);
    else
        tell_calendar(f, s, ret);
}

/* To a reader that is told what is there, nothing need be said of what is not, unless it went after
 * the reader had been told of it; but a cancelled exception is a hole in its series. */
static bool worth_telling(const struct feed_entry *entry)
{
    if (entry->unseen)
        return false;
    if (!entry->initial || entry->type == FEED_RESET)
        return true;
    bool hole = entry->event.flags & EVENT_EXCEPTION;
    return entry->known || (!entry->gone && (entry->type != FEED_DELETED || hole));
}

/* The source whose entry is first; NULL: none. *ret_tie: another one's is at the same place. */
static struct source *first_source(const struct feed *f, bool *ret_tie)
{
    struct source *best = NULL;
    *ret_tie = false;
    for (size_t i = 0; i < f->n; i++) {
        if (f->v[i]->done)
            continue;
        int order = best ? cursor_compare(&f->v[i]->at, &best->at) : -1;
        if (order < 0)
            best = f->v[i];
        *ret_tie = order == 0 || (*ret_tie && order > 0);
    }
    return best;
}

enum feed_step feed_next(struct feed *f, struct feed_entry *ret)
{
    bool tie;
    while (!f->failed && f->rows < FEED_ROWS_MOST) {
        struct source *s = first_source(f, &tie);
        if (!s) {
            f->place = cursor_at(f->seq, f->after.all);
            return FEED_END;
        }
        struct feed_entry entry = {.coll = &s->c, .type = FEED_RESET};
        if (!s->reset)
            tell_row(f, s, &entry);
        if (!tie) /* else the reader must come back to here for the other one */
            f->place = s->at;
        entry.at = f->place;
        f->rows++;
        bool tell = worth_telling(&entry);
        if (tell)
            *ret = entry;
        /* The entry's spans are LMDB's or of f->names, and stay; its collection does so, too. */
        s->done = !source_next(f, s);
        if (tell)
            return FEED_ENTRY;
    }
    return FEED_PAUSE;
}

struct cursor feed_place(const struct feed *f)
{
    return f->place;
}
