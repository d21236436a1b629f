/* lane: requests of those who ask for much at once; they wait until the others had their turn.
 *
 * DESIGN. The loop answers one request after another, and some take a tenth of a second (a search
 * through a large calendar). Answered as they come in, a few hundred of one client would keep all
 * others waiting for as long as they take together, and the watchdog, too. So a turn of the loop
 * has an allowance of time: whoever asks when it is used up waits here, as does all that comes from
 * a client who has something here already. After each turn one is taken out, of each client in its
 * turn: the others wait for one answer of the busy client, not for all of them. */
#include "core/serve/lane.h"

#include <stdlib.h>

struct waiting {
    struct waiting *next;
    struct lane_entry entry;
};

struct lane_client {
    struct lane_client *next;
    uint64_t who;
    struct waiting *first, **last;
    unsigned n; /* at least one */
};

static struct lane_client *find(const struct lane *l, uint64_t who)
{
    struct lane_client *c = l->first;
    while (c && c->who != who)
        c = c->next;
    return c;
}

static void append(struct lane *l, struct lane_client *c)
{
    c->next = NULL;
    *(l->first ? l->last : &l->first) = c;
    l->last = &c->next;
}

unsigned lane_count(const struct lane *l, uint64_t who)
{
    const struct lane_client *c = find(l, who);
    return c ? c->n : 0;
}

bool lane_add(struct lane *l, uint64_t who, const struct lane_entry *entry)
{
    struct lane_client *c = find(l, who);
    struct waiting *w = malloc(sizeof(*w));
    if (w && !c && (c = calloc(1, sizeof(*c)))) {
        c->who = who;
        c->last = &c->first;
        append(l, c);
    }
    if (!w || !c) {
        free(w);
        return false;
    }
    *w = (struct waiting){.entry = *entry};
    *c->last = w;
    c->last = &w->next;
    c->n++;
    return true;
}

bool lane_take(struct lane *l, struct lane_entry *ret)
{
    struct lane_client *c = l->first;
    if (!c)
        return false;
    struct waiting *w = c->first;
    l->first = c->next;
    c->first = w->next;
    if (--c->n > 0)
        append(l, c);
    else
        free(c);
    *ret = w->entry;
    free(w);
    return true;
}

void lane_release(struct lane *l)
{
    for (struct lane_entry left; lane_take(l, &left);)
        continue;
}
