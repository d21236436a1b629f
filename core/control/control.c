/* control: the socket, its routes, and what their results look like.
 *
 * DESIGN. Logins are handed to the running service instead of being written by the program that the
 * operator runs. So one process alone holds the key and writes the vault, the client's secret and
 * the tokens never leave it, a new login is used at once, and the operator's program needs no right
 * but to enter the folder of this socket, which the file system checks. The socket is not the local
 * API's: whoever may read calendars must not be able to plant a login. Requests are handled one
 * after another on a thread of their own, and may wait for Google there. */
#include "core/control/control.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/json.h"
#include "core/control/inside.h"

#define CONNECTIONS 64
#define IDLE_S      60
#define BODY_BYTES  16384

static const struct route {
    const char *path;
    control_fn *run;
} routes[] = {
    {"/login/begin", control_login_begin},
    {"/login/finish", control_login_finish},
    {"/logout", control_logout},
    {"/key/rotate", control_key_rotate},
};

static unsigned status_of(enum rc rc)
{
    switch (rc) {
    case RC_OK:
        return 200;
    case RC_INVALID:
    case RC_BADDATA:
    case RC_STALE:
        return 400;
    case RC_AUTH:
        return 403;
    case RC_NOTFOUND:
        return 404;
    case RC_AGAIN:
    case RC_CANCELED:
        return 503;
    case RC_FULL:
    case RC_SYS:
        break;
    }
    return 500;
}

enum rc control_text(struct control_call *c, const char *name, char *out, size_t size,
                     struct err *e)
{
    if (!json_string_copy(json_get(c->body, name), out, size) || !out[0])
        return err_set(e, RC_INVALID, "%s: missing, or too long", name);
    return RC_OK;
}

bool control_flag(struct control_call *c, const char *name)
{
    return json_is_true(json_get(c->body, name));
}

enum rc control_account(struct control_call *c, const struct conf_account **ret, struct err *e)
{
    char name[LIMIT_NAME_BYTES + 1];
    enum rc rc = control_text(c, "account", name, sizeof(name), e);

    for (size_t i = 0; !rc && i < c->conf->n_accounts; i++) {
        const struct conf_account *a = &c->conf->accounts[i];
        if (strcmp(a->name, name) != 0)
            continue;
        if (!a->oauth)
            return err_set(e, RC_INVALID,
                           "account %s has another credential: people sign in to accounts with "
                           "`oauth` in the configuration",
                           name);
        if (!c->control->opt.vault)
            return err_set(e, RC_SYS,
                           "the place where logins are kept cannot be used (see the "
                           "service's log)");
        *ret = a;
        return RC_OK;
    }
    return rc ? rc
              : err_set(e, RC_NOTFOUND,
                        "there is no [account %s] in %s as the service has read it; after a "
                        "change: systemctl reload calmirrord",
                        name, c->conf->path);
}

static enum rc dispatch(struct control_call *c, const struct httpd_request *req, struct err *e)
{
    if (req->refused)
        return err_set(e, RC_INVALID, "the request is too large");
    if (strcmp(req->method, "POST") != 0 || json_check(req->body, NULL) != RC_OK ||
        json_type_of(req->body) != JSON_OBJECT)
        return err_set(e, RC_INVALID, "expected POST with a JSON object");
    c->body = req->body;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (span_is(req->path, routes[i].path))
            return routes[i].run(c, e);
    return err_set(e, RC_NOTFOUND, "no such request");
}

/* For a request, which may take its time. The caller's to free. */
static const struct conf *hold_conf(struct control *c)
{
    pthread_mutex_lock(&c->lock);
    const struct conf *conf = conf_ref(c->conf);
    pthread_mutex_unlock(&c->lock);
    return conf;
}

static void handle(void *arg, struct httpd_request *req)
{
    struct control *control = arg;
    struct control_call c = {.control = control, .conf = hold_conf(control)};
    struct err e = {0};
    enum rc rc = dispatch(&c, req, &e);
    size_t n = 0;

    conf_free(c.conf);

    if (rc) {
        buf_reset(&c.out);
        buf_printf(&c.out, "{\"error\":{\"code\":%u,\"message\":", status_of(rc));
        buf_add_json(&c.out, span_of(e.text));
        buf_add_text(&c.out, "}}");
    }
    char *body = buf_take(&c.out, &n);
    struct httpd_response *r = body ? httpd_response_new(status_of(rc), body, n) : NULL;
    httpd_response_header(r, "Content-Type", "application/json");
    httpd_response_header(r, "Cache-Control", "no-store");
    httpd_answer(req, r);
    httpd_response_unref(r);
}

/* The folder is the door: closed to all but its owner, whatever it was before. */
static enum rc make_place(const struct conf *conf, char path[PATH_MAX], struct err *e)
{
    int n = snprintf(path, PATH_MAX, "%s/" CONTROL_SOCKET, conf->mirror.state_dir);
    char *slash = n > 0 && n < PATH_MAX ? strrchr(path, '/') : NULL;

    if (!slash)
        return err_set(e, RC_INVALID, "%s: name too long", conf->mirror.state_dir);
    *slash = '\0';
    enum rc rc = RC_OK;
    if ((mkdir(path, 0700) < 0 && errno != EEXIST) || chmod(path, 0700) < 0)
        rc = err_errno(e, "%s", path);
    *slash = '/';
    return rc;
}

enum rc control_start(struct control **ret, const struct control_options *opt, struct err *e)
{
    struct control *c = calloc(1, sizeof(*c));
    char path[PATH_MAX];

    if (!c)
        return err_set(e, RC_SYS, "out of memory");
    c->opt = *opt;
    pthread_mutex_init(&c->lock, NULL);
    c->conf = conf_ref(opt->conf);
    c->google = http_new();
    struct httpd_options http = {
        .name = "control",
        .listen = path,
        .max_connections = CONNECTIONS,
        .timeout_s = IDLE_S,
        .body_bytes = BODY_BYTES,
        .arg = c,
        .handle = handle,
    };
    enum rc rc = c->google ? make_place(opt->conf, path, e) : err_set(e, RC_SYS, "out of memory");
    if (!rc)
        rc = httpd_start(&c->httpd, &http, e);
    if (!rc && chmod(path, 0600) < 0)
        rc = err_errno(e, "%s", path);
    if (rc) {
        control_stop(c);
        return rc;
    }
    *ret = c;
    return RC_OK;
}

void control_stop(struct control *c)
{
    if (!c)
        return;
    if (c->google)
        http_interrupt(c->google);
    if (c->httpd)
        httpd_free(c->httpd);
    for (size_t i = 0; i < PENDING_MAX; i++)
        control_forget(&c->pending[i]);
    http_free(c->google);
    conf_free(c->conf);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void control_reload(struct control *c, const struct conf *conf)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    conf_free(c->conf);
    c->conf = conf_ref(conf);
    pthread_mutex_unlock(&c->lock);
}
