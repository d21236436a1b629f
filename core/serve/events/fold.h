/* fold: search that ignores case, as Unicode's simple case folding does, in any script.
 *
 * What it does not do: strip accents, or join what may be written composed and decomposed. */
#ifndef CORE_SERVE_EVENTS_FOLD_H
#define CORE_SERVE_EVENTS_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/span.h"

/* The folded form of a code point (CaseFolding.txt, statuses C and S). */
uint32_t fold_char(uint32_t c);

/* Folds UTF-8 into code points, at most `most`; returns how many, or most + 1 when there are more.
 */
size_t fold_text(struct span text, uint32_t *out, size_t most);

/* Text to look for: folded, and prepared so that looking is linear whatever is looked for. Borrows
 * both arrays of n numbers; writes `back`. */
struct fold_needle {
    const uint32_t *text;
    const uint16_t *back;
    size_t n;
};
struct fold_needle fold_needle(const uint32_t *text, uint16_t *back, size_t n);

/* Is it somewhere in valid UTF-8? The empty needle is everywhere. */
bool fold_contains(struct span text, const struct fold_needle *needle);

#endif
