/* credential: the JSON forms of Google's console, gcloud and client libraries; token files. */
#include "core/google/credential.h"

#include <openssl/pem.h>

#include "core/base/json.h"
#include "core/base/private.h"
#include "core/base/text.h"

#define TOKEN_MOST 4096
#define WORD_MOST  2048 /* an id, a secret, a refresh token */
#define PEM_MOST   16384

/* A credential that is not there is a matter for the operator, like one that is no good. */
static enum rc read_file(const char *path, struct secret *ret, struct err *e)
{
    enum rc rc = private_read(path, ret, e);

    return rc == RC_NOTFOUND ? RC_AUTH : rc;
}

static int no_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out, (void)size, (void)writing, (void)arg;
    return -1; /* or OpenSSL would ask on the terminal */
}

static enum rc read_pem(struct span value, EVP_PKEY **ret, struct err *e)
{
    struct buf pem = {.cap = PEM_MOST};
    EVP_PKEY *key = NULL;
    BIO *bio = NULL;

    buf_reserve(&pem, value.n < PEM_MOST ? value.n : PEM_MOST);
    if (json_string(value, &pem) && !pem.failed)
        bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    if (bio)
        key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    secret_wipe_buf(&pem);
    if (!key)
        return err_set(e, RC_AUTH, "private_key: not an unencrypted PEM key");
    if (!EVP_PKEY_is_a(key, "RSA")) {
        EVP_PKEY_free(key);
        return err_set(e, RC_AUTH, "private_key: not an RSA key");
    }
    *ret = key;
    return RC_OK;
}

static enum rc check_object(struct span json, struct err *e)
{
    if (json_check(json, NULL) || json_type_of(json) != JSON_OBJECT)
        return err_set(e, RC_AUTH, "not JSON: is this the file that Google gave out?");
    return RC_OK;
}

static enum rc parse_service(struct span json, struct service_key *ret, struct err *e)
{
    struct service_key k = {0};

    if (!json_string_copy(json_get(json, "client_email"), k.email, sizeof(k.email)) || !k.email[0])
        return err_set(e, RC_AUTH, "client_email is missing");
    if (!json_string_copy(json_get(json, "private_key_id"), k.key_id, sizeof(k.key_id)))
        k.key_id[0] = '\0';
    enum rc rc = read_pem(json_get(json, "private_key"), &k.key, e);
    if (!rc)
        *ret = k;
    return rc;
}

/* A member that is one word. Wiped on the way: it may be a secret. */
static enum rc read_word(struct span json, const char *name, struct secret *ret, struct err *e)
{
    struct buf text = {.cap = WORD_MOST};
    struct span value = json_get(json, name);
    enum rc rc = RC_OK;

    buf_reserve(&text, value.n < WORD_MOST ? value.n : WORD_MOST);
    if (value.n == 0)
        rc = err_set(e, RC_AUTH, "%s is missing", name);
    else if (!json_string(value, &text) || text.failed || !text_is_word(buf_span(&text)))
        rc = err_set(e, RC_AUTH, "%s is not one word", name);
    else if (!secret_set(ret, buf_span(&text)))
        rc = err_set(e, RC_SYS, "out of memory");
    secret_wipe_buf(&text);
    return rc;
}

static enum rc parse_client(struct span json, struct oauth_client *ret, struct err *e)
{
    struct oauth_client c = {0};
    struct secret id = {0};
    enum rc rc = read_word(json, "client_id", &id, e);

    if (!rc && !text_copy(c.id, sizeof(c.id), secret_span(&id)))
        rc = err_set(e, RC_AUTH, "client_id is too long");
    if (!rc && json_get(json, "client_secret").n > 0)
        rc = read_word(json, "client_secret", &c.secret, e);
    secret_release(&id);
    if (rc)
        oauth_client_release(&c);
    else
        *ret = c;
    return rc;
}

