/* verify: has calendars compared with Google, and prints what differed. */
#include <stdio.h>
#include <sysexits.h>

#include "cmd/calmirror/asked.h"
#include "cmd/calmirror/fields.h"
#include "cmd/calmirror/term.h"
#include "cmd/calmirror/when.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/base/text.h"

#define EX_DIFFERENT 1

struct found {
    uint64_t differences;
    bool unjudged;
};

static void print_value(const char *before, struct span value, const char *behind)
{
    char text[256];
    (void)text_copy(text, sizeof(text), value);
    printf("%s", before);
    term_print_safe(stdout, value.n ? text : "-");
    printf("%s", behind);
}

static void print_fields(struct span fields)
{
    struct json_iter it = json_iter(fields);
    struct span key, field;
    char name[128];
    while (json_next(&it, &key, &field)) {
        printf("      ");
        term_print_safe(stdout, field_text(field, "field", name, sizeof(name)));
        print_value(": ", json_get(field, "here"), " here, ");
        print_value("", json_get(field, "google"), " at Google\n");
    }
}

static void print_items(struct span items)
{
    static const struct {
        const char *what, *words;
    } kinds[] = {
        {"missing", "was not here"}, {"removed", "is no more at Google"}, {"changed", "differed"}};
    struct json_iter it = json_iter(items);
    struct span key, item;
    char id[LIMIT_EVENT_ID_BYTES + 1];
    while (json_next(&it, &key, &item)) {
        printf("    ");
        term_print_safe(stdout, field_text(item, "id", id, sizeof(id)));
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
            if (field_is(item, "what", kinds[i].what))
                printf("  %s", kinds[i].words);
        printf("\n");
        print_fields(json_get(item, "fields"));
    }
}

/* One part of what was found of a calendar. */
static void take_part(const struct asked *a, struct span part, const char *what, bool print,
                      struct found *f)
{
    char outcome[320], reason[256];
    int64_t n = field_number(part, "differences", 0);
    if (json_type_of(part) != JSON_OBJECT)
        return;
    bool judged = json_is_true(json_get(part, "judged"));
    f->differences += (uint64_t)n;
    f->unjudged |= !judged;
    if (!print)
        return;
    if (!judged)
        (void)snprintf(outcome, sizeof(outcome), "%s could not be judged: %s", what,
                       field_text(part, "reason", reason, sizeof(reason)));
    else
        (void)snprintf(outcome, sizeof(outcome), "%lld %s compared, %lld differed",
                       (long long)field_number(part, "compared", 0), what, (long long)n);
    asked_report(a, outcome);
    print_items(json_get(part, "items"));
    int64_t unlisted = n;
    struct json_iter it = json_iter(json_get(part, "items"));
    for (struct span key, item; json_next(&it, &key, &item);)
        unlisted--;
    if (unlisted > 0)
        printf("    and %lld more\n", (long long)unlisted);
}

/* Another verification may have been under way when this one was asked for, or come right behind
 * it: what it found is true as well, though only the last one's verdict is kept. */
static void take_others(const struct asked *a, struct span calendar, bool print, struct found *f)
{
    int64_t n = field_number(calendar, "drift", 0) - a->drift -
                field_number(json_get(calendar, "events"), "differences", 0);
    if (n <= 0)
        return;
    f->differences += (uint64_t)n;
    if (print)
        printf("    and %lld found meanwhile by another verification; the log names them\n",
               (long long)n);
}

/* Goes through what was found of the calendars asked for; with JSON, prints it as it is. */
static void take_verdicts(const struct cli *cli, const struct asked_list *w, struct span answer,
                          struct found *f)
{
    struct json_iter it = json_iter(json_get(answer, "calendars"));
    struct span key, calendar;
    struct buf json = {0};
    buf_add_text(&json, "{\"calendars\":[");
    while (json_next(&it, &key, &calendar)) {
        const struct asked *a = asked_find(w, field_number(calendar, "number", 0));
        if (!a)
            continue;
        buf_add_text(&json, json.p[json.n - 1] == '[' ? "" : ",");
        buf_add_span(&json, calendar);
        if (a->failed)
            continue;
        take_part(a, json_get(calendar, "events"), "events", !cli->json, f);
        take_others(a, calendar, !cli->json, f);
        if (cli->instances)
            take_part(a, json_get(calendar, "instances"), "instances", !cli->json, f);
    }
    buf_add_text(&json, "]}");
    if (cli->json)
        cli_print_json(buf_span(&json));
    buf_release(&json);
}

static int add_time(struct buf *more, const char *member, const char *option, const char *text)
{
    int64_t ms;
    if (!text)
        return EX_OK;
    if (!when_read(text, clock_wall_ms(), &ms))
        return cli_fail(EX_USAGE, "--%s: '%s' is no time; give " WHEN_FORMS, option, text);
    buf_printf(more, ",\"%s\":%lld", member, (long long)ms);
    return EX_OK;
}

static int write_request(const struct cli *cli, struct buf *request)
{
    struct buf more = {0};
    if ((cli->from || cli->to) && !cli->instances)
        return cli_fail(EX_USAGE, "verify: --from and --to go with --instances");
    buf_printf(&more, "\"instances\":%s", cli->instances ? "true" : "false");
    int status = add_time(&more, "min_ms", "from", cli->from);
    if (status == EX_OK)
        status = add_time(&more, "max_ms", "to", cli->to);
    asked_write_request(cli, buf_text(&more), request);
    buf_release(&more);
    return status;
}

static int show(struct cli *cli, const struct asked_list *w)
{
    struct buf answer = {0};
    struct found found = {0};
    int status = cli_get(cli, "/v1/verify", &answer);
    if (status == EX_OK)
        take_verdicts(cli, w, buf_span(&answer), &found);
    buf_release(&answer);
    if (status == EX_OK && found.unjudged)
        return EX_UNAVAILABLE;
    return status == EX_OK && found.differences ? EX_DIFFERENT : status;
}

int run_verify(struct cli *cli)
{
    struct buf request = {0}, answer = {0};
    struct asked_list w = {.owed = "verify", .silent = true};
    int status = write_request(cli, &request);
    if (status == EX_OK)
        status = cli_post(cli, "/v1/verify", buf_span(&request), &answer);
    if (status == EX_OK) {
        asked_read(buf_span(&answer), &w);
        int waited = asked_wait(cli, &w);
        status = waited == EX_OK || waited == EX_UNAVAILABLE ? show(cli, &w) : waited;
        status = waited == EX_UNAVAILABLE ? waited : status;
    }
    asked_release(&w);
    buf_release(&request);
    buf_release(&answer);
    return status;
}
