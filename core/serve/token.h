/* token: the opaque texts that clients hand back to us: sync tokens and page tokens.
 *
 * Both carry all they mean, so nothing is kept for a client and they outlive a restart. They are
 * authenticated, so that a place or a query in one is known to be of our making. */
#ifndef CORE_SERVE_TOKEN_H
#define CORE_SERVE_TOKEN_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/span.h"
#include "storage/lineage.h"

#define TOKEN_PLACE_NUMBERS 4
#define TOKEN_QUERY_MAX     2048 /* bytes of a query that a page token carries */
#define TOKEN_AFTER_MAX     1024 /* bytes of an id that a page token carries */

/* Whose tokens they are. Made once, of store_lineage(), which is borrowed, and store_secret(). */
struct token_key {
    const struct lineage *lineage;
    uint8_t secret[32];
};
void token_key_init(struct token_key *k, const struct lineage *l, const uint8_t secret[32]);

/* "All that changed in this collection since `seq`". */
struct sync_token {
    uint32_t coll;
    uint64_t seq;
    uint64_t
        query; /* fingerprint of the parameters that must stay the same, chosen by the caller */
};

/* "The list that this query makes, from this place on". */
struct page_token {
    uint32_t coll;
    uint64_t seq;                       /* of the first page: what the list's sync token will say */
    int64_t place[TOKEN_PLACE_NUMBERS]; /* of the last item sent; the list knows what they mean */
    struct span after;                  /* likewise, for lists in the order of ids; may be empty */
    struct span query;                  /* as sent with the first page; may be empty */
    uint64_t fingerprint;               /* likewise: its `query` */
};

/* Appends the token. The page's spans are within their bounds (asserted). */
void sync_token_write(struct buf *out, const struct token_key *k, const struct sync_token *t);
void page_token_write(struct buf *out, const struct token_key *k, const struct page_token *t);

/* RC_INVALID (a client's 400): malformed, altered, or a token of Google or of another kind.
 * RC_STALE (410): well-formed, but of another store, which was rebuilt or put back from a backup
 * since. That cannot be verified, and need not be: all that a forgery wins is a full listing. *e
 * then holds the sentence for the client, as Google words it. Whether coll, seq and query fit the
 * request is for the caller to say. `hold` takes the bytes that the page's spans point into. */
enum rc sync_token_read(const struct token_key *k, struct span text, struct sync_token *ret,
                        struct err *e);
enum rc page_token_read(const struct token_key *k, struct span text, struct buf *hold,
                        struct page_token *ret, struct err *e);

#endif
