/* coll: one synchronised collection of resources (the events of a calendar, a calendar list, …). */
#ifndef EMULATOR_COLL_H
#define EMULATOR_COLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/emulator/map.h"

enum coll_kind { COLL_EVENTS, COLL_LIST, COLL_ACL, COLL_SETTINGS };

/* What a query must know of an event without reading its text. */
struct event_facts {
    int64_t start_ms, end_ms; /* of a series: end of its last instance, INT64_MAX if unknown */
    int64_t updated_us;
    char *series;   /* recurringEventId, or NULL */
    char *ical_uid; /* or NULL */
    char *type;     /* eventType */
    bool master;    /* has a recurrence */
    bool hidden;    /* details are not for readers */
    bool purged;    /* an exception whose series is gone: only deltas still tell of it */
};

struct item {
    char *id;
    char *text; /* compact JSON as Google would send it */
    size_t len;
    char *tomb;  /* the shortest form of a cancelled event, or NULL */
    char *prev;  /* the text before the last change, or NULL */
    int64_t seq; /* µs of the last change, unique in the world: the stuff of sync tokens */
    uint32_t ord;
    bool gone; /* deleted or cancelled */
    int role;  /* of an ACL rule */
    struct event_facts *event;
    struct item *older, *newer; /* in order of seq */
};

enum token_fate { TOKEN_GONE, TOKEN_GONE_BY_TIME, TOKEN_INVALID };

struct channel;

struct coll {
    enum coll_kind kind;
    char *owner; /* calendar id or user: what the collection belongs to */
    uint32_t hash;
    struct map by_id;
    struct item **items; /* by ord */
    size_t n, cap;
    struct item *oldest, *newest;
    int64_t seq;   /* of the newest change */
    int64_t floor; /* tokens below are dead, and die as `fate` says */
    enum token_fate fate;
    bool always_dead;
    bool watchable;
    struct channel *channels;
};

/* Tokens of an earlier collection of that name, stamped before `born`, are dead. */
void coll_init(struct coll *c, enum coll_kind kind, const char *owner, int64_t born);
void coll_release(struct coll *c);

int64_t coll_stamp(const struct coll *c); /* what a sync token of now says */
struct item *coll_get(const struct coll *c, const char *id);
struct item *coll_add(struct coll *c, const char *id);         /* new, not yet touched */
void coll_touch(struct coll *c, struct item *it, int64_t seq); /* now the newest change */
void item_set_text(struct item *it, const char *text);         /* keeps the old one in prev */
void event_facts_release(struct event_facts *f);

#endif
