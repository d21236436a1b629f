/* fault: error answers in Google's shape, from one table of reasons. */
#ifndef CORE_SERVE_FAULT_H
#define CORE_SERVE_FAULT_H

#include "core/serve/call.h"

enum fault {
    FAULT_BAD_REQUEST,          /* 400 badRequest: a time without offset and the like */
    FAULT_INVALID,              /* 400 invalid */
    FAULT_INVALID_PARAM,        /* 400 invalidParameter */
    FAULT_REQUIRED,             /* 400 required */
    FAULT_PARSE,                /* 400 parseError */
    FAULT_RANGE_EMPTY,          /* 400 timeRangeEmpty */
    FAULT_RANGE_TOO_LONG,       /* 400 timeRangeTooLong */
    FAULT_CHANNEL_TYPE,         /* 400 push.channelTypeNotSupported */
    FAULT_CHANNEL_TTL,          /* 400 pushInvalidTtl */
    FAULT_CHANNEL_NOT_UNIQUE,   /* 400 channelIdNotUnique */
    FAULT_WEBHOOK_NO_HOST,      /* 400 push.webhookUrlNoHostOrAddress */
    FAULT_WEBHOOK_NOT_HTTPS,    /* 400 push.webhookUrlNotHttps */
    FAULT_WEBHOOK_UNAUTHORIZED, /* 400 push.webhookUrlUnauthorized */
    FAULT_TOO_MANY_CHANNELS,    /* 403 quotaExceeded */
    FAULT_OPENS_TOO_OFTEN,      /* 403 rateLimitExceeded */
    FAULT_BAD_SYNC_TOKEN,       /* 400 invalid */
    FAULT_NO_TOKEN,             /* 401 required */
    FAULT_BAD_TOKEN,            /* 401 authError */
    FAULT_FORBIDDEN_HOST,       /* 403: Host or Origin is not one of ours */
    FAULT_FORBIDDEN,            /* 403: the account itself may not see it at Google */
    FAULT_NO_SCOPE,             /* 403 insufficientPermissions: nor may its token */
    FAULT_NOT_FOUND,            /* 404 */
    FAULT_METHOD,               /* 405 */
    FAULT_SYNC_TOKEN_DEAD,      /* 410 fullSyncRequired */
    FAULT_BODY_TOO_LARGE,       /* 413 */
    FAULT_URI_TOO_LONG,         /* 414 */
    FAULT_CODING,               /* 415: a Content-Encoding that is not gzip */
    FAULT_TOO_MANY_STREAMS,     /* 429: of one client */
    FAULT_HEAD_TOO_LARGE,       /* 431 */
    FAULT_INTERNAL,             /* 500 backendError */
    FAULT_NOT_IMPLEMENTED,      /* 501: writes */
    FAULT_NOT_READY,            /* 503: not yet listed */
    FAULT_NOT_FRESH,            /* 504: data as fresh as asked for cannot be had */
};

/* Makes the answer an error. `location` names the parameter (or header) it is about, NULL: none;
 * `fmt` replaces the table's message, NULL: keep. Returns false, so that `return call_fail(...)`
 * reads well. */
bool call_fail(struct call *c, enum fault fault, const char *location, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Logs what went wrong here: at once, then of many the last one now and then. */
void fault_log(const struct err *e);
/* Logs the sentence, and answers 500 without it. */
bool call_fail_internal(struct call *c, const struct err *e);

/* Of something asked for by its id, an `event` or an `entry` of a collection: it is not there
 * (RC_NOTFOUND), as of when the collection is known; or its record is damaged, which was counted,
 * and is fetched again soon. */
bool call_fail_unread(struct call *c, const struct collection *coll, enum rc rc, const char *what);

#endif
