/* tls: the certificate of a listener: read from files, checked, replaced while it is served.
 *
 * DESIGN. GnuTLS asks for the certificate at each handshake, in the thread of the loop, and goes on
 * using what it got until that handshake is over. So a new one is put in force by swapping one
 * pointer, and those that were replaced stay in memory until the end: a handshake may still sign
 * with one, and there are a few of them a year.
 *
 * Certificate and key are two files that nothing replaces at once. They are read when both have
 * been left alone between two looks; what does not fit together then is told of, and the next
 * change looked for. When there was no descriptor or memory to read them with, every look tries. */
#include "core/httpd/tls.h"

#include <fcntl.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/private.h"
#include "core/base/text.h"
#include "core/httpd/internal.h"

#define CERT_MOST  (256u << 10)
#define CHAIN_MOST 16

/* One certificate with its chain and key; immutable. */
struct pair {
    struct pair *older;
    gnutls_pcert_st chain[CHAIN_MOST];
    unsigned n;
    gnutls_privkey_t key;
    struct tls_facts facts;
};

/* By which a file is known to be the same: whatever is done to it sets the time of its change. */
struct stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec changed;
};

struct stamps {
    struct stamp cert, key;
};

struct tls {
    char *cert_file, *key_file, *host;
    _Atomic(struct pair *) pair;
    struct stamps taken, seen; /* what was read last; what the last look saw */
    bool owed;                 /* reading failed, and it was not for what the files hold */
};

static _Thread_local struct tls *serving; /* of the loop that runs in this thread */

/* ---- reading
 * ------------------------------------------------------------------------------------- */

static struct stamp stamp_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return (struct stamp){0};
    return (struct stamp){st.st_dev, st.st_ino, st.st_size, st.st_ctim};
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool same_stamps(const struct stamps *a, const struct stamps *b)
{
    return same_stamp(&a->cert, &b->cert) && same_stamp(&a->key, &b->key);
}

/* A certificate is no secret. */
static enum rc read_cert(const char *path, struct buf *ret, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* never wait on a fifo */
    enum rc rc = RC_OK;
    ssize_t n = 1;
    if (fd < 0)
        return err_errno(e, "%s", path);
    ret->cap = CERT_MOST;
    while (!rc && n > 0) {
        if (!buf_reserve(ret, 4096))
            rc = ret->n + 4096 > ret->cap ? err_set(e, RC_INVALID, "%s: too large", path)
                                          : err_set(e, RC_SYS, "%s: out of memory", path);
        else if ((n = read(fd, ret->p + ret->n, 4096)) < 0)
            rc = err_errno(e, "%s", path);
        else
            ret->n += (size_t)n;
    }
    close(fd);
    return rc;
}

static gnutls_datum_t datum(struct span s)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)s.p, (unsigned)s.n};
}

static enum rc refuse(struct err *e, const char *path, int code)
{
    return err_set(e, code == GNUTLS_E_MEMORY_ERROR ? RC_SYS : RC_INVALID, "%s: %s", path,
                   gnutls_strerror(code));
}

static int64_t moment_ms(const ASN1_TIME *t)
{
    struct tm tm;
    return t && ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) * 1000 : 0;
}

/* Not by gnutls_x509_crt_get_expiration_time(): see WIDE in the Makefile. */
static void read_validity(gnutls_x509_crt_t cert, struct tls_facts *ret)
{
    gnutls_datum_t der = {0};
    if (gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_DER, &der) < 0)
        return;
    const unsigned char *p = der.data;
    X509 *x = d2i_X509(NULL, &p, (long)der.size);
    if (x) {
        ret->not_before_ms = moment_ms(X509_get0_notBefore(x));
        ret->not_after_ms = moment_ms(X509_get0_notAfter(x));
    }
    X509_free(x);
    gnutls_free(der.data);
}

static void read_facts(const gnutls_x509_crt_t *certs, unsigned n, const char *host,
                       struct tls_facts *ret)
{
    uint8_t serial[32];
    size_t size = sizeof(serial);
    read_validity(certs[0], ret);
    ret->names_host = !host || gnutls_x509_crt_check_hostname(certs[0], host) != 0;
    ret->has_issuer = n > 1 || gnutls_x509_crt_check_issuer(certs[0], certs[0]) != 0;
    if (gnutls_x509_crt_get_serial(certs[0], serial, &size) == 0)
        text_hex(ret->serial, serial, size);
}

