/* bearer: tokens that programs show at the local API: making one, and the hash that is kept of it.
 */
#ifndef CORE_BASE_BEARER_H
#define CORE_BASE_BEARER_H

#include "core/base/span.h"

#define BEARER_SIZE      (3 + 43 + 1) /* "cm_", base64url of 32 random bytes, NUL */
#define BEARER_HASH_SIZE (2 * 32 + 1) /* SHA-256 in lower-case hex, NUL */

void bearer_make(char out[BEARER_SIZE]);
/* 256 random bits cannot be guessed from their hash, however plain. "" when out of memory. */
void bearer_hash(struct span token, char out[BEARER_HASH_SIZE]);

#endif
