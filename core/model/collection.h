/* collection: what Google lets us follow with a sync token, and where we stand with it. */
#ifndef CORE_MODEL_COLLECTION_H
#define CORE_MODEL_COLLECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/limits.h"

enum coll_kind {
    COLL_ROSTER = 1, /* an account's calendarList */
    COLL_SETTINGS,   /* an account's settings */
    COLL_COLORS,     /* the palette: no token, no channel; refetched now and then */
    COLL_EVENTS,     /* a calendar's events */
    COLL_ACL,        /* a calendar's access rules */
};

enum coll_state {
    COLL_NEW = 1, /* never listed in full: nothing to serve yet */
    COLL_READY,   /* holds a whole view */
    COLL_GONE, /* left the roster, or excluded; kept until swept so that late pings find a name */
};

/* Why a full listing runs. AUDIT: a verification asked for; PARTIAL: increments do not tell all. */
enum listing_reason { LISTING_NONE = 0, LISTING_FIRST, LISTING_STALE, LISTING_ASKED,
                      LISTING_VERIFY, LISTING_DAMAGED, LISTING_AUDIT, LISTING_PARTIAL };

/* A full listing under way: what is needed to go on after a restart. */
struct listing {
    enum listing_reason reason; /* LISTING_NONE: none under way */
    bool direct;         /* no whole view existed: pages are written straight to their place */
    uint64_t generation; /* storage: names this listing; what it listed is marked with it */
    int64_t started_ms;  /* wall clock */
    uint64_t pages;
    uint64_t items;
    char page_token[LIMIT_TOKEN_BYTES + 1]; /* of the next page; "" = first page */
};

enum watch_verdict { WATCH_UNTRIED = 0, WATCH_OK, WATCH_REFUSED };
struct collection {
    uint32_t no;      /* primary key; never reused */
    uint32_t account; /* number of its account */
    enum coll_kind kind;
    enum coll_state state;
    char calendar[LIMIT_ID_BYTES + 1]; /* calendar id; "" for account-wide kinds */
    char zone[64];                     /* the calendar's IANA zone; "" until known */
    char sync_token[LIMIT_TOKEN_BYTES + 1];
    struct listing listing;

    uint64_t version;    /* sequence number of the last change of content; ETags are made of it */
    uint64_t listed_seq; /* when its first whole view could be read: nobody saw earlier rows */
    uint64_t pruned_seq; /* changes up to here are no longer in the log: older cursors are dead */
    int64_t changed_ms;  /* wall clock of `version` */
    int64_t fresh_ms;    /* wall clock: known equal to Google at this time; 0 never */
    int64_t full_ms;     /* wall clock of the last complete full listing; 0 never */
    uint64_t live_items; /* not cancelled */
    uint64_t all_items;
    uint32_t classes; /* storage: which interval classes were ever used */

    uint32_t fails;       /* failures in a row */
    int64_t failed_ms;    /* wall clock of the last failure; 0 never */
    char last_error[256]; /* "" after a success */
    uint32_t stale_count; /* dead tokens within the window that began at stale_since_ms */
    int64_t stale_since_ms;
    uint64_t drift;     /* differences found by verification, ever */
    uint64_t page_most; /* events on a page of its listings; 0: as many as Google gives */

    enum watch_verdict watch;
    int64_t watch_tried_ms;
    char watch_error[256];
};

#define COLL_NO_SCOPE "the token lacks the scope for this" /* as last_error says it */
bool coll_lacks_scope(const struct collection *c);
const char *coll_kind_name(enum coll_kind kind);             /* "events" */
const char *coll_state_name(enum coll_state state);          /* "ready" */
const char *listing_reason_name(enum listing_reason reason); /* "first", "token dead", ... */
bool listing_verifies(enum listing_reason reason);

#endif
