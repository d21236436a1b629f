/* json: reads JSON in place, as spans of the original bytes, so that what came can be kept as it
 * came.
 *
 * Check first, then walk: json_check() is the strict RFC 8259 grammar (UTF-8, depth, no trailing
 * bytes); the walkers below may only be used on text that passed it. The escape of half a surrogate
 * pair passes, since Google's data may hold one, and decodes to U+FFFD. Building documents and
 * small fixed answers is json-c's job; this is for event pages, where copying would cost more than
 * everything else together. */
#ifndef CORE_BASE_JSON_H
#define CORE_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/span.h"

enum json_kind {
    JSON_NONE,
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* RC_OK or RC_BADDATA ("byte 17: expected a value"). Depth at most LIMIT_JSON_DEPTH. */
enum rc json_check(struct span text, struct err *e);

enum json_kind json_type_of(struct span value); /* JSON_NONE for an empty span */

/* Walks the members of an object or the items of an array. A value that is neither yields nothing.
 */
struct json_iter {
    const char *p;
    const char *end;
    bool object;
};
struct json_iter json_iter(struct span value);
/* *ret_key (may be NULL) is the raw text between the quotes, empty for arrays; *ret_value is
 * trimmed. */
bool json_next(struct json_iter *it, struct span *ret_key, struct span *ret_value);

/* Member of an object by its (unescaped) name; the last one when doubled. Empty span when absent.
 */
struct span json_get(struct span object, const char *name);
/* Path through objects: json_path(ev, "start", "dateTime", NULL). */
struct span json_path(struct span object, ...) __attribute__((sentinel));

bool json_is_true(struct span value);
/* Decoded text appended (\u0000 is a NUL byte); false: no string. */
bool json_string(struct span value, struct buf *out);
/* Decoded into a fixed array; false, and `out` untouched, when no string, too long or with a NUL.
 */
bool json_string_copy(struct span value, char *out, size_t size);
/* The bytes between the quotes when the string needs no decoding, else an empty span. */
struct span json_string_plain(struct span value);
bool json_int64(struct span value, int64_t *ret); /* an integer, or a string of digits */

/* Appends with `indent` spaces a level, or on one line without spaces for 0. Strings and numbers
 * stay byte for byte. `depth` is the level of the value itself; its first line is not indented. */
void json_reformat(struct buf *out, struct span value, int indent, int depth);

#endif