/* Whether the certificate speaks of this key. */
static bool belongs(gnutls_privkey_t key, gnutls_x509_crt_t cert)
{
    uint8_t of_key[64], of_cert[64];
    size_t n_key = sizeof(of_key), n_cert = sizeof(of_cert);
    gnutls_pubkey_t public = NULL;
    bool same = gnutls_pubkey_init(&public) == 0 &&
                gnutls_pubkey_import_privkey(public, key, 0, 0) == 0 &&
                gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, of_key, &n_key) == 0 &&
                gnutls_x509_crt_get_key_id(cert, GNUTLS_KEYID_USE_SHA256, of_cert, &n_cert) == 0 &&
                n_key == n_cert && memcmp(of_key, of_cert, n_key) == 0;
    if (public)
        gnutls_pubkey_deinit(public);
    return same;
}

static enum rc read_chain(struct pair *p, const struct tls_files *files, const struct buf *text,
                          struct err *e)
{
    gnutls_x509_crt_t *certs = NULL;
    unsigned n = 0;
    gnutls_datum_t pem = datum(buf_span(text));
    enum rc rc = RC_OK;
    int code = gnutls_x509_crt_list_import2(&certs, &n, &pem, GNUTLS_X509_FMT_PEM,
                                            GNUTLS_X509_CRT_LIST_SORT);
    if (code < 0)
        return refuse(e, files->cert_file, code);
    if (n == 0 || n > CHAIN_MOST)
        rc = err_set(e, RC_INVALID, "%s: %u certificates", files->cert_file, n);
    else if (!belongs(p->key, certs[0]))
        rc = err_set(e, RC_INVALID, "%s: not the key of %s", files->key_file, files->cert_file);
    for (unsigned i = 0; !rc && i < n; i++) {
        code = gnutls_pcert_import_x509(&p->chain[i], certs[i], 0);
        if (code < 0)
            rc = refuse(e, files->cert_file, code);
        else
            p->n++;
    }
    if (!rc)
        read_facts(certs, n, files->host, &p->facts);
    for (unsigned i = 0; i < n; i++)
        gnutls_x509_crt_deinit(certs[i]);
    gnutls_free(certs);
    return rc;
}

static void pair_free(struct pair *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < p->n; i++)
        gnutls_pcert_deinit(&p->chain[i]);
    if (p->key)
        gnutls_privkey_deinit(p->key);
    free(p);
}

