/* lane: requests of those who ask for much at once; they wait until the others had their turn. */
#ifndef CORE_SERVE_LANE_H
#define CORE_SERVE_LANE_H

#include <stdbool.h>
#include <stdint.h>

struct httpd_request;
struct lane_client;

/* `= { 0 }` is empty. */
struct lane {
    struct lane_client *first, **last; /* whose turn it is first */
};

struct lane_entry {
    struct httpd_request *req;
    int64_t deadline_ms; /* of one that has waited for something else before; 0: it has not */
};

/* `who`: a number for each client. */
unsigned lane_count(const struct lane *l, uint64_t who);
bool lane_add(struct lane *l, uint64_t who, const struct lane_entry *entry); /* false: no memory */
/* The oldest one of whoever was not served for longest. */
bool lane_take(struct lane *l, struct lane_entry *ret);
void lane_release(struct lane *l);

#endif
