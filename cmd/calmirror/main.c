/* calmirror: reads the command line and runs one subcommand. */
#include <ctype.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cmd/calmirror/cli.h"
#include "core/base/text.h"

const struct command cli_commands[] = {
    {"status", "", "how every account and calendar stands", 0, 0, OPTION_JSON, true, run_status},
    {"resync", "[CALENDAR]", "list one calendar, or everything, anew from Google", 0, 1,
     OPTION_JSON | OPTION_ACCOUNT | OPTION_WAIT, true, run_resync},
    {"verify", "[CALENDAR]", "compare with Google, repair what differs and say what that was", 0, 1,
     OPTION_JSON | OPTION_ACCOUNT | OPTION_INSTANCES | OPTION_FROM | OPTION_TO, true, run_verify},
    {"calendars", "", "the calendars that can be read", 0, 0, OPTION_JSON, true, run_calendars},
    {"events", "CALENDAR", "events of a calendar, by start", 1, 1,
     OPTION_JSON | OPTION_FROM | OPTION_TO, true, run_events},
    {"agenda", "", "the coming days, of all calendars or some", 0, 0,
     OPTION_JSON | OPTION_CALENDAR | OPTION_FROM | OPTION_TO | OPTION_WATCH, true, run_agenda},
    {"watch", "", "say what changes, as it changes", 0, 0,
     OPTION_JSON | OPTION_ACCOUNT | OPTION_CALENDAR | OPTION_EXEC, true, run_watch},
    {"client", "add NAME | list", "let a program in, or list those that are", 1, 2,
     OPTION_JSON | OPTION_ACCOUNT | OPTION_CLIENT, false, run_client},
    {"hooks", "[retry|drop ..]", "how hooks are doing; once more what they refused, or drop it", 0,
     3, OPTION_JSON, true, run_hooks},
    {"doctor", "", "check everything the mirror depends on, and say what to do", 0, 0, OPTION_JSON,
     false, run_doctor},
    {"login", "", "sign in to an account, by way of a browser", 0, 0,
     OPTION_JSON | OPTION_ACCOUNT | OPTION_LOGIN, false, run_login},
    {"logout", "", "withdraw a login at Google and forget it", 0, 0,
     OPTION_JSON | OPTION_ACCOUNT | OPTION_FORCE, false, run_logout},
    {"key", "rotate", "seal the stored logins with a new key", 1, 1, OPTION_JSON, false, run_key},
    {"version", "", "the version of this program", 0, 0, OPTION_JSON, false, run_version},
    {"help", "[COMMAND]", "this, or the usage of one command", 0, 1, 0, false, run_help},
    {NULL, NULL, NULL, 0, 0, 0, false, NULL},
};

/* Options in the order of the help; `only`: the bit that a subcommand must have, 0 for all. */
static const struct option_info {
    const char *name;
    int letter; /* of getopt; above 255 when there is no short form */
    const char *arg;
    unsigned only;
    const char *doc;
} options[] = {
    {"config", 'c', "FILE", 0, "configuration of the service, where its address is found"},
    {"api", 256, "PLACE", 0, "the service's address instead: URL, host:port or socket path"},
    {"json", 'j', NULL, OPTION_JSON, "print JSON"},
    {"account", 'a', "NAME", OPTION_ACCOUNT, "only this account; of a new client: those it sees"},
    {"wait", 'w', NULL, OPTION_WAIT, "wait until it is done, with a progress bar on a terminal"},
    {"instances", 'i', NULL, OPTION_INSTANCES, "compare the instances of series too"},
    {"from", 'f', "TIME", OPTION_FROM, "events that end after this time"},
    {"to", 't', "TIME", OPTION_TO, "events that start before this time"},
    {"calendar", 257, "ID", OPTION_CLIENT | OPTION_CALENDAR,
     "only this calendar; of a new client: those it sees (patterns)"},
    {"watch", 267, NULL, OPTION_WATCH, "draw it anew whenever something changes"},
    {"exec", 'x', "COMMAND", OPTION_EXEC, "run this for each change, with it as JSON on stdin"},
    {"freebusy-only", 258, NULL, OPTION_CLIENT, "it only sees when they are busy"},
    {"origin", 259, "URL", OPTION_CLIENT, "web page that may use its token"},
    {"expires", 260, "DATE", OPTION_CLIENT, "when its token ceases to be accepted"},
    {"admin", 261, NULL, OPTION_CLIENT, "it may see and steer the whole service"},
    {"append", 262, "FILE", OPTION_CLIENT, "put the section into this configuration"},
    {"port", 263, "N", OPTION_LOGIN, "where the browser comes back to, for ssh -L; else any"},
    {"no-browser", 264, NULL, OPTION_LOGIN, "paste the address that the browser ends at"},
    {"acl", 265, NULL, OPTION_LOGIN, "ask for access rules too, as `acl = yes` does"},
    {"force", 266, NULL, OPTION_FORCE, "forget it even when Google cannot be reached"},
    {"version", 'V', NULL, 0, "same as the command version"},
    {"help", 'h', NULL, 0, "same as the command help"},
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

static void print_options(unsigned allowed)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_info *o = &options[i];
        char left[40];
        if (o->only && !(o->only & allowed))
            continue;
        (void)snprintf(left, sizeof(left), "--%s%s%s", o->name, o->arg ? "=" : "",
                       o->arg ? o->arg : "");
        if (o->letter < 256)
            printf("  -%c, %-18s %s\n", o->letter, left, o->doc);
        else
            printf("      %-18s %s\n", left, o->doc);
    }
}

