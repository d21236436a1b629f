/* json_check: the strict RFC 8259 grammar, UTF-8 and depth, in one pass without recursion.
 *
 * DESIGN. The open containers are bits of one word (1 = object), so nesting costs no stack and
 * the depth limit is at most 64. Strings, where most bytes are, are read eight bytes at a time. */
#include "core/base/json.h"

#include <assert.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/base/scan.h"

static_assert(LIMIT_JSON_DEPTH <= 64, "the open containers are bits of a uint64_t");

/* Where the check stands. The step functions return false with `wrong` set. */
struct check {
    const char *p;
    const char *end;
    const char *wrong;
};

static bool wrong(struct check *c, const char *what)
{
    c->wrong = what;
    return false;
}

static void skip_space(struct check *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t'))
        c->p++;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* At the backslash. */
static bool check_escape(struct check *c)
{
    if (c->end - c->p < 2)
        return wrong(c, "unfinished string");
    if (c->p[1] == '\0' || !strchr("\"\\/bfnrtu", c->p[1]))
        return wrong(c, "unknown escape");
    if (c->p[1] != 'u') {
        c->p += 2;
        return true;
    }
    if (c->end - c->p < 6)
        return wrong(c, "unfinished string");
    for (int i = 2; i < 6; i++) {
        if (!is_hex(c->p[i]))
            return wrong(c, "bad \\u escape");
    }
    c->p += 6;
    return true;
}

/* Moves over bytes that need no look; false at the end of the text. */
static bool skip_plain(struct check *c)
{
    const char *p = c->p;
    while (c->end - p >= 8) {
        uint64_t w = scan_load(p);
        uint64_t hit = scan_equal(w, '"') | scan_equal(w, '\\') | scan_below(w, 0x20);
        hit |= w & SCAN_HIGHS;
        if (hit) {
            c->p = p + scan_first(hit);
            return true;
        }
        p += 8;
    }
    while (p < c->end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' &&
           *p != '\\')
        p++;
    c->p = p;
    return p < c->end;
}

/* At the opening quote; ends behind the closing one. */
static bool check_string(struct check *c)
{
    c->p++;
    while (skip_plain(c)) {
        if (*c->p == '"') {
            c->p++;
            return true;
        }
        if (*c->p == '\\') {
            if (!check_escape(c))
                return false;
        } else {
            if ((unsigned char)*c->p < 0x20)
                return wrong(c, "control character in a string");
            size_t n;
            while (c->p < c->end && (unsigned char)*c->p >= 0x80) {
                if ((n = scan_utf8(c->p, c->end)) == 0)
                    return wrong(c, "not UTF-8");
                c->p += n;
            }
        }
    }
    return wrong(c, "unfinished string");
}

static bool check_digits(struct check *c)
{
    const char *start = c->p;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
        c->p++;
    return c->p > start || wrong(c, "expected a digit");
}

/* At '-' or a digit. A second digit behind a leading 0 is left for the caller to stumble over. */
static bool check_number(struct check *c)
{
    if (*c->p == '-')
        c->p++;
    if (c->p < c->end && *c->p == '0')
        c->p++;
    else if (!check_digits(c))
        return false;
    if (c->p < c->end && *c->p == '.') {
        c->p++;
        if (!check_digits(c))
            return false;
    }
    if (c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
        c->p++;
        if (c->p < c->end && (*c->p == '+' || *c->p == '-'))
            c->p++;
        if (!check_digits(c))
            return false;
    }
    return true;
}

static bool check_word(struct check *c, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
        return wrong(c, "expected a value");
    c->p += n;
    return true;
}

static bool check_scalar(struct check *c)
{
    if (c->p == c->end)
        return wrong(c, "expected a value");
    switch (*c->p) {
    case '"':
        return check_string(c);
    case 't':
        return check_word(c, "true");
    case 'f':
        return check_word(c, "false");
    case 'n':
        return check_word(c, "null");
    default:
        if (*c->p == '-' || (*c->p >= '0' && *c->p <= '9'))
            return check_number(c);
        return wrong(c, "expected a value");
    }
}

/* A member's name and colon. */
static bool check_key(struct check *c)
{
    skip_space(c);
    if (c->p == c->end || *c->p != '"')
        return wrong(c, "expected a member name");
    if (!check_string(c))
        return false;
    skip_space(c);
    if (c->p == c->end || *c->p != ':')
        return wrong(c, "expected ':'");
    c->p++;
    return true;
}

static bool check_text(struct check *c)
{
    uint64_t objects = 0; /* bit 0 = the innermost open container */
    int depth = 0;
    for (;;) {
        skip_space(c);
        if (c->p < c->end && (*c->p == '{' || *c->p == '[')) {
            bool object = *c->p == '{';
            if (depth == LIMIT_JSON_DEPTH)
                return wrong(c, "nested too deep");
            c->p++;
            skip_space(c);
            if (c->p == c->end || *c->p != (object ? '}' : ']')) {
                objects = objects << 1 | object;
                depth++;
                if (object && !check_key(c))
                    return false;
                continue;
            }
            c->p++;
        } else if (!check_scalar(c)) {
            return false;
        }
        /* A value is complete: close what it ends, or go on to the next one. */
        for (skip_space(c); depth > 0; skip_space(c)) {
            bool object = objects & 1;
            if (c->p == c->end || (*c->p != ',' && *c->p != (object ? '}' : ']')))
                return wrong(c, object ? "expected ',' or '}'" : "expected ',' or ']'");
            if (*c->p++ == ',') {
                if (object && !check_key(c))
                    return false;
                break;
            }
            objects >>= 1;
            depth--;
        }
        if (depth == 0)
            return c->p == c->end || wrong(c, "bytes behind the value");
    }
}

enum rc json_check(struct span text, struct err *e)
{
    const char *start = text.p ? text.p : "";
    struct check c = {.p = start, .end = start + text.n};
    if (check_text(&c))
        return RC_OK;
    return err_set(e, RC_BADDATA, "byte %zu: %s", (size_t)(c.p - start), c.wrong);
}
