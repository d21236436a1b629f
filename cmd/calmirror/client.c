/* client: finds the service's local API and talks to it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cmd/calmirror/cli.h"
#include "cmd/calmirror/follow.h"
#include "cmd/calmirror/term.h"
#include "core/base/json.h"
#include "core/base/must.h"
#include "core/conf/address.h"
#include "core/conf/conf.h"

#define DEFAULT_CONFIG "/etc/calmirrord/calmirrord.conf"
/* As in the option table; used when there is no file at all. */
#define DEFAULT_LISTEN "127.0.0.1:8080"
#define DEFAULT_STATE  "/var/lib/calmirrord"

#define STREAM_STALL_MS 75000 /* a stream says something every 30 s at least */

int cli_fail(int status, const char *fmt, ...)
{
    va_list args;
    char text[1024]; /* of an argument without end, its beginning will do */
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)fprintf(stderr, "%s: ", program_invocation_short_name); /* calmirrord uses this too */
    term_print_safe(stderr, text);
    (void)fputc('\n', stderr);
    return status;
}

void cli_print_json(struct span json)
{
    struct buf out = {0};
    json_reformat(&out, json, 2, 0);
    buf_add_char(&out, '\n');
    must_hold(&out);
    (void)fwrite(out.p, 1, out.n, stdout);
    buf_release(&out);
}

/* `text` is what a socket listens on, or a URL. */
static int use_address(struct cli *cli, const char *text, const char *origin)
{
    struct err e = {0};
    struct address a;
    struct url u;
    if (strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0) {
        if (url_parse(span_of(text), &u, &e) != RC_OK || strlen(text) >= sizeof(cli->base))
            return cli_fail(EX_USAGE, "%s: %s: %s", origin, text, e.text[0] ? e.text : "too long");
        size_t n = strlen(text);
        while (text[n - 1] == '/')
            n--;
        (void)snprintf(cli->base, sizeof(cli->base), "%.*s", (int)n, text);
        (void)snprintf(cli->place, sizeof(cli->place), "%s", cli->base);
        return EX_OK;
    }
    if (address_parse(text, &a, &e) != RC_OK)
        return cli_fail(EX_USAGE, "%s: %s: %s", origin, text, e.text);
    (void)snprintf(cli->place, sizeof(cli->place), "%s", text);
    if (a.path) {
        buf_add_text(&cli->socket_text, a.path);
        cli->socket = buf_text(&cli->socket_text);
        (void)snprintf(cli->base, sizeof(cli->base), "http://localhost");
        return EX_OK;
    }
    if (a.port == 0)
        return cli_fail(EX_USAGE, "%s: port 0 names no place to connect to; give --api", origin);
    (void)snprintf(cli->base, sizeof(cli->base), "http://%s", text);
    return EX_OK;
}

const char *cli_config_path(const struct cli *cli)
{
    return cli->config ? cli->config : DEFAULT_CONFIG;
}

static int use_config(struct cli *cli)
{
    const char *path = cli_config_path(cli);
    struct buf problems = {0};
    struct conf *conf = NULL;
    if (!cli->config && access(path, F_OK) != 0 && errno == ENOENT) {
        int status = use_address(cli, DEFAULT_LISTEN, "default");
        return status == EX_OK ? cli_find_token(cli, DEFAULT_STATE) : status;
    }
    enum rc rc = conf_load(path, &conf, &problems);
    if (rc == RC_OK) {
        char origin[] = "[api] listen";
        int status = use_address(cli, conf->api.listen, origin);
        if (status != EX_OK)
            status = EX_CONFIG;
        else
            status = cli_find_token(cli, conf->mirror.state_dir);
        conf_free(conf);
        return status;
    }
    (void)fputs(buf_text(&problems), stderr);
    buf_release(&problems);
    if (rc == RC_AGAIN)
        return EX_OSERR;
    return cli_fail(rc == RC_INVALID ? EX_CONFIG : EX_NOINPUT,
                    "the address of the service is read from that file; --api gives it instead");
}

int cli_connect(struct cli *cli)
{
    int status = cli->api ? use_address(cli, cli->api, "--api") : use_config(cli);
    if (status == EX_OK && cli->api)
        status = cli_find_token(cli, NULL);
    if (status != EX_OK)
        return status;
    cli->http = must(http_new());
    return EX_OK;
}

void cli_close(struct cli *cli)
{
    http_free(cli->http);
    buf_release(&cli->socket_text);
    secret_release(&cli->token);
}

/* cli_fail(), or what it would say. */
__attribute__((format(printf, 3, 4))) static int fail(const struct cli *cli, int status,
                                                      const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (!cli->silent)
        return cli_fail(status, "%s", text);
    (void)err_set(cli->silent, RC_OK, "%s", text);
    return status;
}

static int no_answer(const struct cli *cli, const struct err *e)
{
    if (cli->socket && access(cli->socket, W_OK) != 0 && errno == EACCES)
        return fail(cli, EX_NOPERM,
                    "%s: this user may not connect there: try sudo, or see api.socket_mode and "
                    "api.socket_owner in calmirrord.conf(5)",
                    cli->socket);
    (void)fail(cli, EX_UNAVAILABLE, "no answer from the service at %s: %s", cli->place, e->text);
    if (!cli->silent)
        (void)fputs(
            "Is it running?  systemctl status calmirrord\n"
            "To start it:    systemctl start calmirrord   (or: calmirrord -c FILE)\n"
            "If it listens elsewhere, name its configuration with -c or the place with --api.\n",
            stderr);
    return EX_UNAVAILABLE;
}