/* Of the program for NULL. */
static void print_usage(const struct command *command)
{
    if (command) {
        printf("Usage: calmirror %s [OPTION]...%s%s\n%c%s.\n\n", command->name,
               command->args[0] ? " " : "", command->args, toupper(command->summary[0]),
               command->summary + 1);
        print_options(command->options);
        return;
    }
    printf("Usage: calmirror COMMAND [OPTION]...\nTalk to calmirrord, the Google Calendar "
           "mirror.\n\n");
    for (const struct command *c = cli_commands; c->name; c++)
        printf("  %-10s %-15s %s\n", c->name, c->args, c->summary);
    printf("\n");
    print_options(~0u);
    printf("\nTIME is a date (2026-11-22), a time (2026-11-22T09:00:00+01:00), now, today,\n"
           "tomorrow, or a span from now like +7d or -12h. See calmirror(1).\n");
}

static const char *next_command(const void *arg, size_t i)
{
    (void)arg;
    return cli_commands[i].name;
}

static const struct command *find_command(const char *name)
{
    for (const struct command *c = cli_commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    const char *near = text_nearest(name, next_command, NULL);
    (void)cli_fail(EX_USAGE, "%s: no such command%s%s%s", name, near ? "; did you mean " : "",
                   near ? near : "", near ? "?" : "");
    return NULL;
}

int run_help(struct cli *cli)
{
    const struct command *c = cli->n_args > 0 ? find_command(cli->args[0]) : NULL;
    if (cli->n_args > 0 && !c)
        return EX_USAGE;
    print_usage(c);
    return EX_OK;
}

struct parsed {
    bool used[OPTION_COUNT];
    bool help, version;
};

static void take_option(struct cli *cli, struct parsed *p, const struct option_info *o)
{
    p->used[o - options] = true;
    switch (o->letter) {
    case 'c':
        cli->config = optarg;
        break;
    case 256:
        cli->api = optarg;
        break;
    case 'j':
        cli->json = true;
        break;
    case 'a':
        cli->account = optarg;
        break;
    case 'w':
        cli->wait = true;
        break;
    case 'i':
        cli->instances = true;
        break;
    case 'f':
        cli->from = optarg;
        break;
    case 't':
        cli->to = optarg;
        break;
    case 257:
        cli->calendar = optarg;
        break;
    case 258:
        cli->freebusy_only = true;
        break;
    case 259:
        cli->origin = optarg;
        break;
    case 260:
        cli->expires = optarg;
        break;
    case 261:
        cli->admin = true;
        break;
    case 262:
        cli->append = optarg;
        break;
    case 263:
        cli->port = optarg;
        break;
    case 264:
        cli->no_browser = true;
        break;
    case 265:
        cli->acl = true;
        break;
    case 266:
        cli->force = true;
        break;
    case 267:
        cli->watch = true;
        break;
    case 'x':
        cli->exec = optarg;
        break;
    case 'V':
        p->version = true;
        break;
    default:
        p->help = true;
        break;
    }
}

/* Options may stand before and behind the subcommand; getopt moves them to the front. */
static bool parse(int argc, char **argv, struct cli *cli, struct parsed *p)
{
    struct option table[OPTION_COUNT + 1] = {{0}};
    char letters[2 * OPTION_COUNT + 1] = {0};
    size_t n = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        table[i] =
            (struct option){options[i].name, options[i].arg ? required_argument : no_argument, NULL,
                            options[i].letter};
        if (options[i].letter >= 256)
            continue;
        letters[n++] = (char)options[i].letter;
        if (options[i].arg)
            letters[n++] = ':';
    }
    for (int c; (c = getopt_long(argc, argv, letters, table, NULL)) != -1;) {
        size_t i = 0;
        while (i < OPTION_COUNT && options[i].letter != c)
            i++;
        if (i == OPTION_COUNT)
            return false; /* getopt has said why */
        take_option(cli, p, &options[i]);
    }
    cli->args = argv + optind;
    cli->n_args = argc - optind;
    return true;
}

static const struct option_info *misplaced(const struct command *command, const bool *used)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (used[i] && options[i].only && !(options[i].only & command->options))
            return &options[i];
    return NULL;
}

static int usage_error(const struct command *command)
{
    (void)fprintf(stderr, "Try 'calmirror help%s%s'.\n", command ? " " : "",
                  command ? command->name : "");
    return EX_USAGE;
}

static int run_command(struct cli *cli, const struct command *command, const struct parsed *p)
{
    int status;
    const struct option_info *odd = misplaced(command, p->used);
    if (odd)
        (void)cli_fail(EX_USAGE, "%s: --%s does not go with it", command->name, odd->name);
    else if (cli->n_args < command->min_args)
        (void)cli_fail(EX_USAGE, "%s: %s is missing", command->name, command->args);
    else if (cli->n_args > command->max_args)
        (void)cli_fail(EX_USAGE, "%s: '%s' is one argument too many", command->name,
                       cli->args[command->max_args]);
    else if (command->talks && (status = cli_connect(cli)) != EX_OK)
        return status;
    else
        return command->run(cli);
    return usage_error(command);
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    struct parsed p = {0};
    const struct command *command = NULL;

    (void)setlocale(LC_CTYPE, "");
    if (!parse(argc, argv, &cli, &p))
        return usage_error(NULL);
    if (cli.n_args > 0 && !p.version) {
        command = find_command(cli.args[0]);
        if (!command)
            return usage_error(NULL);
        cli.args++;
        cli.n_args--;
    }
    if (p.help) {
        print_usage(command);
        return EX_OK;
    }
    if (p.version)
        command = find_command("version");
    if (!command)
        return cli_fail(EX_USAGE, "no command given"), usage_error(NULL);
    int status = run_command(&cli, command, &p);
    cli_close(&cli);
    if (fflush(stdout) != 0 && status == EX_OK)
        status = cli_fail(EX_IOERR, "cannot write the output");
    return status;
}
