/* line: content lines of iCalendar: properties of libical, and what libical would get wrong.
 *
 * DESIGN. libical 3.0.16 writes one property at a time into memory of its own, which is freed at
 * once: a component for each event, or one for the calendar, would hold the whole feed twice. What
 * has to be minded with it:
 * - Functions without "_r" answer from a ring of buffers of the thread, which are overwritten some
 *   calls later and freed never; only the "_r" ones are used.
 * - An error of a caller aborts the process unless icalerror_set_errors_are_fatal() is told
 *   otherwise; that switch is one for the whole process, icalerrno one for each thread.
 * - Values of kind URI and CAL-ADDRESS and of X- properties are written as they are, a line break
 *   in them begins a forged property. Text comes in cleaned (ics_text), and TEXT under an X- name
 *   is escaped here (ics_put_text).
 * - Text is a C string: a NUL, which JSON may hold, would end it.
 * - Times after the year 3000 are written as zeros (clock.c writes times).
 * - RRULE: rules that it holds to be wrong come out as nothing (COUNT with UNTIL, an INTERVAL above
 *   32,767), others changed. Rules are written as the text they are (rule.c).
 * - Its own zones are named "/freeassociation.sourceforge.net/..." and made from the zone files
 *   with guesses, such as rules that end in 2037. They are not used (zones.c).
 * - It folds behind the first blank or colon from the right, so that "URL:https:" may be a line of
 *   its own and a line of nothing but a blank the last one, which some readers take for an empty
 *   line. What it has folded is unfolded, and folded here. */
#include "core/serve/ics/line.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/must.h"

#define FOLD_OCTETS 75

void ics_line_init(void)
{
    icalerror_set_errors_are_fatal(false);
}

static bool is_inside_character(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* Appends a line that is not folded yet. */
static void add_folded(struct buf *out, struct span line)
{
    size_t room = FOLD_OCTETS;
    while (line.n > room) {
        size_t n = room;
        while (n > room - 4 && is_inside_character(line.p[n]))
            n--;
        buf_add(out, line.p, n);
        buf_add_text(out, "\r\n ");
        line.p += n;
        line.n -= n;
        room = FOLD_OCTETS - 1;
    }
    buf_add_span(out, line);
    buf_add_text(out, "\r\n");
}

/* In place; without the line break at its end. */
static struct span unfold(char *text)
{
    size_t n = 0;
    for (const char *p = text; *p; p++) {
        if (p[0] == '\r' && p[1] == '\n' && (p[2] == ' ' || p[2] == '\0'))
            p += p[2] ? 2 : 1;
        else
            text[n++] = *p;
    }
    return (struct span){text, n};
}

void ics_put(struct buf *out, icalproperty *property)
{
    char *text = property ? icalproperty_as_ical_string_r(property) : NULL;
    if (text)
        add_folded(out, unfold(text));
    else
        out->failed = true;
    free(text);
    if (property)
        icalproperty_free(property);
}

/* Ends the line that begins at `start`: most are short and stay where they are. */
static void end_line(struct buf *out, size_t start)
{
    struct buf line = {.cap = out->cap};
    if (out->failed)
        return;
    if (out->n - start <= FOLD_OCTETS) {
        buf_add_text(out, "\r\n");
        return;
    }
    buf_add(&line, out->p + start, out->n - start);
    out->n = start;
    out->failed |= line.failed;
    add_folded(out, buf_span(&line));
    buf_release(&line);
}

void ics_put_raw(struct buf *out, const char *name, struct span value)
{
    size_t start = out->n;
    buf_add_text(out, name);
    buf_add_char(out, ':');
    buf_add_span(out, value);
    end_line(out, start);
}

void ics_put_text(struct buf *out, const char *name, const char *value)
{
    size_t start = out->n;
    buf_add_text(out, name);
    buf_add_char(out, ':');
    for (const char *p = value; *p; p++) {
        if (*p == '\n') {
            buf_add_text(out, "\\n");
            continue;
        }
        if (strchr("\\;,", *p))
            buf_add_char(out, '\\');
        buf_add_char(out, *p);
    }
    end_line(out, start);
}

void ics_begin(struct buf *out, const char *component)
{
    ics_put_raw(out, "BEGIN", span_of(component));
}

void ics_end(struct buf *out, const char *component)
{
    ics_put_raw(out, "END", span_of(component));
}

/* In place: what comes out is never longer. */
static void clean(struct buf *b, enum ics_form form)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        char c = b->p[i];
        if (c == '\r' && i + 1 < b->n && b->p[i + 1] == '\n')
            continue;
        if (c == '\r' || c == '\n')
            c = form == ICS_TEXT ? '\n' : ' ';
        if (((unsigned char)c < ' ' && c != '\n' && c != '\t') || c == 0x7F)
            continue;
        if (form == ICS_URI && (c == ' ' || c == '\t'))
            continue;
        b->p[n++] = c;
    }
    b->n = n;
    if (b->p)
        b->p[n] = '\0';
}

const char *ics_text(struct buf *scratch, struct span json, enum ics_form form)
{
    buf_reset(scratch);
    if (!json_string(json, scratch))
        buf_reset(scratch);
    must_hold(scratch);
    clean(scratch, form);
    return buf_text(scratch);
}

const char *ics_clean(struct buf *scratch, struct span text)
{
    buf_reset(scratch);
    buf_add_span(scratch, text);
    must_hold(scratch);
    clean(scratch, ICS_LINE);
    return buf_text(scratch);
}
