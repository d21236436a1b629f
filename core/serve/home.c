/* home: GET /: a page for people: how it stands, at a glance, and where to go from here. */
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/serve/fresh.h"
#include "core/serve/handlers.h"
#include "core/serve/scope.h"
#include "storage/accounts.h"
#include "storage/items.h"

static void add_html(struct buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '<')
            buf_add_text(out, "&lt;");
        else if (*p == '&')
            buf_add_text(out, "&amp;");
        else if (*p == '"')
            buf_add_text(out, "&quot;");
        else
            buf_add_char(out, *p);
    }
}

/* What changes while the page is open. All that is told is shown as text, each part with a
 * direction of its own. A token in the page's
 * address goes on to the stream, which cannot be given one in any other way. */
static const char live_part[] =
    "<h2>What changes</h2>\n<ol id=live reversed aria-live=polite><li>Nothing yet.</ol>\n"
    "<script>\n"
    "const list = document.getElementById('live'), query = location.search.slice(1);\n"
    "const names = new Map(Array.from(document.querySelectorAll('th small'),\n"
    "  id => [id.textContent, id.parentNode.firstChild.textContent]));\n"
    "const say = (...parts) => {\n"
    "  const li = document.createElement('li');\n"
    "  for (const part of [new Date().toLocaleTimeString(), ...parts].filter(Boolean)) {\n"
    "    const bdi = document.createElement('bdi');\n"
    "    bdi.textContent = part;\n"
    "    li.append(bdi, ' \\u00a0');\n"
    "  }\n"
    "  list.prepend(li);\n"
    "  while (list.children.length > 25) list.lastChild.remove();\n"
    "};\n"
    "const stream = new EventSource('/v1/stream?include=event' + (query ? '&' + query : ''));\n"
    "for (const type of ['created', 'updated', 'deleted', 'calendar', 'freshness', 'reset'])\n"
    "  stream.addEventListener(type, e => {\n"
    "    const d = JSON.parse(e.data), at = d.start || d.old?.start || {};\n"
    "    const what = d.event?.summary || d.summary || d.do || d.eventId || (d.stale ? 'stale' : "
    "'fresh');\n"
    "    say(type, names.get(d.calendarId) || d.calendarId, at.dateTime || at.date, what);\n"
    "  });\n"
    "stream.addEventListener('end', e => say('the service ended the stream: ' + "
    "JSON.parse(e.data).reason));\n"
    "</script>\n";

/* An account that a person must look after comes first. */
static bool add_alarm(void *arg, enum rc rc, const struct account *a)
{
    struct call *c = arg;
    if (rc != RC_OK || a->state == ACCOUNT_OK || a->state == ACCOUNT_GONE ||
        !access_has_account(&c->caller, a->name))
        return true;
    buf_add_text(&c->out, "<p role=alert><strong>");
    add_html(&c->out, a->name);
    buf_printf(&c->out, "</strong> %s: ", account_state_name(a->state));
    add_html(&c->out, a->reason);
    buf_add_char(&c->out, '\n');
    return true;
}

/* "95s", "12m", "30h", "4d": an age in whole units of which there are at least two. */
static const char *age_text(int64_t age_ms, char out[32])
{
    static const int64_t units_ms[] = {DAY_MS, HOUR_MS, MINUTE_MS, 1000};
    size_t i = 0;
    while (i < 3 && age_ms < 2 * units_ms[i])
        i++;
    return text_duration(age_ms > 0 ? age_ms - age_ms % units_ms[i] : 0, out);
}

/* What the account calls a calendar; empty when that is its id, or not known. */
static void find_name(struct call *c, const struct collection *coll, struct buf *name)
{
    struct span entry;
    if (item_of_calendar(c->txn, coll->account, span_of(coll->calendar), &entry) != RC_OK)
        return;
    if (!json_string(json_get(entry, "summaryOverride"), name) || name->n == 0)
        (void)!json_string(json_get(entry, "summary"), name);
    if (span_is(buf_span(name), coll->calendar))
        buf_reset(name);
}

