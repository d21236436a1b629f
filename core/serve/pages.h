/* pages: what all lists share: page tokens, sync tokens and page sizes. */
#ifndef CORE_SERVE_PAGES_H
#define CORE_SERVE_PAGES_H

#include "core/model/collection.h"
#include "core/serve/call.h"
#include "core/serve/token.h"

/* Lists that depend on more than their collection keep a fingerprint of it in their tokens:
 * pages_begin() gives that of the request's, pages_write_next() and _sync() write that of `at`. */

/* Begins at the place of the request's pageToken, whose query takes the place of the request's
 * (form and maxResults stay); else at that of its syncToken (place[1]), else at the start. Fills
 * *ret. False: answered. */
bool pages_begin(struct call *c, const struct collection *coll, struct page_token *ret);

/* Answers that the page token is one of another list; false. */
bool pages_refuse(struct call *c);
int64_t pages_max_results(const struct call *c);

/* Append `,"nextPageToken":"…"` and `,"nextSyncToken":"…"`. False: answered. */
bool pages_write_next(struct call *c, const struct page_token *at);
void pages_write_sync(struct call *c, const struct page_token *at);

#endif
