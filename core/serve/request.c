/* request: from the bytes of a request to its route and typed parameters. */
#include "core/serve/request.h"

#include <string.h>
#include <strings.h>

#include "core/base/floor.h"
#include "core/base/gunzip.h"
#include "core/base/limits.h"
#include "core/base/must.h"
#include "core/base/rfc3339.h"
#include "core/base/text.h"
#include "core/calendar/zone.h"
#include "core/serve/fault.h"
#include "core/serve/routes.h"

bool request_unpack(struct call *c)
{
    const char *coding = c->body.n ? c->header(c->source, "Content-Encoding") : NULL;
    struct gunzip g = {0};
    if (!coding || strcasecmp(coding, "identity") == 0)
        return true;
    if (strcasecmp(coding, "gzip") != 0 && strcasecmp(coding, "x-gzip") != 0)
        return call_fail(c, FAULT_CODING, "Content-Encoding", NULL);
    enum rc rc = gunzip_add(&g, c->body.p, c->body.n, &c->unpacked, LIMIT_REQUEST_BYTES, NULL);
    bool whole = rc == RC_OK && gunzip_whole(&g);
    gunzip_release(&g);
    if (rc == RC_SYS)
        return call_fail(c, FAULT_INTERNAL, NULL, NULL);
    if (!whole)
        return call_fail(c, rc == RC_BADDATA ? FAULT_BODY_TOO_LARGE : FAULT_PARSE, NULL, NULL);
    c->body = buf_span(&c->unpacked);
    return true;
}

void request_take_override(struct call *c)
{
    const char *override = NULL, *type;
    if (strcmp(c->method, "POST") == 0)
        override = c->header(c->source, "X-HTTP-Method-Override");
    if (!override)
        return;
    type = c->header(c->source, "Content-Type");
    c->method = override;
    if (strcmp(override, "GET") == 0 && c->query.n == 0 && type &&
        strncmp(type, "application/x-www-form-urlencoded", 33) == 0)
        c->query = c->body;
}

static bool find_param(struct span name, enum param *ret)
{
    for (unsigned i = 0; i < PARAM_COUNT; i++)
        if (span_eq(name, (struct span){param_specs[i].name, param_specs[i].name_n})) {
            *ret = (enum param)i;
            return true;
        }
    return false;
}

static bool read_int(struct call *c, enum param which, struct span text, int64_t *ret)
{
    const char *name = param_specs[which].name;
    int64_t n = 0;
    if (!text_to_i64(text, &n))
        return call_fail(c, FAULT_INVALID_PARAM, name, "Invalid integer value: '%.*s'.",
                         (int)text.n, text.p);
    if (n < 1 || n > INT32_MAX)
        return call_fail(c, FAULT_INVALID_PARAM, name,
                         "Invalid value '%.*s'. Values must be within the range: [1, %d]",
                         (int)text.n, text.p, INT32_MAX);
    *ret = n;
    return true;
}

static bool read_choice(struct call *c, enum param which, struct span text, int64_t *ret)
{
    const struct param_spec *spec = &param_specs[which];
    struct buf all = {.cap = 512};
    for (unsigned i = 0; spec->choices[i]; i++) {
        if (span_is(text, spec->choices[i])) {
            *ret = i;
            buf_release(&all);
            return true;
        }
        buf_printf(&all, "%s%s", i ? ", " : "", spec->choices[i]);
    }
    (void)call_fail(c, FAULT_INVALID_PARAM, spec->name,
                    "Invalid string value: '%.*s'. Allowed values: [%s]", (int)text.n, text.p,
                    buf_text(&all));
    buf_release(&all);
    return false;
}

static bool read_zone(struct call *c, struct span text)
{
    char name[ZONE_NAME_MAX];
    if (text_copy(name, sizeof name, text) && zone_find(name))
        return true;
    return call_fail(c, FAULT_INVALID, "timeZone", "Invalid time zone: '%.*s'.", (int)text.n,
                     text.p);
}

/* Python's requests writes True, for one. */
static bool read_bool(struct span text, bool *ret)
{
    static const struct {
        const char *word;
        bool on;
    } spellings[] = {{"true", true}, {"false", false}, {"1", true}, {"0", false}};
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
        if (span_is_word(text, spellings[i].word)) {
            *ret = spellings[i].on;
            return true;
        }
    return false;
}

