/* etag: validators made of what an answer depends on, before any of it is read. */
#ifndef CORE_SERVE_ETAG_H
#define CORE_SERVE_ETAG_H

#include "core/model/collection.h"
#include "core/serve/call.h"

/* Everything else that decides the body: bytes or a number, mixed in by etag_add(). */
struct etag {
    uint64_t hash;
};

/* Begins with what counts for every answer: store, program version, the rules of time zones, and
 * the request itself. */
struct etag etag_of_call(const struct call *c);
void etag_add(struct etag *e, const void *p, size_t n);
void etag_add_number(struct etag *e, uint64_t number);
/* A version of content, which stays what it is in a store put back from a backup (lineage.h). */
void etag_add_version(struct etag *e, const struct call *c, uint64_t seq);
/* Writes it as the answer's: "\"p" and 13 characters, as Google's look. */
void etag_set(struct call *c, const struct etag *e);
/* Besides, the answer is known by the "etag" of the resource, which clients have read in its body.
 * Only for resources that have another with each change. */
void etag_set_own(struct call *c, struct span resource);

/* Age and Last-Modified of the answer are those of the collection. */
void answer_from_collection(struct call *c, const struct collection *coll);

/* True if the client has this answer already: it is a 304 now and needs no body. */
bool call_not_modified(struct call *c);

#endif
