/* Tests of vault: what was put comes back, only there and only unchanged; keys change without a
 * gap. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/private.h"
#include "core/base/text.h"
#include "core/vault/seal.h"
#include "core/vault/vault.h"

struct place {
    char dir[64], credentials[80];
    struct vault *v;
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    snprintf(p->dir, sizeof(p->dir), "/tmp/calmirror-vault-XXXXXX");
    if (!p || !mkdtemp(p->dir))
        return -1;
    snprintf(p->credentials, sizeof(p->credentials), "%s/credentials", p->dir);
    *state = p;
    return mkdir(p->credentials, 0700);
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char command[128];
    vault_free(p->v);
    snprintf(command, sizeof(command), "rm -rf %s", p->dir);
    free(p);
    return system(command);
}

static char *path_of(const struct place *p, const char *name)
{
    static char path[4][256];
    static unsigned turn;
    char *out = path[turn++ % 4];
    snprintf(out, sizeof(path[0]), "%s/%s", p->dir, name);
    return out;
}

static void open_vault(struct place *p)
{
    struct err e = {0};
    vault_free(p->v);
    p->v = NULL;
    assert_int_equal(vault_open(&p->v, p->dir, p->credentials, &e), RC_OK);
}

static void put(struct place *p, const char *account, const char *text)
{
    struct err e = {0};
    assert_int_equal(vault_put(p->v, account, "login", span_of(text), &e), RC_OK);
}

static void expect(struct place *p, const char *account, const char *text)
{
    struct secret s = {0};
    struct err e = {0};
    enum rc rc = vault_get(p->v, account, "login", &s, &e);
    if (rc)
        print_error("%s\n", e.text);
    assert_int_equal(rc, RC_OK);
    assert_true(span_is(secret_span(&s), text));
    secret_release(&s);
}

static void refuse(struct place *p, const char *account, enum rc expected, const char *words)
{
    struct secret s = {0};
    struct err e = {0};
    assert_int_equal(vault_get(p->v, account, "login", &s, &e), expected);
    if (words && !strstr(e.text, words))
        fail_msg("\"%s\" is not in: %s", words, e.text);
    assert_null(s.p);
}

static void copy(const char *from, const char *to)
{
    struct secret s = {0};
    assert_int_equal(private_read(from, &s, NULL), RC_OK);
    assert_int_equal(private_write(to, secret_span(&s), NULL), RC_OK);
    secret_release(&s);
}

static void write_key(const char *path, char digit)
{
    char hex[66];
    memset(hex, digit, 64);
    strcpy(hex + 64, "\n");
    assert_int_equal(private_write(path, span_of(hex), NULL), RC_OK);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void comes_back_also_after_a_restart(void **state)
{
    struct place *p = *state;
    struct stat st;
    open_vault(p);
    refuse(p, "ann@example.org", RC_NOTFOUND, NULL);
    put(p, "ann@example.org", "1//secret");
    put(p, "..", "of an account with an odd name");
    expect(p, "ann@example.org", "1//secret");
    open_vault(p);
    expect(p, "ann@example.org", "1//secret");
    expect(p, "..", "of an account with an odd name");
    put(p, "ann@example.org", "1//newer");
    expect(p, "ann@example.org", "1//newer");
    assert_int_equal(stat(path_of(p, "secrets/key"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(path_of(p, "secrets"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(vault_drop(p->v, "ann@example.org", "login", NULL), RC_OK);
    assert_int_equal(vault_drop(p->v, "ann@example.org", "login", NULL), RC_OK);
    refuse(p, "ann@example.org", RC_NOTFOUND, NULL);
}

/* What one version of the service sealed every other must open. Made by another AES-GCM. */
static void old_records_open(void **state)
{
    (void)state;
    static const unsigned char record[] = {
        0x43, 0x4d, 0x53, 0x31, 0x06, 0x47, 0x8e, 0x49, 0x64, 0x65, 0x66, 0x67,
        0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x79, 0x34, 0xf1, 0x14,
        0x1c, 0x8f, 0x24, 0xfb, 0x4d, 0x0a, 0x56, 0x54, 0x15, 0x1f, 0xb9, 0x68,
        0x79, 0xa9, 0x3a, 0x74, 0x12, 0x2a, 0xb4, 0x56, 0x5a, 0x8d};
    static const struct seal_place place = {"ann@example.org", "login"};
    /* The same key in each form that a key file may have. */
    static const char raw[SEAL_KEY_BYTES + 1] = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"
                                                "\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17"
                                                "\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f";
    const struct span keys[] = {
        {raw, SEAL_KEY_BYTES},
        span_of(" 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"),
        span_of("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"),
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct seal_key k = {0};
        struct secret s = {0};
        assert_int_equal(seal_key_read(keys[i], &k, NULL), RC_OK);
        assert_int_equal(
            seal_open(&k, &place, (struct span){(const char *)record, sizeof(record)}, &s, NULL),
            RC_OK);
        assert_true(span_is(secret_span(&s), "1//refresh"));
        secret_release(&s);
        seal_key_release(&k);
    }
}

