/* doctor: what the checks of `calmirror doctor` share, for its own files. */
#ifndef CMD_CALMIRROR_DOCTOR_H
#define CMD_CALMIRROR_DOCTOR_H

#include "cmd/calmirror/cli.h"
#include "core/conf/conf.h"

enum level {
    LEVEL_OK,
    LEVEL_SKIP, /* could not be looked at: says why, and is no trouble in itself */
    LEVEL_WARN, /* works, but not as it should or not for long */
    LEVEL_FAIL, /* does not work */
    LEVEL_COUNT
};

struct finding {
    enum level level;
    const char *check;   /* a word; static */
    char *text, *advice; /* advice: what to do; NULL: nothing */
};

struct doctor {
    struct cli *cli;
    struct conf *conf;        /* NULL: there is no usable one */
    struct http_client *http; /* for Google and the public address */
    bool running;             /* the service answers */
    bool shut;                /* it does, but not to us */
    struct buf status;        /* its /v1/status, checked JSON; empty when it does not run */
    struct finding *v;
    size_t n, room;
};

/* Adds a finding; `advice` (NULL: none) is copied. Never a secret in either. */
void doctor_say(struct doctor *d, enum level level, const char *check, const char *advice,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* The host of a URL, without brackets; false: it is none. */
bool doctor_host(const char *url, char out[256]);
/* Does the name of this URL's host lead anywhere? False: said so. */
bool doctor_resolve(struct doctor *d, const char *check, const char *url);
/* Says until when a certificate is valid. `left_least_ms`: warns when less is left. */
void doctor_say_certificate(struct doctor *d, const char *check, const char *what, int64_t end_ms,
                            int64_t left_least_ms);

/* The checks, in the order in which they are made; each says at least one finding, or that it does
 * not apply. */
void doctor_config(struct doctor *d); /* loads d->conf */
void doctor_credentials(
    struct doctor *d); /* files: can they be read, by whom, are they what they should be */
void doctor_google(struct doctor *d);    /* name, way, clock */
void doctor_service(struct doctor *d);   /* fills d->running and d->status; accounts */
void doctor_store(struct doctor *d);     /* file system, space, map, readers, damage */
void doctor_calendars(struct doctor *d); /* collections, channels, odd events */
void doctor_health(struct doctor *d);    /* what the service finds itself; hooks */
void doctor_webhook(struct doctor *d);   /* does the public address lead here, its certificate */

#endif
