/* accounts: makes the accounts of the store those of the config, and repairs what their records
 * lack. */
#include "core/sync/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/sync/settings.h"

struct match {
    struct settings *set;
    struct numbers gone, damaged; /* collections */
    struct numbers lost;          /* accounts that left the config */
};

static bool look_at_coll(void *arg, enum rc rc, const struct collection *c)
{
    struct match *m = arg;
    if (rc != RC_OK && c->account == 0)
        numbers_add(&m->damaged, c->no); /* otherwise its own run heals it */
    else if (c->state != COLL_GONE && !settings_seat(m->set, c->account))
        numbers_add(&m->gone, c->no);
    return true;
}

static bool look_at_account(void *arg, enum rc rc, const struct account *a)
{
    struct match *m = arg;
    if (rc == RC_OK && a->state != ACCOUNT_GONE && !settings_seat(m->set, a->no))
        numbers_add(&m->lost, a->no);
    return true;
}

static void set_state(struct txn *t, struct account *a, enum account_state state,
                      const char *reason)
{
    if (a->no && a->state == state && strcmp(a->reason, reason) == 0)
        return;
    a->state = state;
    a->since_ms = clock_wall_ms();
    snprintf(a->reason, sizeof(a->reason), "%.*s", (int)sizeof(a->reason) - 1, reason);
    account_put(t, a);
}

static void match_account(struct txn *t, struct seat *seat)
{
    struct account a = {0};
    if (account_find(t, seat->conf.name, &a) != RC_OK) {
        /* A damaged record left its number behind: what belongs to it is found again. */
        a = (struct account){.no = a.no};
        snprintf(a.name, sizeof(a.name), "%s", seat->conf.name);
    }
    if (!seat->auth)
        set_state(t, &a, ACCOUNT_NEEDS_LOGIN, seat->reason);
    else if (a.state == 0 || a.state == ACCOUNT_GONE)
        set_state(t, &a, ACCOUNT_OK, "");
    if (seat->account != a.no) /* one that is shared with workers has its number already */
        seat->account = a.no;
}

/* The account-wide collections are always there. */
static void match_colls(struct txn *t, uint32_t account)
{
    static const enum coll_kind kinds[] = {COLL_ROSTER, COLL_SETTINGS, COLL_COLORS};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct collection c;
        enum rc rc = coll_find(t, account, kinds[i], (struct span){0}, &c);
        if (rc == RC_BADDATA || (rc == RC_OK && c.state != COLL_GONE))
            continue;
        if (rc != RC_OK)
            c = (struct collection){.account = account, .kind = kinds[i]};
        c.state = COLL_NEW;
        coll_put(t, &c);
    }
}

/* What a damaged record named is not known: the full calendar lists tell what should be there. */
static void owe_rosters(struct txn *t, const struct settings *set)
{
    for (size_t i = 0; i < set->n_seats; i++) {
        uint32_t roster;
        (void)roster_owe(t, set->seats[i]->account, &roster); /* the queue is loaded later */
    }
}

static void carry_out(struct txn *t, const struct match *m)
{
    struct collection c;
    struct account a;
    for (size_t i = 0; i < m->damaged.n; i++) {
        log_err(NULL, "cal %u: its record is damaged: it is fetched again", m->damaged.v[i]);
        coll_delete(t, m->damaged.v[i]);
    }
    for (size_t i = 0; i < m->set->n_seats; i++)
        match_colls(t, m->set->seats[i]->account);
    if (m->damaged.n)
        owe_rosters(t, m->set);
    for (size_t i = 0; i < m->gone.n; i++) {
        if (run_coll(t, m->gone.v[i], &c) != RC_OK)
            continue;
        c.state = COLL_GONE;
        c.sync_token[0] = '\0';
        coll_put(t, &c);
    }
    for (size_t i = 0; i < m->lost.n; i++) {
        if (account_get(t, m->lost.v[i], &a) == RC_OK)
            set_state(t, &a, ACCOUNT_GONE, "no longer in the configuration");
    }
}

enum rc accounts_match(struct sync *s, struct settings *set, struct err *e)
{
    struct match m = {.set = set};
    struct txn *t = NULL;
    enum rc rc = txn_write(s->opt.store, &t, e);
    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < set->n_seats; i++)
        match_account(t, set->seats[i]);
    colls_each(t, look_at_coll, &m);
    accounts_each(t, look_at_account, &m);
    carry_out(t, &m);
    rc = txn_commit(t, e);
    free(m.gone.v);
    free(m.damaged.v);
    free(m.lost.v);
    if (rc != RC_OK)
        return err_prefix(e, rc, "accounts");
    for (size_t i = 0; i < set->n_seats; i++) { /* not before: a failure is tried again soon */
        if (!set->seats[i]->auth)
            account_tell(set->seats[i], ACCOUNT_NEEDS_LOGIN, set->seats[i]->reason);
    }
    return RC_OK;
}

enum rc accounts_known(struct sync *s, struct settings *set, struct err *e)
{
    struct txn *t = NULL;
    size_t n = 0;
    enum rc rc = txn_read(s->opt.store, &t, e);
    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < set->n_seats; i++) {
        struct seat *seat = set->seats[i];
        struct account a;
        if (account_find(t, seat->conf.name, &a) == RC_OK && a.state != ACCOUNT_GONE) {
            seat->account = a.no;
            set->seats[n++] = seat;
        } else {
            seat_unref(seat);
        }
    }
    set->n_seats = n;
    txn_abort(t);
    return RC_OK;
}

enum rc account_mark(struct store *s, uint32_t account, enum account_state state,
                     const char *reason, struct err *e)
{
    struct account a;
    struct txn *t = NULL;
    enum rc rc = txn_write(s, &t, e);
    if (rc != RC_OK)
        return rc;
    rc = account_get(t, account, &a);
    if (rc != RC_OK || (a.state == state && strncmp(a.reason, reason, sizeof(a.reason) - 1) == 0)) {
        txn_abort(t);
        return rc == RC_OK ? rc : err_set(e, rc, "no record of account %u", account);
    }
    set_state(t, &a, state, reason);
    return txn_commit(t, e);
}
