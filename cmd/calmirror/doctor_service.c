/* doctor_service: does the service run, and how do its accounts stand? Without it, the credentials
 * that can be read from here are tried. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cmd/calmirror/doctor.h"
#include "cmd/calmirror/fields.h"
#include "core/base/json.h"
#include "core/google/api.h"
#include "core/model/collection.h"

/* What is not mirrored of an account because nobody granted it. */
static void say_missing(struct doctor *d, const char *account, const char *kind, const char *what)
{
    struct json_iter it = json_iter(json_get(buf_span(&d->status), "collections"));
    struct span coll;
    char error[512];
    while (json_next(&it, NULL, &coll)) {
        if (!field_is(coll, "account", account) || !field_is(coll, "kind", kind) ||
            !strstr(field_text(coll, "last_error", error, sizeof(error)), COLL_NO_SCOPE))
            continue;
        doctor_say(d, LEVEL_SKIP, "account", "grant the scope if clients ask for them",
                   "%s: %s are not mirrored: their scope was not granted", account, what);
        return;
    }
}

/* What is wrong with an account is what was found wrong with its file: said once. */
static bool is_told(struct doctor *d, const char *account, const char *reason)
{
    char told[600];
    (void)snprintf(told, sizeof(told), "account %s: %s", account, reason);
    for (size_t i = 0; i < d->n; i++)
        if (d->v[i].level == LEVEL_FAIL && strncmp(d->v[i].text, told, strlen(told)) == 0) {
            doctor_say(d, LEVEL_SKIP, "account", NULL, "%s: cannot be used with that credential",
                       account);
            return true;
        }
    return false;
}

static void say_account(struct doctor *d, struct span account)
{
    char name[LIMIT_NAME_BYTES + 1], state[32], reason[512];
    (void)field_text(account, "name", name, sizeof(name));
    (void)field_text(account, "state", state, sizeof(state));
    (void)field_text(account, "reason", reason, sizeof(reason));
    if (strcmp(state, "ok") == 0) {
        doctor_say(d, LEVEL_OK, "account", NULL, "%s: signed in, with the scope that is needed",
                   name);
        say_missing(d, name, "acl", "access rules");
        say_missing(d, name, "settings", "settings");
    } else if (strcmp(state, "gone") == 0) {
        doctor_say(d, LEVEL_SKIP, "account", NULL, "%s: no longer in the configuration", name);
    } else if (!reason[0] || !is_told(d, name, reason)) {
        doctor_say(d, LEVEL_FAIL, "account", reason[0] ? reason : NULL, "%s: %s", name, state);
    }
}

static void say_accounts(struct doctor *d)
{
    struct json_iter it = json_iter(json_get(buf_span(&d->status), "accounts"));
    struct span account;
    while (json_next(&it, NULL, &account))
        say_account(d, account);
}

/* Signs in and asks for the calendar list, which shows that the scope was granted. */
static void try_account(struct doctor *d, const struct conf_account *a, struct google *google)
{
    struct auth_options opt = {.name = a->name,
                               .token_url = d->conf->google.token_url,
                               .key_file = a->key_file,
                               .subject = a->subject,
                               .token_file = a->token_file};
    struct google_call call = {
        .google = google, .client = d->http, .account = 1, .retry_after_ms = -1};
    struct google_page page = {0};
    struct err e = {0};
    const char *path = a->key_file ? a->key_file : a->token_file;
    if (!path)
        doctor_say(d, LEVEL_SKIP, "account", NULL,
                   "%s: the service holds the login, and is not running", a->name);
    if (!path || access(path, R_OK) != 0) /* then it was said already */
        return;
    enum rc rc = auth_new(&call.auth, &opt, &e);
    if (rc == RC_OK)
        rc = google_list(&call, COLL_ROSTER, NULL, "", "", &page, &e);
    if (rc == RC_OK)
        doctor_say(d, LEVEL_OK, "account", NULL, "%s: signs in, with the scope that is needed",
                   a->name);
    else if (rc == RC_AGAIN)
        doctor_say(d, LEVEL_WARN, "account", "try again", "%s: %s", a->name, e.text);
    else if (!is_told(d, a->name, e.text))
        doctor_say(d, LEVEL_FAIL, "account", NULL, "%s: %s", a->name, e.text);
    google_page_release(&page);
    auth_free(call.auth);
}

static void try_accounts(struct doctor *d)
{
    struct google_options opt = {.api_url = d->conf->google.api_url,
                                 .request_ms = d->conf->google.request_timeout_ms,
                                 .connect_ms = d->conf->google.connect_timeout_ms};
    struct google *google = google_new(&opt);
    for (size_t i = 0; google && i < d->conf->n_accounts; i++)
        try_account(d, &d->conf->accounts[i], google);
    google_free(google);
}

void doctor_service(struct doctor *d)
{
    struct err e = {0};
    struct buf ready = {0};
    if (!d->conf && !d->cli->api) {
        doctor_say(d, LEVEL_SKIP, "service", "correct the configuration, or give --api",
                   "its address is not known");
        return;
    }
    d->cli->silent = &e;
    int status = cli_connect(d->cli);
    if (status == EX_OK)
        status = cli_get(d->cli, "/v1/status", &d->status);
    d->running = status == EX_OK;
    d->shut = status == EX_NOPERM;
    if (!d->running && status == EX_UNAVAILABLE)
        doctor_say(d, LEVEL_FAIL, "service",
                   "systemctl start calmirrord; journalctl -u calmirrord says why it does not",
                   "does not run: %s", e.text);
    else if (status == EX_NOPERM)
        doctor_say(d, LEVEL_SKIP, "service", "run this as root or as the user of the service",
                   "runs, but does not let this user in: %s", e.text);
    else if (!d->running)
        doctor_say(d, LEVEL_FAIL, "service", NULL, "does not answer as it should: %s", e.text);
    else if (cli_get(d->cli, "/readyz", &ready) != EX_OK)
        doctor_say(d, LEVEL_FAIL, "service", "journalctl -u calmirrord says more", "not ready: %s",
                   e.text);
    else
        doctor_say(d, LEVEL_OK, "service", NULL, "runs and is ready at %s", d->cli->place);
    d->cli->silent = NULL;
    buf_release(&ready);
    if (d->running)
        say_accounts(d);
    else if (d->conf && !d->shut)
        try_accounts(d);
}
