/* control: the operator's door: a unix socket in the state directory, where people sign in and out
 * and keys are changed.
 *
 * STATE_DIR/control/socket, in a folder that only the service's user (and root) can enter. JSON
 * over HTTP; see README.md. */
#ifndef CORE_CONTROL_CONTROL_H
#define CORE_CONTROL_CONTROL_H

#include "core/base/err.h"
#include "core/conf/conf.h"
#include "core/vault/vault.h"

#define CONTROL_SOCKET "control/socket" /* below the state directory */

struct control;
struct control_options {
    const struct conf *conf;
    struct vault *vault; /* borrowed; NULL: nobody can sign in */
    /* A login came or went; from the thread of the socket. */
    void (*changed)(void *arg, const char *account);
    void *arg;
};

/* Binds and starts the thread. */
enum rc control_start(struct control **ret, const struct control_options *opt, struct err *e);
void control_stop(struct control *c); /* NULL ok; a request to Google under way is broken off */
/* From any thread. */
void control_reload(struct control *c, const struct conf *conf);

#endif
