/* backoff: how long to wait after the n-th failure in a row: truncated exponential with jitter. */
#include "core/queue/backoff.h"

#include "core/base/clock.h"

#define RETRY_AFTER_MOST_MS DAY_MS /* a longer wish is a mistake of the server's */

int64_t queue_backoff_ms(uint32_t fails, int64_t min_ms, int64_t max_ms, int64_t retry_after_ms,
                         unsigned random)
{
    int64_t most = max_ms > min_ms ? max_ms : min_ms;
    int64_t step = min_ms > 0 ? min_ms : 1;
    for (uint32_t i = 1; i < fails && step < most; i++)
        step *= 2;
    if (step > most)
        step = most;
    /* Between half a step and a whole one: enough to spread, never far less than was meant. */
    int64_t delay = step / 2 + (step - step / 2) * (int64_t)(random & 0xffff) / 0xffff;

    if (retry_after_ms > RETRY_AFTER_MOST_MS)
        retry_after_ms = RETRY_AFTER_MOST_MS;
    /* Never earlier than asked, and spread behind it: everyone was told the same time. */
    if (retry_after_ms >= 0 && delay < retry_after_ms)
        delay = retry_after_ms + retry_after_ms / 4 * (int64_t)(random & 0xffff) / 0xffff;
    return delay;
}
