/* reqlog: what was asked of the API, for tests that count and compare. */
#ifndef EMULATOR_REQLOG_H
#define EMULATOR_REQLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct req;
struct json_object;

#define REQLOG_KEEP 65536

struct log_entry {
    uint64_t n;
    int64_t time_ms; /* wall clock, not the emulated one */
    int64_t took_us;
    char *method, *path, *query, *user, *agent, *fault;
    int status; /* 0: not answered yet; -1: dropped */
    size_t bytes;
    bool gzip, sync_token, page_token;
};

struct reqlog {
    struct log_entry *ring; /* REQLOG_KEEP entries, made at first use */
    uint64_t last;          /* number of the newest entry; the first is 1 */
    uint64_t cleared;       /* entries up to this one are gone */
};

void reqlog_begin(struct reqlog *l, struct req *r);
void reqlog_end(struct reqlog *l, struct req *r, size_t bytes, bool gzip);
struct json_object *reqlog_list(const struct reqlog *l, uint64_t since, const char *glob);
void reqlog_clear(struct reqlog *l);
void reqlog_release(struct reqlog *l);

#endif
