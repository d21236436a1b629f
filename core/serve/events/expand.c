/* expand: a calendar as single events and instances, in order of start, one after another.
 *
 * DESIGN. Each source is ascending by itself: the timed events, the all-day ones (two scans, since
 * days become instants only in the calendar's zone, which shifts them against the others), and one
 * walk for each series. A heap holds the next item of each. Exceptions are stored events and come
 * with those; the slot that each of them replaces is left out of the walk of its series. */
#include "core/serve/events/expand.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/order.h"
#include "core/serve/events/series.h"
#include "core/serve/events/window.h"

#define TOO_MUCH "The recurrence of an event is too much work; ask for less time."

enum source_kind { SOURCE_SCAN, SOURCE_LIST, SOURCE_SERIES };

struct source {
    enum source_kind kind;
    struct expand_item item; /* the next */
    struct event ev;         /* of a scan: the item's; of a series: the master */

    struct event_scan *scan;

    struct event *list; /* of one series: its exceptions, sorted */
    size_t n_list, at_list;

    struct recur_set *set;
    struct recur_iter *walk;
    struct recur_instance first; /* that the walk has given already, if `begun` */
    bool begun;
    int64_t *replaced; /* slots that exceptions stand in, ascending */
    size_t n_replaced;
    const struct instance_form *form; /* NULL: not made yet, `own_form` is to be */
    struct instance_form own_form;
};

struct expand {
    struct expand_query q;
    struct event_window window;
    struct source **heap; /* the one with the least item first */
    size_t n, room;
    bool top_used; /* the top's item was given out */
    int64_t left;  /* of the budget */
    enum rc rc;
    struct err err;
};

int expand_place_compare(const struct expand_place *a, const struct expand_place *b)
{
    if (a->start_ms != b->start_ms)
        return a->start_ms < b->start_ms ? -1 : 1;
    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    return (a->slot_ms > b->slot_ms) - (a->slot_ms < b->slot_ms);
}

static void fail(struct expand *x, enum rc rc, const char *what)
{
    if (x->rc == RC_OK)
        x->rc = err_set(&x->err, rc, "%s", what);
}

static bool in_window(const struct expand *x, int64_t start_ms, int64_t end_ms)
{
    const struct expand_query *q = &x->q;
    return start_ms < q->max_ms &&
           (end_ms > q->min_ms || (end_ms == q->min_ms && (q->touching || start_ms == end_ms)));
}

/* Makes a stored event the item; false: it is not one of those asked for. */
static bool take_event(const struct expand *x, struct source *s)
{
    const struct event *ev = &s->ev;
    bool floating = ev->flags & EVENT_ALL_DAY;
    s->item = (struct expand_item){
        .place = {floating ? window_day_instant(x->q.zone, ev->start_ms) : ev->start_ms,
                  (int64_t)ev->row, 0},
        .end_ms = floating ? window_day_instant(x->q.zone, ev->end_ms) : ev->end_ms,
        .ev = ev,
    };
    return expand_place_compare(&s->item.place, &x->q.after) > 0 &&
           in_window(x, s->item.place.start_ms, s->item.end_ms) && x->q.keep(x->q.arg, ev);
}

static bool is_replaced(const struct source *s, int64_t slot_ms)
{
    size_t lo = 0, hi = s->n_replaced;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->replaced[mid] == slot_ms)
            return true;
        if (s->replaced[mid] < slot_ms)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

static bool next_slot(struct source *s, struct recur_instance *ret)
{
    if (!s->begun)
        return recur_next(s->walk, ret);
    s->begun = false;
    *ret = s->first;
    return true;
}

static bool next_instance(struct expand *x, struct source *s)
{
    struct recur_instance at;
    while (x->rc == RC_OK && next_slot(s, &at)) {
        if (x->left-- <= 0) {
            fail(x, RC_FULL, "The query goes through too many instances; ask for less time.");
            return false;
        }
        if (is_replaced(s, at.slot_ms) || !in_window(x, at.start_ms, at.end_ms))
            continue;
        s->item.place = (struct expand_place){at.start_ms, (int64_t)s->ev.row, at.slot_ms};
        s->item.end_ms = at.end_ms;
        s->item.at = at;
        if (expand_place_compare(&s->item.place, &x->q.after) > 0)
            return true;
    }
    return false;
}

/* The source's next item; false at its end. */
static bool advance(struct expand *x, struct source *s)
{
    switch (s->kind) {
    case SOURCE_SCAN:
        while (event_scan_next(s->scan, &s->ev))
            if (take_event(x, s))
                return true;
        return false;
    case SOURCE_LIST:
        while (s->at_list < s->n_list) {
            s->ev = s->list[s->at_list++];
            if (take_event(x, s))
                return true;
        }
        return false;
    case SOURCE_SERIES:
        return next_instance(x, s);
    }
    return false;
}

