/* fields: partial answers: what of a JSON document the client's `fields` parameter selects.
 *
 * DESIGN. The selection is compiled to a tree of names, and the document is walked along it: a
 * member that is not selected costs finding its end, one that is selected whole costs copying it.
 * So that each member needs one look-up, what "*" selects is merged into its named siblings
 * beforehand. */
#include "core/serve/fields.h"

#include <string.h>

#include "core/base/json.h"

struct parser {
    struct fields *f;
    const char *p, *end;
};

static bool is_name_byte(char c)
{
    return (unsigned char)c > ' ' && c != 0x7F && !strchr(",/()\"\\", c);
}

static bool is_star(struct span name)
{
    return name.n == 1 && name.p[0] == '*';
}

static void skip_spaces(struct parser *ps)
{
    while (ps->p < ps->end && *ps->p == ' ')
        ps->p++;
}

static bool accept(struct parser *ps, char c)
{
    skip_spaces(ps);
    if (ps->p == ps->end || *ps->p != c)
        return false;
    ps->p++;
    return true;
}

static bool read_name(struct parser *ps, struct span *ret)
{
    skip_spaces(ps);
    const char *from = ps->p;
    while (ps->p < ps->end && is_name_byte(*ps->p))
        ps->p++;
    struct span name = {from, (size_t)(ps->p - from)};
    *ret = name;
    return name.n > 0 && name.n <= FIELDS_NAME_MAX && (name.n == 1 || !memchr(from, '*', name.n));
}

static unsigned find_child(const struct fields *f, unsigned parent, struct span name)
{
    unsigned i = f->node[parent].child;
    while (i && !span_eq(f->node[i].name, name))
        i = f->node[i].next;
    return i;
}

/* The child of that name, made if need be; 0 when there is no room. */
static unsigned child_of(struct fields *f, unsigned parent, struct span name)
{
    unsigned i = find_child(f, parent, name);
    if (i || f->n == FIELDS_NODES_MAX)
        return i;
    i = f->n++;
    f->node[i] = (struct fields_node){.name = name, .next = f->node[parent].child};
    f->node[parent].child = (uint16_t)i;
    return i;
}

static bool parse_selection(struct parser *ps, unsigned parent, unsigned depth);

static bool parse_path(struct parser *ps, unsigned parent, unsigned depth)
{
    unsigned at = parent;
    do {
        struct span name;
        if (++depth > FIELDS_DEPTH_MAX || !read_name(ps, &name))
            return false;
        at = child_of(ps->f, at, name);
        if (!at)
            return false;
    } while (accept(ps, '/'));
    if (accept(ps, '('))
        return parse_selection(ps, at, depth) && accept(ps, ')');
    ps->f->node[at].whole = true;
    return true;
}

static bool parse_selection(struct parser *ps, unsigned parent, unsigned depth)
{
    do {
        if (!parse_path(ps, parent, depth))
            return false;
    } while (accept(ps, ','));
    return true;
}

/* Adds to `to` what is selected below `from`. False: no room. */
static bool merge(struct fields *f, unsigned to, unsigned from)
{
    f->node[to].whole |= f->node[from].whole;
    for (unsigned i = f->node[from].child; i; i = f->node[i].next) {
        unsigned mine = child_of(f, to, f->node[i].name);
        if (!mine || !merge(f, mine, i))
            return false;
    }
    return true;
}

/* Merges every "*" into its siblings, from the top down. False: no room. */
static bool spread_stars(struct fields *f, unsigned parent)
{
    if (f->node[parent].whole)
        return true;
    unsigned star = find_child(f, parent, span_of("*"));
    if (star && f->node[star].whole) {
        f->node[parent].whole = true;
        return true;
    }
    for (unsigned i = f->node[parent].child; i; i = f->node[i].next) {
        if (star && i != star && !merge(f, i, star))
            return false;
    }
    for (unsigned i = f->node[parent].child; i; i = f->node[i].next) {
        if (!spread_stars(f, i))
            return false;
    }
    return true;
}

static enum rc refuse(struct span what, struct err *e)
{
    size_t n = what.n < 200 ? what.n : 200;
    while (n < what.n && n > 0 && ((unsigned char)what.p[n] & 0xC0) == 0x80)
        n--;
    return err_set(e, RC_INVALID, "Invalid field selection %.*s", (int)n, what.p);
}

