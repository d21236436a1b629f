/* quota: how many requests a minute we allow ourselves, for the project and for each account.
 *
 * DESIGN: token buckets, counted in integers. Google looks at a sliding minute, so a full bucket
 * plus what flows in during a minute must not exceed the limit: the bucket holds a tenth of it,
 * nine tenths a minute flow in. */
#ifndef CORE_GOOGLE_QUOTA_H
#define CORE_GOOGLE_QUOTA_H

#include <stdint.h>

struct quota; /* thread-safe */
struct quota *quota_new(int64_t project_per_minute,
                        int64_t user_per_minute); /* 0 = unlimited; NULL: no memory */
void quota_free(struct quota *q);

/* Takes one request out of both buckets: 0; or takes none and says in how many ms to ask again. */
int64_t quota_take(struct quota *q, uint32_t account, int64_t now_ms);

/* Google said "too fast" to this account: what it had saved up is gone. */
void quota_drain(struct quota *q, uint32_t account, int64_t now_ms);

#endif