/* Reads one value into p. `text` is decoded and stays where it is. */
static bool read_value(struct call *c, struct params *p, enum param which, struct span text)
{
    const struct param_spec *spec = &param_specs[which];
    struct param_value v = {.text = text};
    bool on = false;
    /* Google's client for Go sends an empty one when a call is used again after all its pages. */
    if (text.n == 0 && which == PARAM_PAGE_TOKEN)
        return true;
    switch (spec->type) {
    case PARAM_BOOL:
        if (!read_bool(text, &on))
            return call_fail(c, FAULT_INVALID_PARAM, spec->name, "Invalid boolean value: '%.*s'.",
                             (int)text.n, text.p);
        v.number = on;
        break;
    case PARAM_INT:
        if (!read_int(c, which, text, &v.number))
            return false;
        break;
    case PARAM_CHOICE:
        if (!read_choice(c, which, text, &v.number))
            return false;
        if (spec->repeated)
            v.number = p->v[which].number | INT64_C(1) << v.number;
        break;
    case PARAM_TIME:
        if (!rfc3339_time(text, &v.number, NULL, NULL))
            return call_fail(c, FAULT_BAD_REQUEST, spec->name, NULL);
        v.number = floor_s(v.number) * 1000; /* bounds count in whole seconds */
        break;
    case PARAM_ZONE:
        if (!read_zone(c, text))
            return false;
        break;
    case PARAM_TEXT:
        break;
    }
    if (spec->repeated && spec->type == PARAM_TEXT) {
        if (p->n_repeated == PARAM_REPEATED_MAX)
            return call_fail(c, FAULT_INVALID_PARAM, spec->name, "Given too often.");
        p->repeated[p->n_repeated].which = which;
        p->repeated[p->n_repeated++].text = text;
    }
    p->v[which] = v;
    p->given |= PARAM_BIT(which);
    return true;
}

/* Decodes one piece of a query into `hold`, which has room. *ret_value is empty without '='. */
static bool decode_pair(struct span piece, struct buf *hold, struct span *ret_name,
                        struct span *ret_value)
{
    const char *eq = memchr(piece.p, '=', piece.n);
    size_t n = eq ? (size_t)(eq - piece.p) : piece.n;
    size_t at = hold->n;
    if (!text_percent_decode(hold, (struct span){piece.p, n}, true))
        return false;
    *ret_name = (struct span){hold->p + at, hold->n - at};
    at = hold->n;
    if (eq && !text_percent_decode(hold, (struct span){eq + 1, piece.n - n - 1}, true))
        return false;
    *ret_value = (struct span){hold->p + at, hold->n - at};
    return text_is_utf8(*ret_value);
}

struct span query_next(struct span *query)
{
    const char *amp = query->n ? memchr(query->p, '&', query->n) : NULL;
    size_t n = amp ? (size_t)(amp - query->p) : query->n;
    struct span piece = {query->p, n};
    size_t skip = amp ? n + 1 : n;
    *query = (struct span){query->p + skip, query->n - skip};
    return piece;
}

bool params_parse(struct call *c, struct params *p, struct span query, struct buf *hold)
{
    uint64_t known = PARAMS_EVERYWHERE | c->route->params;
    if (!buf_reserve(hold, query.n + 1)) /* so that the decoded text never moves */
        return call_fail(c, FAULT_INTERNAL, NULL, NULL);
    while (query.n) {
        struct span piece = query_next(&query), name, value;
        enum param which;
        if (piece.n == 0)
            continue;
        if (!decode_pair(piece, hold, &name, &value))
            return call_fail(c, FAULT_BAD_REQUEST, NULL, NULL);
        /* Unknown parameters are nobody's mistake: clients send theirs to every Google API. */
        if (find_param(name, &which) && (known & PARAM_BIT(which)) &&
            !read_value(c, p, which, value))
            return false;
    }
    return true;
}

bool params_keep(const struct call *c, struct span query, struct buf *out)
{
    size_t before = out->n;
    char raw[64];
    struct buf name = {.cap = sizeof raw};
    while (query.n) {
        struct span piece = query_next(&query);
        const char *eq = piece.n ? memchr(piece.p, '=', piece.n) : NULL;
        size_t n = eq ? (size_t)(eq - piece.p) : piece.n;
        enum param which;
        buf_reset(&name);
        bool readable = n > 0 && n < sizeof raw &&
                        text_percent_decode(&name, (struct span){piece.p, n}, true);
        must_hold(&name);
        if (!readable || !find_param(buf_span(&name), &which) || !(c->route->params & PARAM_BIT(which)) ||
            param_specs[which].form || which == PARAM_PAGE_TOKEN)
            continue;
        if (out->n > before)
            buf_add_char(out, '&');
        buf_add_span(out, piece);
    }
    buf_release(&name);
    return out->n > before;
}

bool call_parse(struct call *c)
{
    memset(&c->params, 0, sizeof c->params);
    if (!buf_reserve(&c->text, c->path.n + c->query.n + 16))
        return call_fail(c, FAULT_INTERNAL, NULL, NULL);
    return route_find(c) && access_pass(c) && params_parse(c, &c->params, c->query, &c->text);
}