static void nothing_readable_on_disk(void **state)
{
    struct place *p = *state;
    struct secret file = {0};
    open_vault(p);
    put(p, "a", "a very secret word");
    assert_int_equal(private_read(path_of(p, "secrets/a.login.sealed"), &file, NULL), RC_OK);
    assert_null(memmem(file.p, file.n, "secret", 6));
    secret_release(&file);
}

static void bound_to_its_place(void **state)
{
    struct place *p = *state;
    struct secret s = {0};
    open_vault(p);
    put(p, "a", "of a");
    copy(path_of(p, "secrets/a.login.sealed"), path_of(p, "secrets/b.login.sealed"));
    copy(path_of(p, "secrets/a.login.sealed"), path_of(p, "secrets/a.other.sealed"));
    refuse(p, "b", RC_BADDATA, "sealed for something else");
    assert_int_equal(vault_get(p->v, "a", "other", &s, NULL), RC_BADDATA);
    expect(p, "a", "of a");
}

static void every_changed_bit_is_seen(void **state)
{
    (void)state;
    struct seal_key k = {0};
    struct seal_place place = {"a", "f"};
    struct buf record = {0};
    struct secret s = {0};
    char bytes[SEAL_KEY_BYTES] = "any 32 bytes will do for a test";
    assert_int_equal(seal_key_read((struct span){bytes, sizeof(bytes)}, &k, NULL), RC_OK);
    assert_int_equal(seal_write(&k, &place, span_of("word"), &record, NULL), RC_OK);
    for (size_t i = 0; i < record.n * 8; i++) {
        record.p[i / 8] ^= (char)(1 << i % 8);
        assert_int_equal(seal_open(&k, &place, buf_span(&record), &s, NULL), RC_BADDATA);
        record.p[i / 8] ^= (char)(1 << i % 8);
    }
    for (size_t n = 0; n < record.n; n++)
        assert_int_equal(seal_open(&k, &place, (struct span){record.p, n}, &s, NULL), RC_BADDATA);
    assert_int_equal(seal_open(&k, &place, buf_span(&record), &s, NULL), RC_OK);
    secret_release(&s);
    seal_key_release(&k);
    buf_release(&record);
}

static void same_text_seals_differently(void **state)
{
    (void)state;
    struct seal_key k = {0};
    struct seal_place place = {"a", "f"};
    struct buf one = {0}, two = {0};
    char bytes[SEAL_KEY_BYTES] = {1};
    assert_int_equal(seal_key_read((struct span){bytes, sizeof(bytes)}, &k, NULL), RC_OK);
    assert_int_equal(seal_write(&k, &place, span_of("word"), &one, NULL), RC_OK);
    assert_int_equal(seal_write(&k, &place, span_of("word"), &two, NULL), RC_OK);
    assert_false(span_eq(buf_span(&one), buf_span(&two)));
    seal_key_release(&k);
    buf_release(&one);
    buf_release(&two);
}

