/* calmirror: reads the command line and runs one subcommand. */
#include <ctype.h>
#include <getopt.h>
#include <locale.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cmd/calmirror/cli.h"
#include "cmd/calmirror/when.h"
#include "core/base/must.h"
#include "core/base/standard.h"
#include "core/base/text.h"

const struct command cli_commands[] = {
    {"status", NULL, "", "the state of every account and calendar", 0, 0,
     OPTION_JSON | OPTION_ACCOUNT | OPTION_ALL, true, run_status},
    {"resync", NULL, "[CALENDAR]", "list one calendar, or everything, anew from Google", 0, 1,
     OPTION_JSON | OPTION_ACCOUNT | OPTION_WAIT, true, run_resync},
    {"verify", NULL, "[CALENDAR]", "compare with Google, repair and report differences", 0, 1,
     OPTION_JSON | OPTION_ACCOUNT | OPTION_INSTANCES | OPTION_FROM | OPTION_TO, true, run_verify},
    {"calendars", NULL, "", "the calendars that can be read", 0, 0, OPTION_JSON, true,
     run_calendars},
    {"events", NULL, "CALENDAR", "events of a calendar, by start", 1, 1,
     OPTION_JSON | OPTION_FROM | OPTION_TO, true, run_events},
    {"agenda", NULL, "", "the coming days, of all calendars or some", 0, 0,
     OPTION_JSON | OPTION_CALENDAR | OPTION_FROM | OPTION_TO | OPTION_WATCH, true, run_agenda},
    {"watch", NULL, "", "print changes as they happen", 0, 0,
     OPTION_JSON | OPTION_ACCOUNT | OPTION_CALENDAR | OPTION_EXEC, true, run_watch},
    {"client", "add", "NAME", "make a token that lets a program in", 1, 1,
     OPTION_JSON | OPTION_CLIENT, false, run_client_add},
    {"client", "list", "", "the clients, what each may see, and when it asked", 0, 0, OPTION_JSON,
     true, run_client_list},
    {"hooks", NULL, "", "what hooks took and did not take", 0, 0, OPTION_JSON, true, run_hooks},
    {"hooks", "retry", "NAME [NUMBER]", "deliver again what a hook did not take", 1, 2, OPTION_JSON,
     true, run_hooks_order},
    {"hooks", "drop", "NAME [NUMBER]", "discard what a hook did not take", 1, 2, OPTION_JSON, true,
     run_hooks_order},
    {"doctor", NULL, "", "check what the mirror depends on and say what to do", 0, 0, OPTION_JSON,
     false, run_doctor},
    {"login", NULL, "", "sign in to an account with a browser", 0, 0,
     OPTION_JSON | OPTION_WHOSE | OPTION_LOGIN, false, run_login},
    {"logout", NULL, "", "withdraw a login at Google and forget it", 0, 0,
     OPTION_JSON | OPTION_WHOSE | OPTION_FORCE, false, run_logout},
    {"key", "rotate", "", "seal the stored logins with a new key", 0, 0, OPTION_JSON, false,
     run_key},
    {"version", NULL, "", "the version of this program", 0, 0, OPTION_JSON, false, run_version},
    {"help", NULL, "[COMMAND]", "this, or the usage of one command", 0, 2, 0, false, run_help},
    {NULL, NULL, NULL, NULL, 0, 0, 0, false, NULL},
};

#define WORD_MOST 4096

#define IN(member) offsetof(struct cli, member)

/* Options in the order of the help; `only`: the bits of which a subcommand must have one, 0 for
 * all. A letter that means something else to another subcommand has a row for each. */
