/* page: a list answer taken apart: where its items are, and its tokens. */
#ifndef CORE_GOOGLE_PAGE_H
#define CORE_GOOGLE_PAGE_H

#include "core/google/answer.h"
#include "core/google/api.h"

/* Takes `body` over (it is empty afterwards) when RC_OK. RC_BADDATA: not a list. An error dressed
 * as a success is read as that error. */
enum rc page_read(struct buf *body, const struct answer_to *to, char reason[ANSWER_REASON_MAX],
                  struct google_page *ret, struct err *e);

#endif
