/* Tests of log: the forms of a line, levels, escapes, the choice of form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/log.c"
#include "core/base/json.h"

#include <fcntl.h>
#include <pthread.h>

static int kept_stderr;
static int read_end;

/* From here on stderr is a pipe that the test reads. */
static int capture(void **state)
{
    (void)state;
    int fds[2];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    kept_stderr = dup(STDERR_FILENO);
    read_end = fds[0];
    dup2(fds[1], STDERR_FILENO);
    close(fds[1]);
    unsetenv("JOURNAL_STREAM");
    unsetenv("SYSTEMD_EXEC_PID");
    log_set_level(LOG_INFO);
    return 0;
}

static int restore(void **state)
{
    (void)state;
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    close(read_end);
    log_init(LOG_FORMAT_TEXT);
    return 0;
}

/* What was logged since the last call; one read, so one write shows as one line. */
static const char *logged(void)
{
    static char text[2 * PIPE_BUF];
    ssize_t n = read(read_end, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void test_text(void **state)
{
    (void)state;
    log_init(LOG_FORMAT_TEXT);
    log_warning("cal 12", "%d of %s", 3, "four");
    const char *line = logged();
    int64_t ms;
    assert_true(rfc3339_time((struct span){line, 24}, &ms, NULL, NULL));
    assert_true(llabs(ms - clock_wall_ms()) < 60000);
    assert_string_equal(line + 24, " warning: cal 12: 3 of four\n");
    log_err(NULL, "alone");
    assert_string_equal(logged() + 24, " error: alone\n");
}

static void test_levels(void **state)
{
    (void)state;
    log_init(LOG_FORMAT_TEXT);
    log_debug(NULL, "hidden");
    assert_string_equal(logged(), "");
    assert_false(log_enabled(LOG_DEBUG));
    log_set_level(LOG_DEBUG);
    log_debug(NULL, "shown");
    assert_string_equal(logged() + 24, " debug: shown\n");
    log_set_level(LOG_WARNING);
    log_notice(NULL, "hidden");
    log_info(NULL, "hidden");
    assert_string_equal(logged(), "");
    assert_true(log_enabled(LOG_ERR) && log_enabled(LOG_WARNING) && !log_enabled(LOG_NOTICE));
}

static void test_escapes(void **state)
{
    (void)state;
    log_init(LOG_FORMAT_TEXT);
    log_info("a\nb", "x\n<3>forged\r\t\x1b[31m \x7f\xc2\x9b Caf\xc3\xa9 \\ \"q\" \xff\xc3");
    assert_string_equal(
        logged() + 24,
        " info: a\\nb: x\\n<3>forged\\x0d\\t\\x1b[31m \\x7f\\xc2\\x9b Caf\xc3\xa9 \\ "
        "\"q\" \\xff\\xc3\n");
}

static void test_prefix(void **state)
{
    (void)state;
    char pid[32];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("SYSTEMD_EXEC_PID", pid, 1);
    log_init(LOG_FORMAT_AUTO);
    log_err("cal 1", "two\nlines");
    assert_string_equal(logged(), "<3>cal 1: two\\nlines\n");

    setenv("SYSTEMD_EXEC_PID", "1", 1); /* a child of what the manager started */
    log_init(LOG_FORMAT_AUTO);
    log_err(NULL, "x");
    assert_string_equal(logged() + 24, " error: x\n");
}

static void test_json(void **state)
{
    (void)state;
    log_init(LOG_FORMAT_JSON);
    log_notice("cal \"1\"", "back\\slash \x01\n\xff \"q\"");
    const char *line = logged();
    struct span text = {line, strlen(line) - 1};
    char out[128];
    assert_int_equal(line[text.n], '\n');
    assert_int_equal(json_check(text, NULL), RC_OK);
    assert_true(json_string_copy(json_get(text, "level"), out, sizeof out));
    assert_string_equal(out, "notice");
    assert_true(json_string_copy(json_get(text, "about"), out, sizeof out));
    assert_string_equal(out, "cal \"1\"");
    assert_true(json_string_copy(json_get(text, "message"), out, sizeof out));
    assert_string_equal(out, "back\\slash \\x01\\n\\xff \"q\"");
    log_notice(NULL, "x");
    assert_null(strstr(logged(), "about"));
}

/* A message too long for the line is cut with a mark; the line stays whole in each form. */
static void test_long(void **state)
{
    (void)state;
    static char text[10000];
    for (int escaped = 0; escaped < 2; escaped++) {
        memset(text, escaped ? '\x01' : 'a', sizeof text - 1);
        for (int json = 0; json < 2; json++) {
            log_init(json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
            log_info("cal 1", "%s", text);
            const char *line = logged();
            size_t n = strlen(line);
            assert_true(n > 2000 && n <= PIPE_BUF);
            assert_int_equal(line[n - 1], '\n');
            assert_null(memchr(line, '\n', n - 1));
            assert_true((strstr(line, "…") != NULL) == escaped);
            if (json)
                assert_int_equal(json_check((struct span){line, n - 1}, NULL), RC_OK);
        }
    }
}

static void test_journal(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    log_init(LOG_FORMAT_TEXT);
    journal_fd = pair[0];
    form = FORM_JOURNAL;
    log_warning("cal 12", "two\nlines");
    char got[1024], want[256];
    ssize_t n = recv(pair[1], got, sizeof got - 1, 0);
    assert_true(n > 0);
    got[n] = '\0';
    snprintf(want, sizeof want,
             "PRIORITY=4\nSYSLOG_IDENTIFIER=%s\nCALMIRROR_ABOUT=cal 12\n"
             "MESSAGE=cal 12: two\\nlines\n",
             program_invocation_short_name);
    assert_string_equal(got, want);
    assert_string_equal(logged(), "");

    close(pair[1]); /* the journal is gone: stderr it is */
    log_warning(NULL, "lost");
    assert_string_equal(logged(), "<4>lost\n");
    log_init(LOG_FORMAT_TEXT);
    assert_int_equal(journal_fd, -1);
}

static void test_journal_stream(void **state)
{
    (void)state;
    struct stat st;
    char stream[64];
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    assert_false(stderr_is_journal());
    setenv("JOURNAL_STREAM", stream, 1);
    assert_true(stderr_is_journal());
    log_init(LOG_FORMAT_AUTO);
    assert_true(form == FORM_JOURNAL || (form == FORM_PREFIX && journal_fd < 0));
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino + 1);
    setenv("JOURNAL_STREAM", stream, 1);
    assert_false(stderr_is_journal());
    setenv("JOURNAL_STREAM", "nonsense", 1);
    assert_false(stderr_is_journal());
}

static void test_errno_is_kept(void **state)
{
    (void)state;
    log_init(LOG_FORMAT_TEXT);
    int fd = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    errno = ENOENT;
    log_err(NULL, "nowhere to go");
    assert_int_equal(errno, ENOENT);
    dup2(fd, STDERR_FILENO);
    close(fd);
}

enum { THREADS = 4, LINES = 500 };

static void *write_lines(void *arg)
{
    for (int i = 0; i < LINES; i++)
        log_info(NULL, "thread %c says %d", *(char *)arg, i);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    log_init(LOG_FORMAT_TEXT);
    fcntl(STDERR_FILENO, F_SETFL, 0); /* the writers wait for the reader */
    fcntl(read_end, F_SETFL, 0);
    pthread_t threads[THREADS];
    char names[THREADS];
    for (int i = 0; i < THREADS; i++) {
        names[i] = (char)('A' + i);
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &names[i]), 0);
    }
    FILE *f = fdopen(dup(read_end), "r");
    int next[THREADS] = {0};
    for (int i = 0; i < THREADS * LINES; i++) {
        char line[256], who;
        int number, used = 0;
        assert_non_null(fgets(line, sizeof line, f));
        assert_int_equal(sscanf(line + 24, " info: thread %c says %d%n", &who, &number, &used), 2);
        assert_string_equal(line + 24 + used, "\n");
        assert_int_equal(number, next[who - 'A']++);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text, capture, restore),
        cmocka_unit_test_setup_teardown(test_levels, capture, restore),
        cmocka_unit_test_setup_teardown(test_escapes, capture, restore),
        cmocka_unit_test_setup_teardown(test_prefix, capture, restore),
        cmocka_unit_test_setup_teardown(test_json, capture, restore),
        cmocka_unit_test_setup_teardown(test_long, capture, restore),
        cmocka_unit_test_setup_teardown(test_journal, capture, restore),
        cmocka_unit_test_setup_teardown(test_journal_stream, capture, restore),
        cmocka_unit_test_setup_teardown(test_errno_is_kept, capture, restore),
        cmocka_unit_test_setup_teardown(test_threads, capture, restore),
    };
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
