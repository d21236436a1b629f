/* events: the events of a calendar, by start. */
#include <stdio.h>
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
#include "core/base/rfc3339.h"
#include "core/base/text.h"

/* "2026-11-22 09:00" in the machine's zone, or "2026-11-22" of an all-day event. */
static const char *moment(struct span end, char out[64])
{
    char text[64];
    int64_t ms;
    int32_t offset_s;
    struct tm tm;
    if (field_text(end, "date", out, 64)[0])
        return out;
    (void)field_text(end, "dateTime", text, sizeof(text));
    if (!rfc3339_time(span_of(text), &ms, &offset_s, NULL))
        return "?";
    time_t seconds = (time_t)(ms / 1000);
    if (!localtime_r(&seconds, &tm) || strftime(out, 64, "%Y-%m-%d %H:%M", &tm) == 0)
        return "?";
    return out;
}

static void add_event(void *arg, struct span item)
{
    struct table *t = arg;
    char text[512];
    bool series = json_type_of(json_get(item, "recurrence")) == JSON_ARRAY;
    table_add(t, STYLE_PLAIN, moment(json_get(item, "start"), text));
    table_add(t, STYLE_PLAIN, moment(json_get(item, "end"), text));
    table_add(t, STYLE_DIM, series ? "series" : "");
    table_add(t, STYLE_DIM, field_text(item, "id", text, sizeof(text)));
    (void)field_text(item, "summary", text, sizeof(text));
    table_add(t, STYLE_PLAIN, text[0] ? text : "(no title)");
}

/* Appends &NAME=TIME for an option that was given. */
static int add_bound(struct buf *path, const char *name, const char *option, const char *text)
{
    char stamp[RFC3339_MAX];
    int64_t ms;
    if (!text)
        return EX_OK;
    if (!when_read(text, clock_wall_ms(), &ms))
        return cli_fail(
            EX_USAGE,
            "--%s: '%s' is no time; give a date, a time like 2026-11-22T09:00:00+01:00, "
            "now, today, tomorrow, or +7d",
            option, text);
    (void)rfc3339_write_ms(stamp, ms);
    buf_printf(path, "&%s=%s", name, stamp);
    return EX_OK;
}

int run_events(struct cli *cli)
{
    struct table t = {.columns = 5};
    struct buf path = {0};
    buf_add_text(&path, "/calendar/v3/calendars/");
    text_percent_encode(&path, span_of(cli->args[0]));
    buf_add_text(&path, "/events?maxResults=2500");
    int status = add_bound(&path, "timeMin", "from", cli->from);
    if (status == EX_OK)
        status = add_bound(&path, "timeMax", "to", cli->to);
    if (status == EX_OK)
        status = pages_each(cli, buf_text(&path), add_event, &t);
    if (status == EX_OK && !cli->json)
        table_print(&t, stdout);
    table_release(&t);
    buf_release(&path);
    return status;
}
