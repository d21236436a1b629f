/* term: columns, colours and a progress bar for a terminal. */
#ifndef CMD_CALMIRROR_TERM_H
#define CMD_CALMIRROR_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/buf.h"

enum style { STYLE_PLAIN, STYLE_HEAD, STYLE_GOOD, STYLE_WARN, STYLE_BAD, STYLE_DIM };

/* Whether `out` is a terminal that shows colours, and the user has not set NO_COLOR (no-color.org).
 */
bool term_colours(FILE *out);

/* A table whose columns are as wide as they must be. `= { .columns = n }` is an empty one. Text is
 * copied, and made safe like all that is printed here: control characters, which could steer the
 * terminal, become '?'; what turns the direction of writing is left out. */
struct table {
    size_t columns;
    unsigned right; /* bit i: column i is aligned to the right */
    struct table_cell {
        char *text;
        enum style style;
    } * cells;
    size_t n_cells;
};
void table_add(struct table *t, enum style style, const char *text);
/* As term_print_cut() does; 0 columns: all of it. */
void table_add_cut(struct table *t, enum style style, const char *text, int columns);
void table_addf(struct table *t, enum style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void table_print(const struct table *t, FILE *out);
void table_release(struct table *t);

/* Text outside a table, made safe. */
void term_print_safe(FILE *out, const char *text);

/* The same in a style, filled up to so many bytes. */
void term_print_styled(FILE *out, bool colours, enum style style, const char *text, int width);
/* Columns of the terminal, or of $COLUMNS, or `otherwise`. */
int term_columns(FILE *out, int otherwise);
/* As much of the text as fits into so many columns, printed; a longer one ends in "…".
 * Returns the columns used. */
int term_print_cut(FILE *out, const char *text, int columns);

/* "8s", "4m", "2h 5m", "6d 3h"; "-" for a negative one. */
const char *term_span(int64_t ms, char out[32]);

/* Redraws one line of stderr; nothing when that is no terminal. `done` of `total`. */
void term_progress(const char *what, uint64_t done, uint64_t total, const char *detail);
void term_progress_end(void);

#endif
