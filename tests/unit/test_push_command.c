/* test_push_command: programs that read, fail, hang, flood, or leave children behind. */
#include "core/push/command.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"

#define S(text) ((struct span){(text), sizeof(text) - 1})
#define LONG_MS 60000

struct outcome {
    bool ok;
    struct err e;
};

static struct outcome run(const char *script, struct span input, int64_t timeout_ms)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL},
               *env[] = {"PATH=/usr/bin:/bin", "A=b", NULL};
    struct command c = {0};
    struct outcome o = {0};
    int64_t began_ms = clock_mono_ms();
    assert_int_equal(command_start(&c, argv, env, input, began_ms + timeout_ms, &o.e), RC_OK);
    while (!command_look(&c, clock_mono_ms(), &o.ok, &o.e)) {
        struct pollfd fds[] = {{.fd = c.exit_fd ? c.exit_fd : -1, .events = POLLIN},
                               {.fd = c.output_fd ? c.output_fd : -1, .events = POLLIN}};
        (void)poll(fds, 2, 20);
        assert_true(clock_mono_ms() - began_ms < LONG_MS); /* a child's sleep is longer */
    }
    assert_int_equal(c.pid, 0);
    return o;
}

static void test_input_and_status(void **state)
{
    (void)state;
    assert_true(run("read line; [ \"$line\" = '{\"a\":1}' ]", S("{\"a\":1}\n"), LONG_MS).ok);
    struct outcome o = run("echo first; echo the last word >&2; exit 3", S(""), LONG_MS);
    assert_false(o.ok);
    assert_string_equal(o.e.text, "exit status 3: the last word");
    o = run("kill -TERM $$", S(""), LONG_MS);
    assert_false(o.ok);
    assert_string_equal(o.e.text, "ended by signal 15");
}

/* Nobody waits for a program that does not read, however much there is. */
static void test_much_input(void **state)
{
    (void)state;
    size_t n = 4u << 20;
    char *text = malloc(n);
    memset(text, 'x', n);
    assert_true(run("true", (struct span){text, n}, LONG_MS).ok);
    assert_true(run("[ $(wc -c) = 4194304 ]", (struct span){text, n}, LONG_MS).ok);
    free(text);
}

static void test_a_clean_place(void **state)
{
    (void)state;
    assert_int_equal(setenv("SECRET", "x", 1), 0);
    int ends[2];
    assert_int_equal(pipe(ends), 0); /* not close-on-exec: a careless library's */
    sigset_t block;
    sigemptyset(&block);
    sigaddset(&block, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &block, NULL), 0);
    struct outcome o = run("[ \"$(pwd)\" = / ] && [ -z \"$SECRET\" ] && [ \"$A\" = b ] && "
                           "[ \"$(ls /proc/self/fd | wc -l)\" = 4 ] && "
                           "grep -q '^SigBlk:\t0*$' /proc/self/status || "
                           "{ ls -l /proc/self/fd; exit 1; }",
                           S(""), LONG_MS);
    if (!o.ok)
        fail_msg("%s", o.e.text);
    close(ends[0]);
    close(ends[1]);
}

static void test_one_that_hangs(void **state)
{
    (void)state;
    /* It does not listen, and has a child: both are ended. */
    struct outcome o;
    int64_t timeout_ms = 50;
    do { /* more time where it took all of that to say a word */
        timeout_ms *= 4;
        o = run("trap '' TERM; sleep 100 & echo $!; wait; wait", S(""), timeout_ms);
        assert_false(o.ok);
    } while (!strchr(o.e.text, ':') && timeout_ms < LONG_MS / 4);
    assert_memory_equal(o.e.text, "it took too long: ", 18);
    int child = atoi(o.e.text + 18);
    assert_true(child > 1);
    /* The child is a zombie of init's, or gone: it does not run. */
    for (int i = 0; i < 1000 && kill(child, 0) == 0; i++) {
        char path[64], state_line[256] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", child);
        FILE *f = fopen(path, "r");
        if (!f || !fgets(state_line, sizeof state_line, f) || strstr(state_line, ") Z")) {
            if (f)
                fclose(f);
            break;
        }
        fclose(f);
        (void)poll(NULL, 0, 10);
        assert_true(i < 999);
    }
}

