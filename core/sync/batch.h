/* batch: the events of a page or of a whole pull, decoded, widened, each id once. */
#ifndef CORE_SYNC_BATCH_H
#define CORE_SYNC_BATCH_H

#include "core/google/api.h"
#include "core/google/decode.h"
#include "storage/store.h"

struct batch {            /* `= { 0 }` is empty */
    struct event *events; /* borrow from the pages, from `texts` and from `raws` */
    struct event_text *texts;
    size_t n, size;
    struct buf *raws; /* of batch_complete() */
    size_t n_raws;
    uint64_t unusable; /* left out since they have no id */
};
void batch_release(struct batch *b);
/* Logs what was left out, if anything was. */
void batch_tell(const struct batch *b, const char *about);

/* Decodes the page's items and appends them. `zone`: the calendar's as far as known; the one that
 * the page names goes before it. RC_SYS only. The page must outlive the batch. */
enum rc batch_add(struct batch *b, const struct google_page *page, const char *zone, struct err *e);
/* Leaves one event per id, in the order they came: the last that is not older, by `updated`, than
 * those before it. */
void batch_unique(struct batch *b);
/* Gives cancelled instances of which the id alone came their series and slot, as far as what is
 * stored tells. */
void batch_complete(struct batch *b, struct txn *t, const struct collection *c);

/* A series ends with its last instance: sets start_ms and end_ms of a master from its rules. */
void extent_widen(struct event *ev);

#endif
