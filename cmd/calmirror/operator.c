/* operator: one POST over the control socket. */
#include "cmd/calmirror/operator.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "core/base/json.h"
#include "core/base/must.h"
#include "core/conf/conf.h"
#include "core/control/control.h"

#define WAIT_MS 75000 /* the service may have to wait for Google */

static int find_socket(struct operator_door *d, const struct cli *cli)
{
    struct buf problems = {0};
    struct conf *conf = NULL;
    enum rc rc = conf_load(cli_config_path(cli), &conf, &problems);

    if (rc != RC_OK) {
        (void)fputs(buf_text(&problems), stderr);
        buf_release(&problems);
        if (rc == RC_AGAIN)
            return EX_OSERR;
        return cli_fail(rc == RC_INVALID ? EX_CONFIG : EX_NOINPUT,
                        "the state directory is read from that file; name another one with -c");
    }
    int n = snprintf(d->path, sizeof(d->path), "%s/" CONTROL_SOCKET, conf->mirror.state_dir);
    conf_free(conf);
    if (n < 0 || (size_t)n >= sizeof(d->path))
        return cli_fail(EX_CONFIG, "state_dir: name too long");
    if (access(d->path, W_OK) == 0)
        return EX_OK;
    if (errno == EACCES)
        return cli_fail(EX_NOPERM, "%s: only root and the service's user may do this: try sudo",
                        d->path);
    return cli_fail(EX_UNAVAILABLE, "%s: %s: is the service running?  systemctl status calmirrord",
                    d->path, strerror(errno));
}

int operator_open(struct operator_door *d, const struct cli *cli)
{
    int status = find_socket(d, cli);

    if (status == EX_OK)
        d->http = must(http_new());
    return status;
}

void operator_close(struct operator_door *d)
{
    http_free(d->http);
    d->http = NULL;
}

static void read_message(struct operator_answer *a)
{
    struct buf text = {0};

    if (!json_string(json_path(buf_span(&a->body), "error", "message", NULL), &text))
        buf_printf(&text, "status %ld", a->status);
    (void)snprintf(a->message, sizeof(a->message), "%s", buf_text(&text));
    buf_release(&text);
}

int operator_ask(struct operator_door *d, const char *path, const struct buf *body,
                 struct operator_answer *ret)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct http_response response = {0};
    struct buf url = {0};
    struct err e = {0};
    int status = EX_OK;

    buf_printf(&url, "http://localhost%s", path);
    struct http_request request = {.method = "POST",
                                   .url = buf_text(&url),
                                   .unix_socket = d->path,
                                   .headers = headers,
                                   .body = buf_span(body),
                                   .total_ms = WAIT_MS};
    enum rc rc = http_perform(d->http, &request, &response, &e);
    if (rc != RC_OK)
        status = cli_fail(EX_UNAVAILABLE, "no answer from the service at %s: %s", d->path, e.text);
    else if (json_check(buf_span(&response.body), NULL) != RC_OK)
        status = cli_fail(EX_PROTOCOL, "%s: the answer is not JSON: is that calmirrord?", d->path);
    else {
        *ret = (struct operator_answer){.status = response.status, .body = response.body};
        response.body = (struct buf){0};
        read_message(ret);
    }
    http_response_release(&response);
    buf_release(&url);
    return status;
}

void operator_answer_release(struct operator_answer *a)
{
    buf_release(&a->body);
    *a = (struct operator_answer){0};
}

int operator_verdict(const struct operator_answer *a)
{
    if (a->status >= 200 && a->status < 300)
        return EX_OK;
    return cli_fail(a->status == 404   ? EX_NOUSER
                    : a->status == 503 ? EX_TEMPFAIL
                    : a->status >= 500 ? EX_SOFTWARE
                                       : EX_DATAERR,
                    "%s", a->message);
}

int operator_once(const struct cli *cli, const char *path, const struct buf *body,
                  struct operator_answer *ret)
{
    struct operator_door door = {0};
    int status = operator_open(&door, cli);

    if (status == EX_OK)
        status = operator_ask(&door, path, body, ret);
    if (status == EX_OK)
        status = operator_verdict(ret);
    operator_close(&door);
    return status;
}