static enum rc parse_user(struct span json, struct user_key *ret, struct err *e)
{
    struct user_key u = {0};
    enum rc rc = parse_client(json, &u.client, e);

    if (!rc)
        rc = read_word(json, "refresh_token", &u.refresh_token, e);
    struct span project = json_string_plain(json_get(json, "quota_project_id"));
    if (!rc && project.n > 0 &&
        (!text_is_word(project) || !text_copy(u.quota_project, sizeof(u.quota_project), project)))
        rc = err_set(e, RC_AUTH, "quota_project_id is not the name of a project");
    if (rc) {
        oauth_client_release(&u.client);
        secret_release(&u.refresh_token);
        return rc;
    }
    *ret = u;
    return RC_OK;
}

enum rc credential_parse(struct span json, struct credential *ret, struct err *e)
{
    struct credential c = {0};
    enum rc rc = check_object(json, e);

    if (rc)
        return rc;
    struct span type = json_string_plain(json_get(json, "type"));
    if (span_is(type, "service_account"))
        c.kind = CREDENTIAL_SERVICE;
    else if (span_is(type, "authorized_user") ||
             (type.n == 0 && json_get(json, "refresh_token").n > 0))
        c.kind = CREDENTIAL_USER;
    else if (json_get(json, "installed").n > 0)
        return err_set(e, RC_AUTH,
                       "an OAuth client, not a credential: name it with `oauth` instead");
    else
        return err_set(e, RC_AUTH,
                       "neither the key of a service account nor a login that another "
                       "program stored");
    rc = c.kind == CREDENTIAL_SERVICE ? parse_service(json, &c.service, e)
                                      : parse_user(json, &c.user, e);
    if (!rc)
        *ret = c;
    return rc;
}

enum rc credential_read(const char *path, struct credential *ret, struct err *e)
{
    struct secret file = {0};
    enum rc rc = read_file(path, &file, e);

    if (rc)
        return rc;
    rc = credential_parse(secret_span(&file), ret, e);
    secret_release(&file);
    return rc ? err_prefix(e, rc, "%s", path) : RC_OK;
}

enum rc credential_parse_client(struct span json, struct oauth_client *ret, struct err *e)
{
    enum rc rc = check_object(json, e);

    if (rc)
        return rc;
    if (json_type_of(json_get(json, "installed")) == JSON_OBJECT)
        return parse_client(json_get(json, "installed"), ret, e);
    if (json_get(json, "web").n > 0)
        return err_set(e, RC_AUTH,
                       "an OAuth client of type \"Web application\": create one of "
                       "type \"Desktop app\"");
    return err_set(e, RC_AUTH, "not the file of an OAuth client of type \"Desktop app\"");
}

enum rc credential_read_client(const char *path, struct oauth_client *ret, struct err *e)
{
    struct secret file = {0};
    enum rc rc = read_file(path, &file, e);

    if (rc)
        return rc;
    rc = credential_parse_client(secret_span(&file), ret, e);
    secret_release(&file);
    return rc ? err_prefix(e, rc, "%s", path) : RC_OK;
}

void oauth_client_release(struct oauth_client *c)
{
    secret_release(&c->secret);
    *c = (struct oauth_client){0};
}

void credential_release(struct credential *c)
{
    EVP_PKEY_free(c->service.key); /* wipes the private numbers */
    oauth_client_release(&c->user.client);
    secret_release(&c->user.refresh_token);
    *c = (struct credential){0};
}

enum rc credential_read_token(const char *path, struct secret *ret, struct err *e)
{
    struct secret file = {0};
    enum rc rc = read_file(path, &file, e);

    if (rc)
        return rc;
    struct span word = text_trim(secret_span(&file));
    if (!text_is_word(word) || word.n > TOKEN_MOST)
        rc = err_set(e, RC_AUTH, "%s: not one access token", path);
    else if (!secret_set(ret, word))
        rc = err_set(e, RC_SYS, "%s: out of memory", path);
    secret_release(&file);
    return rc;
}
