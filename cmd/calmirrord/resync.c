/* resync: `calmirrord --resync`: asks the service of this state directory, or does it here.
 *
 * Which of the two is decided by the lock on the state directory, not by whether somebody answers:
 * a service that hangs must not be fought. */
#include "cmd/calmirrord/resync.h"

#include <stdio.h>
#include <sysexits.h>

#include "cmd/calmirror/cli.h"
#include "cmd/calmirror/term.h"
#include "core/base/log.h"
#include "core/calendar/zone.h"
#include "core/daemon/state.h"
#include "core/push/push.h"
#include "core/sync/sync.h"

static int ask_service(const struct conf *conf, const char *calendar)
{
    char *args[] = {(char *)(uintptr_t)calendar};
    struct cli cli = {.config = conf->path, .wait = true, .args = args, .n_args = calendar ? 1 : 0};
    int status = cli_connect(&cli);

    if (status == EX_OK)
        status = run_resync(&cli);
    cli_close(&cli);
    return status;
}

static void show_progress(void *arg, const struct sync_progress *p)
{
    char detail[64];

    (void)arg;
    (void)snprintf(detail, sizeof(detail), "calendars, %llu events listed",
                   (unsigned long long)p->items);
    term_progress("resync", p->done, p->calendars, detail);
}

static int exit_status(enum rc rc)
{
    switch (rc) {
    case RC_OK:
        return EX_OK;
    case RC_NOTFOUND:
        return EX_NOUSER;
    case RC_FULL:
    case RC_SYS:
        return EX_OSERR;
    case RC_AGAIN:
    case RC_STALE:
    case RC_AUTH:
    case RC_BADDATA:
    case RC_INVALID:
    case RC_CANCELED:
        break;
    }
    return EX_UNAVAILABLE;
}

static int do_it_here(const struct conf *conf, struct store *store, const char *calendar)
{
    struct queue *queue = queue_new();
    struct vault *vault = state_vault(conf);
    struct sync *sync = NULL;
    struct err e = {0};
    enum rc rc = queue ? RC_OK : err_set(&e, RC_SYS, "out of memory");

    if (rc == RC_OK)
        rc = push_note_older(conf->mirror.state_dir, store, &e);
    if (rc == RC_OK)
        rc = sync_new(
            &sync,
            &(struct sync_options){.store = store, .queue = queue, .conf = conf, .vault = vault},
            &e);
    if (rc == RC_OK)
        rc = sync_run_once(sync, calendar, (unsigned)conf->mirror.workers, show_progress, NULL, &e);
    term_progress_end();
    if (rc != RC_OK)
        (void)fprintf(stderr, "calmirrord: resync: %s\n", e.text);
    sync_free(sync);
    queue_free(queue);
    vault_free(vault);
    return exit_status(rc);
}

int resync_run(const struct conf *conf, const char *calendar)
{
    struct store *store = NULL;
    struct err e = {0};

    log_set_level(conf_log_level(conf));
    zone_set_dir(conf->mirror.zoneinfo);
    enum rc rc = state_open(conf, &store, &e);
    if (rc == RC_AGAIN)
        return ask_service(conf, calendar);
    if (rc != RC_OK) {
        (void)fprintf(stderr, "calmirrord: %s\n", e.text);
        return exit_status(rc);
    }
    int status = do_it_here(conf, store, calendar);
    store_close(store);
    return status;
}
