/* history: what the rows of the change log say of the changes they stand for.
 *
 * DESIGN. The log keeps one row an item, so a row stands for all changes of its item that a reader
 * may have missed, and readers stand at different places. A row therefore has steps, oldest first:
 * after which number, whether the item was live before, which members differ, and what `start` and
 * `end` were. A reader who has seen everything up to `after` is told of the steps behind it: their
 * members together, and the oldest of the former values. Only the last MOST_STEPS are kept apart;
 * what is older is one step, which says too much rather than too little. An item that was never
 * changed since it came, as most are, has no step at all. */
#include <errno.h>

#include "core/base/json.h"
#include "storage/event_store.h"

/* A row: kind, flags, time, length of the id, id, steps. A step: number, flags, lengths, then the
 * names, the old start and the old end. */
enum { AT_KIND = 0, AT_FLAGS = 1, AT_TIME = 2, AT_ID_BYTES = 10, ROW_HEAD = 12 };
enum { AT_SEQ = 0, AT_STEP_FLAGS = 8, AT_LENGTHS = 9, STEP_HEAD = 15 };

#define ROW_LOST     1 /* its steps are not known */
#define STEP_LIVE    1 /* the item was live before it */
#define STEP_PARTIAL 2

#define MOST_STEPS      8
#define NAMES_MOST      1024 /* of one step */
#define OLD_VALUE_BYTES 4096 /* a start or end longer than this is not kept */

struct step {
    uint64_t seq;
    uint8_t flags;
    struct span names, start, end;
};