static enum rc pair_read(const struct tls_files *files, struct pair **ret, struct err *e)
{
    struct buf cert = {0};
    struct secret key = {0};
    struct pair *p = calloc(1, sizeof(*p));
    enum rc rc = p ? RC_OK : err_set(e, RC_SYS, "certificate: out of memory");
    if (!rc)
        rc = read_cert(files->cert_file, &cert, e);
    if (!rc)
        rc = private_read(files->key_file, &key, e);
    if (rc == RC_NOTFOUND)
        rc = RC_INVALID;
    if (!rc) {
        gnutls_datum_t pem = datum(secret_span(&key));
        int code = gnutls_privkey_init(&p->key);
        if (code >= 0)
            code = gnutls_privkey_import_x509_raw(p->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
        rc = code < 0 ? refuse(e, files->key_file, code) : read_chain(p, files, &cert, e);
    }
    buf_release(&cert);
    secret_release(&key);
    if (rc)
        pair_free(p);
    else
        *ret = p;
    return rc;
}

enum rc tls_check(const struct tls_files *files, struct tls_facts *ret, struct err *e)
{
    struct pair *p = NULL;
    enum rc rc = pair_read(files, &p, e);
    if (!rc)
        *ret = p->facts;
    pair_free(p);
    return rc;
}

int64_t tls_warn_ms(const struct tls_facts *facts)
{
    const int64_t week = INT64_C(7) * 86400 * 1000;
    int64_t third = (facts->not_after_ms - facts->not_before_ms) / 3;
    return third < week ? third : week;
}

/* ---- serving and replacing
 * ----------------------------------------------------------------------- */

enum rc tls_new(struct tls **ret, const struct tls_files *files, struct err *e)
{
    struct tls *t = calloc(1, sizeof(*t));
    struct pair *p = NULL;
    enum rc rc = t ? RC_OK : err_set(e, RC_SYS, "certificate: out of memory");
    if (!rc) {
        t->cert_file = strdup(files->cert_file);
        t->key_file = strdup(files->key_file);
        t->host = files->host ? strdup(files->host) : NULL;
        if (!t->cert_file || !t->key_file || (files->host && !t->host))
            rc = err_set(e, RC_SYS, "certificate: out of memory");
    }
    if (!rc) {
        t->taken = (struct stamps){stamp_of(t->cert_file), stamp_of(t->key_file)};
        t->seen = t->taken;
        rc = pair_read(files, &p, e);
    }
    if (rc) {
        tls_free(t);
        return rc;
    }
    atomic_init(&t->pair, p);
    *ret = t;
    return RC_OK;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    for (struct pair *p = atomic_load(&t->pair), *older; p; p = older) {
        older = p->older;
        pair_free(p);
    }
    free(t->cert_file);
    free(t->key_file);
    free(t->host);
    free(t);
}

void tls_facts(const struct tls *t, struct tls_facts *ret)
{
    *ret = atomic_load_explicit(&t->pair, memory_order_acquire)->facts;
}

/* A new one that Google would refuse does not take the place of one that works. */
static enum rc compare(const struct tls_facts *new, const struct tls_facts *old, struct err *e)
{
    int64_t now_ms = clock_wall_ms();
    bool old_works = old->not_before_ms <= now_ms && now_ms < old->not_after_ms && old->names_host;
    if (!old_works)
        return RC_OK;
    if (new->not_after_ms <= now_ms)
        return err_set(e, RC_INVALID, "it is no longer valid");
    if (new->not_before_ms > now_ms)
        return err_set(e, RC_INVALID, "it is not valid yet");
    if (!new->names_host)
        return err_set(e, RC_INVALID, "it is for another host");
    return RC_OK;
}

/* Files that were merely touched. */
static bool same_chain(const struct pair *a, const struct pair *b)
{
    bool same = a->n == b->n;
    for (unsigned i = 0; same && i < a->n; i++) {
        const gnutls_datum_t *x = &a->chain[i].cert, *y = &b->chain[i].cert;
        same = x->size == y->size && memcmp(x->data, y->data, x->size) == 0;
    }
    return same;
}

enum tls_change tls_look(struct tls *t, bool now, struct err *e)
{
    struct tls_files files = {t->cert_file, t->key_file, t->host};
    struct stamps seen = {stamp_of(t->cert_file), stamp_of(t->key_file)};
    struct pair *old = atomic_load(&t->pair), *p = NULL;
    bool rests = same_stamps(&seen, &t->seen);
    t->seen = seen;
    bool same = same_stamps(&seen, &t->taken);
    t->owed = t->owed && !same;
    if (same || (!rests && !now))
        return TLS_SAME;
    enum rc rc = pair_read(&files, &p, e);
    bool again = rc == RC_SYS && t->owed;
    t->owed = rc == RC_SYS;
    if (!t->owed)
        t->taken = seen;
    if (!rc && same_chain(p, old)) {
        pair_free(p);
        return TLS_SAME;
    }
    if (!rc)
        rc = compare(&p->facts, &old->facts, e);
    if (rc) {
        pair_free(p);
        return again ? TLS_SAME : TLS_KEPT;
    }
    p->older = old;
    atomic_store_explicit(&t->pair, p, memory_order_release);
    return TLS_REPLACED;
}

void tls_serve_here(struct tls *t)
{
    serving = t;
}

int tls_give(gnutls_session_t session, const gnutls_datum_t *authorities, int n_authorities,
             const gnutls_pk_algorithm_t *algorithms, int n_algorithms, gnutls_pcert_st **ret_chain,
             unsigned *ret_n, gnutls_privkey_t *ret_key)
{
    (void)session, (void)authorities, (void)n_authorities, (void)algorithms, (void)n_algorithms;
    struct pair *p = atomic_load_explicit(&serving->pair, memory_order_acquire);
    *ret_chain = p->chain;
    *ret_n = p->n;
    *ret_key = p->key;
    return 0;
}
