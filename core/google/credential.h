/* credential: reads the files that prove who we are. Each is refused when others can read it. */
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

/* A program as Google's console registers it. */
struct oauth_client {
    char id[257];
    struct secret secret; /* empty: it has none */
};
void oauth_client_release(struct oauth_client *c);

/* The login of a person that another program made: gcloud, Google's client libraries. */
struct user_key {
    struct oauth_client client;
    struct secret refresh_token;
    char quota_project[129]; /* whose quota is used; "" = the client's own */
};

enum credential_kind { CREDENTIAL_SERVICE = 1, CREDENTIAL_USER };
struct credential {
    enum credential_kind kind; /* which of the two there is */
    struct service_key service;
    struct user_key user;
};
void credential_release(struct credential *c);

/* All of these: RC_AUTH with the sentence for the operator, RC_SYS. */

/* "service_account" or "authorized_user"; a file with a refresh token and no type is the latter. */
enum rc credential_read(const char *path, struct credential *ret, struct err *e);
enum rc credential_parse(struct span json, struct credential *ret, struct err *e);

/* The file of an OAuth client of type "Desktop app" ("installed"), as the console hands it out. */
enum rc credential_read_client(const char *path, struct oauth_client *ret, struct err *e);
enum rc credential_parse_client(struct span json, struct oauth_client *ret, struct err *e);

/* The token in a file: its only word. */
enum rc credential_read_token(const char *path, struct secret *ret, struct err *e);

#endif
