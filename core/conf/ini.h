/* ini: reads `[section]`, `[section LABEL]` and `key = value` lines, strictly, and says where each
 * stands.
 *
 * The grammar, whole: UTF-8 text; a line is blank, a comment (first visible character # or ;), a
 * section head or an entry. Blanks around names and values are dropped. A value is everything
 * behind the first '=', so no continuation lines, no quotes, no comments behind a value: what looks
 * like one is refused, because keeping it as part of the value would be wrong silently. */
#ifndef CORE_CONF_INI_H
#define CORE_CONF_INI_H

#include "core/base/span.h"

struct ini_place {
    unsigned line, column; /* from 1; columns count characters */
};

/* Called in the order of the file; spans are borrowed from the text. */
struct ini_events {
    void *arg;
    void (*section)(void *arg, struct ini_place at, struct span name, struct span label);
    void (*entry)(void *arg, struct ini_place at, struct span key, struct ini_place value_at,
                  struct span value);
    /* A line that is none of the four; reading goes on with the next. `head`: it began with '[', so
     * that what follows belongs to no known section. */
    void (*problem)(void *arg, struct ini_place at, bool head, const char *text);
};

void ini_parse(struct span text, const struct ini_events *ev);

#endif
