/* token: finds what calmirror shows the service to be let in: a client's token, or the operator's.
 */
#include <stdlib.h>
#include <sysexits.h>

#include "cmd/calmirror/cli.h"
#include "core/base/private.h"
#include "core/daemon/operator.h"

/* The user's own file; false: there is none. */
static bool read_own(struct secret *ret, struct err *e, enum rc *ret_rc)
{
    struct buf path = {0};
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (base && base[0])
        buf_printf(&path, "%s/calmirror/token", base);
    else if (home && home[0])
        buf_printf(&path, "%s/.config/calmirror/token", home);
    *ret_rc = path.n ? private_read(buf_text(&path), ret, e) : RC_NOTFOUND;
    buf_release(&path);
    return *ret_rc != RC_NOTFOUND;
}

int cli_find_token(struct cli *cli, const char *state_dir)
{
    const char *given = getenv("CALMIRROR_TOKEN");
    struct err e = {0};
    enum rc rc = RC_OK;
    if (given && given[0])
        rc = secret_set(&cli->token, span_of(given)) ? RC_OK : err_set(&e, RC_SYS, "out of memory");
    else if (!read_own(&cli->token, &e, &rc) && state_dir)
        rc = operator_token_read(state_dir, &cli->token, &e);
    secret_trim(&cli->token);
    if (rc == RC_OK || rc == RC_NOTFOUND)
        return EX_OK;
    return cli_fail(rc == RC_SYS ? EX_OSERR : EX_NOPERM, "%s", e.text);
}