/* Of a path that every calmirrord serves: not found means that another program answers. */
static bool names_nothing(const char *path)
{
    return strncmp(path, "/v1/status", strlen("/v1/status")) == 0 && !strstr(path, "account=") &&
           !strstr(path, "calendar=");
}

static int refused(const struct cli *cli, const char *path, const struct http_response *r)
{
    struct span message = {0};
    struct buf text = {0};
    if (json_check(buf_span(&r->body), NULL) == RC_OK)
        message = json_path(buf_span(&r->body), "error", "message", NULL);
    bool ours = json_string(message, &text); /* every refusal of calmirrord's says why */
    if (!ours)
        buf_printf(&text, "status %ld", r->status);
    if (r->status == 404 && (!ours || names_nothing(path))) {
        buf_release(&text);
        return fail(cli, EX_PROTOCOL, "%s: what answers there is not calmirrord", cli->place);
    }
    if (r->status == 404 && span_is(buf_span(&text), "Not Found")) {
        buf_reset(&text);
        buf_add_text(&text, "there is no such calendar or account: `calmirror calendars` lists "
                            "calendars, `calmirror status` accounts");
    }
    int status = r->status == 404                       ? EX_NOUSER
                 : r->status >= 500                     ? EX_TEMPFAIL
                 : r->status == 401 || r->status == 403 ? EX_NOPERM
                                                        : EX_DATAERR;
    (void)fail(cli, status, "the service %s: %s",
               status == EX_TEMPFAIL ? "cannot answer this now" : "refused", buf_text(&text));
    if (r->status == 401 && !cli->silent)
        (void)fputs("Run this as root or as the service's user, or put a client's token (see "
                    "`calmirror client add`)\ninto $CALMIRROR_TOKEN or "
                    "~/.config/calmirror/token.\n",
                    stderr);
    buf_release(&text);
    return status;
}

struct ask {
    const char *method, *path;
    struct span body;
    const char *header;           /* one more; NULL: none */
    const struct cli_taker *take; /* NULL: the answer is JSON */
};

static int perform(struct cli *cli, const struct ask *ask, struct buf *ret)
{
    const char *headers[4] = {NULL};
    size_t n = 0;
    struct buf bearer = {0};
    struct http_response response = {0};
    struct buf url = {0};
    struct err e = {0};
    int status = EX_OK;

    buf_printf(&url, "%s%s", cli->base, ask->path);
    if (ask->body.n)
        headers[n++] = "Content-Type: application/json";
    if (ask->header)
        headers[n++] = ask->header;
    if (cli->token.n && buf_reserve(&bearer, cli->token.n + 32)) {
        buf_printf(&bearer, "Authorization: Bearer %s", cli->token.p);
        headers[n++] = buf_text(&bearer);
    }
    struct http_request request = {.method = ask->method,
                                   .url = buf_text(&url),
                                   .unix_socket = cli->socket,
                                   .headers = headers,
                                   .body = ask->body};
    if (ask->take) {
        request.take = ask->take->piece;
        request.alive = ask->take->alive;
        request.take_arg = request.alive_arg = ask->take->arg;
        request.stall_ms = STREAM_STALL_MS;
    }
    enum rc rc = http_perform(cli->http, &request, &response, &e);
    if (rc == RC_CANCELED && ask->take)
        status = EX_OK;
    else if (rc == RC_AGAIN)
        status = no_answer(cli, &e);
    else if (rc != RC_OK)
        status = fail(cli, EX_OSERR, "%s: %s", cli->place, e.text);
    else if (response.status < 200 || response.status > 299)
        status = refused(cli, ask->path, &response);
    else if (!ask->take && json_check(buf_span(&response.body), &e) != RC_OK)
        status = fail(cli, EX_PROTOCOL, "%s: the answer is not JSON (%s): is that calmirrord?",
                      cli->place, e.text);
    if (status == EX_OK && !ask->take) {
        buf_release(ret);
        *ret = response.body;
        response.body = (struct buf){0};
    }
    http_response_release(&response);
    buf_release(&url);
    secret_wipe_buf(&bearer);
    return status;
}

int cli_get(struct cli *cli, const char *path, struct buf *ret)
{
    return perform(cli, &(struct ask){.method = "GET", .path = path}, ret);
}

int cli_post(struct cli *cli, const char *path, struct span body, struct buf *ret)
{
    return perform(cli, &(struct ask){.method = "POST", .path = path, .body = body}, ret);
}

int cli_stream(struct cli *cli, const char *path, const char *last_id,
               const struct cli_taker *taker)
{
    char header[160];
    (void)snprintf(header, sizeof(header), "Last-Event-ID: %s", last_id);
    struct ask ask = {
        .method = "GET", .path = path, .header = last_id[0] ? header : NULL, .take = taker};
    return perform(cli, &ask, NULL);
}
