/* test_httpd_tls: what is taken for a certificate and its key, and when files that changed are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "core/base/clock.h"
#include "core/httpd/tls.h"

#define DAY INT64_C(86400)

static char dir[64], cert_file[96], key_file[96];
static const struct tls_files files = {cert_file, key_file, "hook.example.org"};

/* From so many days from now until so many. Without an issuer it is its own. */
static X509 *make_issued(EVP_PKEY *key, const char *host, long from, long until, X509 *issuer,
                         EVP_PKEY *issuer_key)
{
    static long serial = 1000;
    X509 *x = X509_new();
    char name[128];
    (void)snprintf(name, sizeof name, "DNS:%s", host);
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x), from * DAY);
    X509_gmtime_adj(X509_getm_notAfter(x), until * DAY);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)host, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, name);
    X509_add_ext(x, names, -1);
    X509_EXTENSION_free(names);
    assert_true(X509_sign(x, issuer ? issuer_key : key, EVP_sha256()) > 0);
    return x;
}

static X509 *make_cert(EVP_PKEY *key, const char *host, long from, long until)
{
    return make_issued(key, host, from, until, NULL, NULL);
}

/* So many of them, one behind the other. */
static void write_certs(EVP_PKEY *key, const char *host, long from, long until, unsigned n)
{
    FILE *f = fopen(cert_file, "w");
    assert_non_null(f);
    for (unsigned i = 0; i < n; i++) {
        X509 *x = make_cert(key, host, from, until);
        assert_int_equal(PEM_write_X509(f, x), 1);
        X509_free(x);
    }
    (void)fclose(f);
}

static void write_cert(EVP_PKEY *key, const char *host, long days)
{
    write_certs(key, host, days < 0 ? days - 1 : 0, days, 1);
}

static void write_key(EVP_PKEY *key, mode_t mode)
{
    FILE *f = fopen(key_file, "w");
    assert_true(f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
    (void)fclose(f);
    assert_int_equal(chmod(key_file, mode), 0);
}

static EVP_PKEY *key_a, *key_b;

static int setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/test_httpd_tls.XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(cert_file, sizeof cert_file, "%s/cert.pem", dir);
    (void)snprintf(key_file, sizeof key_file, "%s/key.pem", dir);
    key_a = EVP_EC_gen("P-256");
    key_b = EVP_EC_gen("P-256");
    write_cert(key_a, files.host, 30);
    write_key(key_a, 0600);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(key_a);
    EVP_PKEY_free(key_b);
    (void)unlink(cert_file);
    (void)unlink(key_file);
    return rmdir(dir);
}

static void test_facts(void **state)
{
    (void)state;
    struct tls_facts facts;
    int64_t left_ms;
    assert_int_equal(tls_check(&files, &facts, NULL), RC_OK);
    left_ms = facts.not_after_ms - clock_wall_ms();
    assert_true(left_ms > 29 * DAY * 1000 && left_ms <= 30 * DAY * 1000);
    assert_true(facts.names_host && facts.has_issuer && facts.serial[0]);
    assert_int_equal(tls_warn_ms(&facts), 7 * DAY * 1000);
    write_cert(key_a, "hook.example.org", 9000);
    assert_int_equal(tls_check(&files, &facts, NULL), RC_OK);
    left_ms = facts.not_after_ms - clock_wall_ms();
    assert_true(left_ms > 8999 * DAY * 1000 && left_ms <= 9000 * DAY * 1000); /* beyond 2038 */
    write_cert(key_a, "elsewhere.example.org", 6);
    assert_int_equal(tls_check(&files, &facts, NULL), RC_OK);
    assert_false(facts.names_host);
    assert_true(tls_warn_ms(&facts) <= 2 * DAY * 1000 + 1000);
}

