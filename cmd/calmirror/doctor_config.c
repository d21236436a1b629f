/* doctor_config: the configuration and the files it names: are they there, sound and nobody else's?
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/calmirror/doctor.h"
#include "core/base/clock.h"
#include "core/base/rfc3339.h"
#include "core/google/credential.h"
#include "core/httpd/tls.h"

#define OTHERS_WRITE "chmod go-w it: whoever can write it decides where tokens are sent"

/* One finding a line of what conf_load() found wrong. */
static void say_problems(struct doctor *d, struct span text, const char *advice)
{
    while (text.n > 0) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n;
        if (n > 0)
            doctor_say(d, LEVEL_FAIL, "config", advice, "%.*s", (int)n, text.p);
        n += end != NULL;
        text = (struct span){text.p + n, text.n - n};
    }
}

void doctor_config(struct doctor *d)
{
    const char *path = cli_config_path(d->cli);
    struct buf problems = {0};
    struct stat st;
    enum rc rc = conf_load(path, &d->conf, &problems);
    if (rc != RC_OK) {
        say_problems(d, buf_span(&problems),
                     rc == RC_INVALID ? "correct the line; calmirrord.conf(5) knows every option"
                     : rc == RC_SYS   ? "name the file with -c, or run this as root"
                                      : NULL);
    } else {
        doctor_say(d, LEVEL_OK, "config", NULL, "%s: %zu account%s", path, d->conf->n_accounts,
                   d->conf->n_accounts == 1 ? "" : "s");
        if (d->conf->n_accounts == 0)
            doctor_say(d, LEVEL_WARN, "config", "add an [account NAME] section",
                       "nothing is mirrored");
        if (stat(path, &st) == 0 && (st.st_mode & 022))
            doctor_say(d, LEVEL_FAIL, "config", OTHERS_WRITE, "%s: others can write it (mode %04o)",
                       path, (unsigned)(st.st_mode & 07777));
    }
    buf_release(&problems);
}

/* May this user look at it at all? False: said why not. */
static bool can_read(struct doctor *d, const char *check, const char *path)
{
    if (access(path, R_OK) == 0 || errno != EACCES)
        return true;
    doctor_say(d, LEVEL_SKIP, check, "run this as root or as the user of the service",
               "%s: this user cannot read it", path);
    return false;
}

/* What each option of an account names, and how it is read. */
static enum rc read_key(const char *path, struct err *e)
{
    struct credential credential = {0};
    enum rc rc = credential_read(path, &credential, e);
    credential_release(&credential);
    return rc;
}

static enum rc read_token(const char *path, struct err *e)
{
    struct secret token = {0};
    enum rc rc = credential_read_token(path, &token, e);
    secret_release(&token);
    return rc;
}

static enum rc read_client(const char *path, struct err *e)
{
    struct oauth_client client = {0};
    enum rc rc = credential_read_client(path, &client, e);
    oauth_client_release(&client);
    return rc;
}

static void check_account(struct doctor *d, const struct conf_account *a)
{
    const struct {
        const char *path, *what;
        enum rc (*read)(const char *path, struct err *e);
    } files[] = {{a->key_file, "a key", read_key},
                 {a->token_file, "a token", read_token},
                 {a->oauth, "an OAuth client", read_client}};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        const char *path = files[i].path;
        struct err e = {0};
        if (!path || !can_read(d, "credential", path))
            continue;
        if (files[i].read(path, &e) == RC_OK)
            doctor_say(d, LEVEL_OK, "credential", NULL,
                       "account %s: %s: %s, readable only by its owner", a->name, path,
                       files[i].what);
        else
            doctor_say(d, LEVEL_FAIL, "credential",
                       "correct that, then: systemctl reload calmirrord", "account %s: %s", a->name,
                       e.text);
    }
}

void doctor_say_certificate(struct doctor *d, const char *check, const char *what, int64_t end_ms,
                            int64_t left_least_ms)
{
    int64_t left_ms = end_ms - clock_wall_ms();
    long long days = (long long)(left_ms / DAY_MS);
    char end[RFC3339_MAX];
    (void)rfc3339_write(end, end_ms, 0);
    if (left_ms <= 0)
        doctor_say(d, LEVEL_FAIL, check, "renew it: Google sends no notifications to it",
                   "%s ended at %s", what, end);
    else if (left_ms < left_least_ms)
        doctor_say(d, LEVEL_WARN, check, "renew it, and find out why that did not happen by itself",
                   "%s ends in %lld days, at %s", what, days, end);
    else
        doctor_say(d, LEVEL_OK, check, NULL, "%s is valid for %lld more days, until %s", what, days,
                   end);
}

/* The certificate that the listener speaks with, as its file has it. */
static void check_certificate(struct doctor *d)
{
    const struct conf_webhook *w = &d->conf->webhook;
    struct tls_files files = {.cert_file = w->tls_cert, .key_file = w->tls_key};
    struct tls_facts facts;
    struct err e = {0};
    char host[256];
    if (!w->tls_cert[0])
        return;
    if (!can_read(d, "tls", w->tls_cert) || !can_read(d, "tls", w->tls_key))
        return;
    if (doctor_host(w->public_url, host))
        files.host = host;
    if (tls_check(&files, &facts, &e) != RC_OK) {
        doctor_say(d, LEVEL_FAIL, "tls",
                   "the service goes on with the certificate it has, until its next start", "%s",
                   e.text);
        return;
    }
    doctor_say_certificate(d, "tls", "the certificate of webhook.tls_cert", facts.not_after_ms,
                           tls_warn_ms(&facts));
    if (facts.not_before_ms > clock_wall_ms())
        doctor_say(d, LEVEL_FAIL, "tls", "look at the clock of this machine",
                   "the certificate of webhook.tls_cert is not valid yet");
    if (!facts.names_host)
        doctor_say(d, LEVEL_FAIL, "tls", "have one issued for that name",
                   "the certificate of webhook.tls_cert is not for %s", host);
    if (!facts.has_issuer)
        doctor_say(d, LEVEL_WARN, "tls", "name the file with the whole chain (fullchain.pem)",
                   "%s: the certificate stands alone", w->tls_cert);
}

void doctor_credentials(struct doctor *d)
{
    if (!d->conf)
        return;
    for (size_t i = 0; i < d->conf->n_accounts; i++)
        check_account(d, &d->conf->accounts[i]);
    check_certificate(d);
}
