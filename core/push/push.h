/* push: what the mirror itself sends to others: its file, its threads. */
#ifndef CORE_PUSH_PUSH_H
#define CORE_PUSH_PUSH_H

#include "core/push/channels.h"
#include "core/push/hooks.h"

struct push;

/* Opens push.mdb in the state directory; one that cannot be used is set aside. `mirror` is borrowed
 * until push_free(), `conf` until it is replaced. `feed`: what hooks are told. */
enum rc push_new(struct push **ret, const struct conf *conf, struct store *mirror,
                 const struct push_feed *feed, struct err *e);
/* For who is about to write to a mirror while no service runs. If it was put back, as it was before
 * what push.mdb tells of, the next service could not know any more: notes that. */
enum rc push_note_older(const char *dir, struct store *mirror, struct err *e);
void push_free(struct push *p); /* NULL ok; not running */
enum rc push_start(struct push *p, struct err *e);
void push_stop(struct push *p);
void push_reload(struct push *p, const struct conf *conf);
bool push_is_broken(const struct push *p);       /* the file, in its structure: start anew */
int64_t push_heartbeat_ms(const struct push *p); /* the oldest of its threads' */

struct channels *push_channels(struct push *p);
struct hooks *push_hooks(struct push *p);
/* For metrics; thread-safe. */
struct push_totals {
    uint64_t channels, channels_failing;    /* now */
    uint64_t messages, messages_failed;     /* of channels, since the start */
    uint64_t deliveries, deliveries_failed; /* of hooks, since the start */
    uint64_t dead_letters;                  /* now */
};
void push_totals(struct push *p, struct push_totals *ret);
/* A JSON object for /v1/status; thread-safe. */
void push_status(struct push *p, struct buf *out);

#endif