static const struct option_info {
    const char *name;
    int letter; /* of getopt; above 255 when there is no short form */
    const char *arg;
    unsigned only;
    size_t member; /* of struct cli: a text if there is an argument, else a flag */
    const char *doc;
} options[] = {
    {"account", 'a', "NAME", OPTION_ACCOUNT, IN(account), "only this account"},
    {"account", 'a', "NAME", OPTION_WHOSE, IN(account),
     "which one: the NAME of an [account NAME]; required"},
    {"account", 'a', "NAMES", OPTION_CLIENT, IN(account),
     "accounts it sees, comma-separated; by default all"},
    {"calendar", 257, "ID", OPTION_CALENDAR, IN(calendar), "only this calendar"},
    {"calendar", 257, "PATTERNS", OPTION_CLIENT, IN(calendar),
     "calendars it sees, comma-separated; by default all"},
    {"all", 268, NULL, OPTION_ALL, IN(all), "every calendar, even if there are very many"},
    {"wait", 'w', NULL, OPTION_WAIT, IN(wait), "wait until it is done, with a progress bar"},
    {"instances", 'i', NULL, OPTION_INSTANCES, IN(instances),
     "also compare the instances of series"},
    {"from", 'f', "TIME", OPTION_FROM, IN(from), "events that end after this time"},
    {"to", 't', "TIME", OPTION_TO, IN(to), "events that start before this time"},
    {"watch", 267, NULL, OPTION_WATCH, IN(watch), "redraw whenever something changes"},
    {"exec", 'x', "COMMAND", OPTION_EXEC, IN(exec),
     "run this for each change, given as JSON on stdin"},
    {"freebusy-only", 258, NULL, OPTION_CLIENT, IN(freebusy_only),
     "it sees only when they are busy"},
    {"origin", 259, "URL", OPTION_CLIENT, IN(origin), "web page that may use its token"},
    {"expires", 260, "DATE", OPTION_CLIENT, IN(expires), "when its token stops being accepted"},
    {"admin", 261, NULL, OPTION_CLIENT, IN(admin), "it may see and control the whole service"},
    {"append", 262, "FILE", OPTION_CLIENT, IN(append),
     "add the section to this configuration file"},
    {"port", 263, "N", OPTION_LOGIN, IN(port), "port the browser comes back to, for ssh -L"},
    {"no-browser", 264, NULL, OPTION_LOGIN, IN(no_browser),
     "open no browser; paste the address that one ends up at"},
    {"acl", 265, NULL, OPTION_LOGIN, IN(acl), "also ask for access rules, as `acl = yes` does"},
    {"force", 266, NULL, OPTION_FORCE, IN(force), "forget it even if Google cannot be reached"},
    {"json", 'j', NULL, OPTION_JSON, IN(json), "print JSON"},
    {"config", 'c', "FILE", 0, IN(config), "configuration of the service, which has its address"},
    {"api", 256, "PLACE", 0, IN(api), "its address instead: URL, host:port or socket path"},
    {"version", 'V', NULL, 0, IN(version), "same as the command version"},
    {"help", 'h', NULL, 0, IN(help), "same as the command help"},
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
            printf("  -%c, %-19s %s\n", o->letter, left, o->doc);
        else
            printf("      %-19s %s\n", left, o->doc);
    }
}

/* "client add NAME". */
static const char *call_of(const struct command *c, char out[64])
{
    (void)snprintf(out, 64, "%s%s%s%s%s", c->name, c->verb ? " " : "", c->verb ? c->verb : "",
                   c->args[0] ? " " : "", c->args);
    return out;
}

static void print_usage(const struct command *c)
{
    char call[64];
    printf("Usage: calmirror %s%s [OPTION]...\n%c%s.\n\n", call_of(c, call),
           c->options & OPTION_WHOSE ? " -a NAME" : "", toupper(c->summary[0]), c->summary + 1);
    print_options(c->options);
    if (c->options & (OPTION_FROM | OPTION_TO))
        printf("\nTIME is " WHEN_FORMS_AND("\n") ".\n");
}

/* All commands of this name, or the one that has been found out. */
static void print_usages(const char *name, const struct command *only)
{
    bool any = false;
    for (const struct command *c = cli_commands; c->name; c++) {
        if (strcmp(c->name, name) != 0 || (only && c != only))
            continue;
        printf("%s", any ? "\n" : "");
        print_usage(c);
        any = true;
    }
}

