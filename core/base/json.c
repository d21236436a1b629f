/* json: walks and rewrites JSON that json_check() has passed, in place.
 *
 * The text is known to be well-formed, so a value is skipped by its quotes and brackets alone.
 * Every loop still stops at the end of its span: a misuse reads nonsense, never beyond the bytes.
 */
#include "core/base/json.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "core/base/scan.h"
#include "core/base/text.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && is_space(*p))
        p++;
    return p;
}

static struct span trim(struct span s)
{
    if (s.n == 0)
        return (struct span){0};
    const char *end = s.p + s.n;
    const char *p = skip_space(s.p, end);
    while (end > p && is_space(end[-1]))
        end--;
    return (struct span){p, (size_t)(end - p)};
}

/* p is at the opening quote; the result is behind the closing one. */
static const char *skip_string(const char *p, const char *end)
{
    p++;
    for (;;) {
        while (end - p >= 8) {
            uint64_t w = scan_load(p);
            uint64_t hit = scan_equal(w, '"') | scan_equal(w, '\\');
            if (hit) {
                p += scan_first(hit);
                break;
            }
            p += 8;
        }
        while (p < end && *p != '"' && *p != '\\')
            p++;
        if (p == end)
            return end;
        if (*p == '"')
            return p + 1;
        if (end - p < 2)
            return end;
        p += 2;
    }
}

/* p is at the opening bracket; the result is behind its closing one. */
static const char *skip_container(const char *p, const char *end)
{
    size_t open = 0;
    while (p < end) {
        switch (*p) {
        case '"':
            p = skip_string(p, end);
            continue;
        case '{':
        case '[':
            open++;
            break;
        case '}':
        case ']':
            if (--open == 0)
                return p + 1;
            break;
        default:
            break;
        }
        p++;
    }
    return end;
}

static const char *skip_word(const char *p, const char *end)
{
    while (p < end && *p != ',' && *p != '}' && *p != ']' && !is_space(*p))
        p++;
    return p;
}

static const char *skip_value(const char *p, const char *end)
{
    if (p == end)
        return end;
    if (*p == '"')
        return skip_string(p, end);
    if (*p == '{' || *p == '[')
        return skip_container(p, end);
    return skip_word(p, end);
}

enum json_kind json_type_of(struct span value)
{
    value = trim(value);
    if (value.n == 0)
        return JSON_NONE;
    switch (value.p[0]) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

struct json_iter json_iter(struct span value)
{
    value = trim(value);
    if (value.n < 2 || (value.p[0] != '{' && value.p[0] != '['))
        return (struct json_iter){0};
    return (struct json_iter){
        .p = value.p + 1,
        .end = value.p + value.n - 1,
        .object = value.p[0] == '{',
    };
}

bool json_next(struct json_iter *it, struct span *ret_key, struct span *ret_value)
{
    const char *end = it->end;
    const char *p = skip_space(it->p, end);
    if (p == end)
        return false;
    struct span key = {p, 0};
    if (it->object) {
        const char *after = skip_string(p, end);
        key = (struct span){p + 1, (size_t)(after - p) - (after - p >= 2 ? 2 : 1)};
        p = skip_space(after, end);
        if (p < end)
            p = skip_space(p + 1, end); /* the colon */
    }
    const char *after = skip_value(p, end);
    *ret_value = (struct span){p, (size_t)(after - p)};
    if (ret_key)
        *ret_key = key;
    p = skip_space(after, end);
    it->p = p < end ? p + 1 : end; /* the comma */
    return true;
}

static unsigned hex4(const char *p)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)p[i];
        value = value << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

static size_t put_utf8(char out[4], unsigned c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    out[0] = (char)(lead[n] | c);
    return n;
}

/* Decodes the escape at *p (a backslash) into `out` and moves *p behind it; returns the bytes. Half
 * a surrogate pair becomes U+FFFD. */
static size_t decode_escape(const char **p, const char *end, char out[4])
{
    static const char simple[256] = {['b'] = '\b', ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r',
                                     ['t'] = '\t', ['"'] = '"',  ['\\'] = '\\', ['/'] = '/'};
    const char *at = *p;
    size_t left = (size_t)(end - at);
    if (left < 2 || (at[1] == 'u' && left < 6)) {
        *p = end;
        return 0;
    }
    if (at[1] != 'u') {
        *p = at + 2;
        out[0] = simple[(unsigned char)at[1]];
        return 1;
    }
    unsigned c = hex4(at + 2);
    *p = at + 6;
    if (c >= 0xD800 && c <= 0xDFFF) {
        unsigned low = left >= 12 && at[6] == '\\' && at[7] == 'u' ? hex4(at + 8) : 0;
        if (c < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF) {
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            *p = at + 12;
        } else {
            c = 0xFFFD;
        }
    }
    return put_utf8(out, c);
}

/* Is the raw text between a key's quotes this name, once decoded? Decoding only ever shortens. */
static bool key_is(struct span key, const char *name, size_t n)
{
    if (key.n < n)
        return false;
    if (!memchr(key.p, '\\', key.n))
        return key.n == n && memcmp(key.p, name, n) == 0;
    const char *p = key.p, *end = key.p + key.n, *name_end = name + n;
    while (p < end) {
        char bytes[4];
        size_t count = 1;
        if (*p == '\\')
            count = decode_escape(&p, end, bytes);
        else
            bytes[0] = *p++;
        if ((size_t)(name_end - name) < count || memcmp(name, bytes, count) != 0)
            return false;
        name += count;
    }
    return name == name_end;
}