static void sizes_have_ends(void **state)
{
    (void)state;
    static char text[SEAL_PLAIN_MOST + 1];
    struct seal_key k = {0};
    struct seal_place place = {"a", "f"};
    struct buf record = {0};
    struct secret s = {0};
    char bytes[SEAL_KEY_BYTES] = {1};
    memset(text, 'x', sizeof(text));
    assert_int_equal(seal_key_read((struct span){bytes, sizeof(bytes)}, &k, NULL), RC_OK);
    assert_int_equal(seal_write(&k, &place, (struct span){text, 0}, &record, NULL), RC_INVALID);
    assert_int_equal(seal_write(&k, &place, (struct span){text, sizeof(text)}, &record, NULL),
                     RC_INVALID);
    assert_int_equal(record.n, 0);
    assert_int_equal(seal_write(&k, &place, (struct span){text, SEAL_PLAIN_MOST}, &record, NULL),
                     RC_OK);
    assert_int_equal(seal_open(&k, &place, buf_span(&record), &s, NULL), RC_OK);
    assert_int_equal(s.n, SEAL_PLAIN_MOST);
    secret_release(&s);
    buf_add_char(&record, 'x');
    assert_int_equal(seal_open(&k, &place, buf_span(&record), &s, NULL), RC_BADDATA);
    seal_key_release(&k);
    buf_release(&record);
}

static void names_stay_in_the_folder(void **state)
{
    struct place *p = *state;
    char longest[5000];
    memset(longest, 'n', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    const char *const names[][2] = {{"../a", "f"}, {"a", "../f"}, {longest, "f"}};
    struct secret s = {0};
    open_vault(p);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *account = names[i][0], *field = names[i][1];
        assert_int_equal(vault_put(p->v, account, field, span_of("x"), NULL), RC_INVALID);
        assert_int_equal(vault_get(p->v, account, field, &s, NULL), RC_INVALID);
        assert_int_equal(vault_drop(p->v, account, field, NULL), RC_INVALID);
    }
    assert_false(exists(path_of(p, "a.f.sealed")));
}

static void every_key_is_another(void **state)
{
    struct place *p = *state;
    struct secret keys[4] = {0};
    for (size_t i = 0; i < 4; i++) {
        open_vault(p);
        assert_int_equal(private_read(path_of(p, "secrets/key"), &keys[i], NULL), RC_OK);
        assert_int_equal(unlink(path_of(p, "secrets/key")), 0);
        for (size_t k = 0; k < i; k++)
            assert_false(span_eq(secret_span(&keys[i]), secret_span(&keys[k])));
    }
    for (size_t i = 0; i < 4; i++)
        secret_release(&keys[i]);
}

/* By it others see that a login came, or is another one. */
static void the_stamp_tells_of_changes(void **state)
{
    struct place *p = *state;
    open_vault(p);
    uint64_t none = vault_stamp(p->v, "a", "login");
    put(p, "a", "word");
    uint64_t one = vault_stamp(p->v, "a", "login");
    assert_int_not_equal(one, none);
    assert_int_equal(vault_stamp(p->v, "a", "login"), one);
    put(p, "b", "word");
    assert_int_equal(vault_stamp(p->v, "a", "login"), one);
    put(p, "a", "another");
    assert_int_not_equal(vault_stamp(p->v, "a", "login"), one);
    assert_int_equal(vault_drop(p->v, "a", "login", NULL), RC_OK);
    assert_int_equal(vault_stamp(p->v, "a", "login"), none);
}

static void a_key_that_others_read(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    open_vault(p);
    put(p, "a", "word");
    uint64_t before = vault_stamp(p->v, "a", "login");
    assert_int_equal(chmod(path_of(p, "secrets/key"), 0644), 0);
    assert_int_not_equal(vault_stamp(p->v, "a", "login"), before);
    refuse(p, "a", RC_AUTH, "run chmod 600 ");
    assert_int_equal(vault_put(p->v, "a", "login", span_of("x"), &e), RC_AUTH);
    vault_free(p->v);
    p->v = NULL;
    assert_int_equal(vault_open(&p->v, p->dir, NULL, &e), RC_AUTH);
    assert_non_null(strstr(e.text, "run chmod 600 "));
    assert_int_equal(chmod(path_of(p, "secrets/key"), 0600), 0);
    expect(p, "a", "word"); /* without being opened again */
}

static void a_key_file_that_holds_none(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    open_vault(p);
    put(p, "a", "word");
    copy(path_of(p, "secrets/key"), path_of(p, "kept"));
    assert_int_equal(private_write(path_of(p, "secrets/key"), span_of("no key"), NULL), RC_OK);
    refuse(p, "a", RC_AUTH, "secrets/key: not a key");
    assert_int_equal(vault_put(p->v, "a", "login", span_of("x"), &e), RC_AUTH);
    vault_free(p->v);
    p->v = NULL;
    assert_int_equal(vault_open(&p->v, p->dir, NULL, &e), RC_AUTH);
    assert_non_null(strstr(e.text, "secrets/key: not a key"));
    copy(path_of(p, "kept"), path_of(p, "secrets/key"));
    expect(p, "a", "word");
}

