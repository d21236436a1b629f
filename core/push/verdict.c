/* verdict: what the outcome of one delivery means. */
#include "core/push/verdict.h"

enum verdict verdict_of_message(enum rc rc, long status)
{
    static const struct {
        long status;
        enum verdict verdict;
    } table[] = {
        {102, VERDICT_DONE},  {200, VERDICT_DONE},  {201, VERDICT_DONE},
        {202, VERDICT_DONE},  {204, VERDICT_DONE},  {500, VERDICT_RETRY},
        {502, VERDICT_RETRY}, {503, VERDICT_RETRY}, {504, VERDICT_RETRY},
    };

    if (rc != RC_OK) /* an address that must not be notified, a URL that is none: for good */
        return rc == RC_INVALID ? VERDICT_FAILED : VERDICT_RETRY;
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].status == status)
            return table[i].verdict;
    return VERDICT_FAILED;
}

enum verdict verdict_of_hook(enum rc rc, long status)
{
    return rc == RC_OK && status >= 200 && status < 300 ? VERDICT_DONE : VERDICT_RETRY;
}

bool verdict_give_up(int64_t first_ms, int64_t now_ms, int64_t give_up_ms)
{
    return first_ms > 0 && now_ms - first_ms >= give_up_ms;
}
