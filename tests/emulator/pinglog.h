/* pinglog: what became of each ping. */
#ifndef EMULATOR_PINGLOG_H
#define EMULATOR_PINGLOG_H

#include <stdint.h>

#include "tests/emulator/channel.h"

#define PINGLOG_KEEP 65536

struct pinglog_entry {
    uint64_t n, number;
    char *channel, *of, *state, *error;
    const char *result; /* "queued", "dropped", "retrying", "delivered", "failed" */
    int attempts, status;
    int64_t queued_ms, sent_ms, done_ms; /* wall clock; 0: not yet */
};

struct pinglog {
    struct pinglog_entry *ring; /* PINGLOG_KEEP entries, made at first use */
    uint64_t last, cleared;
};

uint64_t pinglog_begin(struct pinglog *l, const struct channel *ch, const char *state,
                       uint64_t number);
void pinglog_attempt(struct pinglog *l, uint64_t n, int attempt);
void pinglog_result(struct pinglog *l, uint64_t n, const char *result, int status,
                    const char *error);
struct json_object *pinglog_list(const struct pinglog *l, uint64_t since);
void pinglog_release(struct pinglog *l);

#endif
