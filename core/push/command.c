/* command: programs of hooks: posix_spawn, a memory file as input, a pidfd to wait with.
 *
 * DESIGN. The input is a file in memory, so that nothing of ours waits for a program that does not
 * read. All other descriptors are closed, signals are as at a login, and the program leads a
 * process group, which is what is ended: a shell's children too. */
#include "core/push/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/text.h"

#define READS_MOST 32

static void close_fd(int *fd)
{
    if (*fd > 0)
        (void)close(*fd);
    *fd = 0;
}

static int input_of(struct span input)
{
    int fd = memfd_create("calmirror-hook", MFD_CLOEXEC);
    size_t done = 0;

    while (fd >= 0 && done < input.n) {
        ssize_t n = write(fd, input.p + done, input.n - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            (void)close(fd);
            return -1;
        }
        done += (size_t)n;
    }
    if (fd >= 0)
        (void)lseek(fd, 0, SEEK_SET);
    return fd;
}

static int set_up(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, int in, int out)
{
    sigset_t none, all;
    int rc = 0;

    sigemptyset(&none);
    sigfillset(&all);
    rc |= posix_spawn_file_actions_adddup2(files, in, 0);
    rc |= posix_spawn_file_actions_adddup2(files, out, 1);
    rc |= posix_spawn_file_actions_adddup2(files, out, 2);
    rc |= posix_spawn_file_actions_addclosefrom_np(files, 3);
    rc |= posix_spawn_file_actions_addchdir_np(files, "/");
    rc |= posix_spawnattr_setsigmask(attr, &none);
    rc |= posix_spawnattr_setsigdefault(attr, &all);
    rc |= posix_spawnattr_setpgroup(attr, 0);
    rc |= posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                             POSIX_SPAWN_SETSIGDEF);
    return rc;
}

static enum rc spawn(struct command *c, const char *const *argv, const char *const *env, int in,
                     int out, struct err *e)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;

    if (posix_spawn_file_actions_init(&files))
        return err_set(e, RC_SYS, "%s: out of memory", argv[0]);
    if (posix_spawnattr_init(&attr)) {
        posix_spawn_file_actions_destroy(&files);
        return err_set(e, RC_SYS, "%s: out of memory", argv[0]);
    }
    int error = set_up(&files, &attr, in, out);

    if (!error)
        error = posix_spawn(&c->pid, argv[0], &files, &attr, (char *const *)(uintptr_t)argv,
                            (char *const *)(uintptr_t)env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    if (!error)
        return RC_OK;
    c->pid = 0;
    return err_set(e, RC_SYS, "%s: %s%s", argv[0], strerror(error),
                   error == EACCES ? ": is it executable, and in ExecPaths= of the unit?" : "");
}

enum rc command_start(struct command *c, const char *const *argv, const char *const *env,
                      struct span input, int64_t deadline_ms, struct err *e)
{
    struct command fresh = {.deadline_ms = deadline_ms};
    int out[2] = {-1, -1}, in = input_of(input);
    enum rc rc = RC_OK;

    if (in < 0 || pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0)
        rc = err_errno(e, "%s: its input and output", argv[0]);
    if (rc == RC_OK)
        (void)fcntl(out[1], F_SETFL, 0); /* the program's end blocks */
    if (rc == RC_OK)
        rc = spawn(&fresh, argv, env, in, out[1], e);
    if (in >= 0)
        (void)close(in);
    if (out[1] >= 0)
        (void)close(out[1]);
    if (rc != RC_OK) {
        if (out[0] >= 0)
            (void)close(out[0]);
        return rc;
    }
    fresh.output_fd = out[0];
    fresh.exit_fd = (int)syscall(SYS_pidfd_open, fresh.pid, 0);
    if (fresh.exit_fd < 0)
        fresh.exit_fd = 0; /* then it is looked at now and then */
    *c = fresh;
    return RC_OK;
}

/* Keeps the end of it. */
static void read_output(struct command *c)
{
    char text[4096];
    ssize_t n;

    for (int reads = 0; c->output_fd; reads++) {
        /* One that never stops writing must not keep us. */
        if (reads == READS_MOST || (n = read(c->output_fd, text, sizeof text)) < 0)
            return;
        if (n == 0)
            break;
        size_t take = (size_t)n < COMMAND_TAIL ? (size_t)n : COMMAND_TAIL;
        size_t keep = c->tail_n + take > COMMAND_TAIL ? COMMAND_TAIL - take : c->tail_n;

        memmove(c->tail, c->tail + c->tail_n - keep, keep);
        memcpy(c->tail + keep, text + (size_t)n - take, take);
        c->tail_n = keep + take;
    }
    close_fd(&c->output_fd);
}

/* The last line of what it wrote, if it is text. */
static const char *last_words(struct command *c)
{
    while (c->tail_n > 0 && (unsigned char)c->tail[c->tail_n - 1] <= ' ')
        c->tail_n--;
    c->tail[c->tail_n] = '\0';
    const char *line = strrchr(c->tail, '\n');

    line = line ? line + 1 : c->tail;
    return text_is_utf8(span_of(line)) ? line : "";
}

static void forget(struct command *c)
{
    close_fd(&c->exit_fd);
    close_fd(&c->output_fd);
    c->pid = 0;
}

bool command_look(struct command *c, int64_t now_ms, bool *ret_ok, struct err *e)
{
    int status = 0;

    read_output(c);
    if (now_ms >= c->deadline_ms && !c->late) {
        c->late = true;
        (void)kill(-c->pid, SIGKILL);
    }
    pid_t ended = waitpid(c->pid, &status, WNOHANG);

    if (ended == 0)
        return false;
    int error = ended < 0 ? errno : 0; /* ECHILD where SIGCHLD is ignored: nobody kept its status */

    (void)kill(-c->pid, SIGKILL); /* what it left behind */
    read_output(c);
    const char *words = last_words(c);
    const char *colon = words[0] ? ": " : "";

    *ret_ok = !c->late && !error && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (c->late)
        (void)err_set(e, RC_AGAIN, "it took too long%s%s", colon, words);
    else if (error)
        (void)err_set(e, RC_AGAIN, "how it ended is not known: %s%s%s", strerror(error), colon,
                      words);
    else if (WIFSIGNALED(status))
        (void)err_set(e, RC_AGAIN, "ended by signal %d%s%s", WTERMSIG(status), colon, words);
    else if (!*ret_ok)
        (void)err_set(e, RC_AGAIN, "exit status %d%s%s", WEXITSTATUS(status), colon, words);
    forget(c);
    return true;
}

void command_kill(struct command *c)
{
    if (!c->pid)
        return;
    (void)kill(-c->pid, SIGKILL);
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    forget(c);
}

bool command_split(const char *text, char *hold, size_t size,
                   const char *argv[LIMIT_COMMAND_WORDS + 1])
{
    unsigned n = 0;
    char *at = hold, *save = NULL;

    if (!text_copy(hold, size, span_of(text)))
        return false;
    for (char *word; (word = strtok_r(at, " \t", &save)) != NULL; at = NULL) {
        if (n == LIMIT_COMMAND_WORDS)
            return false;
        argv[n++] = word;
    }
    argv[n] = NULL;
    return n > 0;
}
