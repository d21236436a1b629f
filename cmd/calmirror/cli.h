/* cli: what the subcommands of calmirror share: options, the service's API, error exits. */
#ifndef CMD_CALMIRROR_CLI_H
#define CMD_CALMIRROR_CLI_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/secret.h"
#include "core/http/http.h"

/* Bits: which options a subcommand takes besides --config, --api and --help. */
/* clang-format off */
enum cli_option {
    OPTION_JSON = 1, OPTION_ACCOUNT = 2, OPTION_WAIT = 4, OPTION_FROM = 8, OPTION_TO = 16,
    OPTION_INSTANCES = 32, OPTION_CLIENT = 64, OPTION_LOGIN = 128, OPTION_FORCE = 256,
    OPTION_CALENDAR = 512, OPTION_EXEC = 1024, OPTION_WATCH = 2048, OPTION_WHOSE = 4096,
    OPTION_ALL = 8192,
};
/* clang-format on */

struct cli {
    const char *config; /* NULL: the default place, which need not exist */
    const char *api;    /* NULL: from the configuration */
    const char *account, *from, *to;
    const char *calendar, *origin, *expires, *append; /* of a new client */
    const char *port;                                 /* of a login */
    const char *exec;                                 /* for each change */
    bool all, watch, freebusy_only, admin, json, wait, instances, no_browser, acl, force;
    bool version, help;
    const char *verb; /* of the subcommand; NULL: none */
    char **args;      /* behind it */
    int n_args;

    /* set by cli_connect() */
    struct http_client *http;
    char base[300];         /* "http://127.0.0.1:8080" */
    const char *socket;     /* of a unix socket, or NULL */
    char place[300];        /* where the service should be, for messages */
    struct buf socket_text; /* owns `socket` */
    struct err *silent;     /* if set, gets what cli_get() and cli_post() would say on stderr */
    struct secret token;    /* shown to the service; empty: none was found */
};

struct command {
    const char *name, *verb; /* "client", "add"; NULL: there are none */
    const char *args;        /* behind them, as the usage line shows it */
    const char *summary;
    int min_args, max_args;
    unsigned options; /* enum cli_option */
    bool talks;       /* needs the service */
    int (*run)(struct cli *cli);
};
extern const struct command cli_commands[]; /* ends with a NULL name */

/* Subcommands; each returns an exit status of sysexits.h after saying on stderr what went wrong. */
typedef int cli_run(struct cli *cli);
cli_run run_status, run_resync, run_verify, run_calendars, run_events, run_agenda, run_watch;
cli_run run_client_add, run_client_list, run_hooks, run_hooks_order, run_doctor, run_login;
cli_run run_logout, run_key, run_version, run_help;

const char *cli_config_path(const struct cli *cli); /* as given, or the default place */
/* Finds the API's address. EX_OK, EX_CONFIG, EX_NOINPUT, EX_USAGE, EX_OSERR. */
int cli_connect(struct cli *cli);
void cli_close(struct cli *cli);

/* The token that is shown to the service, wherever it is found; `state_dir`: NULL when the service
 * is not known to be of this machine. EX_OK also when there is none; EX_NOPERM. */
int cli_find_token(struct cli *cli, const char *state_dir);

/* One request; the answer, which is JSON that passed json_check(), into *ret. EX_OK;
 * EX_UNAVAILABLE: nobody answers; EX_NOUSER: 404; EX_TEMPFAIL: 5xx; EX_NOPERM: 401, 403;
 * EX_DATAERR: other refusals; EX_PROTOCOL: no JSON. */
int cli_get(struct cli *cli, const char *path, struct buf *ret);
int cli_post(struct cli *cli, const char *path, struct span body, struct buf *ret);

/* "calmirror: ...", returns `status`. */
int cli_fail(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cli_print_json(struct span json); /* indented, to stdout; main() sees whether that worked */

#endif
