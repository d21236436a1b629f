/* status: how every account and calendar stands, as a table. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cmd/calmirror/cli.h"
#include "cmd/calmirror/fields.h"
#include "cmd/calmirror/term.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"

#define SHOWN_MOST 200 /* of more, those that are out of order */

#define WHOLE_COLUMNS  120
#define OTHERS_COLUMNS 52 /* of the narrow table, besides the calendar */

/* A collection as it is called in the table. */
static const char *title_of(struct span coll, char out[256])
{
    char kind[32];
    if (field_text(coll, "calendar", out, 256)[0] == '\0')
        return field_text(coll, "kind", out,
                          256); /* the account's list of calendars and the like */
    size_t n = strlen(out);
    if (!field_is(coll, "kind", "events"))
        (void)snprintf(out + n, 256 - n, " (%s)", field_text(coll, "kind", kind, sizeof(kind)));
    return out;
}

static enum style style_of_state(const char *state)
{
    if (strcmp(state, "ready") == 0 || strcmp(state, "ok") == 0 || strcmp(state, "live") == 0)
        return STYLE_GOOD;
    return strcmp(state, "gone") == 0 ? STYLE_DIM : STYLE_WARN;
}

static void add_state(struct table *t, struct span coll)
{
    char state[32];
    struct span listing = json_get(coll, "listing");
    (void)field_text(coll, "state", state, sizeof(state));
    if (json_type_of(listing) == JSON_OBJECT)
        table_addf(t, STYLE_WARN, "%s, listing (%lld)", state,
                   (long long)field_number(listing, "items", 0));
    else
        table_add(t, style_of_state(state), state);
}

static void add_channel(struct table *t, struct span coll)
{
    struct span channel = json_get(coll, "channel");
    char state[32], left[32];
    if (json_type_of(channel) != JSON_OBJECT) {
        bool refused = field_is(coll, "watch", "refused");
        table_add(t, STYLE_DIM, refused ? "refused, polled" : "none, polled");
        return;
    }
    int64_t expires_ms = field_number(channel, "expires_ms", 0);
    (void)field_text(channel, "state", state, sizeof(state));
    table_addf(t, style_of_state(state), "%s%s%s", state, expires_ms ? ", " : "",
               expires_ms ? term_span(expires_ms - clock_wall_ms(), left) : "");
}

/* The whole table takes some 120 columns. A narrower terminal gets the first six of it, with
 * calendars cut to this width, and errors below; 0: all of it. */
static int calendar_width(void)
{
    int columns = isatty(STDOUT_FILENO) ? term_columns(stdout, 0) : 0;
    if (columns == 0 || columns >= WHOLE_COLUMNS)
        return 0;
    return columns > OTHERS_COLUMNS + 8 ? columns - OTHERS_COLUMNS : 8;
}

static void add_collection(struct table *t, struct span coll, int width)
{
    char text[256];
    int64_t age_ms = field_number(coll, "age_ms", -1);
    int64_t fails = field_number(coll, "fails", 0);
    table_add(t, STYLE_PLAIN, field_text(coll, "account", text, sizeof(text)));
    table_add_cut(t, STYLE_PLAIN, title_of(coll, text), width);
    add_state(t, coll);
    table_add(t, fails > 0 ? STYLE_WARN : STYLE_PLAIN, term_span(age_ms, text));
    add_channel(t, coll);
    table_addf(t, STYLE_PLAIN, "%lld", (long long)field_number(coll, "live_items", 0));
    if (width)
        return;
    table_addf(t, STYLE_PLAIN, "%lld", (long long)field_number(coll, "pings", 0));
    table_addf(t, STYLE_PLAIN, "%lld", (long long)field_number(coll, "pulls", 0));
    table_addf(t, STYLE_PLAIN, "%lld", (long long)field_number(coll, "upstream_calls", 0));
    table_add(t, STYLE_BAD, field_text(coll, "last_error", text, sizeof(text)));
}

static void print_errors(struct span status)
{
    struct json_iter it = json_iter(json_get(status, "collections"));
    struct span key, coll;
    char title[256], error[256];
    while (json_next(&it, &key, &coll)) {
        if (!field_text(coll, "last_error", error, sizeof(error))[0])
            continue;
        term_print_safe(stdout, title_of(coll, title));
        printf(": ");
        term_print_safe(stdout, error);
        printf("\n");
    }
}

static void print_collections(struct span status)
{
    static const char *const heads[] = {"ACCOUNT", "CALENDAR", "STATE", "FRESH", "CHANNEL",
                                        "EVENTS",  "PINGS",    "PULLS", "CALLS", "LAST ERROR"};
    int width = calendar_width();
    struct table t = {.columns = width ? 6 : sizeof(heads) / sizeof(heads[0]),
                      .right = width ? 0x28 : 0x1e8};
    struct json_iter it = json_iter(json_get(status, "collections"));
    struct span key, coll;
    for (size_t i = 0; i < t.columns; i++)
        table_add(&t, STYLE_HEAD, heads[i]);
    while (json_next(&it, &key, &coll))
        add_collection(&t, coll, width);
    table_print(&t, stdout);
    table_release(&t);
    if (width)
        print_errors(status);
}

