/* list: pages, sync tokens and deltas, alike for every collection. */
#ifndef EMULATOR_LIST_H
#define EMULATOR_LIST_H

#include "tests/emulator/coll.h"
#include "tests/emulator/req.h"

struct listing {
    struct req *r;
    struct coll *coll;
    const char *kind; /* of the answer */
    int64_t page_default, page_cap;
    /* In a full listing: is this item wanted. */
    bool (*wants)(const struct listing *l, const struct item *it);
    /* In a delta, besides "changed since"; NULL: all. */
    bool (*wants_delta)(const struct listing *l, const struct item *it);
    void (*render)(const struct listing *l, const struct item *it, struct buf *out);
    void (*head)(const struct listing *l, struct buf *out); /* members after etag; or NULL */
    const char *const *not_with_token; /* parameters a sync token forbids; ends with NULL */
    const char *const *no_false;       /* which may not be "false" then; ends with NULL */
    bool by_updated;                   /* order; the default is the order of creation */
    bool no_token;                     /* this query earns no sync token */
    bool delta;                        /* set by list_answer before anything is rendered */
    const void *query;                 /* of the caller's */
};

void list_answer(struct listing *l);

/* Makes every token given so far die. */
void list_kill_tokens(struct coll *c, int64_t seq, enum token_fate fate, bool persistent);

#endif
