/* operator: the token of whoever may read the state directory, which opens the whole local API. */
#ifndef CORE_DAEMON_OPERATOR_H
#define CORE_DAEMON_OPERATOR_H

#include "core/base/bearer.h"
#include "core/base/err.h"
#include "core/base/secret.h"

/* Makes a new one, in STATE_DIR/operator.token with mode 0600, and gives its hash. */
enum rc operator_token_make(const char *state_dir, char ret_hash[BEARER_HASH_SIZE], struct err *e);
/* Reads it. RC_NOTFOUND: there is none, or not for us. */
enum rc operator_token_read(const char *state_dir, struct secret *ret, struct err *e);

#endif