/* Accounts that need a person, above the table where they are seen. */
static void print_accounts(struct span status)
{
    struct table t = {.columns = 3};
    struct json_iter it = json_iter(json_get(status, "accounts"));
    struct span key, account;
    char text[512];
    while (json_next(&it, &key, &account)) {
        if (field_is(account, "state", "ok"))
            continue;
        table_addf(&t, STYLE_BAD, "account %s:", field_text(account, "name", text, 256));
        table_add(&t, STYLE_BAD, field_text(account, "state", text, sizeof(text)));
        table_add(&t, STYLE_PLAIN, field_text(account, "reason", text, sizeof(text)));
    }
    table_print(&t, stdout);
    table_release(&t);
}

static bool has_more(struct span status)
{
    return json_type_of(json_get(status, "nextPageToken")) == JSON_STRING;
}

/* What is out of order besides, below the table. */
static void print_health(struct span status)
{
    struct json_iter it = json_iter(json_get(json_get(status, "health"), "reasons"));
    struct span key, reason;
    struct buf text = {0};
    int64_t drift = field_number(json_get(status, "totals"), "drift", 0);
    while (json_next(&it, &key, &reason)) {
        buf_reset(&text);
        if (!json_string(reason, &text))
            continue;
        printf("degraded: ");
        term_print_safe(stdout, buf_text(&text));
        printf("\n");
    }
    if (drift > 0)
        printf("drift found so far: %lld; see calmirror verify\n", (long long)drift);
    buf_release(&text);
}

/* Hooks and channels that do not take what they are sent. */
static void print_push(struct span push)
{
    struct json_iter it = json_iter(json_get(push, "hooks"));
    struct span key, hook, failing;
    struct table t = {.columns = 2};
    char text[256];
    while (json_next(&it, &key, &hook)) {
        struct json_iter lanes = json_iter(json_get(hook, "failing"));
        int64_t dead = field_number(hook, "dead", 0);
        bool fails = json_next(&lanes, &key, &failing);
        if (!fails && !dead)
            continue;
        table_addf(&t, STYLE_BAD, "hook %s:", field_text(hook, "name", text, sizeof(text)));
        if (fails)
            table_addf(&t, STYLE_PLAIN, "%s", field_text(failing, "error", text, sizeof(text)));
        else
            table_addf(&t, STYLE_PLAIN, "%lld dead letters: see `calmirror hooks`",
                       (long long)dead);
    }
    int64_t channels = field_number(json_get(push, "channels"), "failing", 0);
    if (channels) {
        table_add(&t, STYLE_WARN, "channels:");
        table_addf(&t, STYLE_PLAIN, "%lld of %lld receivers did not take the last notification",
                   (long long)channels,
                   (long long)field_number(json_get(push, "channels"), "open", 0));
    }
    table_print(&t, stdout);
    table_release(&t);
}

/* Why the table is not whole, below it. */
static void print_left_out(struct span status)
{
    struct span totals = json_get(status, "totals");
    if (json_type_of(totals) == JSON_OBJECT) /* they are the operator's */
        printf("%lld of %lld are ready. ", (long long)field_number(totals, "ready", 0),
               (long long)field_number(totals, "collections", 0));
    printf("Only %s out of order is shown; see --all.\n",
           has_more(status) ? "the first of what is" : "what is");
}

static int ask(struct cli *cli, bool whole, bool only_degraded, struct buf *ret)
{
    struct buf path = {0};
    buf_add_text(&path, "/v1/status?prettyPrint=false");
    if (!whole)
        buf_printf(&path, "&maxResults=%d", SHOWN_MOST);
    if (only_degraded)
        buf_add_text(&path, "&health=degraded");
    if (cli->account) {
        buf_add_text(&path, "&account=");
        text_percent_encode(&path, span_of(cli->account));
    }
    buf_reset(ret);
    int status = cli_get(cli, buf_text(&path), ret);
    buf_release(&path);
    return status;
}

int run_status(struct cli *cli)
{
    struct buf body = {0};
    int status = ask(cli, cli->json || cli->all, false, &body);
    bool cut = status == EX_OK && has_more(buf_span(&body));
    if (cut)
        status = ask(cli, false, true, &body);
    if (status == EX_OK && cli->json)
        cli_print_json(buf_span(&body));
    else if (status == EX_OK) {
        print_accounts(buf_span(&body));
        print_push(json_get(buf_span(&body), "push"));
        print_collections(buf_span(&body));
        if (cut)
            print_left_out(buf_span(&body));
        print_health(buf_span(&body));
    }
    buf_release(&body);
    return status;
}
