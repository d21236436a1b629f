/* agenda: the coming days of all calendars, for people; drawn anew when something changes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "cmd/calmirror/cli.h"
#include "cmd/calmirror/fields.h"
#include "cmd/calmirror/follow.h"
#include "cmd/calmirror/pages.h"
#include "cmd/calmirror/term.h"
#include "cmd/calmirror/when.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/must.h"
#include "core/base/rfc3339.h"
#include "core/base/text.h"

#define DAYS           7 /* without --to */
#define WIDTH          80
#define CALENDAR_WIDTH 14 /* its name, at the end of the line */
#define TIME_WIDTH     13 /* "09:00-10:00  " */

struct entry {
    struct when start, end; /* of an all-day event: the day behind its last */
    char title[256], calendar[128];
    char *json;
};

struct agenda {
    struct cli *cli;
    int64_t from_ms, to_ms;
    struct entry *v;
    size_t n, room;
    const char *calendar, *name; /* being read */
    int status;
};

struct names {       /* of calendars, by id */
    struct buf text; /* id NUL name NUL ... */
};

/* ---- reading it ------------------------------------------------------------------------------ */

static void add_json(struct agenda *a, struct entry *e, struct span event)
{
    struct buf json = {0};
    buf_add_text(&json, "{\"calendarId\":");
    buf_add_json(&json, span_of(a->calendar));
    buf_add_text(&json, ",\"event\":");
    json_reformat(&json, event, 0, 0);
    buf_add_char(&json, '}');
    e->json = must(buf_take(&json, NULL));
}

static void add_event(void *arg, struct span event)
{
    struct agenda *a = arg;
    struct entry e = {0};
    if (!when_of(json_get(event, "start"), &e.start) || !when_of(json_get(event, "end"), &e.end))
        return;
    if (a->n == a->room) {
        size_t room = a->room ? 2 * a->room : 64;
        struct entry *v = reallocarray(a->v, room, sizeof(*v));
        if (!v)
            must_end(NARROWER);
        a->v = v;
        a->room = room;
    }
    (void)field_text(event, "summary", e.title, sizeof(e.title));
    if (!e.title[0])
        (void)snprintf(e.title, sizeof(e.title),
                       field_is(event, "visibility", "private") ? "(busy)" : "(no title)");
    (void)snprintf(e.calendar, sizeof(e.calendar), "%s", a->name);
    if (a->cli->json)
        add_json(a, &e, event);
    a->v[a->n++] = e;
}

static int read_calendar(struct agenda *a, const char *id, const char *name)
{
    struct buf path = {0};
    char from[RFC3339_MAX], to[RFC3339_MAX];
    (void)rfc3339_write_ms(from, a->from_ms);
    (void)rfc3339_write_ms(to, a->to_ms);
    buf_add_text(&path, "/calendar/v3/calendars/");
    text_percent_encode(&path, span_of(id));
    buf_printf(&path,
               "/events?maxResults=2500&singleEvents=true&orderBy=startTime&timeMin=%s&timeMax=%s",
               from, to);
    a->calendar = id;
    a->name = name;
    int status = pages_walk(a->cli, buf_text(&path), add_event, a);
    buf_release(&path);
    return status;
}

/* Those that the user shows in the calendar's own surface, as far as anybody has told. */
static void add_name(void *arg, struct span item)
{
    struct names *names = arg;
    char id[1100], name[256];
    struct span selected = json_get(item, "selected");
    if (selected.n > 0 && !json_is_true(selected))
        return;
    (void)field_text(item, "id", id, sizeof(id));
    (void)field_calendar_name(item, name, sizeof(name));
    buf_add(&names->text, id, strlen(id) + 1);
    buf_add(&names->text, name, strlen(name) + 1);
}

static int by_start(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->start.ms != b->start.ms)
        return a->start.ms < b->start.ms ? -1 : 1;
    if (a->start.all_day != b->start.all_day)
        return a->start.all_day ? -1 : 1;
    return strcmp(a->title, b->title);
}

static void forget(struct agenda *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(a->v[i].json);
    a->n = 0;
}

