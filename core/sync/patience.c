/* patience: how long a worker waits for an answer while other accounts have no worker.
 *
 * DESIGN. An account of which Google answers nothing is found out by waiting only, and the first
 * wait must not be the whole deadline: with a few workers and many such accounts the others would
 * not be asked for minutes. So whoever waits without an answer gives its worker back soon when
 * somebody needs it, and is then one of the suspects, who share half of the workers (queue.h). Each
 * time it may wait four times as long, so that one who is merely slow gets its answer. */
#include "core/sync/steps.h"

#define FIRST_MS   500  /* never answered since the start: what it asks for is small */
#define PROVEN_MS  4000 /* otherwise: some pages take Google long */
#define TRIES_MOST 6    /* by then it is longer than any deadline */
#define LOOK_MS    250

int64_t run_patience(void *run, int64_t ms)
{
    struct run *r = run;
    if (r->gave_way) /* by what it asked before: the rest of the run is over as well */
        return 0;
    if (!r->seat)
        return LOOK_MS;
    int tries = atomic_load(&r->seat->tries);
    int64_t most_ms = atomic_load(&r->seat->answered) ? PROVEN_MS : FIRST_MS;
    most_ms <<= 2 * (tries < TRIES_MOST ? tries : TRIES_MOST);
    if (ms < most_ms)
        return most_ms - ms < LOOK_MS ? most_ms - ms : LOOK_MS;
    r->gave_way = queue_is_short(r->sync->opt.queue, r->ticket.account);
    return r->gave_way ? 0 : LOOK_MS;
}

void run_note_patience(struct run *r)
{
    if (!r->seat)
        return;
    if (r->gave_way) {
        atomic_fetch_add(&r->seat->tries, 1);
    } else if (r->call.dated) {
        atomic_store(&r->seat->answered, true);
        atomic_store(&r->seat->tries, 0);
    }
}
