/* probe: proof that a request to the public address reaches this very service.
 *
 * Whoever runs it (calmirror doctor) asks the local API for a probe, sends it to the public address
 * in the headers of a notification, and asks the local API whether it came. The webhook answers as
 * always, so that nobody else learns anything. */
#ifndef CORE_QUEUE_PROBE_H
#define CORE_QUEUE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/span.h"

#define PROBE_ID_MAX    32
#define PROBE_TOKEN_MAX 64

/* A new one. `secret`: store_secret(). */
void probe_make(const uint8_t secret[32], char id[PROBE_ID_MAX], char token[PROBE_TOKEN_MAX]);

/* Notes that it came, when the token is the one that goes with the id; false: it is no probe of
 * ours. Constant time in the token. */
bool probe_take(const uint8_t secret[32], struct span id, struct span token);

/* Did it come? Of the last PROBES_KEPT to this process. */
#define PROBES_KEPT 16
bool probe_came(struct span id);

#endif