static void source_free(struct expand *x, struct source *s)
{
    if (!s)
        return;
    event_scan_close(s->scan);
    if (s->walk && recur_close(s->walk, NULL) == RC_FULL)
        fail(x, RC_FULL, TOO_MUCH);
    recur_free(s->set);
    free(s->replaced);
    free(s->list);
    free(s);
}

static bool before(const struct source *a, const struct source *b)
{
    return expand_place_compare(&a->item.place, &b->item.place) < 0;
}

static void sift_down(struct expand *x)
{
    size_t i = 0;
    for (;;) {
        size_t least = i, left = 2 * i + 1;
        if (left < x->n && before(x->heap[left], x->heap[least]))
            least = left;
        if (left + 1 < x->n && before(x->heap[left + 1], x->heap[least]))
            least = left + 1;
        if (least == i)
            return;
        struct source *s = x->heap[i];
        x->heap[i] = x->heap[least];
        x->heap[least] = s;
        i = least;
    }
}

/* Owns the source from here on. */
static void add_source(struct expand *x, struct source *s)
{
    if (!advance(x, s)) {
        source_free(x, s);
        return;
    }
    if (x->n == x->room) {
        size_t room = x->room ? 2 * x->room : 32;
        struct source **heap = reallocarray(x->heap, room, sizeof *heap);
        if (!heap) {
            fail(x, RC_SYS, "out of memory");
            source_free(x, s);
            return;
        }
        x->heap = heap;
        x->room = room;
    }
    size_t i = x->n++;
    x->heap[i] = s;
    while (i && before(x->heap[i], x->heap[(i - 1) / 2])) {
        x->heap[i] = x->heap[(i - 1) / 2];
        i = (i - 1) / 2;
        x->heap[i] = s;
    }
}

static struct source *new_source(struct expand *x, enum source_kind kind)
{
    struct source *s = calloc(1, sizeof *s);
    if (s)
        s->kind = kind;
    else
        fail(x, RC_SYS, "out of memory");
    return s;
}

/* Begins somewhat before the place; what is not behind it is passed over. */
static void add_scan(struct expand *x, bool all_day)
{
    struct event_window w = x->window;
    struct event_place after = {x->q.after.start_ms, 0};
    struct source *s = new_source(x, SOURCE_SCAN);
    if (!s)
        return;
    if (all_day) {
        w.min_ms = INT64_MAX;
        w.max_ms = INT64_MIN;
        if (after.start_ms > INT64_MIN + 2 * DAY_MS)
            after.start_ms -= 2 * DAY_MS;
    } else {
        w.floating_min_ms = INT64_MAX;
        w.floating_max_ms = INT64_MIN;
        if (after.start_ms > INT64_MIN)
            after.start_ms--;
    }
    s->scan = events_by_time(x->q.txn, x->q.coll, &w, after);
    add_source(x, s);
}

/* Gathers the slots that exceptions stand in. False: no memory. */
static bool find_replaced(struct expand *x, struct source *s)
{
    struct event ev;
    size_t room = 0;
    struct event_scan *scan = events_of_series(x->q.txn, x->q.coll, s->ev.id);
    while (event_scan_next(scan, &ev)) {
        if (s->n_replaced == room) {
            room = room ? 2 * room : 8;
            int64_t *v = reallocarray(s->replaced, room, sizeof *v);
            if (!v) {
                event_scan_close(scan);
                return false;
            }
            s->replaced = v;
        }
        s->replaced[s->n_replaced++] = ev.original_ms;
    }
    event_scan_close(scan);
    if (s->n_replaced)
        qsort(s->replaced, s->n_replaced, sizeof *s->replaced, order_i64);
    return true;
}

/* A walk that begins a little early, for what has no length or just touches; exactly is decided for
 * each. */
static struct recur_iter *open_walk(const struct expand *x, const struct recur_set *set)
{
    const struct expand_query *q = &x->q;
    int64_t min_ms = q->min_ms > q->after.start_ms ? q->min_ms : q->after.start_ms;
    return recur_open(set, min_ms == INT64_MIN ? min_ms : min_ms - 1, q->max_ms, q->budget);
}

/* Adds a series: its master, its walk and whatever is known of it already, which is taken over. */
static void add_walk(struct expand *x, const struct source *of)
{
    struct source *s = new_source(x, SOURCE_SERIES);
    if (!s) {
        (void)recur_close(of->walk, NULL);
        recur_free(of->set);
        return;
    }
    *s = *of;
    s->kind = SOURCE_SERIES;
    s->item = (struct expand_item){.computed = true};
    if (!find_replaced(x, s)) {
        fail(x, RC_SYS, "out of memory");
        source_free(x, s);
        return;
    }
    add_source(x, s);
}

static bool is_wanted(const struct expand *x, const struct event *master)
{
    return !(master->flags & EVENT_CANCELLED) && x->q.keep(x->q.arg, master);
}

