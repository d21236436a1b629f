/* call: one API call on its way through the server: what was asked, what is answered. */
#ifndef CORE_SERVE_CALL_H
#define CORE_SERVE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/conf/conf.h"
#include "core/serve/access.h"
#include "core/serve/answer.h"
#include "core/serve/fields.h"
#include "core/serve/params.h"
#include "core/serve/tally.h"
#include "storage/accounts.h"
#include "storage/store.h"

#define CALL_SEGMENTS_MAX 3

struct aside;
struct httpd_request;
struct memo;
struct queue;
struct route;
struct series_cache;
struct token_key;

/* One is used for all calls of a loop, one after another: the buffers keep their memory. */
struct call {
    struct serve *serve;
    const struct conf *conf;
    struct store *store;
    struct queue *queue;
    const struct token_key *token_key;
    struct series_cache *series;
    struct memo *memo; /* NULL: none */
    const struct route *route;
    struct caller caller; /* who asks */
    int64_t begin_us;     /* monotonic */
    int64_t now_ms;       /* wall clock */
    uint64_t commits;     /* of the store, before anything was read */

    const char *method;
    struct span path, query, body;                               /* as sent */
    const char *(*header)(const void *source, const char *name); /* of the request; NULL: absent */
    const void *source;
    struct httpd_request *request; /* which may be answered later; NULL: part of a batch */
    struct aside *aside;           /* whose thread it runs on; NULL: the loop's */
    struct tally tally;            /* there: the loop's, when the call came in */
    int64_t wait_until_ms;         /* monotonic: of one that has waited; 0: it is new */
    uint64_t wait_from;            /* likewise: the number of the store's last change then */

    struct span segment[CALL_SEGMENTS_MAX]; /* the path's parameters, decoded, in order */
    struct params params;
    struct fields fields;  /* what of the answer is asked for */
    struct buf unpacked;   /* the body, if it came packed */
    struct buf cut_path;   /* the path without a token, if it had one */
    struct buf cut_query;  /* the query without tokens, if it had any */
    struct buf text;       /* decoded text that `segment` and `params` point into */
    struct buf page_text;  /* the bytes of a page token, or the query that the next one will hold */
    struct buf page_query; /* decoded text of a query that came in a page token */

    struct txn *txn;       /* while a handler reads; ended before the answer is sent */
    struct buf out;        /* the body */
    size_t expected_bytes; /* of the body: as many as the last one had */
    struct answer answer;
};

/* Opens c->txn. False: answered with an error. */
bool call_read(struct call *c);
bool call_range(struct call *c); /* timeMin before timeMax, if both are given. False: likewise */

/* Route, parameters, handler, the caller being known: then c->out and c->answer are complete but
 * for the form (reply.h). */
void call_run(struct call *c);
void call_reset(struct call *c); /* ready for the next one */
void call_release(struct call *c);

#endif