static void no_folder_no_vault(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    assert_int_equal(vault_open(&p->v, path_of(p, "none"), NULL, &e), RC_SYS);
    assert_null(p->v);
    assert_non_null(strstr(e.text, "none/secrets"));
}

static void a_lost_key(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    unsigned count, lost;
    open_vault(p);
    put(p, "a", "word");
    put(p, "b", "word");
    put(p, "c", "word");
    copy(path_of(p, "secrets/key"), path_of(p, "kept"));
    assert_int_equal(unlink(path_of(p, "secrets/key")), 0);
    assert_int_equal(vault_put(p->v, "b", "login", span_of("x"), &e), RC_AUTH);
    open_vault(p);
    refuse(p, "a", RC_BADDATA, "bring it back as ");
    refuse(p, "a", RC_BADDATA, "secrets/a.login.sealed: ");
    put(p, "b", "another login");
    assert_int_equal(vault_reseal(p->v, &count, &lost, &e), RC_OK);
    assert_int_equal(lost, 2); /* a and c */
    expect(p, "b", "another login");
    copy(path_of(p, "kept"), path_of(p, "secrets/key.old"));
    expect(p, "a", "word");
    assert_int_equal(vault_reseal(p->v, &count, &lost, &e), RC_OK);
    assert_int_equal(count, 2);
    assert_int_equal(lost, 0);
    assert_false(exists(path_of(p, "secrets/key.old")));
    expect(p, "a", "word");
}

static void rotation(void **state)
{
    struct place *p = *state;
    struct secret before = {0}, after = {0};
    unsigned count = 0;
    open_vault(p);
    put(p, "a", "of a");
    put(p, "b", "of b");
    assert_int_equal(private_read(path_of(p, "secrets/key"), &before, NULL), RC_OK);
    assert_int_equal(vault_rotate(p->v, &count, NULL), RC_OK);
    assert_int_equal(count, 2);
    assert_int_equal(private_read(path_of(p, "secrets/key"), &after, NULL), RC_OK);
    assert_false(span_eq(secret_span(&before), secret_span(&after)));
    assert_false(exists(path_of(p, "secrets/key.old")));
    expect(p, "a", "of a");
    expect(p, "b", "of b");
    secret_release(&before);
    secret_release(&after);
}

static void *rotate_again_and_again(void *arg)
{
    struct vault *v = arg;
    unsigned count;
    for (int i = 0; i < 30; i++)
        if (vault_rotate(v, &count, NULL) != RC_OK)
            return "failed";
    return NULL;
}

/* What is put with a key that is on its way out would be lost. */
static void rotation_while_others_put(void **state)
{
    struct place *p = *state;
    pthread_t thread;
    void *failed = NULL;
    open_vault(p);
    assert_int_equal(pthread_create(&thread, NULL, rotate_again_and_again, p->v), 0);
    do {
        put(p, "a", "word");
        expect(p, "a", "word");
        assert_int_equal(vault_drop(p->v, "b", "login", NULL), RC_OK);
        put(p, "b", "word");
    } while (pthread_tryjoin_np(thread, &failed) != 0);
    assert_null(failed);
    expect(p, "a", "word");
    expect(p, "b", "word");
}

/* The states in which a rotation can be cut off; the crash test cuts it off for real. */
static void interrupted_rotation(void **state)
{
    struct place *p = *state;
    unsigned count = 0, lost = 0;
    open_vault(p);
    put(p, "a", "of a");
    put(p, "b", "of b");
    copy(path_of(p, "secrets/key"), path_of(p, "secrets/key.old")); /* before the new key */
    open_vault(p);
    expect(p, "a", "of a");
    assert_int_equal(vault_reseal(p->v, &count, &lost, NULL), RC_OK);
    assert_int_equal(count, 0);
    assert_false(exists(path_of(p, "secrets/key.old")));

    copy(path_of(p, "secrets/key"), path_of(p, "secrets/key.old"));
    write_key(path_of(p, "secrets/key"), '7'); /* before the records */
    open_vault(p);
    expect(p, "a", "of a");
    put(p, "a", "new of a"); /* one of them */
    open_vault(p);
    expect(p, "a", "new of a");
    expect(p, "b", "of b");
    assert_int_equal(vault_rotate(p->v, &count, NULL), RC_OK); /* finishes the one before, too */
    assert_int_equal(count, 2);
    expect(p, "a", "new of a");
    expect(p, "b", "of b");
}

