/* test_daemon_manager: what a service manager hands over and is told; the operator's token. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "core/daemon/activation.c"
#include "core/daemon/notify.c"
#include "core/daemon/operator.c"

/* As the manager does it: descriptors from 3 on, here two ends of a pair. */
static void hand_over(const char *names, const char *count, int pid)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%d", pid);
    assert_int_equal(setenv("LISTEN_FDNAMES", names, 1), 0);
    assert_int_equal(setenv("LISTEN_FDS", count, 1), 0);
    assert_int_equal(setenv("LISTEN_PID", text, 1), 0);
}

static bool is_same(int fd, int other)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && fstat(other, &b) == 0 && a.st_ino == b.st_ino;
}

static void assert_taken(const char *name, int from)
{
    int fd = activation_take(name);
    assert_true(fd > 4 && is_same(fd, from));
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(from, F_GETFD) & FD_CLOEXEC);
    close(fd);
}

static void test_sockets(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(dup2(pair[0], 100), 100);
    assert_int_equal(dup2(pair[1], 101), 101);
    assert_int_equal(dup2(100, 3), 3);
    assert_int_equal(dup2(101, 4), 4);
    hand_over("api:hook", "2", getpid());
    assert_taken("api", 3);
    assert_taken("hook", 4);
    assert_taken("hook", 4); /* again, after a start anew */
    assert_int_equal(activation_take("hoo"), 0);
    assert_int_equal(activation_take("hooks"), 0);
    hand_over("api:hook", "1", getpid());
    assert_taken("api", 3);
    assert_int_equal(activation_take("hook"), 0);
    hand_over("api", "2", getpid());
    assert_int_equal(activation_take("hook"), 0);
    hand_over("api:hook", "16", getpid());
    assert_taken("hook", 4);
    static const char *const wrong[] = {"17", "0", "-1", "x", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        hand_over("api:hook", wrong[i], getpid());
        assert_int_equal(activation_take("api"), 0);
    }
    hand_over("api:hook", "2", getpid() + 1); /* meant for who started us */
    assert_int_equal(activation_take("api"), 0);
    hand_over("api:hook", "2", getpid());
    close(4);
    assert_int_equal(activation_take("hook"), 0);
    unsetenv("LISTEN_FDNAMES");
    assert_int_equal(activation_take("api"), 0);
}

static int64_t watchdog(const char *usec, const char *pid)
{
    self.watchdog_ms = 0;
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    if (usec)
        assert_int_equal(setenv("WATCHDOG_USEC", usec, 1), 0);
    if (pid)
        assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
    notify_init();
    return notify_watchdog_ms();
}

static void test_watchdog(void **state)
{
    (void)state;
    char own[32], other[32];
    (void)snprintf(own, sizeof own, "%d", getpid());
    (void)snprintf(other, sizeof other, "%d", getpid() + 1);
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(watchdog(NULL, NULL), 0);
    assert_int_equal(watchdog("20000000", NULL), 10000);
    assert_int_equal(watchdog("20000000", own), 10000);
    assert_int_equal(watchdog("1", own), 1);
    assert_int_equal(watchdog("20000000", other), 0);
    assert_int_equal(watchdog("20000000", "x"), 0);
    assert_int_equal(watchdog("0", NULL), 0);
    assert_int_equal(watchdog("-5", NULL), 0);
    assert_int_equal(watchdog("x", NULL), 0);
    notify_ready(); /* nobody listens */
}

static void assert_told(int fd, const char *text)
{
    char got[512] = "";
    assert_true(recv(fd, got, sizeof got - 1, MSG_DONTWAIT) > 0);
    assert_string_equal(got, text);
}

/* `path`: as NOTIFY_SOCKET has it; one that begins with '@' is no file. */
static void hear(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    char long_text[400];
    memcpy(a.sun_path, path, strlen(path));
    if (path[0] == '@')
        a.sun_path[0] = '\0';
    assert_int_equal(bind(fd, (const struct sockaddr *)&a,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))),
                     0);
    assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
    (void)watchdog(NULL, NULL);
    assert_true(fcntl(self.fd, F_GETFD) & FD_CLOEXEC);
    notify_ready();
    assert_told(fd, "READY=1");
    notify_watchdog();
    assert_told(fd, "WATCHDOG=1");
    notify_stopping();
    assert_told(fd, "STOPPING=1");
    notify_status("%d of %s", 3, "four");
    assert_told(fd, "STATUS=3 of four");
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    notify_status("%s", long_text);
    long_text[255 - strlen("STATUS=")] = '\0';
    char whole[512];
    (void)snprintf(whole, sizeof whole, "STATUS=%s", long_text);
    assert_told(fd, whole);
    char got[128] = "";
    struct timespec now;
    long long usec = 0;
    notify_reloading();
    assert_true(recv(fd, got, sizeof got - 1, MSG_DONTWAIT) > 0);
    assert_int_equal(sscanf(got, "RELOADING=1\nMONOTONIC_USEC=%lld", &usec), 1);
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long later = (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000 - usec;
    assert_true(later >= 0 && later < 60 * 1000000);
    close(fd);
    notify_ready(); /* whoever listened is gone */
    close(self.fd);
    self.fd = -1;
}

static void test_notices(void **state)
{
    (void)state;
    char path[64], abstract[64];
    (void)snprintf(path, sizeof path, "/tmp/test_daemon_manager.%d", getpid());
    (void)snprintf(abstract, sizeof abstract, "@test_daemon_manager.%d", getpid());
    hear(path);
    unlink(path);
    hear(abstract);
    char too_long[sizeof(self.addr.sun_path) + 1];
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[0] = '/';
    too_long[sizeof too_long - 1] = '\0';
    const char *const wrong[] = {"", "@", "/", "relative", too_long};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", wrong[i], 1), 0);
        (void)watchdog(NULL, NULL);
        assert_int_equal(self.fd, -1);
    }
}

static enum rc make_on_a_full_disk(const char *dir, char hash[BEARER_HASH_SIZE])
{
    struct rlimit before;
    (void)fflush(NULL); /* what stands in a buffer would be written under the limit */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, before.rlim_max}), 0);
    enum rc rc = operator_token_make(dir, hash, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    return rc;
}

static void test_operator(void **state)
{
    (void)state;
    char dir[] = "/tmp/test_daemon_manager.XXXXXX", hash[BEARER_HASH_SIZE] = "",
         again[BEARER_HASH_SIZE], path[96];
    struct secret token = {0};
    struct err e = {0};
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/operator.token", dir);
    assert_int_equal(operator_token_read(dir, &token, &e), RC_NOTFOUND);
    assert_int_equal(operator_token_make(dir, hash, &e), RC_OK);
    assert_int_equal(operator_token_read(dir, &token, &e), RC_OK);
    bearer_hash(secret_span(&token), again);
    assert_string_equal(hash, again);
    assert_int_equal(operator_token_make(dir, again, &e), RC_OK);
    assert_string_not_equal(hash, again); /* each start has its own */
    assert_int_equal(make_on_a_full_disk(dir, hash), RC_OK);
    assert_string_equal(hash, again); /* that of the file */
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(operator_token_read(dir, &token, &e), RC_AUTH);
    secret_release(&token);
    unlink(path);
    assert_int_not_equal(make_on_a_full_disk(dir, again), RC_OK);
    rmdir(dir);
    assert_int_not_equal(operator_token_make(dir, again, &e), RC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_watchdog),
        cmocka_unit_test(test_notices),
        cmocka_unit_test(test_operator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
