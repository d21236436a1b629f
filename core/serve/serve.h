/* serve: the local API: answers every read from the store, on a loop of its own. */
#ifndef CORE_SERVE_SERVE_H
#define CORE_SERVE_SERVE_H

#include <stdint.h>

#include "core/base/err.h"
#include "core/conf/conf.h"
#include "core/queue/queue.h"
#include "storage/store.h"

struct exposition_fact;
struct push;
struct serve;

/* `s` and `q` are borrowed until serve_free(). */
enum rc serve_new(struct serve **ret, const struct conf *conf, struct store *s, struct queue *q,
                  struct err *e);
void serve_free(struct serve *s); /* NULL ok; not running */

/* Before the start: SHA-256, in lower-case hex, of a token that opens everything. */
void serve_set_operator(struct serve *s, const char *hash);

/* What /metrics says of the program: names and values, up to a NULL name; borrowed likewise. */
void serve_set_build(struct serve *s, const struct exposition_fact *facts);
/* Who notifies clients' channels; borrowed until serve_free(). Before serve_start(). */
void serve_set_push(struct serve *s, struct push *push);

/* Binds api.listen, or takes over a listening socket of the manager (inherited_fd > 0), and starts
 * the thread. RC_SYS when it cannot bind; RC_INVALID when other machines would reach it and no
 * client is configured. */
enum rc serve_start(struct serve *s, int inherited_fd, struct err *e);
/* /readyz says no from now on; requests are still answered. */
void serve_drain(struct serve *s);
void serve_stop(struct serve *s); /* finishes what is under way and joins; at most about 1 s */

/* Takes up a new configuration; when it returns, the loop has done so. */
void serve_reload(struct serve *s, const struct conf *conf);

/* What clients are told of this calendar with singleEvents in a window, without deleted events:
 * each as JSON, valid during the call, until `each` returns false. On any thread. RC_FULL: too much
 * work. */
enum rc serve_told(struct store *s, uint32_t coll, int64_t min_ms, int64_t max_ms,
                   bool (*each)(void *arg, struct span event), void *arg, struct err *e);

uint16_t serve_port(const struct serve *s);        /* as bound; 0 for a unix socket */
int64_t serve_heartbeat_ms(const struct serve *s); /* clock_awake_ms() of its last loop turn */

#endif