static void add_series(struct expand *x, const struct event *master)
{
    if (!is_wanted(x, master))
        return;
    struct recur_set *set = series_open(master, x->q.zone);
    if (!set) /* its start makes no sense: nothing can be computed */
        return;
    add_walk(x, &(struct source){.ev = *master, .set = set, .walk = open_walk(x, set)});
}

/* A series of the table. Its record is read only if it has an instance there. */
static void add_known(struct expand *x, const struct series *s)
{
    struct event known = series_known(s);
    struct source of = {.begun = true};
    if (!s->set || !window_has(&x->window, &known))
        return;
    of.walk = open_walk(x, s->set);
    if (recur_next(of.walk, &of.first) &&
        event_get_again(x->q.txn, x->q.coll->no, &known, &of.ev) == RC_OK && is_wanted(x, &of.ev)) {
        of.form = of.ev.seq == s->seq ? &s->form : NULL;
        add_walk(x, &of);
    } else if (recur_close(of.walk, NULL) == RC_FULL) {
        fail(x, RC_FULL, TOO_MUCH);
    }
}

static void add_all_series(struct expand *x)
{
    struct event master;
    for (size_t i = 0; x->q.known && i < x->q.known->n && x->rc == RC_OK; i++)
        add_known(x, &x->q.known->v[i]);
    if (x->q.known)
        return;
    struct event_scan *scan = events_series(x->q.txn, x->q.coll, &x->window);
    while (x->rc == RC_OK && event_scan_next(scan, &master))
        add_series(x, &master);
    event_scan_close(scan);
}

static int by_start(const void *pa, const void *pb)
{
    const struct event *a = pa, *b = pb;
    if (a->start_ms != b->start_ms)
        return a->start_ms < b->start_ms ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* The exceptions of one series. They are all timed or all all-day as a rule; a mix is put in order
 * by the two lists being separate. */
static void add_exceptions(struct expand *x, bool all_day)
{
    struct event ev;
    size_t room = 0;
    struct source *s = new_source(x, SOURCE_LIST);
    if (!s)
        return;
    struct event_scan *scan = events_of_series(x->q.txn, x->q.coll, x->q.series);
    while (x->rc == RC_OK && event_scan_next(scan, &ev)) {
        if (((ev.flags & EVENT_ALL_DAY) != 0) != all_day || (ev.flags & EVENT_UNTIMED))
            continue;
        if (s->n_list == room) {
            room = room ? 2 * room : 8;
            struct event *v = reallocarray(s->list, room, sizeof *v);
            if (!v) {
                fail(x, RC_SYS, "out of memory");
                break;
            }
            s->list = v;
        }
        s->list[s->n_list++] = ev;
    }
    event_scan_close(scan);
    if (s->n_list)
        qsort(s->list, s->n_list, sizeof *s->list, by_start);
    add_source(x, s);
}

static void add_one_series(struct expand *x)
{
    struct event master;
    if (!x->q.computed) {
        add_exceptions(x, false);
        add_exceptions(x, true);
    }
    if (event_get(x->q.txn, x->q.coll->no, x->q.series, &master) == RC_OK &&
        (master.flags & EVENT_SERIES))
        add_series(x, &master);
}

enum rc expand_open(struct expand **ret, const struct expand_query *q, struct err *e)
{
    struct expand *x = calloc(1, sizeof *x);
    if (!x)
        return err_errno(e, "expansion");
    x->q = *q;
    x->left = q->budget;
    x->window = window_make(q->min_ms, q->max_ms, q->zone);
    if (q->series.n) {
        add_one_series(x);
    } else {
        add_scan(x, false);
        add_scan(x, true);
        add_all_series(x);
    }
    *ret = x;
    return RC_OK;
}

bool expand_next(struct expand *x, struct expand_item *ret)
{
    if (x->top_used) {
        x->top_used = false;
        if (!advance(x, x->heap[0])) {
            source_free(x, x->heap[0]);
            x->heap[0] = x->heap[--x->n];
        }
        sift_down(x);
    }
    if (x->rc != RC_OK || x->n == 0)
        return false;
    struct source *s = x->heap[0];
    if (s->kind == SOURCE_SERIES && !s->form) {
        instance_form_init(&s->own_form, &s->ev);
        s->form = &s->own_form;
    }
    s->item.ev = &s->ev; /* the heap holds pointers, so these stay where they are */
    s->item.form = s->form;
    *ret = s->item;
    x->top_used = true;
    return true;
}

enum rc expand_close(struct expand *x, struct err *e)
{
    if (!x)
        return RC_OK;
    enum rc rc = x->rc;
    if (rc)
        rc = err_set(e, rc, "%s", x->err.text);
    for (size_t i = 0; i < x->n; i++)
        source_free(x, x->heap[i]);
    free(x->heap);
    free(x);
    return rc;
}
