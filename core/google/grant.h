/* grant: what each kind of credential is traded for, and what to do when it no longer works. */
#ifndef CORE_GOOGLE_GRANT_H
#define CORE_GOOGLE_GRANT_H

#include "core/google/token.h"

/* Where an account's credential is; exactly one of the three files is set. */
struct grant_source {
    char *name;      /* of the account, for sentences */
    char *token_url; /* also the audience of what we sign */
    char *key_file, *subject;
    char *token_file;
    char *client_file; /* OAuth client, with the login that `read_login` gives */
    char *scope;       /* separated by spaces */
    enum rc (*read_login)(void *arg, struct secret *ret, struct err *e); /* RC_NOTFOUND: none */
    void *read_login_arg;
};

/* Reads everything once, to say at once what is wrong. `project`: whose quota is used, "" = the
 * client's own. */
#define GRANT_PROJECT_MAX 129
enum rc grant_check(const struct grant_source *s, char project[GRANT_PROJECT_MAX], struct err *e);

/* May take as long as the token endpoint does. `refused`: the token that got a 401, or NULL. Other
 * than RC_OK sets ret->blame and nothing else. */
enum rc grant_fetch(const struct grant_source *s, struct http_client *c, const char *refused,
                    struct token *ret, struct err *e);

/* Ends the sentence in *e with what a person has to do about it. */
void grant_advise(const struct grant_source *s, enum account_state blame, struct err *e);

#endif