/* Browsers know the roots only: what is between them and ours must be in the file. */
static void test_the_issuer(void **state)
{
    (void)state;
    struct tls_facts facts;
    X509 *root = make_cert(key_b, "root", 0, 30);
    X509 *between = make_issued(key_b, "between", 0, 30, root, key_b);
    X509 *ours = make_issued(key_a, files.host, 0, 30, between, key_b);
    FILE *f = fopen(cert_file, "w");
    assert_true(f && PEM_write_X509(f, ours) == 1 && fflush(f) == 0);
    assert_int_equal(tls_check(&files, &facts, NULL), RC_OK);
    assert_true(facts.names_host && !facts.has_issuer);
    assert_true(PEM_write_X509(f, between) == 1 && fclose(f) == 0);
    assert_int_equal(tls_check(&files, &facts, NULL), RC_OK);
    assert_true(facts.names_host && facts.has_issuer);
    X509_free(root);
    X509_free(between);
    X509_free(ours);
}

static int next_fd(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

static void expect_refused(enum rc want, const char *why)
{
    struct tls_facts facts;
    struct err e = {0};
    assert_int_equal(tls_check(&files, &facts, &e), want);
    if (!strstr(e.text, why))
        fail_msg("'%s' does not say '%s'", e.text, why);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    int fd = next_fd();
    write_key(key_a, 0604);
    expect_refused(RC_AUTH, "others have access");
    write_key(key_b, 0600);
    expect_refused(RC_INVALID, "not the key of");
    assert_int_equal(truncate(key_file, 0), 0);
    expect_refused(RC_AUTH, key_file);
    assert_int_equal(unlink(key_file), 0);
    expect_refused(RC_INVALID, "No such file");
    write_key(key_a, 0600);
    assert_int_equal(truncate(cert_file, 100), 0);
    expect_refused(RC_INVALID, cert_file);
    assert_int_equal(truncate(cert_file, 300 << 10), 0);
    expect_refused(RC_INVALID, "too large");
    write_certs(key_a, files.host, 0, 30, 17);
    expect_refused(RC_INVALID, cert_file);
    struct tls_facts facts;
    write_certs(key_a, files.host, 0, 30, 16);
    assert_int_equal(tls_check(&files, &facts, NULL), RC_OK);
    assert_int_equal(unlink(cert_file), 0);
    expect_refused(RC_SYS, "No such file");
    assert_int_equal(mkdir(cert_file, 0700), 0);
    expect_refused(RC_SYS, "Is a directory");
    assert_int_equal(rmdir(cert_file), 0);
    assert_int_equal(next_fd(), fd);
}

/* Looks until the files have rested. */
static enum tls_change look(struct tls *t, struct err *e)
{
    assert_int_equal(tls_look(t, false, e), TLS_SAME);
    return tls_look(t, false, e);
}

static void test_one_file_after_the_other(void **state)
{
    (void)state;
    struct tls *t = NULL;
    struct tls_facts before, after;
    struct err e = {0};
    assert_int_equal(tls_new(&t, &files, NULL), RC_OK);
    tls_facts(t, &before);
    write_cert(key_b, files.host, 60);
    assert_int_equal(look(t, &e), TLS_KEPT); /* its key is not there yet */
    assert_non_null(strstr(e.text, "not the key of"));
    assert_int_equal(tls_look(t, false, &e), TLS_SAME); /* told once */
    tls_facts(t, &after);
    assert_string_equal(before.serial, after.serial);
    write_key(key_b, 0600);
    assert_int_equal(look(t, &e), TLS_REPLACED);
    tls_facts(t, &after);
    assert_string_not_equal(before.serial, after.serial);
    tls_free(t);
}

/* What failed for want of something else than good files is tried until it works; told once. */
static void test_a_passing_trouble(void **state)
{
    (void)state;
    struct tls *t = NULL;
    struct err e = {0};
    struct rlimit files_most, none;
    assert_int_equal(tls_new(&t, &files, NULL), RC_OK);
    write_cert(key_a, files.host, 60);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files_most), 0);
    none = (struct rlimit){0, files_most.rlim_max};
    for (int round = 0; round < 2; round++) {
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        enum tls_change first = tls_look(t, true, &e), second = tls_look(t, true, NULL);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &files_most), 0);
        assert_int_equal(first, TLS_KEPT);
        assert_int_equal(second, TLS_SAME);
        assert_non_null(strstr(e.text, "Too many open files"));
        assert_int_equal(tls_look(t, false, NULL), TLS_REPLACED);
        assert_int_equal(tls_look(t, true, NULL), TLS_SAME);
        write_cert(key_a, files.host, 61);
    }
    assert_int_equal(tls_look(t, true, NULL), TLS_REPLACED);
    for (int round = 0; round < 2; round++) { /* away and back as it was, told each time */
        char aside[96];
        (void)snprintf(aside, sizeof aside, "%s.aside", dir);
        assert_int_equal(rename(dir, aside), 0);
        assert_int_equal(tls_look(t, true, &e), TLS_KEPT);
        assert_non_null(strstr(e.text, "No such file"));
        assert_int_equal(tls_look(t, true, NULL), TLS_SAME);
        assert_int_equal(rename(aside, dir), 0);
        assert_int_equal(tls_look(t, true, NULL), TLS_SAME);
    }
    tls_free(t);
}

