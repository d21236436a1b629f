/* json: small helpers over json-c. */
#include "tests/emulator/json.h"

#include <stdlib.h>
#include <string.h>

#include "tests/emulator/ascii.h"

static bool is_ascii(const char *text, size_t n)
{
    unsigned all = 0;
    for (size_t i = 0; i < n; i++) {
        all |= (unsigned char)text[i];
    }
    return all < 0x80;
}

static struct json_object *read_ascii(const char *text, size_t n)
{
    struct json_tokener *t = json_tokener_new();
    json_tokener_set_flags(t, JSON_TOKENER_STRICT);
    struct json_object *o = json_tokener_parse_ex(t, text, (int)n);
    bool whole =
        json_tokener_get_error(t) == json_tokener_success &&
        json_tokener_get_parse_end(t) + strspn(text + json_tokener_get_parse_end(t), " \t\r\n") ==
            n;
    json_tokener_free(t);
    if (!whole) {
        json_object_put(o);
        return NULL;
    }
    return o;
}

struct json_object *json_read(const char *text, size_t n)
{
    if (is_ascii(text, n)) {
        return read_ascii(text, n);
    }
    char *ascii = json_ascii(text, n, &n);
    struct json_object *o = ascii ? read_ascii(ascii, n) : NULL;
    free(ascii);
    return o;
}

struct json_object *json_get(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;
    if (json_object_is_type(o, json_type_object)) {
        json_object_object_get_ex(o, key, &v);
    }
    return v;
}

static struct json_object *typed(struct json_object *o, const char *key, enum json_type type)
{
    struct json_object *v = json_get(o, key);
    return v != NULL && json_object_is_type(v, type) ? v : NULL;
}

struct json_object *json_get_object(struct json_object *o, const char *key)
{
    return typed(o, key, json_type_object);
}

struct json_object *json_get_array(struct json_object *o, const char *key)
{
    return typed(o, key, json_type_array);
}

const char *json_str(struct json_object *o, const char *key)
{
    struct json_object *v = typed(o, key, json_type_string);
    return v ? json_object_get_string(v) : NULL;
}

const char *json_str_or(struct json_object *o, const char *key, const char *otherwise)
{
    const char *s = json_str(o, key);
    return s ? s : otherwise;
}

bool json_flag(struct json_object *o, const char *key, bool otherwise)
{
    struct json_object *v = typed(o, key, json_type_boolean);
    return v ? json_object_get_boolean(v) : otherwise;
}

int64_t json_int(struct json_object *o, const char *key, int64_t otherwise)
{
    struct json_object *v = json_get(o, key);
    if (json_object_is_type(v, json_type_int)) {
        return json_object_get_int64(v);
    }
    if (v == NULL || !json_object_is_type(v, json_type_string)) {
        return otherwise;
    }
    const char *s = json_object_get_string(v);
    char *end;
    int64_t n = strtoll(s, &end, 10);
    return *s && *end == '\0' ? n : otherwise;
}

bool json_has(struct json_object *o, const char *key)
{
    return json_get(o, key) != NULL;
}

void json_put(struct json_object *o, const char *key, struct json_object *value)
{
    json_object_object_add(o, key, value);
}

void json_put_str(struct json_object *o, const char *key, const char *s)
{
    if (s != NULL) {
        json_object_object_add(o, key, json_object_new_string(s));
    }
}

void json_put_int(struct json_object *o, const char *key, int64_t v)
{
    json_object_object_add(o, key, json_object_new_int64(v));
}

void json_put_bool(struct json_object *o, const char *key, bool v)
{
    json_object_object_add(o, key, json_object_new_boolean(v));
}

const char *json_text(struct json_object *o)
{
    return json_object_to_json_string_ext(o,
                                          JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

struct json_object *json_copy(struct json_object *o)
{
    struct json_object *copy = NULL;
    if (o != NULL) {
        json_object_deep_copy(o, &copy, NULL);
    }
    return copy;
}

void json_merge(struct json_object *into, struct json_object *patch)
{
    json_object_object_foreach(patch, key, value)
    {
        if (value == NULL) {
            json_object_object_del(into, key);
        } else if (json_object_is_type(value, json_type_object)) {
            struct json_object *inner = json_get_object(into, key);
            if (inner == NULL) {
                inner = json_object_new_object();
                json_put(into, key, inner);
            }
            json_merge(inner, value);
        } else {
            json_put(into, key, json_copy(value));
        }
    }
}

struct json_object *json_reorder(struct json_object *o, const char *const *keys, size_t n)
{
    struct json_object *out = json_object_new_object();
    for (size_t i = 0; i < n; i++) {
        struct json_object *v;
        if (json_object_object_get_ex(o, keys[i], &v)) {
            json_put(out, keys[i], json_object_get(v));
        }
    }
    json_object_object_foreach(o, key, value)
    {
        if (!json_object_object_get_ex(out, key, NULL)) {
            json_put(out, key, json_object_get(value));
        }
    }
    json_object_put(o);
    return out;
}

static const char *string_end(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
        p += *p == '\\';
    }
    return p < end ? p + 1 : end;
}

static void newline(struct buf *out, int spaces)
{
    static const char PAD[] = "                                                                ";
    buf_str(out, "\n");
    buf_add(out, PAD, spaces < (int)sizeof(PAD) ? (size_t)spaces : sizeof(PAD) - 1);
}

void json_pretty(struct buf *out, const char *text, size_t n, int indent)
{
    const char *p = text, *end = text + n;
    int depth = 0;
    buf_reserve(out, n * 3 / 2);
    while (p < end) {
        const char *from = p;
        if (*p == '"') {
            p = string_end(p, end);
            buf_add(out, from, (size_t)(p - from));
            continue;
        }
        p++;
        switch (*from) {
        case '{':
        case '[':
            buf_add(out, from, 1);
            depth++;
            if (p < end && *p == '}') {
                break; /* an empty object stays "{}" */
            }
            if (p >= end || *p != ']') {
                newline(out, depth * indent);
            }
            break;
        case '}':
        case ']':
            depth--;
            if (*from == ']' || from[-1] != '{') {
                newline(out, depth * indent);
            }
            buf_add(out, from, 1);
            break;
        case ',':
            buf_add(out, from, 1);
            newline(out, depth * indent);
            break;
        case ':':
            buf_str(out, ": ");
            break;
        default:
            buf_add(out, from, 1);
        }
    }
    buf_str(out, "\n");
}
