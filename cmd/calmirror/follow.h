/* follow: the service's stream of changes, followed across its ends and restarts. */
#ifndef CMD_CALMIRROR_FOLLOW_H
#define CMD_CALMIRROR_FOLLOW_H

#include "cmd/calmirror/cli.h"

struct follower {
    /* An entry: its type, and the JSON object of it on one line. False: enough. What it was given
     * is not given again, also when the service goes away meanwhile. */
    bool (*take)(void *arg, const char *type, struct span json);
    void (*alive)(void *arg); /* once a second, at least; NULL ok */
    void *arg;
};

/* `query` of /v1/stream. Comes back by itself whenever the stream ends, waiting longer each time
 * that nobody answers. Returns when `take` says so, when the service cannot be reached to begin
 * with, or when it refuses. */
int follow(struct cli *cli, const char *query, const struct follower *f);

/* client.c: reads a stream until it ends, or until `piece` says so by false: EX_OK; else as
 * cli_get(). `alive` is called once a second, at least. */
struct cli_taker {
    bool (*piece)(void *arg, struct span piece);
    void (*alive)(void *arg);
    void *arg;
};
int cli_stream(struct cli *cli, const char *path, const char *last_id,
               const struct cli_taker *taker);

#endif
