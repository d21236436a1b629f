/* login: the two ends of a sign-in; what lies between happens in a browser. */
#include "core/control/inside.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/google/answer.h"
#include "core/google/auth.h"
#include "core/google/redirect.h"

#define PATIENCE_MS  (15 * 60 * 1000) /* a person may have to find a telephone first */
#define PROBE_BYTES  65536
#define PROBE_MS     15000
#define HEADER_FIRST 8192

void control_forget(struct pending *p)
{
    signin_release(&p->signin);
    *p = (struct pending){0};
}

/* The account's own place, else that of whoever began first: at 0 when it is free. */
static struct pending *place_for(struct control *c, const char *account)
{
    struct pending *best = &c->pending[0];

    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct pending *p = &c->pending[i];
        if (strcmp(p->account, account) == 0) {
            best = p;
            break;
        }
        if (p->began_ms < best->began_ms)
            best = p;
    }
    control_forget(best);
    return best;
}

static struct pending *find(struct control *c, const char *account)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct pending *p = &c->pending[i];
        if (clock_mono_ms() - p->began_ms > PATIENCE_MS)
            control_forget(p);
        if (strcmp(p->account, account) == 0)
            return p;
    }
    return NULL;
}

/* {"account": NAME, "redirect_uri": "http://127.0.0.1:PORT", "acl": false} ->
 * {"url", "state"} */
enum rc control_login_begin(struct control_call *c, struct err *e)
{
    const struct conf_account *a = NULL;
    struct oauth_client client = {0};
    struct signin signin = {0};
    struct buf url = {0};
    char redirect_uri[128];
    enum rc rc = control_account(c, &a, e);

    if (!rc)
        rc = control_text(c, "redirect_uri", redirect_uri, sizeof(redirect_uri), e);
    if (!rc)
        rc = credential_read_client(a->oauth, &client, e);
    if (!rc)
        rc = signin_begin(&signin, c->conf->google.auth_url, &client, redirect_uri,
                          a->acl || control_flag(c, "acl") ? AUTH_SCOPE_ACL : AUTH_SCOPE, &url, e);
    oauth_client_release(&client);
    if (rc) {
        buf_release(&url);
        return rc;
    }
    struct pending *p = place_for(c->control, a->name);
    *p = (struct pending){.signin = signin, .began_ms = clock_mono_ms()};
    (void)snprintf(p->account, sizeof(p->account), "%s", a->name);
    buf_add_text(&c->out, "{\"url\":");
    buf_add_json(&c->out, buf_span(&url));
    buf_add_text(&c->out, ",\"state\":");
    buf_add_json(&c->out, span_of(p->signin.state));
    buf_add_char(&c->out, '}');
    buf_release(&url);
    return RC_OK;
}

/* Whose calendars they are: their own calendar bears the address. Also shows whether the API is
 * enabled, while somebody is there to read it. */
static enum rc probe(struct control_call *c, const struct token *token, char *out, size_t size,
                     struct err *e)
{
    struct answer_to to = {ANSWER_GET, COLL_ROSTER, false};
    struct buf url = {0}, authorization = {.cap = AUTH_HEADER_MAX};
    char reason[ANSWER_REASON_MAX];
    struct http_response rs = {0};

    buf_printf(&url, "%s/calendars/primary?fields=id", c->conf->google.api_url);
    buf_reserve(&authorization, HEADER_FIRST - 1);
    buf_add_text(&authorization, "Authorization: Bearer ");
    buf_add_span(&authorization, secret_span(&token->word));
    const char *headers[] = {buf_text(&authorization), NULL};
    struct http_request rq = {.method = "GET",
                              .url = buf_text(&url),
                              .headers = headers,
                              .total_ms = PROBE_MS,
                              .max_bytes = PROBE_BYTES};
    enum rc rc = http_perform(c->control->google, &rq, &rs, e);
    if (!rc)
        rc = answer_read(rs.status, buf_span(&rs.body), &to, reason, e);
    if (!rc && (json_check(buf_span(&rs.body), NULL) != RC_OK ||
                !json_string_copy(json_get(buf_span(&rs.body), "id"), out, size)))
        rc = err_set(e, RC_AGAIN, "not Google's answer");
    http_response_release(&rs);
    secret_wipe_buf(&authorization);
    buf_release(&url);
    return rc;
}

static enum rc keep(struct control_call *c, const char *account, const struct login *login,
                    struct err *e)
{
    struct buf text = {0};

    login_write(login, &text);
    enum rc rc = text.failed
                     ? err_set(e, RC_SYS, "out of memory")
                     : vault_put(c->control->opt.vault, account, LOGIN_FIELD, buf_span(&text), e);
    secret_wipe_buf(&text);
    return rc;
}

static void answer(struct control_call *c, const char *account, const struct login *login,
                   const struct token *token)
{
    char calendar[LIMIT_ID_BYTES + 1] = "";
    struct err e = {0};
    enum rc rc = probe(c, token, calendar, sizeof(calendar), &e);

    buf_add_text(&c->out, "{\"account\":");
    buf_add_json(&c->out, span_of(account));
    buf_add_text(&c->out, ",\"calendar\":");
    buf_add_json(&c->out, span_of(calendar));
    buf_add_text(&c->out, ",\"scope\":");
    buf_add_json(&c->out, span_of(login->scope));
    buf_printf(&c->out, ",\"expires_ms\":%lld,\"trouble\":", (long long)login->expires_ms);
    buf_add_json(&c->out, span_of(rc ? e.text : ""));
    buf_add_char(&c->out, '}');
}

/* {"account": NAME, "redirect": what the browser brought back} -> {"account", "calendar", "scope",
 * "expires_ms", "trouble"}. 400: that was another address than this sign-in's, it goes on. */
enum rc control_login_finish(struct control_call *c, struct err *e)
{
    const struct conf_account *a = NULL;
    struct oauth_client client = {0};
    struct login login = {0};
    struct token token = {0};
    struct buf redirect = {.cap = REDIRECT_BYTES_MOST + 1};
    enum rc rc = control_account(c, &a, e);
    struct pending *p = rc ? NULL : find(c->control, a->name);

    if (!rc && !p)
        rc = err_set(e, RC_AUTH,
                     "no sign-in of account %s is under way: it took too long, or the "
                     "service was restarted; start again",
                     a->name);
    if (!rc && (!json_string(json_get(c->body, "redirect"), &redirect) || redirect.failed))
        rc = err_set(e, RC_INVALID, "redirect: missing, or too long");
    if (!rc)
        rc = credential_read_client(a->oauth, &client, e);
    if (!rc)
        rc = signin_finish(&p->signin, c->control->google, c->conf->google.token_url, &client,
                           buf_span(&redirect), &login, &token, e);
    if (p && rc != RC_INVALID)
        control_forget(p); /* a code works once */
    if (!rc)
        rc = keep(c, a->name, &login, e);
    if (!rc) {
        log_notice(NULL, "account %s: somebody signed in", a->name);
        c->control->opt.changed(c->control->opt.arg, a->name);
        answer(c, a->name, &login, &token);
    }
    secret_wipe_buf(&redirect);
    oauth_client_release(&client);
    login_release(&login);
    token_release(&token);
    return rc;
}
