/* verify: whether increments made of a calendar what Google has: judges a full listing before it
 * repairs. */
#ifndef CORE_SYNC_VERIFY_H
#define CORE_SYNC_VERIFY_H

#include "core/sync/run.h"

struct verify {          /* `= { 0 }` is empty */
    bool judged;         /* what changed since the last increment is known */
    const char *why_not; /* static text */
    int64_t settled_ms;  /* a change of Google's after this may be missing in increments yet */
    uint64_t drift;      /* differences that nothing explains */
    struct buf lines;    /* what to log of them, each ends with NUL */
};
void verify_release(struct verify *v);

/* In the transaction that begins it: what is asked for from then on is another one. */
void verify_begin(struct job *job, enum job_verify what);
/* Before the last page of a verifying listing is stored: takes the increments up to now, so that
 * what they bring explains what differs. RC_OK also when that cannot be had: then nothing is
 * judged. */
enum rc verify_pull(struct run *r, struct verify *v, struct err *e);
/* Once the last page is in the stage: counts, and writes the verdict down. */
void verify_judge(struct run *r, struct txn *t, struct verify *v);
/* After the commit. */
void verify_log(const struct run *r, const struct verify *v);

/* Compares what clients are told of the instances with Google's own expansion, in the window of the
 * job; writes the verdict down. */
enum rc verify_instances(struct run *r, struct err *e);

#endif
