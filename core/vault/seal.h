/* seal: AES-256-GCM around one secret, bound to the account and the field that it belongs to.
 *
 * A record: "CMS1", the key's id (4 bytes), nonce (12), ciphertext, tag (16). */
#ifndef CORE_VAULT_SEAL_H
#define CORE_VAULT_SEAL_H

#include <stdint.h>

#include "core/base/err.h"
#include "core/base/secret.h"

#define SEAL_KEY_BYTES  32
#define SEAL_PLAIN_MOST 16384

struct seal_key {
    uint32_t id;         /* of its hash: tells keys apart, tells nothing about them */
    struct secret bytes; /* SEAL_KEY_BYTES */
};
void seal_key_release(struct seal_key *k);

/* 32 bytes as they are, or 64 hex digits with white space around them. RC_AUTH: neither. */
enum rc seal_key_read(struct span text, struct seal_key *ret, struct err *e);

/* What the secret is of. A record moved to another place does not open there. */
struct seal_place {
    const char *account, *field;
};

/* Appends the record. RC_INVALID: too long; RC_SYS. */
enum rc seal_write(const struct seal_key *k, const struct seal_place *place, struct span plain,
                   struct buf *out, struct err *e);
/* RC_BADDATA: not one of ours, changed, or sealed elsewhere. */
enum rc seal_open(const struct seal_key *k, const struct seal_place *place, struct span record,
                  struct secret *ret, struct err *e);
/* Which key opens it. RC_BADDATA: not a record. */
enum rc seal_key_id(struct span record, uint32_t *ret, struct err *e);

#endif
