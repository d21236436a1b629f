/* token: sync tokens and page tokens, opaque to clients. */
#ifndef EMULATOR_TOKEN_H
#define EMULATOR_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/emulator/coll.h"

/* Where a walk over pages stands. */
struct walk {
    int64_t since;    /* the sync token it began with; -1: a full listing */
    int64_t snapshot; /* the sync token it will end with */
    int64_t pos;      /* in the order of the walk: everything up to it was given */
    int64_t pos2;     /* breaks ties of pos */
    int64_t page;     /* number of this page, from 0 */
    uint32_t query;   /* hash of the parameters, which may not change on the way */
};

char *sync_token_write(const struct coll *c, int64_t seq);
bool sync_token_read(const struct coll *c, const char *token, int64_t *ret_seq);
char *page_token_write(const struct coll *c, const struct walk *w);
bool page_token_read(const struct coll *c, const char *token, struct walk *ret);

#endif
