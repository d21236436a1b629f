/* ping: the public webhook: Google's content-free notifications become durable dirty marks. */
#ifndef CORE_PING_PING_H
#define CORE_PING_PING_H

#include <stdint.h>

#include "core/base/err.h"
#include "core/conf/conf.h"
#include "core/queue/queue.h"
#include "storage/store.h"

struct ping;

/* Binds webhook.listen; serves the path of webhook.public_url and nothing else. RC_SYS when it cannot bind. */
enum rc ping_new(struct ping **ret, const struct conf *conf, struct store *s, struct queue *q, struct err *e);
void ping_free(struct ping *p); /* NULL ok; not running */

enum rc ping_start(struct ping *p, struct err *e); /* its own thread */
void ping_stop(struct ping *p);                    /* drains and joins */

uint16_t ping_port(const struct ping *p); /* the one bound, when the config said 0 */
int64_t ping_heartbeat_ms(const struct ping *p); /* clock_mono_ms() of its last loop turn */

#endif
