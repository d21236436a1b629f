/* credential: key and token files, refused when others could have read them. */
#include "core/google/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/json.h"

#define FILE_BYTES_MOST 65536
#define TOKEN_MOST      4096
#define PEM_MOST        16384

static enum rc check_file(int fd, const char *path, size_t *ret_size, struct err *e)
{
    struct stat st;
    mode_t refused;

    if (fstat(fd, &st) < 0)
        return err_errno(e, "%s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, RC_AUTH, "%s: not a regular file", path);
    refused = st.st_uid == 0 ? 0037 : 0077;
    if (st.st_mode & refused)
        return err_set(e, RC_AUTH, "%s: others have access to it (mode %04o): chmod 600", path,
                       (unsigned)(st.st_mode & 07777));
    if (st.st_size <= 0 || st.st_size > FILE_BYTES_MOST)
        return err_set(e, RC_AUTH, "%s: %s", path, st.st_size <= 0 ? "empty" : "too large");
    *ret_size = (size_t)st.st_size;
    return RC_OK;
}

static enum rc read_all(int fd, const char *path, size_t size, struct secret *ret, struct err *e)
{
    struct buf b = {.cap = FILE_BYTES_MOST};
    enum rc rc = RC_OK;
    ssize_t n = 1;

    while (n > 0 && buf_reserve(&b, size - b.n) && b.n < size) {
        n = read(fd, b.p + b.n, size - b.n);
        if (n > 0)
            b.n += (size_t)n;
    }
    if (n < 0)
        rc = err_errno(e, "%s", path);
    else if (b.failed || !secret_set(ret, buf_span(&b)))
        rc = err_set(e, RC_SYS, "%s: out of memory", path);
    secret_wipe_buf(&b);
    return rc;
}

enum rc credential_read_file(const char *path, struct secret *ret, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* never wait on a fifo */
    size_t size = 0;
    enum rc rc;

    if (fd < 0)
        return err_set(e, RC_AUTH, "%s: %s", path, strerror(errno));
    rc = check_file(fd, path, &size, e);
    if (!rc)
        rc = read_all(fd, path, size, ret, e);
    close(fd);
    return rc;
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
    enum rc rc = credential_read_file(path, &file, e);

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
    enum rc rc = credential_read_file(path, &file, e);

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
