/* logout: a login is withdrawn at Google and forgotten here; the key of the vault is changed. */
#include "core/control/inside.h"

#include "core/base/log.h"
#include "core/google/token.h"

#define BY_HAND "; take it back at https://myaccount.google.com/connections"

static enum rc revoke(struct control_call *c, const struct secret *text, struct err *e)
{
    struct login login = {0};
    struct buf form = {0};
    enum rc rc = login_read(secret_span(text), &login, e);

    if (rc)
        return rc;
    buf_reserve(&form, 4 * login.refresh_token.n + 64);
    token_form_add(&form, "token", secret_span(&login.refresh_token));
    rc = form.failed
             ? err_set(e, RC_SYS, "out of memory")
             : token_revoke(c->control->google, c->conf->google.revoke_url, buf_span(&form), e);
    secret_wipe_buf(&form);
    login_release(&login);
    return rc;
}

/* {"account": NAME, "force": false} -> {"account", "revoked", "note"}. 503: Google cannot be asked
 * now, and nothing was done; with `force` it is forgotten all the same. */
enum rc control_logout(struct control_call *c, struct err *e)
{
    const struct conf_account *a = NULL;
    struct secret text = {0};
    struct err why = {0};
    enum rc revoked = RC_OK, rc = control_account(c, &a, e);

    if (rc)
        return rc;
    rc = vault_get(c->control->opt.vault, a->name, LOGIN_FIELD, &text, &why);
    if (rc == RC_NOTFOUND)
        return err_set(e, RC_NOTFOUND, "account %s: nobody is signed in", a->name);
    revoked = rc ? rc : revoke(c, &text, &why);
    secret_release(&text);
    bool mendable = rc == RC_AUTH || revoked == RC_AGAIN || revoked == RC_CANCELED;
    if (mendable && !control_flag(c, "force"))
        return err_set(e, RC_AGAIN, "Google could not be asked to withdraw the login: %s",
                       why.text);
    rc = vault_drop(c->control->opt.vault, a->name, LOGIN_FIELD, e);
    if (rc)
        return rc;
    log_notice(NULL, "account %s: signed out", a->name);
    c->control->opt.changed(c->control->opt.arg, a->name);
    buf_add_text(&c->out, "{\"account\":");
    buf_add_json(&c->out, span_of(a->name));
    buf_printf(&c->out, ",\"revoked\":%s,\"note\":", revoked ? "false" : "true");
    if (revoked)
        (void)err_set(&why, revoked, "forgotten here, but not withdrawn at Google (%.300s)%s",
                      why.text[0] ? why.text : "no reason given",
                      revoked == RC_NOTFOUND ? "" : BY_HAND);
    buf_add_json(&c->out, span_of(revoked ? why.text : ""));
    buf_add_char(&c->out, '}');
    return RC_OK;
}

/* {} -> {"resealed": how many} */
enum rc control_key_rotate(struct control_call *c, struct err *e)
{
    unsigned count = 0;

    if (!c->control->opt.vault)
        return err_set(e, RC_SYS, "there is no key: see the service's log");
    enum rc rc = vault_rotate(c->control->opt.vault, &count, e);
    if (rc)
        return rc;
    log_notice(NULL, "the key of stored logins was changed: %u sealed anew", count);
    buf_printf(&c->out, "{\"resealed\":%u}", count);
    return RC_OK;
}
