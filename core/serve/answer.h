/* answer: what is said about the body of an answer, beside the body itself. */
#ifndef CORE_SERVE_ANSWER_H
#define CORE_SERVE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#define CALL_ETAG_SIZE 24

struct answer {
    unsigned status;
    unsigned row;              /* of its route among the metrics, see metrics/requests.h */
    const char *type;          /* content type; NULL: JSON */
    const char *challenge;     /* WWW-Authenticate; NULL: no such header */
    bool secret;               /* not to be kept by anybody */
    const char *allow;         /* methods, for 405 and OPTIONS; NULL: no such header */
    const char *disposition;   /* Content-Disposition; static; NULL: no such header */
    char etag[CALL_ETAG_SIZE]; /* with its quotes; "" when there is none */
    char own[CALL_ETAG_SIZE];  /* likewise: of the one resource that it is, as in its body */
    uint32_t coll; /* made of this collection alone, of this version; 0: of others too */
    uint64_t version;
    uint32_t oldest;        /* the collection whose freshness is the answer's */
    bool mirrored;          /* the two below tell of mirrored data */
    int64_t changed_ms;     /* wall clock of the last change; 0 unknown */
    int64_t fresh_ms;       /* wall clock at which it was last known equal to Google's; 0 never */
    unsigned retry_after_s; /* 0: no such header */
    bool later;             /* none yet: the request waits (live/) */
};

#endif
