/* lens: what one kind of reader asked for, and what of it it may see; shared by all who asked
 * alike.
 */
#include "core/serve/live/lens.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "core/base/text.h"
#include "core/serve/fault.h"
#include "core/serve/scope.h"

#define ALL_TYPES ((1u << FEED_TYPES) - 1)

/* Keeps a calendar by its account's name and its id: a number dies when a calendar leaves. */
static bool add_calendar(struct call *c, struct lens *l, struct span id)
{
    struct collection coll = {0};
    struct account account = {0};
    enum access access;
    enum rc rc = scope_find_calendar(c, id, &coll, &access);
    if (rc != RC_OK && rc != RC_AGAIN)
        return call_fail(c, FAULT_NOT_FOUND, "calendar", NULL);
    if (coll.no == 0) /* "primary" before the list of calendars is known */
        return call_fail(c, FAULT_NOT_READY, "calendar", NULL);
    struct lens_calendar *at = &l->calendars[l->n_calendars];
    if (account_get(c->txn, coll.account, &account) == RC_OK)
        at->account = strdup(account.name);
    at->id = strdup(coll.calendar);
    l->n_calendars++;
    return (at->account && at->id) || call_fail(c, FAULT_INTERNAL, NULL, NULL);
}

static bool read_calendars(struct call *c, struct lens *l)
{
    bool ok = true;
    if (!params_has(&c->params, PARAM_CALENDAR))
        return true;
    l->calendars = calloc(c->params.n_repeated, sizeof(*l->calendars));
    if (!l->calendars)
        return call_fail(c, FAULT_INTERNAL, NULL, NULL);
    for (unsigned i = 0; ok && i < c->params.n_repeated; i++)
        if (c->params.repeated[i].which == PARAM_CALENDAR)
            ok = add_calendar(c, l, c->params.repeated[i].text);
    return ok;
}

static bool read_account(struct call *c, struct lens *l)
{
    if (!params_has(&c->params, PARAM_ACCOUNT))
        return true;
    return scope_account_is_known(c) &&
           text_copy(l->account, sizeof(l->account), c->params.v[PARAM_ACCOUNT].text);
}

uint32_t lens_view(const struct caller *who, const struct conf *conf)
{
    uint64_t view = access_view(who);
    for (size_t i = 0; i < conf->n_accounts; i++) {
        const char *name = conf->accounts[i].name;
        if (access_has_account(who, name))
            view ^= XXH3_64bits(name, strlen(name));
    }
    return (uint32_t)view;
}

bool lens_read(struct call *c, struct lens *ret)
{
    struct lens l = {.caller = c->caller,
                     .view = lens_view(&c->caller, c->conf),
                     .generation = UINT64_MAX,
                     .types = ALL_TYPES};
    if (params_has(&c->params, PARAM_TYPES))
        l.types = (unsigned)c->params.v[PARAM_TYPES].number;
    l.types |= 1u << FEED_RESET; /* what is lost must not be lost silently */
    l.with_event = params_has(&c->params, PARAM_INCLUDE);
    if (!read_account(c, &l) || !read_calendars(c, &l)) {
        lens_release(&l);
        return false;
    }
    *ret = l;
    return true;
}

void lens_release(struct lens *l)
{
    for (size_t i = 0; i < l->n_calendars; i++) {
        free(l->calendars[i].account);
        free(l->calendars[i].id);
    }
    free(l->calendars);
    free(l->colls);
    *l = (struct lens){0};
}

bool lens_same(const struct lens *a, const struct lens *b)
{
    if (a->view != b->view || a->all != b->all || a->with_event != b->with_event ||
        a->types != b->types || strcmp(a->caller.hash, b->caller.hash) != 0 ||
        strcmp(a->account, b->account) != 0 || a->n_calendars != b->n_calendars)
        return false;
    for (size_t i = 0; i < a->n_calendars; i++)
        if (strcmp(a->calendars[i].id, b->calendars[i].id) != 0 ||
            strcmp(a->calendars[i].account, b->calendars[i].account) != 0)
            return false;
    return true;
}

static bool is_configured(const struct conf *conf, const char *account)
{
    for (size_t i = 0; i < conf->n_accounts; i++)
        if (strcmp(conf->accounts[i].name, account) == 0)
            return true;
    return false;
}

/* Is the calendar (NULL: the list of calendars) among those asked for? */
static bool asked_for(const struct lens *l, const char *account, const char *calendar)
{
    if (l->account[0] && strcmp(l->account, account) != 0)
        return false;
    for (size_t i = 0; i < l->n_calendars; i++)
        if (strcmp(l->calendars[i].account, account) == 0 &&
            (!calendar || strcmp(l->calendars[i].id, calendar) == 0))
            return true;
    return l->n_calendars == 0;
}

static enum access look(const struct lens *l, struct txn *t, const struct conf *conf,
                        const struct atlas_entry *e)
{
    bool roster = e->kind == COLL_ROSTER;
    if (!e->ready || !is_configured(conf, e->account_name) ||
        !asked_for(l, e->account_name, roster ? NULL : e->calendar))
        return ACCESS_NONE;
    if (roster)
        return access_has_account(&l->caller, e->account_name) ? ACCESS_ALL : ACCESS_NONE;
    return access_to(&l->caller, t, e->account, e->calendar);
}

bool lens_resolve(struct lens *l, struct txn *t, const struct conf *conf, const struct atlas *a)
{
    if (l->generation == a->generation)
        return true;
    struct lens_coll *colls = malloc((a->n + 1) * sizeof(*colls));
    if (!colls)
        return false;
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++) {
        enum access access = look(l, t, conf, &a->v[i]);
        if (access != ACCESS_NONE)
            colls[n++] = (struct lens_coll){a->v[i].no, access};
    }
    struct lens_coll *fitting = realloc(colls, (n + 1) * sizeof(*colls));
    free(l->colls);
    l->colls = fitting ? fitting : colls;
    l->n_colls = n;
    l->generation = a->generation;
    return true;
}

static enum access sees(const struct lens *l, uint32_t coll)
{
    size_t low = 0, high = l->n_colls;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (l->colls[mid].no < coll)
            low = mid + 1;
        else
            high = mid;
    }
    return low < l->n_colls && l->colls[low].no == coll ? l->colls[low].access : ACCESS_NONE;
}

bool lens_wants(const struct lens *l, struct txn *t, const struct feed_entry *entry,
                struct entry_form *ret)
{
    enum access access = sees(l, entry->coll->no);
    if (access == ACCESS_NONE || !(l->types & 1u << entry->type))
        return false;
    if (entry->type == FEED_CALENDAR) { /* the list is one collection, but not all of it is seen */
        struct account account = {0};
        char calendar[LIMIT_ID_BYTES + 1];
        if (!text_copy(calendar, sizeof(calendar), entry->id) ||
            account_get(t, entry->coll->account, &account) != RC_OK ||
            !asked_for(l, account.name, calendar))
            return false;
        access = access_to(&l->caller, t, entry->coll->account, calendar);
    }
    *ret = (struct entry_form){.veiled = access != ACCESS_ALL, .with_event = l->with_event};
    return access != ACCESS_NONE;
}

bool lens_wants_freshness(const struct lens *l, const struct atlas_entry *where)
{
    return (l->types & 1u << FEED_FRESHNESS) && where->kind == COLL_EVENTS &&
           sees(l, where->no) != ACCESS_NONE;
}
