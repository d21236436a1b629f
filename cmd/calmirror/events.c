/* events: the events of a calendar, by start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "cmd/calmirror/cli.h"
#include "cmd/calmirror/fields.h"
#include "cmd/calmirror/pages.h"
#include "cmd/calmirror/term.h"
#include "cmd/calmirror/when.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/must.h"
#include "core/base/rfc3339.h"
#include "core/base/text.h"

/* One line of the list. */
struct row {
    int64_t start_ms;
    const char *mark; /* what it is besides a plain event; static */
    char start[32], end[32], id[64], summary[256];
};

struct rows {
    struct row *v;
    size_t n, room;
};

/* "2026-11-22 09:00" in the machine's zone, or "2026-11-22" of an all-day event, which sorts by its
 * midnight there. Returns the instant; INT64_MAX when it cannot be read. */
static int64_t read_moment(struct span moment, char out[32])
{
    char text[64];
    int64_t ms;
    int32_t offset_s;
    struct tm tm;
    (void)snprintf(out, 32, "?");
    if (field_text(moment, "date", text, sizeof(text))[0]) {
        (void)field_text(moment, "date", out, 32);
        return when_read(text, 0, &ms) ? ms : INT64_MAX;
    }
    (void)field_text(moment, "dateTime", text, sizeof(text));
    if (!rfc3339_time(span_of(text), &ms, &offset_s, NULL))
        return INT64_MAX;
    time_t seconds = (time_t)(ms / 1000);
    if (localtime_r(&seconds, &tm))
        (void)strftime(out, 32, "%Y-%m-%d %H:%M", &tm);
    return ms;
}

static void keep_event(void *arg, struct span item)
{
    struct rows *rows = arg;
    if (rows->n == rows->room) {
        size_t room = rows->room ? 2 * rows->room : 64;
        struct row *v = reallocarray(rows->v, room, sizeof(*v));
        if (!v)
            must_end(NARROWER);
        rows->v = v;
        rows->room = room;
    }
    struct row *r = &rows->v[rows->n++];
    *r = (struct row){.mark = ""};
    if (json_type_of(json_get(item, "recurrence")) == JSON_ARRAY)
        r->mark = "series";
    if (field_is(item, "status", "cancelled")) { /* has lost all but its place in the series */
        r->start_ms = read_moment(json_get(item, "originalStartTime"), r->start);
        r->mark = "cancelled";
    } else {
        r->start_ms = read_moment(json_get(item, "start"), r->start);
        (void)read_moment(json_get(item, "end"), r->end);
    }
    (void)field_text(item, "id", r->id, sizeof(r->id));
    (void)field_text(item, "summary", r->summary, sizeof(r->summary));
}

static int by_start(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (a->start_ms != b->start_ms)
        return a->start_ms < b->start_ms ? -1 : 1;
    return strcmp(a->id, b->id);
}

static void print_rows(struct rows *rows)
{
    struct table t = {.columns = 5};
    if (rows->n > 0)
        qsort(rows->v, rows->n, sizeof(*rows->v), by_start);
    for (size_t i = 0; i < rows->n; i++) {
        const struct row *r = &rows->v[i];
        table_add(&t, STYLE_PLAIN, r->start);
        table_add(&t, STYLE_PLAIN, r->end);
        table_add(&t, STYLE_DIM, r->mark);
        table_add(&t, STYLE_DIM, r->id);
        table_add(&t, STYLE_PLAIN, r->summary[0] || !r->end[0] ? r->summary : "(no title)");
    }
    table_print(&t, stdout);
    table_release(&t);
}

/* Appends &NAME=TIME for an option that was given. */
static int add_bound(struct buf *path, const char *name, const char *option, const char *text)
{
    char stamp[RFC3339_MAX];
    int64_t ms;
    if (!text)
        return EX_OK;
    if (!when_read(text, clock_wall_ms(), &ms))
        return cli_fail(EX_USAGE, "--%s: '%s' is no time; give " WHEN_FORMS, option, text);
    (void)rfc3339_write_ms(stamp, ms);
    buf_printf(path, "&%s=%s", name, stamp);
    return EX_OK;
}

int run_events(struct cli *cli)
{
    struct rows rows = {0};
    struct buf path = {0};
    buf_add_text(&path, "/calendar/v3/calendars/");
    text_percent_encode(&path, span_of(cli->args[0]));
    buf_add_text(&path, "/events?maxResults=2500");
    int status = add_bound(&path, "timeMin", "from", cli->from);
    if (status == EX_OK)
        status = add_bound(&path, "timeMax", "to", cli->to);
    if (cli->to) /* without an end the instances of a series have none */
        buf_add_text(&path, "&singleEvents=true&orderBy=startTime");
    if (status == EX_OK)
        status = pages_each(cli, buf_text(&path), keep_event, &rows);
    if (status == EX_OK && !cli->json)
        print_rows(&rows);
    free(rows.v);
    buf_release(&path);
    return status;
}
