/* term: columns, colours and a progress bar for a terminal. */
#include "cmd/calmirror/term.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "core/base/must.h"
#include "core/base/text.h"

#define COLUMNS_MOST 4096

static const char *const codes[] = {
    [STYLE_PLAIN] = "",        [STYLE_HEAD] = "\033[1m", [STYLE_GOOD] = "\033[32m",
    [STYLE_WARN] = "\033[33m", [STYLE_BAD] = "\033[31m", [STYLE_DIM] = "\033[2m",
};

bool term_colours(FILE *out)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(out)) && !(no_color && no_color[0]) && term && strcmp(term, "dumb") != 0;
}

/* Length of the control character at p (C0, DEL, or C1 in UTF-8), 0 when it is none. */
static size_t control_length(const char *p)
{
    unsigned char c = (unsigned char)p[0], next = c ? (unsigned char)p[1] : 0;
    if ((c > 0 && c < ' ') || c == 0x7f)
        return 1;
    return c == 0xc2 && next >= 0x80 && next <= 0x9f ? 2 : 0;
}

/* Length of the character at p, in UTF-8, if it turns the direction of what follows until another
 * one ends that, which may be missing (UAX #9, 2.1 to 2.4: U+202A..202E, U+2066..2069); else 0. */
static size_t turn_length(const char *p)
{
    const unsigned char *c = (const unsigned char *)p;
    if (c[0] != 0xe2 || (c[1] != 0x80 && c[1] != 0x81))
        return 0;
    return c[1] == 0x80 ? (c[2] >= 0xaa && c[2] <= 0xae ? 3 : 0)
                        : (c[2] >= 0xa6 && c[2] <= 0xa9 ? 3 : 0);
}

/* Steps over the next piece that is shown as it is, or as '?'. Returns its length; 0: the end. */
static size_t next_piece(const char **at, const char **ret)
{
    const char *p = *at;
    for (size_t turn; (turn = turn_length(p)) > 0;) /* nobody would see it */
        p += turn;
    size_t n = control_length(p);
    *ret = n ? "?" : p;
    *at = p + n;
    if (n)
        return 1;
    while (p[n] && !control_length(p + n) && !turn_length(p + n))
        n++;
    *at = p + n;
    return n;
}

static char *safe_copy(const char *text)
{
    char *copy = must(malloc(strlen(text) + 1)), *end = copy;
    const char *piece;
    for (size_t n; (n = next_piece(&text, &piece)) > 0; end += n)
        memcpy(end, piece, n);
    *end = '\0';
    return copy;
}

/* Without memory: it is also how the want of it is told. */
void term_print_safe(FILE *out, const char *text)
{
    const char *piece;
    for (size_t n; (n = next_piece(&text, &piece)) > 0;)
        (void)fwrite(piece, 1, n, out);
}

void term_print_styled(FILE *out, bool colours, enum style style, const char *text, int width)
{
    bool styled = colours && style != STYLE_PLAIN;
    char *copy = safe_copy(text);
    (void)fprintf(out, "%s%-*s%s", styled ? codes[style] : "", width, copy,
                  styled ? "\033[0m" : "");
    free(copy);
}

int term_columns(FILE *out, int otherwise)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    uint64_t n;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    bool given = columns && text_to_u64(span_of(columns), &n) && n > 0 && n <= COLUMNS_MOST;
    return given ? (int)n : otherwise;
}

/* A safe copy of the text, or of as much of it as fits into so many columns. */
static char *cut_copy(const char *text, int columns, int *ret_used)
{
    const char *mark = MB_CUR_MAX > 1 ? "…" : "~"; /* one column in either */
    mbstate_t state = {0};
    char *copy = safe_copy(text);
    int used = 0, cut = 1;
    size_t fits = 0, at = 0;
    while (copy[at]) {
        wchar_t wide;
        size_t n = mbrtowc(&wide, copy + at, strlen(copy + at), &state);
        if (n == 0 || n > strlen(copy + at)) { /* not of this locale: bytes */
            state = (mbstate_t){0};
            wide = L'?';
            n = 1;
        }
        int width = wcwidth(wide);
        used += width > 0 ? width : 0;
        at += n;
        if (used < columns) { /* a mark would still fit */
            fits = at;
            cut = used + 1;
        }
    }
    *ret_used = used <= columns ? used : cut;
    if (used <= columns)
        return copy;
    char *shorter = NULL;
    if (asprintf(&shorter, "%.*s%s", (int)fits, copy, mark) < 0)
        must_end("out of memory");
    free(copy);
    return shorter;
}

