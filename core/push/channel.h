/* channel: the table of channels in memory, for the files that notify them. Private to core/push.
 */
#ifndef CORE_PUSH_CHANNEL_H
#define CORE_PUSH_CHANNEL_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/http/pool.h"
#include "core/push/channels.h"
#include "core/push/message.h"
#include "core/push/sched.h"
#include "storage/hub.h"

struct host {           /* a receiver, by host and port */
    struct group group; /* first: a lane's group is its host */
    char *name;
    unsigned users; /* channels: the last one takes it along */
    struct host *next;
};

struct channel {      /* as little as possible: a message is made from the ledger's record */
    struct lane lane; /* first */
    char id[LIMIT_CHANNEL_BYTES + 1], client[LIMIT_NAME_BYTES + 1];
    uint32_t coll; /* 0: not known yet, or no longer */
    uint32_t event_types;
    enum push_state state;
    uint64_t cursor, number;
    uint64_t version; /* of the collection, as last seen; more than `cursor`: a message is owed */
    bool lost;        /* the collection is gone: a message is owed unless state says so */
    int64_t expires_ms;
    int64_t noticed_ms;         /* monotonic: of the first change that is not announced; 0 none */
    bool closed;                /* stopped while a message was under way */
    enum message_state sending; /* these three are of that */
    uint64_t sending_version, sending_number;
    char *error;          /* of the last delivery; NULL: it succeeded */
    struct channel *next; /* in `all` */
};

struct result { /* of a message; waits for its commit */
    struct channel *channel;
    bool ok, final; /* final: it is not tried again */
    int64_t retry_after_ms;
};

struct channels {
    struct store *mirror, *ledger;
    pthread_mutex_t lock; /* guards all below up to `pool` */
    const struct conf *conf;
    struct address_rules rules;
    struct channel *all;
    unsigned n, n_closed;       /* closed ones are still in `all` */
    uint64_t delivered, failed; /* messages since the start */
    struct opener *openers;
    struct host *hosts;
    struct sched sched;
    struct http_pool *pool; /* from here on the thread's alone */
    struct hub_listener listener;
    struct message message;
    struct result *results;
    unsigned n_results;
    bool news_lost; /* the mirror could not be read when they came: every channel is looked at */
    int64_t swept_ms, offset_ms, ahead_ms; /* what is believed of the wall clock; since when not */
    int64_t loaded_ms, began_ms; /* what the wall clock said when `all` was loaded; monotonic */
    pthread_t thread;
    bool running;
    atomic_bool stopping;
    _Atomic int64_t heartbeat_ms;
};
#define CHANNEL_MESSAGES_MOST 128 /* under way at once: the places of all classes */

/* With the lock held: */
void channels_load_again(struct channels *c); /* what is not over, as it seemed at the start */
void channel_forget(struct channels *c, struct channel *ch); /* not while it is running */
/* Which collection it watches, if there is one, and how far that is. */
void channel_look(struct channels *c, struct channel *ch, struct txn *mirror);
/* Makes it due as it needs. */
void channel_owe(struct channels *c, struct channel *ch, int64_t now_ms);

#endif