static int read_all(struct agenda *a)
{
    struct names names = {0};
    int status = EX_OK;
    forget(a);
    if (a->cli->calendar)
        status = read_calendar(a, a->cli->calendar, a->cli->calendar);
    else
        status = pages_walk(a->cli, "/calendar/v3/users/me/calendarList?maxResults=250", add_name,
                            &names);
    for (size_t at = 0; status == EX_OK && at < names.text.n;) {
        const char *id = names.text.p + at, *name = id + strlen(id) + 1;
        status = read_calendar(a, id, name);
        at += strlen(id) + strlen(name) + 2;
    }
    buf_release(&names.text);
    if (status == EX_OK && a->n > 0)
        qsort(a->v, a->n, sizeof(*a->v), by_start);
    return status;
}

/* ---- drawing it ------------------------------------------------------------------------------ */

/* The last civil day that an event touches. What ends at midnight ends the day before. */
static int64_t last_day(const struct entry *e)
{
    int64_t midnight;
    if (e->end.day > e->start.day &&
        (e->end.all_day || (when_midnight(e->end.day, &midnight) && midnight == e->end.ms)))
        return e->end.day - 1;
    return e->end.day > e->start.day ? e->end.day : e->start.day;
}

static void clock_text(int64_t ms, char out[8])
{
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    if (!localtime_r(&seconds, &tm) || strftime(out, 8, "%H:%M", &tm) == 0)
        out[0] = '\0';
}

/* What of it falls on this day: "all day", "09:00-10:00", "22:00-", "-02:00". */
static void time_text(const struct entry *e, int64_t day, char out[24])
{
    char from[8] = "", to[8] = "";
    int64_t last = last_day(e);
    bool first = day == e->start.day, end = day == last;
    if (e->start.all_day || (!first && !end)) {
        (void)snprintf(out, 24, "all day");
        return;
    }
    if (first)
        clock_text(e->start.ms, from);
    if (end && e->end.ms > e->start.ms)
        clock_text(e->end.ms, to);
    (void)snprintf(out, 24, "%s%s%s", from, end && e->end.ms == e->start.ms ? "" : "-", to);
}

static void draw_line(const struct entry *e, int64_t day, int64_t now_ms, bool colours, int columns)
{
    char when[24], title[320];
    int64_t days = last_day(e) - e->start.day + 1;
    bool now = !e->start.all_day && e->start.ms <= now_ms && now_ms < e->end.ms;
    bool past = !e->start.all_day && e->end.ms <= now_ms;
    int room = columns - TIME_WIDTH - 2 - CALENDAR_WIDTH - 2;
    time_text(e, day, when);
    if (days > 1)
        (void)snprintf(title, sizeof(title), "%s (day %d of %d)", e->title,
                       (int)(day - e->start.day + 1), (int)days);
    else
        (void)snprintf(title, sizeof(title), "%s", e->title);
    (void)fputs("  ", stdout);
    term_print_styled(stdout, colours,
                      now    ? STYLE_GOOD
                      : past ? STYLE_DIM
                             : STYLE_PLAIN,
                      when, TIME_WIDTH);
    if (room < 10) { /* narrow: no calendar */
        term_print_cut(stdout, title, columns - TIME_WIDTH - 2 > 4 ? columns - TIME_WIDTH - 2 : 4);
    } else {
        int used = term_print_cut(stdout, title, room);
        (void)printf("%*s", room - used + 2, "");
        term_print_cut(stdout, e->calendar, CALENDAR_WIDTH);
    }
    (void)fputc('\n', stdout);
}

static bool draw_day(const struct agenda *a, int64_t day, int64_t now_ms, bool colours, int columns)
{
    char head[64];
    bool any = false;
    struct when today;
    for (int all_day = 1; all_day >= 0; all_day--) {
        for (size_t i = 0; i < a->n; i++) {
            const struct entry *e = &a->v[i];
            bool whole = e->start.all_day || (day > e->start.day && day < last_day(e));
            if (whole != (bool)all_day || day < e->start.day || day > last_day(e))
                continue;
            if (!any) {
                (void)when_day(day, true, head, sizeof(head));
                term_print_styled(stdout, colours, STYLE_HEAD, head, 0);
                (void)puts(when_at(now_ms, &today) && today.day == day ? " (today)" : "");
            }
            any = true;
            draw_line(e, day, now_ms, colours, columns);
        }
    }
    return any;
}

