/* calmirrord: reads the command line and hands over to the daemon. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "core/base/log.h"
#include "core/base/must.h"
#include "core/base/standard.h"
#include "core/base/text.h"
#include "core/conf/conf.h"
#include "core/conf/print.h"
#include "core/daemon/build.h"
#include "core/daemon/daemon.h"
#include "cmd/calmirrord/resync.h"

#define DEFAULT_CONFIG "/etc/calmirrord/calmirrord.conf"

enum action { ACTION_RUN, ACTION_CHECK, ACTION_PRINT, ACTION_RESYNC };

struct command {
    enum action action;
    const char *config;
    const char *calendar; /* of --resync; NULL = all */
    enum log_format log_format;
};

static void print_help(FILE *out)
{
    fputs("Usage: calmirrord [-c FILE] [OPTION]...\n"
          "Keep a local copy of Google calendars and serve it.\n"
          "\n"
          "  -c, --config=FILE        by default " DEFAULT_CONFIG "\n"
          "      --check-config       report mistakes in the configuration, and exit\n"
          "      --print-config       print the effective configuration with origins\n"
          "      --resync[=CALENDAR]  list everything, or one calendar, anew and exit;\n"
          "                           by the running service, if there is one\n"
          "      --log-format=FORMAT  auto, journal, text or json\n"
          "  -V, --version            print versions and exit\n"
          "  -h, --help               print this and exit\n"
          "\n"
          "It stays in the foreground. SIGTERM stops it; SIGHUP rereads the configuration.\n"
          "See calmirrord(8), calmirrord.conf(5).\n",
          out);
}

static void print_version(void)
{
    for (const struct exposition_fact *f = build_facts(); f->name; f++)
        printf("%s %s\n", strcmp(f->name, "version") == 0 ? "calmirrord" : f->name, f->value);
}

static bool read_log_format(const char *name, enum log_format *ret)
{
    static const struct {
        const char *name;
        enum log_format format;
    } table[] = {{"auto", LOG_FORMAT_AUTO},
                 {"journal", LOG_FORMAT_JOURNAL},
                 {"text", LOG_FORMAT_TEXT},
                 {"json", LOG_FORMAT_JSON}};

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (strcmp(table[i].name, name) == 0) {
            *ret = table[i].format;
            return true;
        }
    fprintf(stderr, "calmirrord: --log-format: '%s' is none of auto, journal, text, json\n", name);
    return false;
}

/* True: go on with *cmd. False: *ret_status is the exit status. */
static bool read_command(int argc, char **argv, struct command *cmd, int *ret_status)
{
    enum { OPT_CHECK = 256, OPT_PRINT, OPT_RESYNC, OPT_LOG_FORMAT };
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check-config", no_argument, NULL, OPT_CHECK},
                                            {"print-config", no_argument, NULL, OPT_PRINT},
                                            {"resync", optional_argument, NULL, OPT_RESYNC},
                                            {"log-format", required_argument, NULL, OPT_LOG_FORMAT},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int c;

    *ret_status = EX_USAGE;
    while ((c = getopt_long(argc, argv, "c:Vh", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            cmd->config = optarg;
            break;
        case OPT_CHECK:
            cmd->action = ACTION_CHECK;
            break;
        case OPT_PRINT:
            cmd->action = ACTION_PRINT;
            break;
        case OPT_RESYNC:
            cmd->action = ACTION_RESYNC;
            cmd->calendar = optarg;
            if (optarg && (!optarg[0] || !text_is_utf8(span_of(optarg)))) {
                fprintf(stderr, "calmirrord: --resync: '%s' is no calendar's id\n", optarg);
                return false;
            }
            break;
        case OPT_LOG_FORMAT:
            if (!read_log_format(optarg, &cmd->log_format))
                return false;
            break;
        case 'V':
            print_version();
            *ret_status = EX_OK;
            return false;
        case 'h':
            print_help(stdout);
            *ret_status = EX_OK;
            return false;
        default:
            fputs("Try 'calmirrord --help'.\n", stderr);
            return false;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "calmirrord: '%s': no arguments are taken\nTry 'calmirrord --help'.\n",
                argv[optind]);
        return false;
    }
    return true;
}

/* The exit status, once all output is written. */
static int flushed(int status)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || status != EX_OK)
        return status;
    fputs("calmirrord: cannot write the output\n", stderr);
    return EX_IOERR;
}

int main(int argc, char **argv)
{
    struct command cmd = {.config = DEFAULT_CONFIG};
    struct buf problems = {0}, text = {0};
    struct conf *conf = NULL;
    int status;

    standard_open();
    if (!read_command(argc, argv, &cmd, &status))
        return flushed(status);
    if (cmd.action != ACTION_RUN)
        must_set_exit_status(EX_OSERR);
    log_init(cmd.log_format);

    enum rc rc = conf_load(cmd.config, &conf, &problems);
    if (rc != RC_OK) {
        fputs(buf_text(&problems), stderr);
        buf_release(&problems);
        if (rc == RC_SYS)
            fputs("Name the configuration with -c; if it is there, run this as root or as the user "
                  "of the service.\n",
                  stderr);
        return rc == RC_INVALID ? EX_CONFIG : rc == RC_AGAIN ? EX_OSERR : EX_NOINPUT;
    }
    status = EX_OK;
    switch (cmd.action) {
    case ACTION_CHECK:
        printf("%s: ok, %zu account%s%s\n", cmd.config, conf->n_accounts,
               conf->n_accounts == 1 ? "" : "s",
               conf->n_accounts ? "" : ": nothing is mirrored; add an [account NAME] section");
        break;
    case ACTION_PRINT:
        conf_print(conf, &text);
        fputs(buf_text(&text), stdout);
        break;
    case ACTION_RESYNC:
        status = resync_run(conf, cmd.calendar);
        break;
    case ACTION_RUN:
        status = daemon_run(conf);
        conf = NULL; /* the daemon's now: a reload replaces it */
        break;
    }
    buf_release(&text);
    buf_release(&problems);
    conf_free(conf);
    return flushed(status);
}