static void put_u16(uint8_t *p, size_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static size_t get_u16(const char *p)
{
    return (size_t)(uint8_t)p[0] | (size_t)(uint8_t)p[1] << 8;
}

static bool next_step(struct span *history, struct step *ret)
{
    if (history->n < STEP_HEAD)
        return false;
    const char *p = history->p;
    struct step step = {.seq = get_u64(p + AT_SEQ), .flags = (uint8_t)p[AT_STEP_FLAGS]};
    struct span *texts[] = {&step.names, &step.start, &step.end};
    size_t at = STEP_HEAD;
    for (size_t i = 0; i < 3; i++) {
        size_t n = get_u16(p + AT_LENGTHS + 2 * i);
        if (n > history->n - at)
            return false;
        *texts[i] = (struct span){p + at, n};
        at += n;
    }
    *history = (struct span){p + at, history->n - at};
    *ret = step;
    return true;
}

static void put_step(struct buf *out, const struct step *step)
{
    uint8_t head[STEP_HEAD];
    const struct span texts[] = {step->names, step->start, step->end};
    put_u64(head + AT_SEQ, step->seq);
    head[AT_STEP_FLAGS] = step->flags;
    for (size_t i = 0; i < 3; i++)
        put_u16(head + AT_LENGTHS + 2 * i, texts[i].n);
    buf_add(out, head, sizeof(head));
    for (size_t i = 0; i < 3; i++)
        buf_add_span(out, texts[i]);
}

static bool has_name(struct span names, struct span name)
{
    for (const char *p = names.p, *end = p + names.n; p < end; p += strlen(p) + 1)
        if (strlen(p) == name.n && memcmp(p, name.p, name.n) == 0)
            return true;
    return false;
}

/* False: no room, the list is partial. */
static bool add_name(struct buf *names, struct span name)
{
    if (has_name(buf_span(names), name))
        return true;
    if (names->n + name.n + 1 > NAMES_MOST)
        return false;
    buf_add_span(names, name);
    buf_add_char(names, '\0');
    return true;
}

static bool add_names(struct buf *names, struct span more)
{
    bool all = true;
    for (const char *p = more.p, *end = p + more.n; p < end; p += strlen(p) + 1)
        all &= add_name(names, span_of(p));
    return all;
}

static void keep_old(struct span *where, struct span value)
{
    if (value.n <= OLD_VALUE_BYTES)
        *where = value;
}

/* A member that differs; `old` is its value before, empty when there was none. */
static void differs(struct step *step, struct buf *names, struct span key, struct span old)
{
    if (!add_name(names, key))
        step->flags |= STEP_PARTIAL;
    if (span_is(key, "start"))
        keep_old(&step->start, old);
    else if (span_is(key, "end"))
        keep_old(&step->end, old);
}

/* The value of a member by its raw name. */
static struct span member(struct span object, struct span key)
{
    struct json_iter it = json_iter(object);
    struct span name, value, found = {0};
    while (json_next(&it, &name, &value))
        if (span_eq(name, key))
            found = value;
    return found;
}

/* Members mostly stand in the same order in both forms, so they are walked side by side, and
 * searched for only where they are not. */
static void compare(struct step *step, struct buf *names, struct span from, struct span to)
{
    struct json_iter old_it = json_iter(from), new_it = json_iter(to);
    struct span key, value, old_key, old;
    while (json_next(&new_it, &key, &value)) {
        struct json_iter ahead = old_it;
        if (json_next(&ahead, &old_key, &old) && span_eq(old_key, key))
            old_it = ahead;
        else
            old = member(from, key);
        if (!span_eq(old, value))
            differs(step, names, key, old);
    }
    new_it = json_iter(to);
    old_it = json_iter(from);
    while (json_next(&old_it, &old_key, &old)) {
        struct json_iter ahead = new_it;
        if (json_next(&ahead, &key, &value) && span_eq(old_key, key))
            new_it = ahead;
        else if (member(to, old_key).n == 0)
            differs(step, names, old_key, old);
    }
}

/* The step from one form to the next. */
static struct step step_make(const struct change_form *from, struct span to, struct buf *names)
{
    struct step step = {.flags = from->live ? STEP_LIVE : 0};
    bool readable = from->raw.n > 0 && json_check(from->raw, NULL) == RC_OK &&
                    (to.n == 0 || json_check(to, NULL) == RC_OK);
    if (readable && to.n > 0) {
        compare(&step, names, from->raw, to);
    } else if (readable) { /* it is gone: that says it all, but when it was */
        keep_old(&step.start, json_get(from->raw, "start"));
        keep_old(&step.end, json_get(from->raw, "end"));
    } else if (from->live || to.n > 0) { /* how it is other than before it went is not known */
        step.flags |= STEP_PARTIAL;
    }
    step.names = buf_span(names);
    return step;
}

/* Makes one step of the two oldest, whose texts are `a`'s where it has them. */
static struct step step_join(const struct step *a, const struct step *b, struct buf *names)
{
    struct step both = {.seq = b->seq, .flags = a->flags | (b->flags & STEP_PARTIAL)};
    if (!add_names(names, a->names) || !add_names(names, b->names))
        both.flags |= STEP_PARTIAL;
    both.names = buf_span(names);
    both.start = a->start.n ? a->start : b->start;
    both.end = a->end.n ? a->end : b->end;
    return both;
}

static void row_head(struct buf *out, struct txn *t, enum change_kind kind, bool lost,
                     struct span id)
{
    uint8_t head[ROW_HEAD];
    head[AT_KIND] = (uint8_t)kind;
    head[AT_FLAGS] = lost ? ROW_LOST : 0;
    put_u64(head + AT_TIME, (uint64_t)t->now_ms);
    put_u16(head + AT_ID_BYTES, id.n);
    buf_add(out, head, sizeof(head));
    buf_add_span(out, id);
}

/* The steps of the row as it was, behind them the new one. */
static void add_history(struct buf *out, struct span history, bool lost, const struct step *last)
{
    struct step steps[MOST_STEPS + 1];
    struct buf names = {0};
    size_t n = 0, i = 0;
    while (n < MOST_STEPS && next_step(&history, &steps[n]))
        n++;
    steps[n++] = *last;
    if (lost)
        steps[0].flags |= STEP_PARTIAL;
    if (n > MOST_STEPS) {
        steps[1] = step_join(&steps[0], &steps[1], &names);
        i = 1;
    }
    for (; i < n; i++)
        put_step(out, &steps[i]);
    buf_release(&names);
}

static void row_write(struct txn *t, uint32_t coll, uint64_t seq, const struct buf *row)
{
    struct key k = key_seq(coll, seq);
    if (row->failed)
        (void)txn_fail(t, ENOMEM, SPACE_CHANGE);
    else
        record_put(t, SPACE_CHANGE, &k, row->p, row->n);
}

void change_put(struct txn *t, uint32_t coll, uint64_t seq, enum change_kind kind, struct span id)
{
    struct buf row = {0};
    row_head(&row, t, kind, true, id);
    row_write(t, coll, seq, &row);
    buf_release(&row);
}

uint64_t change_log(struct txn *t, struct collection *c, uint64_t old_seq, enum change_kind kind,
                    struct span id, const struct change_form *from, struct span to)
{
    struct key old_key = key_seq(c->no, old_seq);
    struct buf row = {0}, names = {0};
    struct change old = {0};
    struct span body;
    uint64_t seq = txn_next_seq(t);
    bool had_row = old_seq != 0 && record_get(t, SPACE_CHANGE, &old_key, &body) == RC_OK &&
                   change_unpack(key_span(&old_key), body, &old);
    bool came = !had_row && from->raw.n == 0 && !from->live; /* nobody can have known it */
    row_head(&row, t, kind, false, id);
    if (!came) {
        struct step step = step_make(from, to, &names);
        step.seq = seq;
        bool lost = !had_row || old.lost;
        struct step first = {.seq = old.seq};
        if (had_row && !old.lost && old.history.n == 0) { /* it came by that row */
            struct buf both = {0};
            put_step(&both, &first);
            add_history(&row, buf_span(&both), false, &step);
            row.failed |= both.failed;
            buf_release(&both);
        } else {
            add_history(&row, old.history, lost, &step);
        }
    }
    change_del(t, c->no, old_seq);
    row_write(t, c->no, seq, &row);
    buf_release(&names);
    buf_release(&row);
    c->version = seq;
    c->changed_ms = t->now_ms;
    return seq;
}

bool change_unpack(struct span key, struct span body, struct change *ret)
{
    if (body.n < ROW_HEAD || key.n != CHANGE_SEQ_AT + sizeof(uint64_t))
        return false;
    size_t id_bytes = get_u16(body.p + AT_ID_BYTES);
    if (id_bytes > body.n - ROW_HEAD)
        return false;
    *ret = (struct change){
        .seq = key_u64_at(key.p, CHANGE_SEQ_AT),
        .at_ms = (int64_t)get_u64(body.p + AT_TIME),
        .kind = body.p[AT_KIND] == CHANGE_PUT ? CHANGE_PUT : CHANGE_REMOVED,
        .id = {body.p + ROW_HEAD, id_bytes},
        .history = {body.p + ROW_HEAD + id_bytes, body.n - ROW_HEAD - id_bytes},
        .lost = body.p[AT_FLAGS] & ROW_LOST,
    };
    return true;
}

void change_since(const struct change *row, uint64_t after, struct buf *names,
                  struct change_since *ret)
{
    struct change_since since = {.was_live = row->lost, .partial = row->lost};
    struct span history = row->history;
    struct step step;
    bool any = false;
    while (!row->lost && next_step(&history, &step)) {
        if (step.seq <= after)
            continue;
        if (!any)
            since.was_live = step.flags & STEP_LIVE;
        any = true;
        if (!add_names(names, step.names) || step.flags & STEP_PARTIAL)
            since.partial = true;
        since.start = since.start.n ? since.start : step.start;
        since.end = since.end.n ? since.end : step.end;
    }
    *ret = since;
}
