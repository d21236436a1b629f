/* json: small helpers over json-c. */
#ifndef EMULATOR_JSON_H
#define EMULATOR_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/emulator/util.h"

/* NULL unless the whole text is one valid JSON value in UTF-8. */
struct json_object *json_read(const char *text, size_t n);

/* Members of an object; any `o` may be NULL or no object. Results are borrowed. */
struct json_object *json_get(struct json_object *o, const char *key);
struct json_object *json_get_object(struct json_object *o, const char *key);
struct json_object *json_get_array(struct json_object *o, const char *key);
const char *json_str(struct json_object *o, const char *key); /* NULL: absent or no string */
const char *json_str_or(struct json_object *o, const char *key, const char *otherwise);
bool json_flag(struct json_object *o, const char *key, bool otherwise);
int64_t json_int(struct json_object *o, const char *key,
                 int64_t otherwise);                   /* digits in a string too */
bool json_has(struct json_object *o, const char *key); /* present and not null */

void json_put(struct json_object *o, const char *key, struct json_object *value); /* takes value */
void json_put_str(struct json_object *o, const char *key, const char *s); /* NULL: no member */
void json_put_int(struct json_object *o, const char *key, int64_t v);
void json_put_bool(struct json_object *o, const char *key, bool v);

const char *json_text(struct json_object *o); /* compact; lives as long as o and unchanged */
struct json_object *json_copy(struct json_object *o);
/* PATCH of Google's: objects merge, arrays are replaced whole, null deletes. */
void json_merge(struct json_object *into, struct json_object *patch);
/* A new object whose members stand in the order of `keys`, then the rest; takes `o`. */
struct json_object *json_reorder(struct json_object *o, const char *const *keys, size_t n);

/* Compact text written out as Google's servers do, by `indent` spaces a level. */
void json_pretty(struct buf *out, const char *text, size_t n, int indent);

#endif