static bool is_known(struct span known, struct span name)
{
    char text[FIELDS_NAME_MAX + 1];
    memcpy(text, name.p, name.n);
    text[name.n] = '\0';
    return json_get(known, text).n > 0;
}

enum rc fields_compile(struct fields *ret, struct span text, struct span known, struct err *e)
{
    ret->n = 0;
    if (text.n == 0)
        return RC_OK;
    struct parser ps = {.f = ret, .p = text.p, .end = text.p + text.n};
    ret->node[ret->n++] = (struct fields_node){0};
    struct span wrong = text;
    if (!parse_selection(&ps, 0, 0) || ps.p != ps.end)
        goto invalid;
    for (unsigned i = ret->node[0].child; known.n > 0 && i; i = ret->node[i].next) {
        wrong = ret->node[i].name;
        if (!is_star(wrong) && !is_known(known, wrong))
            goto invalid;
    }
    wrong = text;
    if (spread_stars(ret, 0))
        return RC_OK;
invalid:
    ret->n = 0;
    return refuse(wrong, e);
}

/* `key` is raw text between quotes. */
static const struct fields_node *select_member(const struct fields *f, const struct fields_node *at,
                                               struct span key)
{
    char decoded[FIELDS_NAME_MAX + 1];
    if (memchr(key.p, '\\', key.n)) {
        struct span quoted = {key.p - 1, key.n + 2};
        key = json_string_copy(quoted, decoded, sizeof(decoded)) ? span_of(decoded)
                                                                 : (struct span){0};
    }
    const struct fields_node *star = NULL;
    for (unsigned i = at->child; i; i = f->node[i].next) {
        const struct fields_node *child = &f->node[i];
        if (span_eq(child->name, key))
            return child;
        if (is_star(child->name))
            star = child;
    }
    return star;
}

static bool is_container(struct span value)
{
    return value.n > 0 && (value.p[0] == '{' || value.p[0] == '[');
}

/* The value is an object or an array, or the node is whole. */
static void put_value(const struct fields *f, const struct fields_node *at, struct span value,
                      struct buf *out)
{
    if (at->whole) {
        json_reformat(out, value, 0, 0);
        return;
    }
    struct json_iter it = json_iter(value);
    bool object = value.p[0] == '{', first = true;
    struct span key, member;
    buf_add_char(out, object ? '{' : '[');
    while (json_next(&it, &key, &member)) {
        const struct fields_node *next = object ? select_member(f, at, key) : at;
        if (!next || (!next->whole && !is_container(member)))
            continue;
        if (!first)
            buf_add_char(out, ',');
        first = false;
        if (object) {
            buf_add(out, key.p - 1, key.n + 2);
            buf_add_char(out, ':');
        }
        put_value(f, next, member, out);
    }
    buf_add_char(out, object ? '}' : ']');
}

void fields_apply(const struct fields *f, struct span json, struct buf *out)
{
    static const struct fields_node everything = {.whole = true};
    struct json_iter it = json_iter(json);
    if (f->n == 0 || !it.p) /* nothing to select from in a bare string or number */
        put_value(f, &everything, json, out);
    else
        put_value(f, &f->node[0], (struct span){it.p - 1, (size_t)(it.end - it.p) + 2}, out);
}

static bool visit_value(const struct fields *f, const struct fields_node *at, struct span value,
                        bool (*visit)(void *arg, struct span value), void *arg)
{
    if (at->whole)
        return visit(arg, value);
    if (!is_container(value))
        return false;
    struct json_iter it = json_iter(value);
    bool object = it.object;
    struct span key, member;
    while (json_next(&it, &key, &member)) {
        const struct fields_node *next = object ? select_member(f, at, key) : at;
        if (next && visit_value(f, next, member, visit, arg))
            return true;
    }
    return false;
}

bool fields_visit(const struct fields *f, struct span json,
                  bool (*visit)(void *arg, struct span value), void *arg)
{
    if (f->n == 0)
        return visit(arg, json);
    return visit_value(f, &f->node[0], json, visit, arg);
}
