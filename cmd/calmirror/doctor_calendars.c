/* doctor_calendars: are the calendars whole and fresh, do their channels deliver, which events are
 * odd? */
#include <string.h>
#include <sysexits.h>

#include "cmd/calmirror/doctor.h"
#include "cmd/calmirror/fields.h"
#include "cmd/calmirror/term.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/limits.h"

#define UNVERIFIED_MOST_MS (10 * 60 * 1000)
#define ODD_SHOWN          20
#define LATE_FACTOR        3 /* of the interval at which it is polled at the latest */

/* Of one look at the status. */
struct tally {
    struct doctor *d;
    int64_t now_ms;
    unsigned calendars, ready, live, watched;
    int64_t oldest_ms, next_end_ms; /* 0: none */
};

/* "work: ann@example.org (acl)". */
static const char *title_of(struct span coll, char out[512])
{
    char account[80], calendar[300], kind[32];
    (void)field_text(coll, "account", account, sizeof(account));
    (void)field_text(coll, "calendar", calendar, sizeof(calendar));
    (void)field_text(coll, "kind", kind, sizeof(kind));
    bool plain = kind[0] == '\0' || strcmp(kind, "events") == 0;
    (void)snprintf(out, 512, "%s: %s%s%s%s", account, calendar, calendar[0] && !plain ? " (" : "",
                   plain ? "" : kind, calendar[0] && !plain ? ")" : "");
    return out;
}

/* What is wrong with an account is said of it, not of each of its calendars. */
static bool account_works(const struct doctor *d, struct span coll)
{
    struct json_iter it = json_iter(json_get(buf_span(&d->status), "accounts"));
    char name[LIMIT_NAME_BYTES + 1];
    struct span account;
    (void)field_text(coll, "account", name, sizeof(name));
    while (json_next(&it, NULL, &account))
        if (field_is(account, "name", name))
            return field_is(account, "state", "ok");
    return false;
}

static void count_collection(struct tally *t, struct span coll)
{
    int64_t age_ms = field_number(coll, "age_ms", -1);
    if (!field_is(coll, "kind", "events"))
        return;
    t->calendars++;
    t->ready += field_is(coll, "state", "ready");
    if (age_ms > t->oldest_ms)
        t->oldest_ms = age_ms;
}

static void check_collection(struct tally *t, struct span coll, const char *title)
{
    char error[512], age[32];
    int64_t age_ms = field_number(coll, "age_ms", -1), fails = field_number(coll, "fails", 0);
    int64_t most_ms = t->d->conf ? LATE_FACTOR * t->d->conf->sync.poll_interval_ms : INT64_MAX;
    bool ready = field_is(coll, "state", "ready");
    bool events = field_is(coll, "kind", "events");
    (void)field_text(coll, "last_error", error, sizeof(error));
    if (fails > 0 && error[0])
        doctor_say(t->d, LEVEL_WARN, "calendar",
                   "it is retried automatically; if that goes on, see journalctl -u calmirrord",
                   "%s: %s (failed %lld time%s in a row)", title, error, (long long)fails,
                   fails == 1 ? "" : "s");
    else if (!ready)
        doctor_say(t->d, LEVEL_WARN, "calendar",
                   "wait for its first listing; calmirror status shows how far it is",
                   "%s: not listed yet", title);
    else if (events && age_ms > most_ms)
        doctor_say(t->d, LEVEL_WARN, "calendar", "journalctl -u calmirrord says why",
                   "%s: last known to equal Google's %s ago", title, term_span(age_ms, age));
}

static void check_channel(struct tally *t, struct span coll, const char *title)
{
    struct span channel = json_get(coll, "channel");
    int64_t end_ms = field_number(channel, "expires_ms", 0);
    int64_t made_ms = field_number(channel, "created_ms", 0);
    struct doctor *d = t->d;
    if (field_is(coll, "watch", "refused"))
        return; /* Google cannot watch some calendars: they are polled */
    t->watched++;
    if (json_type_of(channel) != JSON_OBJECT) {
        doctor_say(d, LEVEL_WARN, "channel",
                   "the next pull opens one; journalctl -u calmirrord says why it did not",
                   "%s: none", title);
    } else if (end_ms && end_ms < t->now_ms) {
        doctor_say(d, LEVEL_WARN, "channel", "journalctl -u calmirrord says why it was not renewed",
                   "%s: has ended", title);
    } else if (field_is(channel, "state", "degraded")) {
        doctor_say(d, LEVEL_WARN, "channel",
                   "it is being replaced; if this recurs, notifications are lost on the way",
                   "%s: a zombie: polling found changes that it had not announced", title);
    } else if (field_is(channel, "state", "unverified") &&
               t->now_ms - made_ms > UNVERIFIED_MOST_MS) {
        doctor_say(d, LEVEL_WARN, "channel", "see the webhook below: Google cannot reach it",
                   "%s: its first message never came", title);
    }
    t->live += field_is(channel, "state", "live");
    if (end_ms && (t->next_end_ms == 0 || end_ms < t->next_end_ms))
        t->next_end_ms = end_ms;
}

