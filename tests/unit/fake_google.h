/* fake_google: credential files and token endpoint answers for tests of core/google. */
#ifndef TESTS_UNIT_FAKE_GOOGLE_H
#define TESTS_UNIT_FAKE_GOOGLE_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sys/stat.h>

#include "core/base/json.h"
#include "core/base/text.h"
#include "tests/unit/fake_http.h"

/* A folder of its own with a key file and a token file in it. */
struct fake_files {
    char dir[64];
    char key[96], token[96];
    EVP_PKEY *pkey;
};

static inline void fake_write(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");

    assert(f);
    fputs(text, f);
    fclose(f);
    chmod(path, mode);
}

static inline void fake_write_key(const char *path, EVP_PKEY *pkey, const char *email)
{
    struct buf json = {0};
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    long n;

    PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
    n = BIO_get_mem_data(bio, &pem);
    buf_printf(&json, "{\"type\":\"service_account\",\"client_email\":\"%s\",", email);
    buf_add_text(&json, "\"private_key_id\":\"key-1\",\"private_key\":");
    buf_add_json(&json, (struct span){pem, (size_t)n});
    buf_add_text(&json, "}\n");
    fake_write(path, buf_text(&json), 0600);
    buf_release(&json);
    BIO_free(bio);
}

static inline void fake_files_make(struct fake_files *f)
{
    strcpy(f->dir, "/tmp/calmirror-google-XXXXXX");
    char *dir = mkdtemp(f->dir);
    assert(dir);
    snprintf(f->key, sizeof(f->key), "%s/key.json", f->dir);
    snprintf(f->token, sizeof(f->token), "%s/token", f->dir);
    f->pkey = EVP_RSA_gen(2048);
    fake_write_key(f->key, f->pkey, "robot@project.iam.gserviceaccount.com");
    fake_write(f->token, "  file-token-1\n", 0600);
}

static inline void fake_files_remove(struct fake_files *f)
{
    unlink(f->key);
    unlink(f->token);
    rmdir(f->dir);
    EVP_PKEY_free(f->pkey);
}

/* True when `jwt` was signed with the key's private half; header and claims decoded. */
static inline bool fake_jwt_verify(EVP_PKEY *pkey, struct span jwt, struct buf *ret_header,
                                   struct buf *ret_claims)
{
    const char *dot = memchr(jwt.p, '.', jwt.n);
    const char *last = memrchr(jwt.p, '.', jwt.n);
    struct buf signature = {0};

    if (!dot || dot == last ||
        !text_base64url_decode(ret_header, (struct span){jwt.p, (size_t)(dot - jwt.p)}) ||
        !text_base64url_decode(ret_claims, (struct span){dot + 1, (size_t)(last - dot - 1)}) ||
        !text_base64url_decode(&signature,
                               (struct span){last + 1, jwt.n - (size_t)(last + 1 - jwt.p)})) {
        buf_release(&signature);
        return false;
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, pkey, NULL) == 1 &&
              EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
                               (const unsigned char *)jwt.p, (size_t)(last - jwt.p)) == 1;
    EVP_MD_CTX_free(ctx);
    buf_release(&signature);
    return ok;
}

#endif