static void test_at_once_when_told(void **state)
{
    (void)state;
    struct tls *t = NULL;
    assert_int_equal(tls_new(&t, &files, NULL), RC_OK);
    assert_int_equal(tls_look(t, true, NULL), TLS_SAME);
    write_cert(key_a, files.host, 60);
    assert_int_equal(tls_look(t, true, NULL), TLS_REPLACED);
    assert_int_equal(chmod(cert_file, 0400), 0); /* touched, the same content */
    assert_int_equal(tls_look(t, true, NULL), TLS_SAME);
    tls_free(t);
}

static off_t cert_size(void)
{
    struct stat st;
    assert_int_equal(stat(cert_file, &st), 0);
    return st.st_size;
}

/* Renewed ones are mostly as long as those before; signatures differ by a byte or two. Copies may
 * keep the time of another file. */
static void test_as_long_as_before(void **state)
{
    (void)state;
    struct tls *t = NULL;
    struct tls_facts before, after;
    struct stat st;
    assert_int_equal(stat(cert_file, &st), 0);
    const struct timespec times[] = {st.st_atim, st.st_mtim};
    assert_int_equal(tls_new(&t, &files, NULL), RC_OK);
    tls_facts(t, &before);
    do
        write_cert(key_a, files.host, 60);
    while (cert_size() != st.st_size);
    assert_int_equal(utimensat(AT_FDCWD, cert_file, times, 0), 0);
    assert_int_equal(tls_look(t, true, NULL), TLS_REPLACED);
    tls_facts(t, &after);
    assert_string_not_equal(before.serial, after.serial);
    tls_free(t);
}

/* A worse one does not take the place of a good one; of a bad one any does. */
static void test_worse_ones(void **state)
{
    (void)state;
    struct tls *t = NULL;
    struct err e = {0};
    assert_int_equal(tls_new(&t, &files, NULL), RC_OK);
    write_cert(key_a, files.host, -1);
    assert_int_equal(tls_look(t, true, &e), TLS_KEPT);
    assert_non_null(strstr(e.text, "no longer valid"));
    write_cert(key_a, "elsewhere.example.org", 60);
    assert_int_equal(tls_look(t, true, &e), TLS_KEPT);
    assert_non_null(strstr(e.text, "another host"));
    write_certs(key_a, files.host, 1, 60, 1);
    assert_int_equal(tls_look(t, true, &e), TLS_KEPT);
    assert_non_null(strstr(e.text, "not valid yet"));
    write_cert(key_a, "elsewhere.example.org", 60);
    clock_shift(31 * DAY * 1000, 0); /* the one in force is over now */
    assert_int_equal(chmod(cert_file, 0400), 0);
    assert_int_equal(tls_look(t, true, &e), TLS_REPLACED);
    clock_shift(-31 * DAY * 1000, 0);
    tls_free(t);
    write_certs(key_a, files.host, 1, 60, 1);
    assert_int_equal(tls_new(&t, &files, NULL), RC_OK); /* not valid yet */
    write_cert(key_a, "elsewhere.example.org", 60);
    assert_int_equal(tls_look(t, true, &e), TLS_REPLACED);
    tls_free(t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_facts),
        TEST(test_the_issuer),
        TEST(test_what_is_refused),
        TEST(test_one_file_after_the_other),
        TEST(test_a_passing_trouble),
        TEST(test_at_once_when_told),
        TEST(test_as_long_as_before),
        TEST(test_worse_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