static void add_title(struct call *c, const struct collection *coll)
{
    struct buf name = {0};
    find_name(c, coll, &name);
    buf_add_text(&c->out, "<tr><th scope=row><a href=\"/calendar/v3/calendars/");
    text_percent_encode(&c->out, span_of(coll->calendar));
    buf_add_text(&c->out, "/events\"><bdi>");
    add_html(&c->out, name.n ? buf_text(&name) : coll->calendar);
    buf_add_text(&c->out, "</bdi></a>");
    if (name.n) {
        buf_add_text(&c->out, "<small>");
        add_html(&c->out, coll->calendar);
        buf_add_text(&c->out, "</small>");
    }
    buf_release(&name);
}

struct rows {
    struct call *c;
    unsigned n;
};

static bool add_row(void *arg, enum rc rc, const struct collection *coll)
{
    struct rows *rows = arg;
    struct call *c = rows->c;
    struct buf *out = &c->out;
    struct account a = {0};
    char age[32];
    int64_t age_ms = fresh_age_ms(c->now_ms, coll->fresh_ms);
    if (rc != RC_OK || coll->kind != COLL_EVENTS || coll->state == COLL_GONE ||
        access_to_coll(&c->caller, c->txn, coll) == ACCESS_NONE)
        return true;
    rows->n++;
    add_title(c, coll);
    buf_add_text(out, "<td><a href=\"/v1/calendars/");
    text_percent_encode(out, span_of(coll->calendar));
    buf_add_text(out, ".ics\">iCalendar</a><td>");
    (void)!account_get(c->txn, coll->account, &a);
    add_html(out, a.name);
    buf_printf(out, "<td>%s<td class=n>%llu<td class=n>%s<td>", coll_state_name(coll->state),
               (unsigned long long)coll->live_items,
               coll->fresh_ms ? age_text(age_ms, age) : "never");
    add_html(out, coll->last_error);
    buf_add_char(out, '\n');
    return true;
}

void home_get(struct call *c)
{
    struct rows rows = {.c = c};
    if (!call_read(c))
        return;
    c->answer.type = "text/html; charset=UTF-8";
    buf_add_text(
        &c->out,
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
        "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
        "<title>calmirror</title>\n"
        "<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;"
        "max-width:66rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%}"
        "th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8884}"
        "caption{display:none}tbody :is(th,td:last-child){overflow-wrap:anywhere}"
        "th small{display:block;font-weight:400;opacity:.75}.n{text-align:right}"
        "@media(max-width:48rem){thead{display:none}tr{display:block;padding:.4rem 0;"
        "border-bottom:1px solid #8884}th,td{display:inline-block;border:0;padding:0 .6rem 0 0}"
        "tbody th,td:last-child{display:block}td:nth-child(5)::after{content:\" events\"}"
        "td:nth-child(6)::before{content:\"age \"}}</style>\n"
        "<h1>calmirror " CALMIRROR_VERSION "</h1>\n"
        "<p>A local copy of Google calendars. Changes arrive within moments, and no read goes to "
        "Google. A calendar&rsquo;s age is the time since it was last known to equal "
        "Google&rsquo;s.</p>\n");
    accounts_each(c->txn, add_alarm, c);
    buf_add_text(&c->out, "<table><caption>Calendars</caption>\n"
                          "<thead><tr><th scope=col>Calendar<th scope=col>Subscribe<th "
                          "scope=col>Account<th scope=col>State<th scope=col class=n>Events"
                          "<th scope=col class=n>Age<th scope=col>Last error\n"
                          "<tbody>\n");
    colls_each(c->txn, add_row, &rows);
    if (rows.n == 0)
        buf_add_text(
            &c->out,
            "<tr><td colspan=7>No calendar is here yet; <code>calmirror doctor</code> says why.\n");
    buf_add_text(&c->out, "</table>\n");
    buf_add_text(&c->out, live_part);
    buf_add_text(
        &c->out,
        "<h2>To read</h2>\n<ul>\n"
        "<li><a href=\"/v1/status\">Status</a> of accounts, calendars, channels and the store\n"
        "<li><a href=\"/calendar/v3/users/me/calendarList\">Calendar list</a>, as Google&rsquo;s "
        "API gives it\n"
        "<li><a href=\"/metrics\">Metrics</a>, for Prometheus\n"
        "<li><a href=\"/healthz\">Liveness</a> and <a href=\"/readyz\">readiness</a>\n</ul>\n");
}
