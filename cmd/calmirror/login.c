/* login, logout, key: what people do about accounts that they sign in to. */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "cmd/calmirror/fields.h"
#include "cmd/calmirror/landing.h"
#include "cmd/calmirror/operator.h"
#include "cmd/calmirror/term.h"
#include "core/base/json.h"
#include "core/base/text.h"

#define WAIT_MS (15 * 60 * 1000)

struct login {
    struct cli *cli;
    struct operator_door door;
    struct operator_answer answer; /* the last one */
    int status;                    /* once it is done */
};

/* ---- the browser ----------------------------------------------------------------------------- */

/* An id that sudo tells of its caller; false: it is unset, no number, or root's. */
static bool read_id(const char *name, uint32_t *ret)
{
    const char *text = getenv(name);
    uint32_t id;

    if (!text || !text_to_id(span_of(text), &id) || id == 0)
        return false;
    *ret = id;
    return true;
}

/* Root has no desktop: whoever called sudo may have one. False: nobody to open it for. */
static bool become_caller(void)
{
    uint32_t uid, gid;

    if (geteuid() != 0)
        return true;
    if (!read_id("SUDO_UID", &uid) || !read_id("SUDO_GID", &gid))
        return false;
    const struct passwd *p = getpwuid(uid);
    return (p ? initgroups(p->pw_name, gid) : setgroups(0, NULL)) == 0 && setgid(gid) == 0 &&
           setuid(uid) == 0;
}

/* In the background and without a word: the address is on the terminal in any case. */
static void open_browser(const char *url)
{
    if (!getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY") && !getenv("BROWSER"))
        return;
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        if (null < 0 || !become_caller() || fork() != 0)
            _exit(0);
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
        (void)execlp("xdg-open", "xdg-open", url, NULL);
        _exit(0);
    }
    if (child > 0)
        (void)waitpid(child, NULL, 0); /* the grandchild is nobody's to wait for */
}

/* ---- signing in ------------------------------------------------------------------------------ */

static void begin_body(const struct login *l, const char *redirect_uri, struct buf *out)
{
    buf_add_text(out, "{\"account\":");
    buf_add_json(out, span_of(l->cli->account));
    buf_add_text(out, ",\"redirect_uri\":");
    buf_add_json(out, span_of(redirect_uri));
    buf_printf(out, ",\"acl\":%s}", l->cli->acl ? "true" : "false");
}

static void describe(const struct login *l, char out[512])
{
    char calendar[192], trouble[192];
    struct span body = buf_span(&l->answer.body);

    (void)field_text(body, "calendar", calendar, sizeof(calendar));
    (void)field_text(body, "trouble", trouble, sizeof(trouble));
    (void)snprintf(out, 512, "Account %.64s%s%s is signed in.%s%s", l->cli->account,
                   calendar[0] ? " as " : "", calendar, trouble[0] ? " But: " : "", trouble);
}

/* The service says whether the redirect is that of this sign-in: it knows the state. */
static enum landing_verdict judge(void *arg, struct span redirect, bool *ret_good,
                                  char message[512])
{
    struct login *l = arg;
    struct buf body = {0};

    buf_add_text(&body, "{\"account\":");
    buf_add_json(&body, span_of(l->cli->account));
    buf_add_text(&body, ",\"redirect\":");
    buf_add_json(&body, redirect);
    buf_add_char(&body, '}');
    operator_answer_release(&l->answer);
    l->status = operator_ask(&l->door, "/login/finish", &body, &l->answer);
    secret_wipe_buf(&body);
    if (l->status == EX_OK && l->answer.status == 400)
        return LANDING_OTHER;
    *ret_good = l->status == EX_OK && l->answer.status == 200;
    if (*ret_good)
        describe(l, message);
    else
        (void)snprintf(message, 512, "%s",
                       l->status == EX_OK ? l->answer.message : "The service does not answer.");
    return LANDING_DONE;
}

/* False: nobody can see it. */
static bool print_url(const struct login *l, const char *url, const char *uri)
{
    if (l->cli->json) {
        struct buf out = {0};
        buf_add_text(&out, "{\"url\":");
        buf_add_json(&out, span_of(url));
        buf_add_text(&out, ",\"redirect_uri\":");
        buf_add_json(&out, span_of(uri));
        buf_add_text(&out, "}\n");
        (void)fputs(buf_text(&out), stdout);
        buf_release(&out);
    } else {
        printf("Sign in to Google with a browser, at this address:\n\n  %s\n\n", url);
        if (l->cli->no_browser)
            printf("Then paste here what the browser's address bar shows (%s/?...), even if the "
                   "page could not be loaded:\n",
                   uri);
        else
            printf("It comes back to %s. From another machine, forward that port "
                   "(ssh -L %s:%s), or use --no-browser.\n",
                   uri, strrchr(uri, ':') + 1, uri + strlen("http://"));
    }
    return fflush(stdout) == 0;
}

