/* channel: watch channels and the pings they are owed. */
#ifndef EMULATOR_CHANNEL_H
#define EMULATOR_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/emulator/json.h"
#include "tests/emulator/map.h"

struct emu;
struct coll;
struct user;
struct req;
struct deliverer;

struct channel {
    char *id, *token, *address, *resource_id, *resource_uri;
    struct user *user;
    struct coll *coll;
    struct channel *next_on_coll;
    int64_t expires_ms; /* by the emulated clock */
    int64_t stopped_ms; /* 0: live */
    uint64_t number;    /* of the last message */
    uint64_t owed;      /* pings not yet sent, for merging */
};

/* Set by /_emulator/watch. */
struct watch_conf {
    int64_t max_ttl_s;
    bool strict_https, shared_resource_ids;
    char *expiration_format; /* "string", "number", "absent" */
    char *sync;              /* "after", "before", "never" the answer */
    int64_t sync_delay_ms;   /* after the answer */
    int64_t stop_lag_ms;     /* a stopped channel goes on so long */
    int refuse_status;       /* 0: watches are granted */
    int64_t refuse_count;    /* < 0: for ever */
    char *refuse_reason, *refuse_message;
    struct json_object *refuse_calendars; /* array of ids answered "not supported" */
};

struct channels {
    struct map by_id; /* live ones */
    struct map burnt; /* every id ever used */
    struct channel **all;
    size_t n, cap;
    struct watch_conf conf;
    struct deliverer *deliverer;
    char *project_number;
};

void channels_init(struct emu *e);
void channels_release(struct emu *e);

/* Every live channel of the collection gets an `exists`. */
void channels_notify(struct emu *e, struct coll *c);
bool channel_live(const struct emu *e, const struct channel *ch);
struct json_object *channel_describe(const struct emu *e, const struct channel *ch);
void watch_conf_set(struct watch_conf *c, struct json_object *o);
struct json_object *watch_conf_describe(const struct watch_conf *c);
/* A new channel; the id is not in use. Strings are copied. */
struct channel *channel_add(struct emu *e, struct user *u, struct coll *c, struct json_object *spec,
                            const char *uri, int64_t expires_ms);
void channel_stop(struct emu *e, struct channel *ch);

#endif
