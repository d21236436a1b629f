/* cert: the certificate of the webhook's listener: whether Google will take it, and what the log
 * says of it. */
#ifndef CORE_PING_CERT_H
#define CORE_PING_CERT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

/* `= { 0 }`: none, plain HTTP. */
struct cert {
    struct tls *tls;
    int64_t judged_ms; /* monotonic: when the log was last told */
};

/* RC_OK and no certificate when `cert_file` is "" or NULL; else as tls_new(). */
enum rc cert_open(struct cert *c, const char *cert_file, const char *key_file,
                  const char *public_url, struct err *e);
void cert_close(struct cert *c);

/* Takes up a new one (see tls_look()), and says once a day what is wrong with the one in force. */
void cert_look(struct cert *c, bool now);

#endif
