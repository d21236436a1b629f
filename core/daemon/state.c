/* state: opens the state directory; what cannot be used is moved aside and built anew from Google.
 *
 * The mirror holds nothing that Google does not have, so a damaged file is no reason not to run. */
#include "core/daemon/state.h"

#include <stdlib.h>

#include "core/base/log.h"
#include "storage/guard.h"

enum rc state_open(const struct conf *conf, struct store **ret, struct err *e)
{
    struct store_options opt = {.map_bytes = conf->mirror.map_size};
    enum rc rc = store_open(ret, conf->mirror.state_dir, &opt, e);

    if (rc == RC_AGAIN)
        return err_prefix(e, rc, "another calmirrord runs on this state directory");
    if (rc == RC_BADDATA) {
        log_err(NULL, "%s: moved aside, everything is fetched anew from Google", e->text);
        rc = store_set_aside(conf->mirror.state_dir, e);
        if (rc == RC_OK)
            rc = store_open(ret, conf->mirror.state_dir, &opt, e);
    }
    if (rc == RC_OK)
        store_guard(*ret);
    return rc;
}

struct vault *state_vault(const struct conf *conf)
{
    struct vault *v = NULL;
    unsigned count = 0, lost = 0;
    struct err e = {0};
    enum rc rc = vault_open(&v, conf->mirror.state_dir, getenv("CREDENTIALS_DIRECTORY"), &e);

    if (!rc)
        rc = vault_reseal(v, &count, &lost, &e);
    if (rc)
        log_err(NULL, "stored logins: %s", e.text);
    if (count)
        log_notice(NULL, "%u stored logins sealed anew with the present key", count);
    if (lost)
        log_err(NULL, "%u stored logins cannot be opened with any key that is here", lost);
    return v;
}
