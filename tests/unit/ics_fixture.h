/* ics_fixture: a world whose feed is read, and what is looked for in it. */
#ifndef TESTS_UNIT_ICS_FIXTURE_H
#define TESTS_UNIT_ICS_FIXTURE_H

#include "tests/unit/serve_fixture.h"

#include "core/base/text.h"

#define FEED "/v1/calendars/" ME ".ics"

/* The feed with its lines unfolded; each line as sent was short enough, and text. */
static inline char *feed(struct world *w, const char *target)
{
    struct http_answer a = http_ask(w->port, "GET", target, "", "");
    char type[256];
    if (a.status != 200)
        fail_msg("%s: %u: %s", target, a.status, a.body);
    assert_string_equal(http_answer_header(&a, "Content-Type", type),
                        "text/calendar; charset=utf-8");
    size_t n = 0;
    assert_true(a.n > 2 && strcmp(a.body + a.n - 2, "\r\n") == 0);
    for (char *line = a.body, *end; *line; line = end + 2) {
        end = strstr(line, "\r\n");
        assert_non_null(end);
        if (end - line > 75 || end - line < 2)
            fail_msg("a line of %ld octets: %.*s", (long)(end - line), (int)(end - line), line);
        if (!text_is_utf8((struct span){line, (size_t)(end - line)}) ||
            memchr(line, '\r', (size_t)(end - line)) || memchr(line, '\n', (size_t)(end - line)))
            fail_msg("cut inside a character: %.*s", (int)(end - line), line);
        bool goes_on = end[2] == ' ';
        char *from = *line == ' ' ? line + 1 : line;
        memmove(a.body + n, from, (size_t)(end - from));
        n += (size_t)(end - from);
        if (!goes_on)
            a.body[n++] = '\n';
    }
    a.body[n] = '\0';
    free(a.head);
    return a.body;
}

static inline void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

static inline void lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" in:\n%s", part, text);
}

static inline unsigned count(const char *text, const char *part)
{
    unsigned n = 0;
    for (const char *p = strstr(text, part); p; p = strstr(p + 1, part))
        n++;
    return n;
}

#define WEEKLY(rule) ",\"recurrence\":[" rule "]"
#define CHANGED(id, slot, rest)                                                        \
    "{\"id\":\"" id                                                                    \
    "_x\",\"iCalUID\":\"other@x\",\"status\":\"confirmed\",\"recurringEventId\":\"" id \
    "\",\"originalStartTime\":{\"dateTime\":\"" slot "\"}," rest "}"

#define AT(t)   "\"dateTime\":\"" t "\""
#define DATE(d) "\"date\":\"" d "\""

static inline void series(struct world *w, const char *id, const char *start, const char *end,
                          const char *zone, const char *lines)
{
    struct buf b = {0};
    buf_printf(&b,
               "{\"id\":\"%s\",\"iCalUID\":\"%s@x\",\"updated\":\"2026-01-01T00:00:00.000Z\","
               "\"start\":{%s%s},\"end\":{%s},\"recurrence\":[%s]}",
               id, id, start, zone, end, lines);
    world_event(w, &w->me, buf_text(&b));
    buf_release(&b);
}

#endif
