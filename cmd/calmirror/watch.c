/* watch: says what changes, as it changes, or runs a command for each change. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "cmd/calmirror/cli.h"
#include "cmd/calmirror/fields.h"
#include "cmd/calmirror/follow.h"
#include "cmd/calmirror/term.h"
#include "cmd/calmirror/when.h"
#include "core/base/json.h"
#include "core/base/text.h"

extern char **environ;

struct watch {
    const struct cli *cli;
    bool colours;
    int status; /* of the end, if it was ours */
};

/* ---- for people ------------------------------------------------------------------------------ */

static void add_changed(struct buf *out, struct span entry)
{
    struct json_iter it = json_iter(json_get(entry, "changed"));
    struct span key, name;
    const char *sep = "  (";
    while (json_next(&it, &key, &name)) {
        buf_add_text(out, sep);
        buf_add_span(out, json_string_plain(name));
        sep = ", ";
    }
    if (sep[0] == ',')
        buf_add_char(out, ')');
}

/* Where an event is: now, or where it was when it is gone. */
static void add_where(struct buf *out, struct span entry)
{
    char text[64];
    struct span start = json_get(entry, "start");
    if (start.n == 0)
        start = json_path(entry, "old", "start", NULL);
    if (start.n == 0)
        start = json_get(entry, "originalStartTime");
    if (start.n > 0)
        buf_printf(out, "  %s", when_show(start, text, sizeof(text)));
}

static void add_words(struct buf *out, const char *type, struct span entry)
{
    char text[512];
    if (strcmp(type, "calendar") == 0) {
        buf_printf(out, "  %s", field_text(entry, "change", text, sizeof(text)));
        buf_printf(out, "  %s", field_text(entry, "summary", text, sizeof(text)));
    } else if (strcmp(type, "freshness") == 0) {
        bool stale = json_is_true(json_get(entry, "stale"));
        buf_printf(out, stale ? "  cannot be brought up to date since %s" : "  up to date again",
                   field_text(entry, "freshAt", text, sizeof(text)));
    } else if (strcmp(type, "reset") == 0) {
        buf_printf(out, "  %s", field_text(entry, "do", text, sizeof(text)));
    } else {
        const char *title = field_text(json_get(entry, "event"), "summary", text, sizeof(text));
        add_where(out, entry);
        if (!title[0])
            title = field_text(entry, "eventId", text, sizeof(text));
        buf_printf(out, "  %s", title);
        add_changed(out, entry);
    }
}

static enum style style_of(const char *type)
{
    static const struct {
        const char *type;
        enum style style;
    } styles[] = {{"created", STYLE_GOOD},
                  {"deleted", STYLE_BAD},
                  {"reset", STYLE_WARN},
                  {"freshness", STYLE_WARN}};
    for (size_t i = 0; i < sizeof(styles) / sizeof(*styles); i++)
        if (strcmp(type, styles[i].type) == 0)
            return styles[i].style;
    return STYLE_PLAIN;
}

static void say(const struct watch *w, const char *type, struct span entry)
{
    struct buf line = {0};
    char clock[32], calendar[256];
    time_t now = time(NULL);
    struct tm tm;
    if (!localtime_r(&now, &tm) || strftime(clock, sizeof(clock), "%H:%M:%S", &tm) == 0)
        clock[0] = '\0';
    (void)field_text(entry, "calendarId", calendar, sizeof(calendar));
    buf_printf(&line, "  %s", calendar);
    add_words(&line, type, entry);
    (void)printf("%s  ", clock);
    term_print_styled(stdout, w->colours, style_of(type), type, 9);
    term_print_safe(stdout, buf_text(&line));
    (void)fputc('\n', stdout);
    buf_release(&line);
}

/* ---- for commands ---------------------------------------------------------------------------- */

static void feed(int fd, struct span json)
{
    for (size_t at = 0; at < json.n;) {
        ssize_t n = write(fd, json.p + at, json.n - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break; /* it does not read: its affair */
        at += (size_t)n;
    }
    (void)!write(fd, "\n", 1);
    close(fd);
}

/* Its signals are as ours were at our start. */
static bool start(const char *command, int input, pid_t *ret)
{
    char sh[] = "sh", c[] = "-c";
    char *args[] = {sh, c, (char *)(uintptr_t)command, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigdefault(&attr, &pipe_signal);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    int error = posix_spawn(ret, "/bin/sh", &files, &attr, args, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    errno = error;
    return error == 0;
}

/* One at a time: the next change waits for the end of this one's command. */
static bool run_for(struct watch *w, const char *type, struct span entry)
{
    int fds[2], how = 0;
    pid_t pid = 0;
    char calendar[1100], event[1100];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        w->status = cli_fail(EX_OSERR, "%s", strerror(errno));
        return false;
    }
    setenv("CALMIRROR_TYPE", type, 1);
    setenv("CALMIRROR_CALENDAR", field_text(entry, "calendarId", calendar, sizeof(calendar)), 1);
    setenv("CALMIRROR_EVENT", field_text(entry, "eventId", event, sizeof(event)), 1);
    bool started = start(w->cli->exec, fds[0], &pid);
    close(fds[0]);
    if (!started) {
        close(fds[1]);
        w->status = cli_fail(EX_OSERR, "/bin/sh: %s", strerror(errno));
        return false;
    }
    feed(fds[1], entry);
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(how) && WEXITSTATUS(how) != 0)
        (void)cli_fail(0, "the command ended with status %d", WEXITSTATUS(how));
    else if (WIFSIGNALED(how))
        (void)cli_fail(0, "the command was ended by signal %d", WTERMSIG(how));
    return true;
}

static bool take(void *arg, const char *type, struct span json)
{
    struct watch *w = arg;
    if (w->cli->exec)
        return run_for(w, type, json);
    if (w->cli->json)
        (void)printf("%.*s\n", (int)json.n, json.p);
    else
        say(w, type, json);
    if (fflush(stdout) == 0)
        return true;
    w->status = EX_IOERR; /* whoever read this has gone */
    return false;
}

int run_watch(struct cli *cli)
{
    struct watch w = {.cli = cli, .colours = term_colours(stdout)};
    struct follower f = {.take = take, .arg = &w};
    struct buf query = {0};
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL); /* if it was ignored, no command would have a status */
    buf_add_text(&query, "include=event");
    if (cli->calendar) {
        buf_add_text(&query, "&calendar=");
        text_percent_encode(&query, span_of(cli->calendar));
    }
    if (cli->account) {
        buf_add_text(&query, "&account=");
        text_percent_encode(&query, span_of(cli->account));
    }
    int status = follow(cli, buf_text(&query), &f);
    buf_release(&query);
    return w.status ? w.status : status;
}
