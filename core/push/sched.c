/* sched: heaps of due lanes by class, and lists of those whose group is busy.
 *
 * DESIGN. A target that hangs costs one place for the length of the deadline. A thousand of them
 * would take all places; so those that fail share a few, those that have not yet taken anything
 * share some others, and what works has the rest for itself. Since the lanes of a host fail
 * together, a failure moves the whole group: else a host with many channels would have to fail once
 * for each of them. A host may have half of its class's places at most. */
#include "core/push/sched.h"

#include <assert.h>

void sched_init(struct sched *s, unsigned places)
{
    *s = (struct sched){
        .most = {[LANE_PROVEN] = places / 2, [LANE_NEW] = places / 4, [LANE_FAILING] = places / 4}};
}

void sched_release(struct sched *s)
{
    for (int i = 0; i < LANE_CLASSES; i++)
        heap_release(&s->heaps[i]);
}

static enum lane_class class_of(const struct lane *l)
{
    if (l->fails || l->group->fails)
        return LANE_FAILING;
    return l->proven ? LANE_PROVEN : LANE_NEW;
}

bool sched_is_set(const struct lane *l)
{
    return l->node.pos != 0 || l->waiting;
}

static void leave_group_list(struct lane *l)
{
    struct group *g = l->group;
    struct lane *before = NULL;

    for (struct lane *i = g->first; i != l; i = i->next)
        before = i;
    if (before)
        before->next = l->next;
    else
        g->first = l->next;
    if (g->last == l)
        g->last = before;
    l->waiting = false;
}

void sched_remove(struct sched *s, struct lane *l)
{
    assert(!l->running);
    if (l->waiting)
        leave_group_list(l);
    else
        heap_remove(&s->heaps[l->class], &l->node);
}

void sched_set(struct sched *s, struct lane *l, int64_t due_ms)
{
    sched_remove(s, l);
    l->class = class_of(l);
    heap_set(&s->heaps[l->class], &l->node, due_ms);
}

static void wait_for_group(struct lane *l)
{
    struct group *g = l->group;

    l->waiting = true;
    l->next = NULL;
    if (g->last)
        g->last->next = l;
    else
        g->first = l;
    g->last = l;
}

static struct lane *take_of(struct sched *s, enum lane_class class, int64_t now_ms)
{
    struct heap_node *top;

    while (s->running[class] < s->most[class] && (top = heap_top(&s->heaps[class])) != NULL &&
           top->key <= now_ms) {
        struct lane *l = LANE_OF(top);
        enum lane_class now = class_of(l);

        heap_remove(&s->heaps[class], top);
        if (now != class) { /* its group has changed since */
            l->class = now;
            heap_set(&s->heaps[now], &l->node, now_ms);
        } else if (l->group->running >= l->group->most) {
            wait_for_group(l);
        } else {
            l->running = true;
            l->group->running++;
            s->running[class]++;
            return l;
        }
    }
    return NULL;
}

struct lane *sched_take(struct sched *s, int64_t now_ms)
{
    /* Twice: what one class has handed to another before it may be next there. */
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < LANE_CLASSES; i++) {
            struct lane *l = take_of(s, (enum lane_class)i, now_ms);

            if (l)
                return l;
        }
    return NULL;
}

void sched_done(struct sched *s, struct lane *l, enum lane_outcome outcome, int64_t now_ms)
{
    struct group *g = l->group;

    assert(l->running);
    l->running = false;
    s->running[l->class]--;
    g->running--;
    if (outcome != LANE_NOTHING) {
        bool ok = outcome == LANE_OK;

        l->fails = ok ? 0 : l->fails + 1;
        g->fails = ok ? 0 : g->fails + 1;
        l->proven = l->proven || ok;
    }
    if (g->first)
        sched_set(s, g->first, now_ms);
}

int64_t sched_next_ms(const struct sched *s)
{
    int64_t next = INT64_MAX;

    for (int i = 0; i < LANE_CLASSES; i++) {
        const struct heap_node *top = heap_top(&s->heaps[i]);

        if (top && s->running[i] < s->most[i] && top->key < next)
            next = top->key;
    }
    return next;
}
