/* channels: what clients opened with the mirror, and the thread that notifies them. */
#ifndef CORE_PUSH_CHANNELS_H
#define CORE_PUSH_CHANNELS_H

#include "core/base/buf.h"
#include "core/conf/conf.h"
#include "core/model/push.h"
#include "core/push/address.h"
#include "storage/store.h"

struct channels;

/* `mirror` and `ledger` (opened as STORE_PUSH) are borrowed until channels_free(); `rules` is taken
 * over. Loads what is stored. `anew`: the cursors in it are those of another mirror, so every
 * channel is told once. */
enum rc channels_new(struct channels **ret, struct store *mirror, struct store *ledger,
                     const struct conf *conf, struct address_rules *rules, bool anew,
                     struct err *e);
void channels_free(struct channels *c); /* NULL ok; not running */
enum rc channels_start(struct channels *c, struct err *e);
void channels_stop(struct channels *c); /* cuts what is under way: it is sent again; joins */
void channels_reload(struct channels *c, const struct conf *conf, struct address_rules *rules);
int64_t channels_heartbeat_ms(const struct channels *c);

/* The functions below are thread-safe. */

enum channel_verdict {
    CHANNEL_OPENED,
    CHANNEL_NOT_UNIQUE,
    CHANNEL_NOT_URL,   /* *e says why */
    CHANNEL_NOT_HTTPS, /* http:// to what no network of the configuration can be */
    CHANNEL_FORBIDDEN, /* an address that must not be notified; *e says why */
    CHANNEL_TOO_MANY,
    CHANNEL_TOO_OFTEN,
    CHANNEL_BROKEN, /* the store: *e */
};
/* Writes it down and owes it its `sync`. The caller has set id, client, account, kind, calendar,
 * primary, event_types, address, token, expires_ms and cursor (the collection's version when it was
 * looked at); resource_id is set here. */
enum channel_verdict channels_open(struct channels *c, struct push_channel *channel, struct err *e);

/* Ends one; when it returns, no further message is begun. RC_NOTFOUND also when the resource is
 * another, or it is another client's (`client` NULL: whoever's). */
enum rc channels_close(struct channels *c, const char *client, struct span id,
                       struct span resource_id, struct err *e);

void channels_count(struct channels *c, uint64_t *ret_open, uint64_t *ret_failing,
                    uint64_t *ret_delivered, uint64_t *ret_failed);
/* {"open":3,"opening":0,"failing":1,"delivered":12,"failed":0,"errors":[...]}: appended. */
void channels_status(struct channels *c, struct buf *out);

#endif
