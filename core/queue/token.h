/* token: the secret that Google echoes with each ping: proof that a channel is one we asked for. */
#ifndef CORE_QUEUE_TOKEN_H
#define CORE_QUEUE_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/span.h"

#define CHANNEL_TOKEN_MAX 64 /* "<collection>.<43 characters>" and a NUL; Google allows 256 */

/* base64url(HMAC-SHA256(secret, "channel" 0 id 0 collection)), behind the number of the collection,
 * so that a ping of a channel whose record is lost can still be told from a forgery. `secret`:
 * store_secret(), 32 bytes. */
void channel_token(const uint8_t secret[32], struct span id, uint32_t coll,
                   char out[CHANNEL_TOKEN_MAX]);

/* True when `token` is what channel_token() makes for this id and some collection; compared in
 * constant time. */
bool channel_token_check(const uint8_t secret[32], struct span id, struct span token,
                         uint32_t *ret_coll);

#endif
