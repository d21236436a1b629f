/* sign: the header that tells a hook's receiver that a POST is ours, and of now. */
#ifndef CORE_PUSH_SIGN_H
#define CORE_PUSH_SIGN_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/secret.h"

#define SIGN_HEADER "Calmirror-Signature"

/* Appends "Calmirror-Signature: t=1795000000,v1=HEX" with HMAC-SHA256 over "t.body"; one more
 * ",v1=HEX" for each further secret, so that during a rotation either end may be the first to
 * change. Empty secrets are passed over. */
void sign_header(struct buf *out, const struct secret *secrets, unsigned n, int64_t time_s,
                 struct span body);

#endif
