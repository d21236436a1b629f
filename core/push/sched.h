/* sched: which delivery begins next, so that targets that do not answer never hold up the others.
 *
 * A lane is one ordered sequence of deliveries: one is under way at most. Lanes that reach the same
 * place (a host, a hook) are in one group. */
#ifndef CORE_PUSH_SCHED_H
#define CORE_PUSH_SCHED_H

#include <stdbool.h>

#include "core/queue/heap.h"

/* Each class has room of its own for deliveries under way. */
enum lane_class {
    LANE_PROVEN, /* the last delivery succeeded, and those of its group do */
    LANE_NEW,    /* nobody knows yet */
    LANE_FAILING,
    LANE_CLASSES
};

struct lane;

struct group { /* `= { 0 }` but for most */
    unsigned most, running;
    unsigned fails;            /* in a row, of any of its lanes */
    struct lane *first, *last; /* due, but the group has `most` under way */
};

struct lane {              /* `= { 0 }` but for group */
    struct heap_node node; /* when it is due */
    struct group *group;
    unsigned fails; /* in a row */
    bool proven, running, waiting;
    enum lane_class class; /* while it is in a heap or running */
    struct lane *next;     /* in the group's list */
};
#define LANE_OF(pointer) ((struct lane *)(pointer)) /* of the node, its first member */

struct sched {
    struct heap heaps[LANE_CLASSES];
    unsigned running[LANE_CLASSES], most[LANE_CLASSES];
};

/* `places`: deliveries under way at once, in all. */
void sched_init(struct sched *s, unsigned places);
void sched_release(struct sched *s); /* the lanes are not touched */
/* It is due then; moves it when it was due already. Not while it is running. */
void sched_set(struct sched *s, struct lane *l, int64_t due_ms);
void sched_remove(struct sched *s, struct lane *l); /* nothing if it is not due; not running */
bool sched_is_set(const struct lane *l);
/* The next one to begin, marked as running; NULL: none now. */
struct lane *sched_take(struct sched *s, int64_t now_ms);
/* It is over. The lane is in no list afterwards. */
enum lane_outcome { LANE_OK, LANE_FAILED, LANE_NOTHING /* there was nothing to deliver */ };
void sched_done(struct sched *s, struct lane *l, enum lane_outcome outcome, int64_t now_ms);
/* When sched_take() may next have one; INT64_MAX: not before something ends or is set. */
int64_t sched_next_ms(const struct sched *s);

#endif
