/* deliver: POSTs pings beside the event loop, loses or shuffles them when told so, and logs each.
 */
#ifndef EMULATOR_DELIVER_H
#define EMULATOR_DELIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/emulator/json.h"

struct emu;
struct channel;
struct req;
struct deliverer;

struct deliverer *deliverer_new(struct emu *e, int epoll_fd);
void deliverer_free(struct deliverer *d);

/* Queues one ping. `waiting` (or NULL) is woken once the first attempt has ended.
 * `overrides` (or NULL, borrowed) replaces headers: {"X-Goog-…": "value" or null}. */
void deliver_ping(struct deliverer *d, struct channel *ch, const char *state, int64_t delay_ms,
                  struct req *waiting, struct json_object *overrides);
/* The request will not wait any more. */
void deliver_forget(struct deliverer *d, struct req *r);

/* From the event loop: a file descriptor of ours is ready. */
void deliverer_ready(struct deliverer *d, int fd, uint32_t events);

/* /_emulator/pings */
void deliver_conf_set(struct deliverer *d, struct json_object *o);
struct json_object *deliver_conf_describe(const struct deliverer *d);
struct json_object *deliver_log(const struct deliverer *d, uint64_t since);
void deliver_log_clear(struct deliverer *d);
int64_t deliver_pending(const struct deliverer *d); /* queued, paused, in flight or to be retried */

#endif