static void print_end(int64_t expires_ms)
{
    char text[64];
    struct tm tm;
    time_t s = (time_t)(expires_ms / 1000);

    if (expires_ms <= 0 || !localtime_r(&s, &tm))
        return;
    (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
    printf("This login ends on %s. If that is seven days from now, the OAuth consent screen is in\n"
           "\"Testing\": publish it, or make it Internal, and sign in again.\n",
           text);
}

static int report(const struct login *l)
{
    struct span body = buf_span(&l->answer.body);
    char text[512];

    if (l->status != EX_OK)
        return l->status;
    int status = operator_verdict(&l->answer);
    if (status != EX_OK)
        return status;
    if (l->cli->json) {
        struct buf out = {0};
        json_reformat(&out, body, 0, 0);
        printf("%s\n", buf_text(&out));
        buf_release(&out);
        return EX_OK;
    }
    describe(l, text);
    term_print_safe(stdout, text);
    (void)fputc('\n', stdout);
    print_end(field_number(body, "expires_ms", 0));
    return EX_OK;
}

static int sign_in(struct login *l, struct landing *landing)
{
    struct buf body = {0}, url = {0};
    const char *uri = landing_uri(landing);

    begin_body(l, uri, &body);
    int status = operator_ask(&l->door, "/login/begin", &body, &l->answer);
    buf_release(&body);
    if (status == EX_OK)
        status = operator_verdict(&l->answer);
    if (status != EX_OK)
        return status;
    if (!json_string(json_get(buf_span(&l->answer.body), "url"), &url))
        return cli_fail(EX_PROTOCOL, "the service gave no address");
    bool shown = print_url(l, buf_text(&url), uri);
    if (shown && !l->cli->no_browser)
        open_browser(buf_text(&url));
    buf_release(&url);
    if (!shown)
        return EX_OK; /* main() says why */
    if (!landing_wait(landing, l->cli->no_browser, WAIT_MS))
        return cli_fail(EX_TEMPFAIL, "nobody came back from Google's page");
    return report(l);
}

static bool read_port(const struct cli *cli, uint16_t *ret)
{
    uint64_t port = 0;

    if (cli->port && (!text_to_u64(span_of(cli->port), &port) || port == 0 || port > UINT16_MAX))
        return false;
    *ret = (uint16_t)port;
    return true;
}

static int no_account(void)
{
    return cli_fail(EX_USAGE, "which account? Give --account, the NAME of an [account NAME]");
}

int run_login(struct cli *cli)
{
    struct login l = {.cli = cli};
    struct landing *landing = NULL;
    struct err e = {0};
    uint16_t port;

    if (!cli->account)
        return no_account();
    if (!read_port(cli, &port))
        return cli_fail(EX_USAGE, "--port: '%s' is no port", cli->port);
    int status = operator_open(&l.door, cli);
    if (status == EX_OK && landing_open(&landing, port, judge, &l, &e) != RC_OK)
        status = cli_fail(EX_UNAVAILABLE, "%s", e.text);
    if (status == EX_OK)
        status = sign_in(&l, landing);
    landing_close(landing);
    operator_answer_release(&l.answer);
    operator_close(&l.door);
    return status;
}

/* ---- the others ------------------------------------------------------------------------------ */

static void show(const struct cli *cli, const struct operator_answer *a, const char *sentence)
{
    char note[512];

    if (cli->json) {
        cli_print_json(buf_span(&a->body));
        return;
    }
    printf("%s\n", sentence);
    if (field_text(buf_span(&a->body), "note", note, sizeof(note))[0])
        (void)cli_fail(EX_OK, "%s", note);
}

int run_logout(struct cli *cli)
{
    struct operator_answer a = {0};
    struct buf body = {0};
    char sentence[256];

    if (!cli->account)
        return no_account();
    buf_add_text(&body, "{\"account\":");
    buf_add_json(&body, span_of(cli->account));
    buf_printf(&body, ",\"force\":%s}", cli->force ? "true" : "false");
    int status = operator_once(cli, "/logout", &body, &a);
    (void)snprintf(sentence, sizeof(sentence), "Account %.64s is signed out.", cli->account);
    if (status == EX_OK)
        show(cli, &a, sentence);
    else if (status == EX_TEMPFAIL)
        (void)fputs("Nothing was done. --force forgets the login here all the same.\n", stderr);
    operator_answer_release(&a);
    buf_release(&body);
    return status;
}

int run_key(struct cli *cli)
{
    struct operator_answer a = {0};
    struct buf body = {0};
    char sentence[128];

    buf_add_text(&body, "{}");
    int status = operator_once(cli, "/key/rotate", &body, &a);
    (void)snprintf(sentence, sizeof(sentence), "A new key; stored logins sealed with it: %lld.",
                   (long long)field_number(buf_span(&a.body), "resealed", 0));
    if (status == EX_OK)
        show(cli, &a, sentence);
    operator_answer_release(&a);
    buf_release(&body);
    return status;
}
