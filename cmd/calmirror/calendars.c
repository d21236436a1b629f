/* calendars: the calendars that can be read. */
#include <stdio.h>

#include "cmd/calmirror/cli.h"
#include "cmd/calmirror/fields.h"
#include "cmd/calmirror/pages.h"
#include "cmd/calmirror/term.h"

static void add_calendar(void *arg, struct span item)
{
    struct table *t = arg;
    char text[512];
    table_add(t, STYLE_PLAIN, field_calendar_name(item, text, sizeof(text))[0] ? text : "-");
    table_add(t, STYLE_PLAIN, field_text(item, "accessRole", text, sizeof(text)));
    table_add(t, STYLE_PLAIN, field_text(item, "timeZone", text, sizeof(text)));
    table_add(t, STYLE_PLAIN, field_text(item, "id", text, sizeof(text)));
}

int run_calendars(struct cli *cli)
{
    struct table t = {.columns = 4};
    table_add(&t, STYLE_HEAD, "NAME");
    table_add(&t, STYLE_HEAD, "ACCESS");
    table_add(&t, STYLE_HEAD, "ZONE");
    table_add(&t, STYLE_HEAD, "ID"); /* last: many are wider than the rest together */
    int status = pages_each(
        cli, "/calendar/v3/users/me/calendarList?maxResults=250&showHidden=true", add_calendar, &t);
    if (status == 0 && !cli->json)
        table_print(&t, stdout);
    table_release(&t);
    return status;
}
