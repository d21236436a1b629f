/* tls: the certificate of a listener: read from files, checked, replaced while it is served. */
#ifndef CORE_HTTPD_TLS_H
#define CORE_HTTPD_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

struct tls; /* tls_look() is one thread's; listeners read what is in force at any time */

struct tls_files {
    const char *cert_file; /* PEM: the certificate, then those between it and the root */
    const char *key_file;  /* PEM, not encrypted */
    const char *host;      /* by which it is called; NULL: not checked */
};

/* What an operator wants to know of a certificate. Times are wall clock. */
struct tls_facts {
    int64_t not_before_ms, not_after_ms;
    bool names_host; /* the one asked for; true when none was */
    bool has_issuer; /* the next one of the chain is there, or it is its own issuer */
    char serial[65]; /* hexadecimal */
};

/* Reads both files and checks them: a key of others' (RC_AUTH), text that is no certificate or key,
 * a key that belongs to another certificate (RC_INVALID), files that cannot be read (RC_SYS). A
 * certificate that is over, not yet valid or names another host passes: it is for the caller to
 * judge. */
enum rc tls_check(const struct tls_files *files, struct tls_facts *ret, struct err *e);

/* As tls_check(); the strings are copied. */
enum rc tls_new(struct tls **ret, const struct tls_files *files, struct err *e);
void tls_free(struct tls *t); /* NULL ok; no listener uses it any more */

/* With less than this left its renewal should have happened: a week, or a third of a short life. */
int64_t tls_warn_ms(const struct tls_facts *facts);

enum tls_change { TLS_SAME, TLS_REPLACED, TLS_KEPT };
/* Have the files changed? If they rest as they are since the last look, or `now`, they are read:
 * TLS_REPLACED, new connections get the new one; TLS_KEPT, what they hold is not good, reason in
 * *e, the old one stays in force. Told once for each change. Cheap when there is none. */
enum tls_change tls_look(struct tls *t, bool now, struct err *e);

void tls_facts(const struct tls *t, struct tls_facts *ret); /* of what is in force */

#endif