static void say_tally(const struct tally *t, bool watching)
{
    char text[32];
    if (t->calendars == 0)
        doctor_say(t->d, LEVEL_SKIP, "calendar", NULL, "none is mirrored yet");
    else if (t->ready == 0)
        doctor_say(t->d, LEVEL_SKIP, "calendar", NULL, "0 of %u listed", t->calendars);
    else
        doctor_say(t->d, LEVEL_OK, "calendar", NULL,
                   "%u of %u listed; the stalest was compared with Google %s ago", t->ready,
                   t->calendars, term_span(t->oldest_ms, text));
    if (!watching)
        doctor_say(t->d, LEVEL_SKIP, "channel", NULL,
                   "no webhook.public_url: calendars are polled");
    else
        doctor_say(t->d, LEVEL_OK, "channel", NULL, "%u of %u deliver; the next one ends in %s",
                   t->live, t->watched,
                   term_span(t->next_end_ms ? t->next_end_ms - t->now_ms : -1, text));
}

/* Events in which something made no sense: served as they are, told of here. */
static void list_odd(struct doctor *d, struct span calendar)
{
    struct json_iter it = json_iter(json_get(calendar, "events"));
    char title[512], id[300];
    struct span event;
    unsigned shown = 0;
    (void)title_of(calendar, title);
    long long count = (long long)field_number(calendar, "count", 0);
    doctor_say(d, LEVEL_WARN, "odd",
               "they are served as Google sent them; correct or delete them there",
               "%s %lld odd event%s", title, count, count == 1 ? "" : "s");
    while (shown++ < ODD_SHOWN && json_next(&it, NULL, &event)) {
        struct buf members = {0};
        json_reformat(&members, json_get(event, "members"), 0, 0);
        doctor_say(d, LEVEL_WARN, "odd", NULL, "  %s: what is odd: %s",
                   field_text(event, "id", id, sizeof(id)), buf_text(&members));
        buf_release(&members);
    }
}

static void check_odd(struct doctor *d)
{
    struct buf odd = {0};
    struct err e = {0};
    struct span calendar;
    d->cli->silent = &e;
    int status = cli_get(d->cli, "/v1/odd", &odd);
    d->cli->silent = NULL;
    if (status != EX_OK) {
        doctor_say(d, LEVEL_SKIP, "odd", NULL, "%s", e.text);
    } else if (field_number(buf_span(&odd), "count", 0) == 0) {
        doctor_say(d, LEVEL_OK, "odd", NULL, "every event makes sense");
    } else {
        struct json_iter it = json_iter(json_get(buf_span(&odd), "calendars"));
        while (json_next(&it, NULL, &calendar))
            list_odd(d, calendar);
    }
    buf_release(&odd);
}

/* Is a calendar mirrored for this account, and does `pattern` (NULL: any) match it? */
static bool any_mirrored(const struct doctor *d, const char *account, char *pattern)
{
    struct json_iter it = json_iter(json_get(buf_span(&d->status), "collections"));
    char id[300];
    struct span coll;
    while (json_next(&it, NULL, &coll))
        if (field_is(coll, "kind", "events") && field_is(coll, "account", account) &&
            !field_is(coll, "state", "gone") &&
            (!pattern || conf_list_matches(&(struct conf_list){.v = &pattern, .n = 1},
                                           field_text(coll, "calendar", id, sizeof(id)), false)))
            return true;
    return false;
}

/* Patterns of the configuration that a typing error left without a calendar. */
static void check_patterns(struct doctor *d, const char *account)
{
    for (size_t i = 0; d->conf && i < d->conf->n_accounts; i++) {
        const struct conf_account *a = &d->conf->accounts[i];
        for (size_t k = 0; strcmp(a->name, account) == 0 && k < a->calendars.n; k++)
            if (strcmp(a->calendars.v[k], "primary") != 0 &&
                !any_mirrored(d, account, a->calendars.v[k]))
                doctor_say(d, LEVEL_WARN, "calendar",
                           "compare it with the calendar's id in Google Calendar's settings",
                           "%s: no calendar in its list matches '%s'", account, a->calendars.v[k]);
    }
}

/* An account whose list of calendars is known and leaves nothing, or less than was asked for. */
static void check_roster(struct doctor *d, struct span roster)
{
    char account[LIMIT_NAME_BYTES + 1];
    (void)field_text(roster, "account", account, sizeof(account));
    long long listed = (long long)field_number(roster, "live_items", 0);
    if (listed == 0)
        doctor_say(d, LEVEL_WARN, "calendar",
                   "as a service account: share a calendar with it and insert it once by "
                   "calendarList.insert, or set subject; see the README",
                   "%s: its calendar list at Google is empty", account);
    else if (!any_mirrored(d, account, NULL))
        doctor_say(d, LEVEL_WARN, "calendar", "see calendars and exclude of this account",
                   "%s: none of the %lld calendars in its list is chosen by the configuration",
                   account, listed);
    if (listed > 0)
        check_patterns(d, account);
}

void doctor_calendars(struct doctor *d)
{
    struct tally t = {.d = d, .now_ms = clock_wall_ms()};
    bool watching = !d->conf || d->conf->webhook.public_url[0];
    struct span coll;
    char title[512];
    if (!d->running)
        return;
    struct json_iter it = json_iter(json_get(buf_span(&d->status), "collections"));
    while (json_next(&it, NULL, &coll)) {
        if (field_is(coll, "state", "gone"))
            continue;
        (void)title_of(coll, title);
        bool main = field_is(coll, "kind", "events") || field_is(coll, "kind", "calendarList");
        count_collection(&t, coll);
        if (!main || !account_works(d, coll))
            continue;
        check_collection(&t, coll, title);
        if (watching)
            check_channel(&t, coll, title);
        if (field_is(coll, "kind", "calendarList") && field_is(coll, "state", "ready"))
            check_roster(d, coll);
    }
    say_tally(&t, watching);
    check_odd(d);
}
