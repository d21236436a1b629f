/* credential: key and token files, refused when others could have read them. */
#include "core/google/credential.h"

#include <openssl/pem.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/private.h"

#define TOKEN_MOST 4096
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

static enum rc parse_key(struct span json, struct service_key *ret, struct err *e)
{
    struct service_key k = {0};
    enum rc rc;

    if (json_check(json, NULL) || json_type_of(json) != JSON_OBJECT)
        return err_set(e, RC_AUTH, "not JSON: is this the key file Google gave out?");
    if (!span_is(json_string_plain(json_get(json, "type")), "service_account"))
        return err_set(e, RC_AUTH, "not the key of a service account");
    if (!json_string_copy(json_get(json, "client_email"), k.email, sizeof(k.email)) || !k.email[0])
        return err_set(e, RC_AUTH, "client_email is missing");
    if (!json_string_copy(json_get(json, "private_key_id"), k.key_id, sizeof(k.key_id)))
        k.key_id[0] = '\0';
    rc = read_pem(json_get(json, "private_key"), &k.key, e);
    if (!rc)
        *ret = k;
    return rc;
}

enum rc credential_read_key(const char *path, struct service_key *ret, struct err *e)
{
    struct secret file = {0};
    enum rc rc = read_file(path, &file, e);

    if (rc)
        return rc;
    rc = parse_key(secret_span(&file), ret, e);
    secret_release(&file);
    return rc ? err_prefix(e, rc, "%s", path) : RC_OK;
}

void service_key_release(struct service_key *k)
{
    EVP_PKEY_free(k->key); /* wipes the private numbers */
    *k = (struct service_key){0};
}

/* Printable ASCII without spaces: what may stand in a header. */
static bool is_word(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n > 0;
}

enum rc credential_read_token(const char *path, struct secret *ret, struct err *e)
{
    struct secret file = {0};
    enum rc rc = read_file(path, &file, e);

    if (rc)
        return rc;
    struct span word = secret_span(&file);
    while (word.n > 0 && strchr(" \t\r\n", word.p[word.n - 1]))
        word.n--;
    while (word.n > 0 && strchr(" \t\r\n", word.p[0])) {
        word.p++;
        word.n--;
    }
    if (!is_word(word) || word.n > TOKEN_MOST)
        rc = err_set(e, RC_AUTH, "%s: not one access token", path);
    else if (!secret_set(ret, word))
        rc = err_set(e, RC_SYS, "%s: out of memory", path);
    secret_release(&file);
    return rc;
}