static void the_managers_key(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    unsigned count = 0, lost = 0;
    open_vault(p);
    put(p, "a", "of a");
    write_key(path_of(p, "credentials/token-key"), 'a');
    open_vault(p);
    expect(p, "a", "of a");
    assert_int_equal(vault_reseal(p->v, &count, &lost, NULL), RC_OK);
    assert_int_equal(count, 1);
    assert_false(exists(path_of(p, "secrets/key"))); /* else the credential would protect nothing */
    assert_int_equal(vault_rotate(p->v, &count, &e), RC_INVALID);
    assert_non_null(strstr(e.text, "token-key-old"));

    copy(path_of(p, "credentials/token-key"), path_of(p, "credentials/token-key-old"));
    write_key(path_of(p, "credentials/token-key"), 'b');
    open_vault(p);
    assert_int_equal(vault_reseal(p->v, &count, &lost, NULL), RC_OK);
    assert_int_equal(count, 1);
    assert_int_equal(unlink(path_of(p, "credentials/token-key-old")), 0);
    open_vault(p);
    expect(p, "a", "of a");
    assert_false(exists(path_of(p, "secrets/key")));
}

static void keys_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "short", "zz", "0123456789abcdef"};
    struct seal_key k = {0};
    struct err e = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(seal_key_read(span_of(bad[i]), &k, &e), RC_AUTH);
    char hex[65];
    memset(hex, 'g', 64);
    assert_int_equal(seal_key_read((struct span){hex, 64}, &k, &e), RC_AUTH);
    assert_null(strstr(e.text, "gg"));
    static const char beside[] = "/:@G`g";                  /* what comes before and after digits */
    for (size_t i = 0; i < 2 * (sizeof(beside) - 1); i++) { /* one wrong digit, high or low */
        memset(hex, 'A', 64);
        hex[62 + i % 2] = beside[i / 2];
        assert_int_equal(seal_key_read((struct span){hex, 64}, &k, &e), RC_AUTH);
    }
}

static void nobody_else_writes_in_between(void **state)
{
    struct place *p = *state;
    char *path = path_of(p, "file");
    assert_int_equal(private_create(path, span_of("one"), NULL), RC_OK);
    assert_int_equal(private_create(path, span_of("two"), NULL), RC_NOTFOUND);
    struct secret s = {0};
    assert_int_equal(private_read(path, &s, NULL), RC_OK);
    assert_true(span_is(secret_span(&s), "one"));
    secret_release(&s);
    assert_int_equal(symlink("/nowhere/to/write", path_of(p, "file.new")), 0);
    assert_int_equal(private_write(path, span_of("three"), NULL), RC_OK);
    assert_int_equal(private_read(path, &s, NULL), RC_OK);
    assert_true(span_is(secret_span(&s), "three"));
    secret_release(&s);
    assert_int_equal(private_read(path_of(p, "none"), &s, NULL), RC_NOTFOUND);
    assert_int_equal(private_read(p->dir, &s, NULL), RC_AUTH);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(comes_back_also_after_a_restart),
        cmocka_unit_test(old_records_open),
        TEST(nothing_readable_on_disk),
        TEST(bound_to_its_place),
        cmocka_unit_test(every_changed_bit_is_seen),
        cmocka_unit_test(same_text_seals_differently),
        cmocka_unit_test(sizes_have_ends),
        TEST(names_stay_in_the_folder),
        TEST(every_key_is_another),
        TEST(the_stamp_tells_of_changes),
        TEST(a_key_that_others_read),
        TEST(a_key_file_that_holds_none),
        TEST(no_folder_no_vault),
        TEST(a_lost_key),
        TEST(rotation),
        TEST(rotation_while_others_put),
        TEST(interrupted_rotation),
        TEST(the_managers_key),
        cmocka_unit_test(keys_that_are_none),
        TEST(nobody_else_writes_in_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
