/* credential: reads what proves who we are: a service account key, or a bearer token somebody else
 * renews. */
#ifndef CORE_GOOGLE_CREDENTIAL_H
#define CORE_GOOGLE_CREDENTIAL_H

#include <openssl/evp.h>

#include "core/base/err.h"
#include "core/base/secret.h"

/* A service account key in Google's JSON form. */
struct service_key {
    char email[321];  /* client_email */
    char key_id[129]; /* private_key_id; "" if the file has none */
    EVP_PKEY *key;    /* RSA */
};
enum rc credential_read_key(const char *path, struct service_key *ret, struct err *e);
void service_key_release(struct service_key *k);

/* The token in a file: its only word. */
enum rc credential_read_token(const char *path, struct secret *ret, struct err *e);

#endif
