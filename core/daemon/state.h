/* state: opens the state directory; what cannot be used is set aside and built anew from Google. */
#ifndef CORE_DAEMON_STATE_H
#define CORE_DAEMON_STATE_H

#include "core/conf/conf.h"
#include "core/vault/vault.h"
#include "storage/store.h"

/* RC_AGAIN: another process has it open. */
enum rc state_open(const struct conf *conf, struct store **ret, struct err *e);

/* Opens the vault, and finishes what a change of keys left; the store is open, so nobody else has
 * it. What is wrong is logged. NULL: there is none, and nobody can sign in. */
struct vault *state_vault(const struct conf *conf);

#endif
