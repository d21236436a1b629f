/* trouble: the state of an account as its credential makes it: stored, and told to the log once for
 * each change. */
#include "core/sync/steps.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/google/token.h"

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

void clock_look(struct sync *s, int64_t skew_ms)
{
    bool wrong = llabs(skew_ms) > TOKEN_SKEW_MS;
    char span[32];
    if (atomic_exchange(&s->clock_wrong, wrong) == wrong)
        return;
    if (wrong)
        log_warning(NULL,
                    "this machine's clock is %s %s Google's: set the time; ages are wrong by it, "
                    "and service accounts may be refused",
                    text_duration((llabs(skew_ms) + MINUTE_MS / 2) / MINUTE_MS * MINUTE_MS, span),
                    skew_ms > 0 ? "ahead of" : "behind");
    else
        log_notice(NULL, "this machine's clock agrees with Google's again");
}