struct span json_get(struct span object, const char *name)
{
    struct span found = {0}, key, value;
    size_t n = strlen(name);
    struct json_iter it = json_iter(object);
    if (!it.object)
        return found;
    while (json_next(&it, &key, &value)) {
        if (key_is(key, name, n))
            found = value;
    }
    return found;
}

struct span json_path(struct span object, ...)
{
    va_list ap;
    va_start(ap, object);
    const char *name;
    while (object.n > 0 && (name = va_arg(ap, const char *)))
        object = json_get(object, name);
    va_end(ap);
    return object;
}

bool json_is_true(struct span value)
{
    return json_type_of(value) == JSON_TRUE;
}

/* The raw bytes between the quotes; p = NULL when the value is no string. */
static struct span raw_string(struct span value)
{
    value = trim(value);
    if (value.n < 2 || value.p[0] != '"')
        return (struct span){0};
    return (struct span){value.p + 1, value.n - 2};
}

bool json_string(struct span value, struct buf *out)
{
    struct span raw = raw_string(value);
    if (!raw.p)
        return false;
    const char *p = raw.p, *end = raw.p + raw.n;
    buf_reserve(out, raw.n);
    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        const char *stop = escape ? escape : end;
        buf_add(out, p, (size_t)(stop - p));
        p = stop;
        if (escape) {
            char bytes[4];
            size_t n = decode_escape(&p, end, bytes);
            buf_add(out, bytes, n);
        }
    }
    return true;
}

bool json_string_copy(struct span value, char *out, size_t size)
{
    struct span raw = raw_string(value);
    if (!raw.p)
        return false;
    size_t n = 0;
    const char *p = raw.p, *end = raw.p + raw.n;
    /* Two passes: the first measures, so that `out` is untouched when the text does not fit. */
    while (p < end) {
        char bytes[4] = {1};
        n += *p == '\\' ? decode_escape(&p, end, bytes) : (p++, 1);
        if (n >= size || bytes[0] == '\0')
            return false;
    }
    if (size == 0)
        return false;
    for (p = raw.p; p < end;) {
        char bytes[4];
        if (*p != '\\') {
            *out++ = *p++;
            continue;
        }
        size_t count = decode_escape(&p, end, bytes);
        memcpy(out, bytes, count);
        out += count;
    }
    *out = '\0';
    return true;
}

struct span json_string_plain(struct span value)
{
    struct span raw = raw_string(value);
    if (raw.n == 0 || memchr(raw.p, '\\', raw.n))
        return (struct span){0};
    return raw;
}

bool json_int64(struct span value, int64_t *ret)
{
    value = trim(value);
    if (value.n > 0 && value.p[0] == '"')
        value = json_string_plain(value);
    return text_to_i64(value, ret);
}

static bool is_structure(char c)
{
    return c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':';
}

/* Writes straight into a buffer's memory; room is made once for each token. */
struct pen {
    struct buf *out;
    char *at;
    char *end;
    size_t indent; /* 0: one line */
    size_t depth;
};

static bool make_room(struct pen *pen, size_t n)
{
    if ((size_t)(pen->end - pen->at) >= n)
        return true;
    *pen->at = '\0';
    pen->out->n = (size_t)(pen->at - pen->out->p);
    if (!buf_reserve(pen->out, n))
        return false;
    pen->at = pen->out->p + pen->out->n;
    pen->end = pen->out->p + pen->out->size - 1;
    return true;
}

static void put_char(struct pen *pen, char c)
{
    *pen->at++ = c;
}

static void put_new_line(struct pen *pen)
{
    if (pen->indent == 0)
        return;
    put_char(pen, '\n');
    for (size_t spaces = pen->indent * pen->depth; spaces > 0; spaces--)
        put_char(pen, ' ');
}

/* What stands between strings, numbers and words: one byte, or two for an empty container. Returns
 * what is behind it. */
static const char *put_structure(struct pen *pen, const char *p, const char *end)
{
    const char *after = p + 1;
    switch (*p) {
    case '{':
    case '[':
        put_char(pen, *p);
        after = skip_space(after, end);
        if (after < end && (*after == '}' || *after == ']')) {
            put_char(pen, *after++);
        } else {
            pen->depth++;
            put_new_line(pen);
        }
        break;
    case '}':
    case ']':
        pen->depth -= pen->depth > 0;
        put_new_line(pen);
        put_char(pen, *p);
        break;
    case ',':
        put_char(pen, ',');
        put_new_line(pen);
        break;
    default:
        put_char(pen, ':');
        if (pen->indent > 0)
            put_char(pen, ' ');
        break;
    }
    return after;
}

void json_reformat(struct buf *out, struct span value, int indent, int depth)
{
    assert(indent >= 0 && depth >= 0);
    value = trim(value);
    if (value.n == 0 || !buf_reserve(out, 0))
        return;
    struct pen pen = {
        .out = out,
        .at = out->p + out->n,
        .end = out->p + out->size - 1,
        .indent = (size_t)indent,
        .depth = (size_t)depth,
    };
    const char *p = value.p, *end = value.p + value.n;
    while (p < end) {
        if (is_structure(*p)) {
            if (!make_room(&pen, 2 + pen.indent * (pen.depth + 1)))
                return;
            p = put_structure(&pen, p, end);
        } else {
            const char *after = *p == '"' ? skip_string(p, end) : skip_word(p, end);
            size_t n = (size_t)(after - p);
            if (!make_room(&pen, n))
                return;
            pen.at = mempcpy(pen.at, p, n);
            p = after;
        }
        p = skip_space(p, end);
    }
    *pen.at = '\0';
    out->n = (size_t)(pen.at - out->p);
}
