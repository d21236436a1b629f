/* vault: the secrets that people entrusted to the service, sealed, in files of the state directory.
 *
 * STATE_DIR/secrets/ holds `key` (0600, made at the first start), `ACCOUNT.FIELD.sealed`, and while
 * keys change `key.old`. A key of the service manager, $CREDENTIALS_DIRECTORY/token-key, comes
 * before the file; token-key-old beside it opens what was sealed before. Only the service that
 * holds the lock of the state directory may open a vault. Keys are read when they are needed and
 * not kept. */
#ifndef CORE_VAULT_VAULT_H
#define CORE_VAULT_VAULT_H

#include <stdint.h>

#include "core/base/err.h"
#include "core/base/secret.h"

struct vault; /* thread-safe */

/* Makes directory and key when they are missing. `credentials_dir`: of the service manager, or
 * NULL. RC_AUTH: the key is not fit for use, with what to do; *ret is good even then, and each use
 * tries anew. Any other failure: no vault. */
enum rc vault_open(struct vault **ret, const char *state_dir, const char *credentials_dir,
                   struct err *e);
void vault_free(struct vault *v); /* NULL ok */

enum rc vault_put(struct vault *v, const char *account, const char *field, struct span plain,
                  struct err *e);
/* RC_NOTFOUND: there is none. RC_AUTH: the key (or the file) cannot be read, with what to do about
 * it. RC_BADDATA: no key that is here opens it. */
enum rc vault_get(struct vault *v, const char *account, const char *field, struct secret *ret,
                  struct err *e);
enum rc vault_drop(struct vault *v, const char *account, const char *field, struct err *e);

/* Changes whenever vault_get() may give something else. */
uint64_t vault_stamp(const struct vault *v, const char *account, const char *field);

/* Seals everything anew that another key than the present one sealed, then forgets older keys.
 * Goes on with what a crash interrupted. *ret_lost: records that no key opens; they stay as they
 * are. */
enum rc vault_reseal(struct vault *v, unsigned *ret_count, unsigned *ret_lost, struct err *e);
/* A new key, and everything sealed with it. The old key stays until that is done, so that a crash
 * at any point loses nothing. RC_INVALID: the key is the service manager's to change. */
enum rc vault_rotate(struct vault *v, unsigned *ret_count, struct err *e);

#endif