static void print_summary(void)
{
    char call[64];
    printf("Usage: calmirror COMMAND [OPTION]...\nTalk to calmirrord, the Google Calendar "
           "mirror.\n\n");
    for (const struct command *c = cli_commands; c->name; c++)
        printf("  %-26s %s\n", call_of(c, call), c->summary);
    printf("\n");
    print_options(0);
    printf("\n'calmirror help COMMAND' shows the options of a command. See calmirror(1).\n");
}

static const char *next_command(const void *arg, size_t i)
{
    (void)arg;
    return cli_commands[i].name;
}

static const char *next_option(const void *arg, size_t i)
{
    (void)arg;
    return i < OPTION_COUNT ? options[i].name : NULL;
}

/* Says what is wrong with an option; `near`: what may have been meant, NULL if nothing comes near.
 */
static void say_wrong(const char *what, const char *wrong, const char *dashes, const char *near)
{
    (void)cli_fail(EX_USAGE, "%s: no such %s%s%s%s%s", wrong, what, near ? "; did you mean " : "",
                   near ? dashes : "", near ? near : "", near ? "?" : "");
}

static void say_forms(const char *name)
{
    char call[64];
    struct buf forms = {0};
    for (const struct command *c = cli_commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            buf_printf(&forms, "%s`%s`", forms.n ? " or " : "", call_of(c, call));
    (void)cli_fail(EX_USAGE, "%s: it is %s", name, buf_text(&forms));
    buf_release(&forms);
}

/* What the words name: first the command, then its verb if it has some. NULL: said why.
 * `loose`: a name that stands for several is good; *ret_name is that. */
static const struct command *find_command(char **words, int n, bool loose, const char **ret_name)
{
    const struct command *found = NULL;
    bool known = false, verbs = false;
    for (const struct command *c = cli_commands; c->name; c++) {
        if (strcmp(c->name, words[0]) != 0)
            continue;
        known = true;
        verbs |= c->verb != NULL;
        if (!c->verb || (n > 1 && strcmp(c->verb, words[1]) == 0))
            found = c;
    }
    bool odd_verb = verbs && n > 1 && !(found && found->verb);
    *ret_name = known ? words[0] : NULL;
    if (!known)
        say_wrong("command", words[0], "", text_nearest(words[0], next_command, NULL));
    else if (odd_verb || (!found && !loose))
        say_forms(words[0]);
    return odd_verb ? NULL : found;
}

int run_help(struct cli *cli)
{
    const char *name = NULL;
    if (cli->n_args == 0) {
        print_summary();
        return EX_OK;
    }
    const struct command *c = find_command(cli->args, cli->n_args, true, &name);
    if (!name || (!c && cli->n_args > 1))
        return EX_USAGE;
    print_usages(name, c && (c->verb || cli->n_args > 1) ? c : NULL);
    return EX_OK;
}

/* Words that name or mean something to the service, whole and on one line. False: said so. */
static bool is_word(const char *what, const char *text)
{
    size_t n = strlen(text);
    const char *wrong = n == 0                         ? "is empty"
                        : n > WORD_MOST                ? "is too long"
                        : !text_is_utf8(span_of(text)) ? "is not UTF-8 text"
                                                       : NULL;
    for (size_t i = 0; !wrong && i < n; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            wrong = "has a control character in it";
    if (wrong)
        (void)cli_fail(EX_USAGE, "%s: '%s' %s", what, text, wrong);
    return !wrong;
}

/* Paths and commands are whatever the system takes for one. */
static bool is_free(const struct option_info *o)
{
    return o->member == IN(config) || o->member == IN(api) || o->member == IN(append) ||
           o->member == IN(exec);
}

static void take_option(struct cli *cli, const struct option_info *o)
{
    char *member = (char *)cli + o->member;
    if (o->arg)
        *(const char **)(void *)member = optarg;
    else
        *(bool *)member = true;
}

/* What getopt found wrong: `c` is its answer, `word` what it read last. */
static void say_option(int c, const char *word)
{
    char letter[3] = {'-', (char)optopt, '\0'}, name[64];
    bool is_long = strncmp(word, "--", 2) == 0;
    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
    if (c == ':')
        (void)cli_fail(EX_USAGE, "%s: its argument is missing", is_long ? name : letter);
    else if (is_long && optopt)
        (void)cli_fail(EX_USAGE, "%s: it takes no argument", name);
    else if (is_long)
        say_wrong("option", name, "--", text_nearest(name + 2, next_option, NULL));
    else
        say_wrong("option", letter, "", NULL);
}

/* Options may stand before and behind the subcommand; getopt moves them to the front. */
static bool parse(int argc, char **argv, struct cli *cli, bool used[OPTION_COUNT])
{
    struct option table[OPTION_COUNT + 1] = {{0}};
    char letters[2 * OPTION_COUNT + 2] =
        ":"; /* a missing argument is told from an unknown option */
    size_t n = 1;
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
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, letters, table, NULL)) != -1;) {
        size_t i = 0;
        if (c == '?' || c == ':') {
            say_option(c, argv[optind - 1]);
            return false;
        }
        while (options[i].letter != c)
            i++;
        used[i] = true;
        if (options[i].arg && !is_free(&options[i]) && !is_word(options[i].name, optarg))
            return false;
        take_option(cli, &options[i]);
    }
    cli->args = argv + optind;
    cli->n_args = argc - optind;
    for (int i = 0; i < cli->n_args; i++)
        if (!is_word("argument", cli->args[i]))
            return false;
    return true;
}

