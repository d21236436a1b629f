/* fault: rules that make requests fail, wait, break off or crawl. */
#ifndef EMULATOR_FAULT_H
#define EMULATOR_FAULT_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/emulator/json.h"

struct req;
struct emu;

struct fault {
    struct fault *next;
    int refs;
    uint64_t id, hits;
    struct json_object *spec; /* as given */
    /* which requests */
    char *match, *query, *user; /* globs; match starting with '~' is a regular expression */
    regex_t regex;
    bool is_regex;
    int64_t skip, count; /* let pass, then strike; count < 0: for ever */
    /* what happens to them */
    bool after;         /* the request takes effect first, then its answer suffers */
    int status;         /* 0: the real answer */
    struct buf body;    /* with status */
    char *content_type; /* of it */
    int64_t delay_ms, truncate_bytes, keep_bytes, trickle_bytes, trickle_ms; /* -1: not set */
    bool hold, hang, drop;
};

struct faults {
    struct fault *first;
    uint64_t last_id;
};

/* NULL with *ret_why (a literal) when the rule makes no sense. */
struct fault *fault_add(struct faults *f, struct json_object *spec, const char **ret_why);
int fault_delete(struct faults *f, uint64_t id); /* 0: all */
struct json_object *fault_describe(const struct fault *f);
void faults_release(struct faults *f);

/* The rule that strikes this request, counted; NULL: none. Give it back with fault_put. */
struct fault *fault_find(struct faults *f, const struct req *r);
void fault_put(struct fault *f);

/* Begins the wait the rule asks for; false: there is none. The request is woken by the server. */
bool fault_wait(struct req *r);
/* Replaces the answer when the rule has one. */
bool fault_replace(struct req *r);
/* Lets held requests go on, the oldest first; count < 0: all. Says how many. */
int faults_release_held(struct emu *e, uint64_t fault_id, int count, bool hung);

#endif
