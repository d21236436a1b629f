/* Tests of the small modules of base: rc, err, clock, rand, crashpoint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifndef CALMIRROR_TEST
#define CALMIRROR_TEST
#endif
#include "core/base/crashpoint.c"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/must.h"
#include "core/base/standard.h"
#include "core/base/rand.h"
#include "core/base/rc.h"
#include "core/base/span.h"
#include "core/base/text.h"

static void test_rc_name(void **state)
{
    (void)state;
    assert_string_equal(rc_name(RC_OK), "ok");
    assert_string_equal(rc_name(RC_STALE), "stale");
    for (int i = RC_OK; i <= RC_SYS; i++) {
        assert_true(strlen(rc_name((enum rc)i)) > 1);
        for (int k = RC_OK; k < i; k++)
            assert_string_not_equal(rc_name((enum rc)i), rc_name((enum rc)k));
    }
    assert_string_equal(rc_name((enum rc)(RC_SYS + 1)), "unknown");
}

static void test_err(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(err_set(&e, RC_BADDATA, "byte %d", 7), RC_BADDATA);
    assert_string_equal(e.text, "byte 7");
    assert_int_equal(err_prefix(&e, RC_AGAIN, "page %d", 2), RC_AGAIN);
    assert_int_equal(err_prefix(&e, RC_AGAIN, "calendar x"), RC_AGAIN);
    assert_string_equal(e.text, "calendar x: page 2: byte 7");
    assert_int_equal(err_set(&e, RC_SYS, "again: %s", e.text),
                     RC_SYS); /* its own text as argument */
    assert_string_equal(e.text, "again: calendar x: page 2: byte 7");
    e = (struct err){0};
    assert_int_equal(err_prefix(&e, RC_SYS, "alone"), RC_SYS);
    assert_string_equal(e.text, "alone");
    assert_int_equal(err_set(NULL, RC_FULL, "x"), RC_FULL);
    assert_int_equal(err_prefix(NULL, RC_FULL, "x"), RC_FULL);
    assert_int_equal(err_errno(NULL, "x"), RC_SYS);
}

