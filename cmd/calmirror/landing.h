/* landing: where a browser comes back to after Google's page: a loopback port, or a pasted line. */
#ifndef CMD_CALMIRROR_LANDING_H
#define CMD_CALMIRROR_LANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/span.h"

enum landing_verdict {
    LANDING_OTHER = 1, /* not ours: something else on this machine knocked */
    LANDING_DONE,      /* it is over, well or badly */
};
/* Judges what came: the query of a request, or a line. From one thread at a time; `message` is for
 * the page that the person sees, *ret_good colours it. */
typedef enum landing_verdict landing_fn(void *arg, struct span redirect, bool *ret_good,
                                        char message[512]);

struct landing;
/* port 0: the kernel picks one. */
enum rc landing_open(struct landing **ret, uint16_t port, landing_fn *judge, void *arg,
                     struct err *e);
void landing_close(struct landing *l);            /* NULL ok; the last page is sent */
const char *landing_uri(const struct landing *l); /* "http://127.0.0.1:PORT" */

/* Until it is done: true; false after `wait_ms`. `paste`: lines of the standard input count too. */
bool landing_wait(struct landing *l, bool paste, int64_t wait_ms);

#endif