int term_print_cut(FILE *out, const char *text, int columns)
{
    int used = 0;
    char *copy = cut_copy(text, columns, &used);
    (void)fputs(copy, out);
    free(copy);
    return used;
}

/* Columns on the screen, by the locale; bytes when the locale cannot read it. */
static size_t width_of(const char *text)
{
    mbstate_t state = {0};
    size_t width = 0;
    for (const char *p = text, *end = text + strlen(text); p < end;) {
        wchar_t wide;
        size_t n = mbrtowc(&wide, p, (size_t)(end - p), &state);
        if (n == 0 || n > (size_t)(end - p))
            return strlen(text);
        int columns = wcwidth(wide);
        width += columns > 0 ? (size_t)columns : 0;
        p += n;
    }
    return width;
}

/* Takes `copy`. */
static void add_cell(struct table *t, enum style style, char *copy)
{
    t->cells = must(reallocarray(t->cells, t->n_cells + 1, sizeof(*t->cells)));
    t->cells[t->n_cells++] = (struct table_cell){copy, style};
}

void table_add(struct table *t, enum style style, const char *text)
{
    add_cell(t, style, safe_copy(text));
}

void table_add_cut(struct table *t, enum style style, const char *text, int columns)
{
    int used;
    add_cell(t, style, columns > 0 ? cut_copy(text, columns, &used) : safe_copy(text));
}

void table_addf(struct table *t, enum style style, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    table_add(t, style, text);
}

static void pad(FILE *out, size_t n)
{
    (void)fprintf(out, "%*s", (int)n, "");
}

static void print_cell(const struct table *t, size_t i, size_t room, bool colours, FILE *out)
{
    const struct table_cell *c = &t->cells[i];
    bool right = t->right & (1u << i % t->columns), last = i % t->columns == t->columns - 1;
    size_t width = width_of(c->text);
    bool styled = colours && c->style != STYLE_PLAIN;
    if (right)
        pad(out, room - width);
    (void)fprintf(out, "%s%s%s", styled ? codes[c->style] : "", c->text, styled ? "\033[0m" : "");
    if (last)
        (void)fputc('\n', out);
    else
        pad(out, (right ? 0 : room - width) + 2);
}

void table_print(const struct table *t, FILE *out)
{
    size_t *widths = must(calloc(t->columns, sizeof(*widths)));
    bool colours = term_colours(out);
    for (size_t i = 0; i < t->n_cells; i++) {
        size_t width = width_of(t->cells[i].text), *most = &widths[i % t->columns];
        *most = width > *most ? width : *most;
    }
    for (size_t i = 0; i < t->n_cells; i++)
        print_cell(t, i, widths[i % t->columns], colours, out);
    free(widths);
}

void table_release(struct table *t)
{
    for (size_t i = 0; i < t->n_cells; i++)
        free(t->cells[i].text);
    free(t->cells);
    *t = (struct table){.columns = t->columns};
}

const char *term_span(int64_t ms, char out[32])
{
    int64_t s = ms / 1000;
    if (ms < 0)
        (void)snprintf(out, 32, "-");
    else if (s < 60)
        (void)snprintf(out, 32, "%ds", (int)s);
    else if (s < 3600)
        (void)snprintf(out, 32, "%dm", (int)(s / 60));
    else if (s < 86400)
        (void)snprintf(out, 32, "%dh %dm", (int)(s / 3600), (int)(s % 3600 / 60));
    else
        (void)snprintf(out, 32, "%lldd %dh", (long long)(s / 86400), (int)(s % 86400 / 3600));
    return out;
}

#define BAR_WIDTH 30

void term_progress(const char *what, uint64_t done, uint64_t total, const char *detail)
{
    char bar[BAR_WIDTH + 1];
    if (!isatty(STDERR_FILENO))
        return;
    size_t full = total ? (size_t)(done * BAR_WIDTH / total) : 0;
    for (size_t i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < full ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    (void)fprintf(stderr, "\r\033[K%s [%s] %llu/%llu %s", what, bar, (unsigned long long)done,
                  (unsigned long long)total, detail);
    (void)fflush(stderr);
}

void term_progress_end(void)
{
    if (isatty(STDERR_FILENO))
        (void)fputs("\r\033[K", stderr);
}
