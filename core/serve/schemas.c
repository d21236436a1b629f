/* schemas: what Google's API says of the form of its resources, for discovery and for checks. */
#include "core/serve/schemas.h"

#include "core/base/json.h"

const struct schema schemas[] = {
#include "core/serve/schemas.inc"
};
const size_t n_schemas = sizeof(schemas) / sizeof(*schemas);

const struct schema *schema_find(struct span name)
{
    for (size_t i = 0; i < n_schemas; i++) {
        if (span_is(name, schemas[i].name))
            return &schemas[i];
    }
    return NULL;
}

struct span schema_properties(const char *name)
{
    const struct schema *s = name ? schema_find(span_of(name)) : NULL;
    return s ? json_get(span_of(s->text), "properties") : (struct span){0};
}

/* Marks what this value refers to; true if something new. */
static bool mark_references(struct span value, bool *wanted)
{
    struct json_iter it = json_iter(value);
    struct span key, member;
    bool grown = false;
    while (json_next(&it, &key, &member)) {
        const struct schema *to =
            it.object && span_is(key, "$ref") ? schema_find(json_string_plain(member)) : NULL;
        if (to && !wanted[to - schemas])
            grown = wanted[to - schemas] = true;
        grown |= mark_references(member, wanted);
    }
    return grown;
}

void schemas_close(bool *wanted)
{
    bool grown;
    do {
        grown = false;
        for (size_t i = 0; i < n_schemas; i++)
            grown |= wanted[i] && mark_references(span_of(schemas[i].text), wanted);
    } while (grown);
}