static void draw(const struct agenda *a)
{
    struct when first, last;
    int64_t now_ms = clock_wall_ms();
    bool any = false, colours = term_colours(stdout);
    int columns = term_columns(stdout, WIDTH);
    if (a->cli->watch && isatty(STDOUT_FILENO))
        (void)fputs("\033[H\033[2J", stdout);
    if (when_at(a->from_ms, &first) && when_at(a->to_ms - 1, &last))
        for (int64_t day = first.day; day <= last.day; day++)
            any |= draw_day(a, day, now_ms, colours, columns);
    if (!any)
        (void)puts("Nothing is planned.");
}

static void print_json(const struct agenda *a)
{
    (void)fputs("{\"items\":[", stdout);
    for (size_t i = 0; i < a->n; i++)
        (void)printf("%s%s", i ? "," : "", a->v[i].json);
    (void)fputs("]}\n", stdout);
}

/* ---- following it ---------------------------------------------------------------------------- */

static bool set_window(struct agenda *a)
{
    int64_t now_ms = clock_wall_ms();
    struct when from;
    if (!when_read(a->cli->from ? a->cli->from : "today", now_ms, &a->from_ms) ||
        !when_at(a->from_ms, &from))
        a->status = cli_fail(EX_USAGE, "--from: '%s' is no time; give " WHEN_FORMS, a->cli->from);
    else if (!a->cli->to)
        (void)when_midnight(from.day + DAYS, &a->to_ms);
    else if (!when_read(a->cli->to, now_ms, &a->to_ms))
        a->status = cli_fail(EX_USAGE, "--to: '%s' is no time; give " WHEN_FORMS, a->cli->to);
    if (a->status == EX_OK && a->to_ms <= a->from_ms)
        a->status = cli_fail(EX_USAGE, "--to is not after --from");
    return a->status == EX_OK;
}

static bool show(struct agenda *a)
{
    if (!set_window(a))
        return false;
    a->status = read_all(a);
    if (a->status != EX_OK)
        return false;
    if (a->cli->json)
        print_json(a);
    else
        draw(a);
    return fflush(stdout) == 0;
}

struct watching {
    struct agenda *a;
    bool changed, over;
    int64_t drawn_ms;
};

static bool note(void *arg, const char *type, struct span json)
{
    struct watching *w = arg;
    (void)type, (void)json;
    w->changed = true;
    return !w->over;
}

/* Once a second at least: many changes at once are drawn once; and a new day is drawn, too. */
static void redraw(void *arg)
{
    struct watching *w = arg;
    struct when now, drawn;
    int64_t now_ms = clock_wall_ms();
    bool day = when_at(now_ms, &now) && when_at(w->drawn_ms, &drawn) && now.day != drawn.day;
    if (w->over || !(w->changed || day))
        return;
    w->changed = false;
    w->drawn_ms = now_ms;
    int before = w->a->status;
    if (!show(w->a)) /* the service is away: it is asked again when it is back */
        w->over = w->a->status == EX_USAGE;
    w->a->status = before;
}

static int watch(struct agenda *a)
{
    struct watching w = {.a = a, .drawn_ms = clock_wall_ms()};
    struct follower f = {note, redraw, &w};
    struct cli stream = *a->cli; /* a connection of its own, kept open */
    struct buf query = {0};
    stream.http = must(http_new());
    if (a->cli->calendar) {
        buf_add_text(&query, "calendar=");
        text_percent_encode(&query, span_of(a->cli->calendar));
    }
    int status = follow(&stream, buf_text(&query), &f);
    http_free(stream.http);
    buf_release(&query);
    return status;
}

int run_agenda(struct cli *cli)
{
    struct agenda a = {.cli = cli};
    int status = show(&a) ? EX_OK : a.status;
    if (status == EX_OK && cli->watch)
        status = watch(&a);
    forget(&a);
    free(a.v);
    return status;
}
