/* json: reads JSON in place, as spans of the original bytes, so that what came can be kept as it came.
 *
 * Check first, then walk: json_check() is the strict RFC 8259 grammar (UTF-8, depth, no lone surrogate escapes
 * accepted, no trailing bytes); the walkers below may only be used on text that passed it. Building documents
 * and small fixed answers is json-c's job; this is for event pages, where copying would cost more
 * than everything else together. */
#ifndef CORE_BASE_JSON_H
#define CORE_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/span.h"

enum json_type { JSON_NONE, JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* RC_OK or RC_BADDATA ("byte 17: expected a value"). Depth at most LIMIT_JSON_DEPTH. */
enum rc json_check(struct span text, struct err *e);

enum json_type json_type_of(struct span value); /* JSON_NONE for an empty span */

/* Walks the members of an object or the items of an array. A value that is neither yields nothing. */
struct json_iter {
    const char *p;
    const char *end;
    bool object;
};
struct json_iter json_iter(struct span value);
/* *ret_key is the raw text between the quotes (empty for arrays); *ret_value is trimmed. */
bool json_next(struct json_iter *it, struct span *ret_key, struct span *ret_value);

/* Member of an object by its (unescaped) name; the last one when doubled. Empty span when absent. */
struct span json_get(struct span object, const char *name);
/* Path through objects: json_path(ev, "start", "dateTime", NULL). */
struct span json_path(struct span object, ...) __attribute__((sentinel));

bool json_is_true(struct span value);
bool json_string(struct span value, struct buf *out);           /* decoded text appended; false: no string */
/* Decoded into a fixed array; false when no string or too long. */
bool json_string_copy(struct span value, char *out, size_t size);
/* The bytes between the quotes when the string needs no decoding, else an empty span. */
struct span json_string_plain(struct span value);
bool json_int64(struct span value, int64_t *ret);               /* number or string of digits */

/* Appends with indentation of `indent` spaces a level, or none (compact) for 0. Input checked before. */
void json_reformat(struct buf *out, struct span value, int indent, int depth);

#endif
