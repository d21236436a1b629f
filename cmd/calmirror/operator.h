/* operator: asks the service over its control socket, which only its user and root reach. */
#ifndef CMD_CALMIRROR_OPERATOR_H
#define CMD_CALMIRROR_OPERATOR_H

#include "cmd/calmirror/cli.h"

struct operator_door {
    struct http_client *http;
    char path[512]; /* of the socket */
};
struct operator_answer {
    long status;
    struct buf body;   /* checked JSON */
    char message[512]; /* of a refusal */
};

/* Finds the socket by the configuration. An exit status; what is wrong has been said. */
int operator_open(struct operator_door *d, const struct cli *cli);
void operator_close(struct operator_door *d);

/* EX_OK: an answer came, a refusal too. */
int operator_ask(struct operator_door *d, const char *path, const struct buf *body,
                 struct operator_answer *ret);
void operator_answer_release(struct operator_answer *a);
/* Says what was refused; its exit status, EX_OK when nothing was. */
int operator_verdict(const struct operator_answer *a);

/* Opens, asks once, gives the verdict, closes. */
int operator_once(const struct cli *cli, const char *path, const struct buf *body,
                  struct operator_answer *ret);

#endif
