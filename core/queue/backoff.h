/* backoff: how long to wait after a failure. */
#ifndef CORE_QUEUE_BACKOFF_H
#define CORE_QUEUE_BACKOFF_H

#include <stdint.h>

/* Pure: truncated exponential with jitter; retry_after_ms (-1: none) is a lower bound. random:
 * 0..65535. */
int64_t queue_backoff_ms(uint32_t fails, int64_t min_ms, int64_t max_ms, int64_t retry_after_ms,
                         unsigned random);

#endif
