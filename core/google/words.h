/* words: text of the other side, made fit for one of our sentences. */
#ifndef CORE_GOOGLE_WORDS_H
#define CORE_GOOGLE_WORDS_H

#include <stddef.h>

#include "core/base/span.h"

/* A JSON string cut to `size`, with '?' for all but printable ASCII; "" when it is none, and when
 * it has an '@', since addresses do not belong in logs. */
void words_copy(struct span value, char *out, size_t size);

#endif
