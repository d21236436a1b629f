/* asked: what the service was asked to do with calendars, watched until it is done. */
#include "cmd/calmirror/asked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "cmd/calmirror/fields.h"
#include "cmd/calmirror/term.h"
#include "core/base/json.h"
#include "core/base/must.h"
#include "core/base/order.h"
#include "core/base/text.h"

#define LOOK_EVERY_MS 200
/* Failures after which nobody waits any longer; the service itself goes on trying. */
#define ATTEMPTS 3

static int by_number(const void *left, const void *right)
{
    const struct asked *a = left, *b = right;
    return order_i64(&a->number, &b->number);
}

struct asked *asked_find(const struct asked_list *w, int64_t number)
{
    const struct asked key = {.number = number};
    return w->n ? bsearch(&key, w->v, w->n, sizeof(*w->v), by_number) : NULL;
}

void asked_read(struct span answer, struct asked_list *w)
{
    struct json_iter it = json_iter(json_get(answer, "collections"));
    struct span key, coll;
    while (json_next(&it, &key, &coll)) {
        w->v = must(reallocarray(w->v, w->n + 1, sizeof(*w->v)));
        struct asked *a = &w->v[w->n++];
        *a = (struct asked){.number = field_number(coll, "number", 0),
                            .failures = -1,
                            .drift = field_number(coll, "drift", 0)};
        (void)field_text(coll, "calendar", a->calendar, sizeof(a->calendar));
        (void)field_text(coll, "account", a->account, sizeof(a->account));
    }
    if (w->n > 0)
        qsort(w->v, w->n, sizeof(*w->v), by_number);
}

void asked_report(const struct asked *a, const char *outcome)
{
    FILE *out = a->failed ? stderr : stdout;
    term_progress_end();
    (void)fputs(a->account, out);
    (void)fputs("  ", out);
    term_print_safe(out, a->calendar[0] ? a->calendar : "(list of calendars)");
    (void)fputs("  ", out);
    term_print_safe(out, outcome);
    (void)fputc('\n', out);
    (void)fflush(out);
}

/* Why the account cannot be used until a person acts; "" when it can. */
static const char *account_trouble(struct span status, const char *name, char *out, size_t size)
{
    struct json_iter it = json_iter(json_get(status, "accounts"));
    struct span key, account;
    out[0] = '\0';
    while (json_next(&it, &key, &account))
        if (field_is(account, "name", name) && !field_is(account, "state", "ok"))
            return field_text(account, "reason", out, size);
    return out;
}

static void end_with(struct asked *a, bool failed, const char *outcome)
{
    a->done = true;
    a->failed = failed;
    if (outcome[0])
        asked_report(a, outcome);
}

/* Takes up what the status says of one that was asked for. */
static void look_at(const struct asked_list *w, struct asked *a, struct span status,
                    struct span coll)
{
    char text[512];
    int64_t failures = field_number(coll, "failures", 0);
    if (failures < a->failures || a->failures < 0) /* the first look, or a restart of the service */
        a->failures = failures;
    a->items = (uint64_t)field_number(json_get(coll, "listing"), "items", 0);
    if (field_text(coll, "last_error", text, sizeof(text))[0])
        (void)snprintf(a->error, sizeof(a->error), "%.*s", (int)sizeof(a->error) - 1, text);
    if (field_is(coll, "state", "gone")) {
        end_with(a, true, "is no longer mirrored");
    } else if (!json_is_true(json_get(coll, w->owed)) && field_is(coll, "state", "ready")) {
        (void)snprintf(text, sizeof(text), "%lld items",
                       (long long)field_number(coll, "live_items", 0));
        end_with(a, false, w->silent ? "" : text);
    } else if (account_trouble(status, a->account, text, sizeof(text))[0]) {
        end_with(a, true, text);
    } else if (failures - a->failures >= ATTEMPTS) {
        end_with(a, true, a->error[0] ? a->error : "failed again and again");
    }
}

/* Looks once. Those that vanished from the status altogether count as failed too. */
static void look(struct asked_list *w, struct span status)
{
    struct json_iter it = json_iter(json_get(status, "collections"));
    struct span coll;
    for (size_t i = 0; i < w->n; i++)
        w->v[i].seen = false;
    while (json_next(&it, NULL, &coll)) {
        struct asked *a = asked_find(w, field_number(coll, "number", 0));
        if (!a)
            continue;
        a->seen = true;
        if (!a->done)
            look_at(w, a, status, coll);
    }
    for (size_t i = 0; i < w->n; i++)
        if (!w->v[i].seen && !w->v[i].done)
            end_with(&w->v[i], true, "is no longer mirrored");
}

static void show_progress(const struct asked_list *w)
{
    uint64_t done = 0, items = 0;
    char detail[64];
    for (size_t i = 0; i < w->n; i++) {
        done += w->v[i].done;
        items += w->v[i].done ? 0 : w->v[i].items;
    }
    (void)snprintf(detail, sizeof(detail), "calendars, %llu events on the way",
                   (unsigned long long)items);
    term_progress(w->owed, done, w->n, detail);
}

static bool all_done(const struct asked_list *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (!w->v[i].done)
            return false;
    return true;
}

/* Of one calendar only, if that is what was asked for: of thousands the status is megabytes. */
static void write_path(const struct asked_list *w, struct buf *out)
{
    bool one = w->n > 0 && w->v[0].calendar[0];
    for (size_t i = 1; i < w->n; i++)
        one &= strcmp(w->v[i].calendar, w->v[0].calendar) == 0;
    buf_add_text(out, "/v1/status");
    if (one) {
        buf_add_text(out, "?calendar=");
        text_percent_encode(out, span_of(w->v[0].calendar));
    }
}

int asked_wait(struct cli *cli, struct asked_list *w)
{
    const struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000};
    struct buf path = {0};
    int status = EX_OK;
    write_path(w, &path);
    show_progress(w);
    for (;;) {
        struct buf body = {0};
        status = cli_get(cli, buf_text(&path), &body);
        if (status == EX_OK)
            look(w, buf_span(&body));
        buf_release(&body);
        if (status != EX_OK || all_done(w))
            break;
        show_progress(w);
        (void)nanosleep(&pause, NULL);
    }
    term_progress_end();
    buf_release(&path);
    for (size_t i = 0; i < w->n; i++)
        if (status == EX_OK && w->v[i].failed)
            status = EX_UNAVAILABLE;
    return status;
}

void asked_release(struct asked_list *w)
{
    free(w->v);
    w->v = NULL;
    w->n = 0;
}

void asked_write_request(const struct cli *cli, const char *more, struct buf *out)
{
    const char *calendar = cli->n_args > 0 ? cli->args[0] : NULL;
    buf_printf(out, "{%s", more);
    if (calendar) {
        buf_add_text(out, out->n > 1 ? ",\"calendar\":" : "\"calendar\":");
        buf_add_json(out, span_of(calendar));
    }
    if (cli->account) {
        buf_add_text(out, out->n > 1 ? ",\"account\":" : "\"account\":");
        buf_add_json(out, span_of(cli->account));
    }
    buf_add_char(out, '}');
}
