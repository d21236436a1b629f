/* ini: the strict reader of INI text, one line at a time. */
#include "core/conf/ini.h"

#include "core/base/limits.h"
#include "core/base/text.h"

struct reader {
    const struct ini_events *ev;
    struct span line; /* the line being read */
    unsigned number;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Place of a byte of the current line; UTF-8 continuation bytes do not count as columns. */
static struct ini_place place_of(const struct reader *r, const char *p)
{
    struct ini_place at = {r->number, 1};
    for (const char *q = r->line.p; q < p; q++)
        at.column += ((unsigned char)*q & 0xc0) != 0x80;
    return at;
}

static void complain(const struct reader *r, const char *p, const char *text)
{
    bool head = text_trim(r->line).n > 0 && text_trim(r->line).p[0] == '[';
    r->ev->problem(r->ev->arg, place_of(r, p), head, text);
}

static void read_head(const struct reader *r, struct span s)
{
    const char *close = memchr(s.p, ']', s.n);
    if (!close) {
        complain(r, s.p + s.n, "expected ] at the end of the section head");
        return;
    }
    if (close != s.p + s.n - 1) {
        complain(r, close + 1, "nothing may follow the ] of a section head");
        return;
    }
    struct span inner = text_trim((struct span){s.p + 1, s.n - 2});
    size_t n = 0;
    while (n < inner.n && !is_blank(inner.p[n]))
        n++;
    if (n == 0) {
        complain(r, s.p, "the section head names no section");
        return;
    }
    struct span label = text_trim((struct span){inner.p + n, inner.n - n});
    r->ev->section(r->ev->arg, place_of(r, s.p), (struct span){inner.p, n}, label);
}

static bool is_key(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.", s.p[i]))
            return false;
    return s.n > 0;
}

/* Something that other dialects would not take as part of the value; NULL when there is nothing of
 * it. */
static const char *find_doubtful(struct span value, const char **ret_why)
{
    char quote = value.n >= 2 ? value.p[0] : 0;
    if ((quote == '"' || quote == '\'') && value.p[value.n - 1] == quote) {
        *ret_why = "values are written without quotes";
        return value.p;
    }
    for (size_t i = 1; i < value.n; i++)
        if ((value.p[i] == '#' || value.p[i] == ';') && is_blank(value.p[i - 1])) {
            *ret_why = "a comment stands on a line of its own";
            return value.p + i;
        }
    return NULL;
}

static void read_entry(const struct reader *r, struct span s)
{
    const char *equals = memchr(s.p, '=', s.n);
    const char *why;
    if (!equals) {
        complain(r, s.p, "expected [section], key = value, or a comment");
        return;
    }
    struct span key = text_trim((struct span){s.p, (size_t)(equals - s.p)});
    struct span value = text_trim((struct span){equals + 1, s.n - (size_t)(equals + 1 - s.p)});
    if (!is_key(key)) {
        complain(r, s.p, "expected a key (letters, digits, _) before the =");
        return;
    }
    const char *doubtful = find_doubtful(value, &why);
    if (doubtful) {
        complain(r, doubtful, why);
        return;
    }
    r->ev->entry(r->ev->arg, place_of(r, key.p), key, place_of(r, value.p), value);
}

static bool has_control(struct span s, const char **ret_at)
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f) {
            *ret_at = s.p + i;
            return true;
        }
    return false;
}

static void read_line(const struct reader *r)
{
    struct span s = text_trim(r->line);
    const char *at;
    if (r->line.n > LIMIT_CONFIG_LINE)
        complain(r, r->line.p, "line is longer than 4096 bytes");
    else if (has_control(r->line, &at))
        complain(r, at, "control character");
    else if (!text_is_utf8(r->line))
        complain(r, r->line.p, "line is not UTF-8 text");
    else if (s.n == 0 || s.p[0] == '#' || s.p[0] == ';')
        return;
    else if (s.p[0] == '[')
        read_head(r, s);
    else
        read_entry(r, s);
}

void ini_parse(struct span text, const struct ini_events *ev)
{
    static const char bom[] = "\xef\xbb\xbf"; /* editors of other systems put it there */
    struct reader r = {.ev = ev};
    if (text.n >= 3 && memcmp(text.p, bom, 3) == 0)
        text = (struct span){text.p + 3, text.n - 3};
    while (text.n > 0) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n;
        r.line = (struct span){text.p, n};
        if (n > 0 && text.p[n - 1] == '\r')
            r.line.n--;
        r.number++;
        read_line(&r);
        n += end != NULL;
        text = (struct span){text.p + n, text.n - n};
    }
}
