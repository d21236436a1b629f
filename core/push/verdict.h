/* verdict: what the outcome of one delivery means. Pure. */
#ifndef CORE_PUSH_VERDICT_H
#define CORE_PUSH_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/rc.h"

enum verdict {
    VERDICT_DONE,
    VERDICT_RETRY,
    VERDICT_FAILED, /* it will not be tried again */
};

/* Of a channel's message, as Google documents it for its own: 200, 201, 202, 204 and 102 are
 * success; 500, 502, 503, 504 and trouble on the way are tried again; whatever else is a failed
 * message. `rc`: of the request; `status`: when that is RC_OK. */
enum verdict verdict_of_message(enum rc rc, long status);

/* Of a hook's: any 2xx is success; the rest is tried again until its time is over. */
enum verdict verdict_of_hook(enum rc rc, long status);

/* Since when a hook fails with a change, and whether it is given up now. */
bool verdict_give_up(int64_t first_ms, int64_t now_ms, int64_t give_up_ms);

#endif
