/* account: one Google identity whose calendars are mirrored. */
#ifndef CORE_MODEL_ACCOUNT_H
#define CORE_MODEL_ACCOUNT_H

#include <stdint.h>

#include "core/base/limits.h"

enum account_state {
    ACCOUNT_OK = 1,
    ACCOUNT_NEEDS_LOGIN, /* invalid_grant, revoked, unreadable key: parked until a person acts */
    ACCOUNT_NO_ACCESS,   /* not a Calendar user */
    ACCOUNT_GONE,        /* no longer in the config; its data is swept */
    ACCOUNT_SCOPE_MISSING,
    ACCOUNT_API_DISABLED,
    ACCOUNT_CLOCK_SKEW, /* refused because of the time we say it is: tried again, not parked */
};

struct account {
    uint32_t no; /* primary key; never reused */
    char name[LIMIT_NAME_BYTES + 1];
    enum account_state state;
    char reason[256]; /* for the operator: what to do; "" when ok */
    int64_t since_ms; /* wall clock of the last change of state */
};

const char *account_state_name(enum account_state state); /* "ok", "needs login" */

#endif
