/* trouble: the state of an account as its credential makes it: stored, and told to the log once for
 * each change. */
#include "core/sync/steps.h"

#include "core/base/log.h"

/* True: the log does not know it yet. Workers find out at the same time. */
static bool is_news(struct seat *seat, enum account_state state)
{
    return atomic_exchange(&seat->told, (int)state) != (int)state;
}

void account_tell(struct seat *seat, enum account_state state, const char *reason)
{
    if (!is_news(seat, state))
        return;
    if (state == ACCOUNT_CLOCK_SKEW)
        log_warning(NULL, "account %s: %s: %s", seat->conf.name, account_state_name(state), reason);
    else
        log_err(NULL, "account %s is parked: %s: %s", seat->conf.name, account_state_name(state),
                reason);
}

void account_trouble(struct sync *s, struct seat *seat, enum account_state state,
                     const char *reason)
{
    struct err e = {0};
    account_tell(seat, state, reason);
    if (account_mark(s->opt.store, seat->account, state, reason, &e) != RC_OK)
        log_err(NULL, "account %s: its state could not be stored: %s", seat->conf.name, e.text);
}

void account_works(struct sync *s, struct seat *seat)
{
    struct err e = {0};
    if (account_mark(s->opt.store, seat->account, ACCOUNT_OK, "", &e) != RC_OK)
        log_err(NULL, "account %s: its state could not be stored: %s", seat->conf.name, e.text);
    else if (is_news(seat, ACCOUNT_OK))
        log_notice(NULL, "account %s works again", seat->conf.name);
}
