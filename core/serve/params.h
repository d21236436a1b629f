/* params: the query parameters of all methods, as one table, and their values in one request. */
#ifndef CORE_SERVE_PARAMS_H
#define CORE_SERVE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/span.h"

/* clang-format off */
enum param {
    /* of every method */
    PARAM_ALT, PARAM_FIELDS, PARAM_KEY, PARAM_OAUTH_TOKEN, PARAM_PRETTY_PRINT, PARAM_QUOTA_USER,
    PARAM_USER_IP,
    /* of some */
    PARAM_ACCOUNT, PARAM_ALWAYS_INCLUDE_EMAIL, PARAM_CALENDAR, PARAM_CURSOR, PARAM_EVENT_TYPES,
    PARAM_FREE_BUSY_ONLY, PARAM_HEALTH, PARAM_ICAL_UID, PARAM_INCLUDE, PARAM_MAX_ATTENDEES, PARAM_MAX_RESULTS,
    PARAM_MIN_ACCESS_ROLE, PARAM_ORDER_BY, PARAM_ORIGINAL_START, PARAM_PAGE_TOKEN,
    PARAM_PRIVATE_PROPERTY, PARAM_Q, PARAM_SHARED_PROPERTY, PARAM_SHOW_DELETED, PARAM_SHOW_HIDDEN,
    PARAM_SHOW_HIDDEN_INVITATIONS, PARAM_SINGLE_EVENTS, PARAM_SYNC_TOKEN, PARAM_TIME_MAX,
    PARAM_TIME_MIN, PARAM_TIME_ZONE, PARAM_TYPES, PARAM_UPDATED_MIN, PARAM_WAIT,
    PARAM_COUNT
};
/* clang-format on */
#define PARAM_BIT(p)       (UINT64_C(1) << (p))
#define PARAMS_EVERYWHERE  (PARAM_BIT(PARAM_ACCOUNT) - 1)
#define PARAM_REPEATED_MAX 32

enum param_type { PARAM_BOOL, PARAM_INT, PARAM_TEXT, PARAM_CHOICE, PARAM_TIME, PARAM_ZONE };

struct param_spec {
    const char *name;
    size_t name_n;
    enum param_type type;
    const char *const *choices; /* of PARAM_CHOICE, NULL-terminated */
    bool repeated;
    bool form; /* says how the answer looks, not what is asked: not kept in page tokens */
    const char *doc;
};
extern const struct param_spec param_specs[PARAM_COUNT];

extern const char *const order_choices[], *const role_choices[];
extern const char *const change_type_choices[]; /* in the order of enum feed_type */
enum { ORDER_START_TIME, ORDER_UPDATED };

struct param_value {
    int64_t
        number; /* bool 0/1, the integer, the index of the choice, ms UTC cut to whole seconds */
    struct span text;
};

struct params {
    uint64_t given;                    /* PARAM_BIT of each that was sent */
    struct param_value v[PARAM_COUNT]; /* of repeated choices: number = bit set of their indexes */
    struct {
        enum param which;
        struct span text;
    } repeated[PARAM_REPEATED_MAX];
    unsigned n_repeated;
};

static inline bool params_has(const struct params *p, enum param which)
{
    return p->given & PARAM_BIT(which);
}

static inline bool params_on(const struct params *p, enum param which)
{
    return params_has(p, which) && p->v[which].number;
}

static inline int64_t params_number(const struct params *p, enum param which, int64_t otherwise)
{
    return params_has(p, which) ? p->v[which].number : otherwise;
}

#endif
