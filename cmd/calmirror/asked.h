/* asked: what the service was asked to do with calendars, watched until it is done. */
#ifndef CMD_CALMIRROR_ASKED_H
#define CMD_CALMIRROR_ASKED_H

#include "cmd/calmirror/cli.h"
#include "core/base/limits.h"

/* One collection that was asked for. */
struct asked {
    int64_t number;
    int64_t failures; /* of its runs, when first looked at; -1 not yet */
    char calendar[LIMIT_ID_BYTES + 1], account[LIMIT_NAME_BYTES + 1];
    char error[256]; /* the last one seen: a run that gets further before it fails clears it */
    bool seen;       /* in the status that is looked at */
    bool done, failed;
    uint64_t items; /* of the listing under way */
    int64_t drift;  /* what verifications had found before it was asked for */
};

struct asked_list {
    const char *owed; /* member of the status that is true until it is done, and the bar's name */
    bool silent;      /* says nothing of those that succeed */
    struct asked *v;  /* ascending by number */
    size_t n;
};
void asked_release(struct asked_list *w);
/* NULL: it is none of those that were asked for. */
struct asked *asked_find(const struct asked_list *w, int64_t number);

/* The body of the request: the calendar and account of the command line, and the members `more`. */
void asked_write_request(const struct cli *cli, const char *more, struct buf *out);
/* Takes up what the service says it was asked for. */
void asked_read(struct span answer, struct asked_list *w);
/* With a progress bar on a terminal; says of each how it went. EX_OK, EX_UNAVAILABLE when one
 * failed, else as cli_get(). */
int asked_wait(struct cli *cli, struct asked_list *w);
/* "ACCOUNT  CALENDAR  OUTCOME": to stdout, or of those that failed to stderr. */
void asked_report(const struct asked *a, const char *outcome);

#endif
