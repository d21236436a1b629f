/* schemas: what Google's API says of the form of its resources, for discovery and for checks. */
#ifndef CORE_SERVE_SCHEMAS_H
#define CORE_SERVE_SCHEMAS_H

#include <stddef.h>

#include "core/base/span.h"

extern const struct schema {
    const char *name;
    const char *text; /* checked JSON on one line */
} schemas[];
extern const size_t n_schemas;

/* NULL: no such schema. */
const struct schema *schema_find(struct span name);

/* The object whose members are the schema's own, see fields_compile(). Empty when there is no such
 * schema or `name` is NULL. */
struct span schema_properties(const char *name);

/* Marks in wanted[n_schemas] what the marked ones refer to, directly or not. */
void schemas_close(bool *wanted);

#endif
