/* push: whom the mirror itself notifies: clients' channels, hooks, and what was not delivered. */
#ifndef CORE_MODEL_PUSH_H
#define CORE_MODEL_PUSH_H

#include <stdint.h>

#include "core/base/limits.h"
#include "core/base/span.h"
#include "core/model/collection.h"

#define PUSH_TOKEN_CHARS       256 /* of a channel's token (Google's own bound) */
#define PUSH_ADDRESS_BYTES     2048
#define PUSH_RESOURCE_ID_BYTES 27 /* base64url of 20 bytes, as Google's look */
#define PUSH_ERROR_BYTES       160

enum push_state {
    PUSH_OPENING = 1, /* its `sync` message is owed */
    PUSH_LIVE,
    PUSH_LOST, /* what it watches is gone, and it was told so */
};

/* A channel that a client opened with us. It names what it watches in words, not by a collection's
 * number, so that it outlives a mirror that is built anew. */
struct push_channel {
    char id[LIMIT_CHANNEL_BYTES + 1];
    char client[LIMIT_NAME_BYTES + 1]; /* who opened it; "" where clients have no names */
    char account[LIMIT_NAME_BYTES + 1];
    enum coll_kind kind;
    char calendar[LIMIT_ID_BYTES + 1]; /* "" for account-wide kinds */
    uint32_t primary;                  /* 1: it was asked for as "primary" */
    uint32_t event_types;              /* bits; 0: all */
    char address[PUSH_ADDRESS_BYTES + 1];
    char token[4 * PUSH_TOKEN_CHARS + 1];
    char resource_id[PUSH_RESOURCE_ID_BYTES + 1];
    enum push_state state;
    int64_t created_ms, expires_ms; /* wall clock */
    uint64_t cursor;                /* the change that it was told of last */
    uint64_t number;                /* of its last message */
    uint64_t delivered, failed;     /* messages */
    char last_error[PUSH_ERROR_BYTES];
};

/* A place in what is told of a collection: see core/push/feed.h. */
struct push_place {
    uint64_t pos, sub, from;
};

/* How far a hook was told of a collection. */
struct push_mark {
    uint32_t coll; /* 0: where it begins with collections that have no mark */
    char hook[LIMIT_NAME_BYTES + 1];
    struct push_place place;
    int64_t failed_ms; /* wall clock since which it fails; 0: it does not */
};

/* A change that a hook did not take for so long that it was given up. */
struct push_dead {
    uint64_t number; /* primary key */
    char hook[LIMIT_NAME_BYTES + 1];
    char account[LIMIT_NAME_BYTES + 1];
    char calendar[LIMIT_ID_BYTES + 1];
    uint64_t seq;
    int64_t first_ms, dead_ms; /* wall clock of the first attempt, and of giving up */
    uint32_t attempts;
    char error[PUSH_ERROR_BYTES];
    struct span body; /* the change, JSON; borrowed like every span from the store */
};

#endif
