/* answer: what a status and an error body of the API mean for us: one table, no I/O. */
#ifndef CORE_GOOGLE_ANSWER_H
#define CORE_GOOGLE_ANSWER_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/span.h"
#include "core/model/account.h"
#include "core/model/collection.h"

enum answer_call { ANSWER_LIST = 1, ANSWER_GET, ANSWER_WATCH, ANSWER_STOP };

/* What had been asked. */
struct answer_to {
    enum answer_call call;
    enum coll_kind kind; /* LIST and WATCH */
    bool token;          /* a sync or page token was sent along */
};

#define ANSWER_REASON_MAX 64

/* RC_OK for 2xx. `reason` gets Google's errors[0].reason, or "". A 4xx that is not in Google's form
 * is somebody else's (a proxy, a portal) and proves nothing: RC_AGAIN. */
enum rc answer_read(long status, struct span body, const struct answer_to *to,
                    char reason[ANSWER_REASON_MAX], struct err *e);

/* What a refusal that answer_read() calls RC_AUTH makes of the account. */
enum account_state answer_blame(struct span body);

/* A 200 whose (checked) body is an error: read as the status it names, or RC_AGAIN. */
enum rc answer_read_disguised(struct span body, const struct answer_to *to,
                              char reason[ANSWER_REASON_MAX], struct err *e);

#endif
