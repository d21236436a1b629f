/* test_push_hook_secrets: what signs the posts of a hook, when its file cannot be read. */
#include "core/push/hook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "core/base/private.h"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static struct store *open_store(const char *dir, enum store_file file)
{
    const struct store_options opt = {
        .file = file, .map_bytes = UINT64_C(1) << 30, .no_fsync = true};
    struct store *s;
    assert_int_equal(store_open(&s, dir, &opt, NULL), RC_OK);
    return s;
}

static enum rc next_change(struct txn *t, const struct collection *coll,
                           const struct push_place *after, const struct push_wish *wish,
                           struct buf *out, struct push_change *ret)
{
    (void)t, (void)coll, (void)wish, (void)out;
    ret->at = *after;
    return RC_NOTFOUND;
}

static struct push_place begin_of_all(struct txn *t)
{
    (void)t;
    return (struct push_place){0};
}

/* One that could not be read for want of descriptors is read once there are some. */
static void test_descriptors_are_wanting(void **state)
{
    (void)state;
    const struct push_feed feed = {.next = next_change, .now = begin_of_all};
    char dir[] = "/tmp/test_push_hook_secrets.XXXXXX", path[96];
    struct conf_hook hook = {
        .name = (char[]){"h"}, .url = (char[]){"http://127.0.0.1:1/"}, .secret_file = path};
    struct conf conf = {.hooks = &hook, .n_hooks = 1, .refs = 1};
    struct hooks *hooks;
    struct rlimit files;
    assert_non_null(mkdtemp(dir));
    struct store *mirror = open_store(dir, STORE_MIRROR), *ledger = open_store(dir, STORE_PUSH);
    (void)snprintf(path, sizeof path, "%s/secret", dir);
    assert_int_equal(private_write(path, span_of("first\n"), NULL), RC_OK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, files.rlim_max}), 0);
    assert_int_equal(hooks_new(&hooks, mirror, ledger, &conf, &feed, NULL), RC_OK);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    const struct secret *secret = &hook_find(hooks, "h")->secrets[0];
    assert_int_equal(secret->n, 0);
    (void)hooks_take_reload(hooks, true); /* as every ten seconds */
    assert_string_equal(secret->p, "first");

    assert_int_equal(private_write(path, span_of("second"), NULL), RC_OK);
    (void)hooks_take_reload(hooks, true);
    assert_string_equal(secret->p, "first"); /* a file that could be read waits for a reload */
    hooks_free(hooks);
    store_close(ledger);
    store_close(mirror);
    assert_int_equal(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptors_are_wanting),
    };
    return cmocka_run_group_tests_name("push_hook_secrets", tests, NULL, NULL);
}