/* Does the command take the option, in whatever sense? */
static bool takes(const struct command *command, int letter)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (options[i].letter == letter && (!options[i].only || options[i].only & command->options))
            return true;
    return false;
}

static const struct option_info *misplaced(const struct command *command, const bool *used)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (used[i] && !takes(command, options[i].letter))
            return &options[i];
    return NULL;
}

/* The command, as far as it is known; NULL: nothing is. */
static int usage_error(const char *name, const char *verb)
{
    (void)fprintf(stderr, "Try 'calmirror help%s%s%s%s'.\n", name ? " " : "", name ? name : "",
                  verb ? " " : "", verb ? verb : "");
    return EX_USAGE;
}

static int run_command(struct cli *cli, const struct command *command,
                       const bool used[OPTION_COUNT])
{
    int status;
    const char *verb = command->verb ? command->verb : "", *space = command->verb ? " " : "";
    const struct option_info *odd = misplaced(command, used);
    if (odd)
        (void)cli_fail(EX_USAGE, "%s%s%s: --%s does not go with it", command->name, space, verb,
                       odd->name);
    else if (cli->n_args < command->min_args)
        (void)cli_fail(EX_USAGE, "%s%s%s: %s is missing", command->name, space, verb,
                       command->args);
    else if (cli->n_args > command->max_args)
        (void)cli_fail(EX_USAGE, "%s%s%s: '%s' is one argument too many", command->name, space,
                       verb, cli->args[command->max_args]);
    else if (command->talks && (status = cli_connect(cli)) != EX_OK)
        return status;
    else
        return command->run(cli);
    return usage_error(command->name, command->verb);
}

static int run(struct cli *cli, const bool used[OPTION_COUNT])
{
    const char *name = NULL;

    if (cli->version)
        return run_version(cli);
    if (cli->help)
        return run_help(cli);
    if (cli->n_args == 0)
        return cli_fail(EX_USAGE, "no command given"), usage_error(NULL, NULL);
    const struct command *command = find_command(cli->args, cli->n_args, false, &name);
    if (!command)
        return usage_error(name, NULL);
    cli->verb = command->verb;
    cli->args += command->verb ? 2 : 1;
    cli->n_args -= command->verb ? 2 : 1;
    return run_command(cli, command, used);
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    bool used[OPTION_COUNT] = {false};

    must_set_exit_status(EX_OSERR);
    standard_open();
    (void)setlocale(LC_CTYPE, "");
    if (!parse(argc, argv, &cli, used))
        return usage_error(NULL, NULL);
    int status = run(&cli, used);
    cli_close(&cli);
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (!written && status != EX_IOERR) {
        int lost = cli_fail(EX_IOERR, "cannot write the output");
        status = status < EX__BASE ? lost : status; /* a verdict that nobody can read is none */
    }
    return status;
}