/* How a process ends that runs `end`, having said that. */
static int status_of(void (*end)(void), const char *said)
{
    char text[256] = "";
    int pipes[2], status;
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pipes[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        end();
        _exit(0);
    }
    close(pipes[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(read(pipes[0], text, sizeof text - 1) > 0);
    close(pipes[0]);
    assert_non_null(strstr(text, said));
    return status;
}

static void assert_aborts(void (*end)(void), const char *said)
{
    int status = status_of(end, said);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void need_memory(void)
{
    (void)must(NULL);
}

static void need_buffer(void)
{
    struct buf b = {.cap = 1};
    buf_add_text(&b, "two");
    must_hold(&b);
}

static void be_command(void)
{
    must_set_exit_status(71);
    must_memory();
}

static bool no_random;

/* Instead of the C library's. */
ssize_t getrandom(void *p, size_t n, unsigned flags)
{
    if (!no_random)
        return syscall(SYS_getrandom, p, n, flags);
    errno = ENOSYS;
    return -1;
}

static void need_random(void)
{
    char bytes[8];
    no_random = true;
    rand_bytes(bytes, sizeof bytes);
}

static void test_must(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_ptr_equal(must(state), state);
    must_hold(&b);
    must_memory();
    assert_aborts(need_memory, "error: out of memory: this process ends\n");
    assert_aborts(need_buffer, "error: out of memory: this process ends\n");
    assert_aborts(need_random, "random bytes: Function not impl");
    int status = status_of(be_command, ": out of memory\n");
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 71);
}

/* Of a process that was started without them: what is opened next is none of the three, and what is
 * written to them is not lost in silence. */
static void test_standard(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        for (int fd = 0; fd <= 2; fd++)
            close(fd);
        standard_open();
        int next = open("/dev/null", O_RDWR);
        bool fails = write(1, "x", 1) < 0 && write(2, "x", 1) < 0 && read(0, &next, 0) < 0;
        _exit(next > 2 && fails ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_err_errno(void **state)
{
    (void)state;
    struct err e = {0};
    errno = ENOENT;
    assert_int_equal(err_errno(&e, "open %s", "/x"), RC_SYS);
    assert_string_equal(e.text, "open /x: No such file or directory");
    assert_int_equal(errno, ENOENT);
    errno = ENOSPC;
    assert_int_equal(err_errno(&e, "write"), RC_FULL);
    assert_string_equal(e.text, "write: No space left on device");
    errno = EDQUOT;
    assert_int_equal(err_errno(NULL, "write"), RC_FULL);
}

/* A sentence too long is cut between characters, never inside one. */
static void test_err_cut(void **state)
{
    (void)state;
    static const char *const letters[] = {"a", "\xc3\xa9", "\xe2\x98\x95", "\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < 4; i++) {
        for (int shift = 0; shift < 4; shift++) {
            struct err e = {0};
            char text[1200] = "xyz";
            text[shift] = '\0';
            while (strlen(text) < sizeof text - 8)
                strcat(text, letters[i]);
            assert_int_equal(err_set(&e, RC_SYS, "%s", text), RC_SYS);
            assert_true(text_is_utf8(span_of(e.text)));
            assert_true(strlen(e.text) >= ERR_TEXT_MAX - 4);
            assert_int_equal(err_prefix(&e, RC_SYS, "a longer path"), RC_SYS);
            assert_true(text_is_utf8(span_of(e.text)));
            assert_true(strlen(e.text) >= ERR_TEXT_MAX - 4);
            assert_memory_equal(e.text, "a longer path: ", 15);
        }
    }
}

static void test_clock(void **state)
{
    (void)state;
    int64_t wall = clock_wall_ms(), mono = clock_mono_ms();
    assert_true(wall > INT64_C(1700000000000));
    assert_true(mono > 0);
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_us();
        assert_true(now / 1000 >= mono);
        mono = now / 1000;
    }
    clock_shift(3600000, 86400000);
    assert_in_range(clock_wall_ms() - wall, 3600000, 3660000);
    assert_in_range(clock_mono_ms() - mono, 86400000, 86460000);
    assert_in_range(clock_mono_us() / 1000 - mono, 86400000, 86460000);
    clock_shift(-3600000, -86400000);
    assert_in_range(clock_wall_ms() - wall, 0, 60000);
    assert_in_range(clock_mono_ms() - mono, 0, 60000);
}

static void test_rand_between(void **state)
{
    (void)state;
    bool seen[7] = {0};
    for (int i = 0; i < 1000; i++)
        seen[rand_between(-3, 3) + 3] = true;
    for (int i = 0; i < 7; i++)
        assert_true(seen[i]);
    assert_true(rand_between(5, 5) == 5);
    assert_true(rand_between(INT64_MAX, INT64_MAX) == INT64_MAX);
    int negative = 0;
    for (int i = 0; i < 1000; i++)
        negative += rand_between(INT64_MIN, INT64_MAX) < 0;
    assert_in_range(negative, 300, 700);

    int64_t first[10];
    rand_seed(42);
    for (int i = 0; i < 10; i++)
        first[i] = rand_between(0, 1000000);
    rand_seed(42);
    for (int i = 0; i < 10; i++)
        assert_true(rand_between(0, 1000000) == first[i]);
    rand_seed(43);
    assert_false(rand_between(0, 1000000) == first[0]);
}

enum { THREADS = 4, DRAWS = 10000 };

static void *draw(void *arg)
{
    for (int i = 0; i < DRAWS; i++)
        ((int64_t *)arg)[i] = rand_between(INT64_MIN, INT64_MAX);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The stream hands out each of its numbers once, whoever asks. */
static void test_rand_threads(void **state)
{
    (void)state;
    static int64_t drawn[THREADS * DRAWS];
    pthread_t threads[THREADS];
    rand_seed(1);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, draw, drawn + i * DRAWS), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    qsort(drawn, THREADS * DRAWS, sizeof drawn[0], compare);
    for (int i = 1; i < THREADS * DRAWS; i++)
        assert_true(drawn[i] != drawn[i - 1]);
}

static void test_rand_bytes(void **state)
{
    (void)state;
    unsigned char a[300] = {0}, b[300] = {0};
    rand_bytes(a, sizeof a);
    rand_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    rand_bytes(a, 0);

    char id[33], other[33];
    bool seen[256] = {0};
    for (int i = 0; i < 100; i++) {
        rand_id(id, 32);
        assert_int_equal(strlen(id), 32);
        assert_int_equal(strspn(id, "abcdefghijklmnopqrstuv0123456789"), 32);
        for (const char *p = id; *p; p++)
            seen[(unsigned char)*p] = true;
    }
    rand_id(other, 32);
    assert_string_not_equal(id, other);
    int kinds = 0;
    for (int i = 0; i < 256; i++)
        kinds += seen[i];
    assert_int_equal(kinds, 32);
}

/* How many passes of "here" a process survives; -1: it ended well after ten. */
static int passes_until_death(const char *point)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (point)
            setenv("CALMIRROR_CRASH", point, 1);
        else
            unsetenv("CALMIRROR_CRASH");
        for (char i = 0; i < 10; i++) {
            CRASHPOINT("elsewhere");
            CRASHPOINT("here");
            if (write(fds[1], &i, 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    close(fds[1]);
    char got[16];
    int status, passes = 0;
    while (read(fds[0], got, 1) == 1)
        passes++;
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(passes, 10);
        return -1;
    }
    assert_int_equal(WTERMSIG(status), SIGKILL);
    return passes;
}

static void test_crashpoint(void **state)
{
    (void)state;
    assert_int_equal(passes_until_death(NULL), -1);
    assert_int_equal(passes_until_death(""), -1);
    assert_int_equal(passes_until_death("her"), -1);
    assert_int_equal(passes_until_death("here2"), -1);
    assert_int_equal(passes_until_death("here"), 0);
    assert_int_equal(passes_until_death("here:1"), 0);
    assert_int_equal(passes_until_death("here:4"), 3);
    assert_int_equal(passes_until_death("here:11"), -1);
    assert_int_equal(passes_until_death("elsewhere:2"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rc_name),      cmocka_unit_test(test_err),
        cmocka_unit_test(test_err_errno),    cmocka_unit_test(test_must),
        cmocka_unit_test(test_standard),     cmocka_unit_test(test_err_cut),
        cmocka_unit_test(test_clock),        cmocka_unit_test(test_rand_between),
        cmocka_unit_test(test_rand_threads), cmocka_unit_test(test_rand_bytes),
        cmocka_unit_test(test_crashpoint),
    };
    return cmocka_run_group_tests_name("base/small", tests, NULL, NULL);
}
