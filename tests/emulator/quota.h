/* quota: sliding one-minute windows per user and for the project. */
#ifndef EMULATOR_QUOTA_H
#define EMULATOR_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/emulator/map.h"

struct req;
struct json_object;

struct window {
    char *name;
    int64_t *at; /* ring of the last `limit` times */
    size_t n, next, cap;
};

struct quota {
    int64_t per_user, per_project; /* a minute; 0: no limit */
    int status;                    /* 403 or 429 */
    int64_t retry_after_s;         /* 0: no header */
    struct map users;
    struct window project;
    uint64_t refused;
};

bool quota_admit(struct req *r); /* false: answered with the refusal */
void quota_set(struct quota *q, struct json_object *o);
struct json_object *quota_describe(const struct quota *q);
void quota_release(struct quota *q);

#endif