/* A child that keeps the output open does not keep us. */
static void test_one_that_leaves_a_child(void **state)
{
    (void)state;
    struct outcome o = run("sleep 100 & exit 0", S(""), LONG_MS);
    assert_true(o.ok);
}

static void test_one_that_floods(void **state)
{
    (void)state;
    struct outcome o = run("yes 'many words' | head -c 3000000; exit 1", S(""), LONG_MS);
    assert_false(o.ok);
    assert_memory_equal(o.e.text, "exit status 1: ", 15);
    assert_true(strlen(o.e.text) < 200);
    o = run("yes", S(""), 200);
    assert_false(o.ok);
    o = run("head -c 500 /dev/urandom; exit 1", S(""), LONG_MS);
    assert_memory_equal(o.e.text, "exit status 1", 13);
}

/* Whoever started us ignored SIGCHLD, and that is inherited: the kernel then keeps no status. */
static void test_one_whose_end_nobody_kept(void **state)
{
    (void)state;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    assert_int_equal(sigaction(SIGCHLD, &ignore, &before), 0);
    struct outcome o = run("exit 0", S(""), LONG_MS);
    assert_int_equal(sigaction(SIGCHLD, &before, NULL), 0);
    assert_false(o.ok);
    assert_string_equal(o.e.text, "how it ended is not known: No child processes");
}

static void test_none_that_can_be_run(void **state)
{
    (void)state;
    const char *argv[] = {"/nonexistent/program", NULL}, *env[] = {NULL};
    struct command c = {0};
    struct err e = {0};
    assert_int_equal(command_start(&c, argv, env, S("x"), 0, &e), RC_SYS);
    assert_string_equal(e.text, "/nonexistent/program: No such file or directory");
    assert_int_equal(c.pid, 0);
    command_kill(&c);
}

static void test_a_kill(void **state)
{
    (void)state;
    const char *argv[] = {"/bin/sleep", "100", NULL}, *env[] = {NULL};
    struct command c = {0};
    assert_int_equal(command_start(&c, argv, env, S(""), INT64_MAX, NULL), RC_OK);
    pid_t pid = c.pid;
    command_kill(&c);
    assert_int_equal(c.pid, 0);
    assert_int_equal(kill(pid, 0), -1);
}

static void test_split(void **state)
{
    (void)state;
    const char *argv[LIMIT_COMMAND_WORDS + 1];
    char hold[256], many[256] = "";
    assert_true(command_split("/usr/bin/x  -a\tb ", hold, sizeof hold, argv));
    assert_string_equal(argv[0], "/usr/bin/x");
    assert_string_equal(argv[1], "-a");
    assert_string_equal(argv[2], "b");
    assert_null(argv[3]);
    assert_false(command_split("  ", hold, sizeof hold, argv));
    for (int i = 0; i < LIMIT_COMMAND_WORDS; i++)
        strcat(many, "a ");
    assert_true(command_split(many, hold, sizeof hold, argv));
    strcat(many, "a");
    assert_false(command_split(many, hold, sizeof hold, argv));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_input_and_status),
        cmocka_unit_test(test_much_input),
        cmocka_unit_test(test_a_clean_place),
        cmocka_unit_test(test_one_that_hangs),
        cmocka_unit_test(test_one_that_leaves_a_child),
        cmocka_unit_test(test_one_that_floods),
        cmocka_unit_test(test_one_whose_end_nobody_kept),
        cmocka_unit_test(test_none_that_can_be_run),
        cmocka_unit_test(test_a_kill),
        cmocka_unit_test(test_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
