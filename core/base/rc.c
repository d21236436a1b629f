/* rc: the words for the result codes. */
#include "core/base/rc.h"

#include <stddef.h>

static const char *const names[] = {
    [RC_OK] = "ok",           [RC_NOTFOUND] = "notfound", [RC_AGAIN] = "again",
    [RC_STALE] = "stale",     [RC_AUTH] = "auth",         [RC_BADDATA] = "baddata",
    [RC_INVALID] = "invalid", [RC_FULL] = "full",         [RC_CANCELED] = "canceled",
    [RC_SYS] = "sys",
};

const char *rc_name(enum rc rc)
{
    size_t i = (size_t)rc;
    return i < sizeof names / sizeof names[0] ? names[i] : "unknown";
}
