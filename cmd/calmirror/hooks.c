/* hooks: `calmirror hooks` shows how hooks are doing and what they did not take; `hooks retry`
 * delivers that again, `hooks drop` throws it away. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cmd/calmirror/cli.h"
#include "cmd/calmirror/fields.h"
#include "cmd/calmirror/term.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"

static void add_ago(struct table *t, struct span hook, const char *name)
{
    int64_t ms = field_number(hook, name, 0);
    char text[32];
    table_add(t, STYLE_PLAIN, ms ? term_span(clock_wall_ms() - ms, text) : "-");
}

/* The error of what fails now, else of the newest letter. */
static struct span trouble_of(struct span hook)
{
    struct json_iter it = json_iter(json_get(hook, "failing"));
    struct span item, found = {0};
    if (json_next(&it, NULL, &item))
        return item;
    it = json_iter(json_get(hook, "dead_letters"));
    while (json_next(&it, NULL, &item))
        found = item;
    return found;
}

static void print_table(struct span hooks)
{
    static const char *const heads[] = {"HOOK",   "KIND", "DELIVERED", "LAST",
                                        "FAILED", "DEAD", "LAST ERROR"};
    struct table t = {.columns = sizeof heads / sizeof heads[0], .right = 0x34};
    struct json_iter it = json_iter(hooks);
    struct span hook;
    char text[256];
    for (size_t i = 0; i < t.columns; i++)
        table_add(&t, STYLE_HEAD, heads[i]);
    while (json_next(&it, NULL, &hook)) {
        int64_t dead = field_number(hook, "dead", 0);
        table_add(&t, STYLE_PLAIN, field_text(hook, "name", text, sizeof text));
        table_add(&t, STYLE_PLAIN, field_text(hook, "kind", text, sizeof text));
        table_addf(&t, STYLE_PLAIN, "%lld", (long long)field_number(hook, "delivered", 0));
        add_ago(&t, hook, "delivered_ms");
        table_addf(&t, STYLE_PLAIN, "%lld", (long long)field_number(hook, "attempts_failed", 0));
        table_addf(&t, dead ? STYLE_BAD : STYLE_PLAIN, "%lld", (long long)dead);
        table_add(&t, STYLE_WARN, field_text(trouble_of(hook), "error", text, sizeof text));
    }
    table_print(&t, stdout);
    table_release(&t);
}

static void add_letter(struct table *t, const char *hook, struct span letter)
{
    struct span change = json_get(letter, "change");
    char text[256];
    table_add(t, STYLE_PLAIN, hook);
    table_addf(t, STYLE_PLAIN, "%lld", (long long)field_number(letter, "number", 0));
    add_ago(t, letter, "dead_ms");
    table_add(t, STYLE_PLAIN, field_text(letter, "calendar", text, sizeof text));
    table_add(t, STYLE_PLAIN, field_text(change, "type", text, sizeof text));
    table_add(t, STYLE_PLAIN, field_text(change, "eventId", text, sizeof text));
    table_add(t, STYLE_WARN, field_text(letter, "error", text, sizeof text));
}

static void print_letters(struct span hooks)
{
    static const char *const heads[] = {"HOOK", "LETTER", "GIVEN UP", "CALENDAR",
                                        "TYPE", "EVENT",  "ERROR"};
    struct table t = {.columns = sizeof heads / sizeof heads[0], .right = 0x6};
    struct json_iter it = json_iter(hooks);
    struct span hook, letter;
    char name[256];
    for (size_t i = 0; i < t.columns; i++)
        table_add(&t, STYLE_HEAD, heads[i]);
    size_t before = t.n_cells;
    while (json_next(&it, NULL, &hook)) {
        struct json_iter letters = json_iter(json_get(hook, "dead_letters"));
        (void)field_text(hook, "name", name, sizeof name);
        while (json_next(&letters, NULL, &letter))
            add_letter(&t, name, letter);
    }
    if (t.n_cells > before) {
        puts("");
        table_print(&t, stdout);
    }
    table_release(&t);
}

int run_hooks(struct cli *cli)
{
    struct buf answer = {0};
    int status = cli_get(cli, "/v1/hooks", &answer);
    struct span hooks = status == EX_OK ? json_get(buf_span(&answer), "hooks") : (struct span){0};
    struct json_iter it = json_iter(hooks);
    struct span first;
    if (status == EX_OK && cli->json)
        cli_print_json(buf_span(&answer));
    else if (status == EX_OK && !json_next(&it, NULL, &first))
        puts("No hooks are configured.");
    else if (status == EX_OK) {
        print_table(hooks);
        print_letters(hooks);
    }
    buf_release(&answer);
    return status;
}

int run_hooks_order(struct cli *cli)
{
    struct buf request = {0}, answer = {0};
    const char *what = cli->verb;
    int64_t number = 0;
    if (cli->n_args == 2 && (!text_to_i64(span_of(cli->args[1]), &number) || number <= 0))
        return cli_fail(EX_USAGE, "hooks %s: %s: not the number of a dead letter", what,
                        cli->args[1]);
    buf_add_text(&request, "{\"hook\":");
    buf_add_json(&request, span_of(cli->args[0]));
    buf_printf(&request, ",\"do\":\"%s\"", what);
    if (number)
        buf_printf(&request, ",\"number\":%lld", (long long)number);
    buf_add_char(&request, '}');
    int status = cli_post(cli, "/v1/hooks", buf_span(&request), &answer);
    if (status == EX_OK && cli->json)
        cli_print_json(buf_span(&answer));
    else if (status == EX_OK)
        printf("%lld %s\n", (long long)field_number(buf_span(&answer), "letters", 0),
               strcmp(what, "drop") == 0 ? "dropped" : "are delivered again");
    buf_release(&request);
    buf_release(&answer);
    return status;
}
