/* memo: what every call to the same calendar works out again and again, remembered by the loop. */
#ifndef CORE_SERVE_MEMO_H
#define CORE_SERVE_MEMO_H

#include "core/base/buf.h"
#include "core/model/collection.h"
#include "core/serve/access.h"
#include "core/serve/token.h"

#define MEMO_CALENDARS 8

/* `= { 0 }` is empty. */
struct memo {
    const struct conf *conf; /* under which the calendars were found; NULL: forget them */
    uint64_t snapshot;       /* in which they were */
    unsigned next;
    struct memo_calendar {
        size_t id_n;                      /* 0: free */
        const struct conf_client *client; /* for whom; NULL: the operator */
        enum access access;
        char id[LIMIT_ID_BYTES];
        struct collection coll;
    } calendar[MEMO_CALENDARS];

    struct sync_token token; /* the last one written, and its text */
    struct buf token_text;

    uint32_t head_coll; /* what the last list said of its calendar; 0: none */
    uint64_t head_snapshot;
    struct buf head_text;
};
void memo_release(struct memo *m);

/* The calendar that an id as sent stands for, to the client that asks (NULL: the operator). NULL:
 * not known, or something has changed since. */
const struct collection *memo_find(struct memo *m, const struct conf *conf,
                                   const struct conf_client *client, uint64_t snapshot,
                                   struct span id, enum access *ret_access);
void memo_keep(struct memo *m, const struct conf *conf, const struct conf_client *client,
               uint64_t snapshot, struct span id, const struct collection *coll,
               enum access access);

/* Appends a sync token as sync_token_write() does. */
void memo_write_token(struct memo *m, struct buf *out, const struct token_key *k,
                      const struct sync_token *t);

/* What a list says of its calendar: empty when that is another one than the last time, or anything
 * has changed since; then it is to be appended to *ret, for the next time. */
struct buf *memo_head(struct memo *m, uint32_t coll, uint64_t snapshot);

#endif
