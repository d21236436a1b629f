/* discovery: the description of this API that clients build themselves from, made of the route
 * table. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/serve/call.h"
#include "core/serve/handlers.h"
#include "core/serve/routes.h"
#include "core/serve/schemas.h"

#define SERVICE "calendar/v3/"
#define PREFIX  "/" SERVICE
#define BATCH   "batch/calendar/v3"

static const struct {
    const char *name, *doc;
} scopes[] = {
    {"https://www.googleapis.com/auth/calendar", "Read and change calendars"},
    {"https://www.googleapis.com/auth/calendar.readonly", "Read calendars"},
};

/* What the names in braces of the paths mean. */
static const struct {
    const char *name, *doc;
} path_docs[] = {
    {"calendarId", "Id of a calendar as in the calendar list, or primary."},
    {"eventId", "Id of an event, or of an instance of a recurring one."},
    {"ruleId", "Id of an access rule."},
    {"setting", "Id of a setting."},
};

static void put_comma(struct buf *out)
{
    char last = out->n > 0 ? out->p[out->n - 1] : '\0';
    if (last != '{' && last != '[' && last != '\0')
        buf_add_char(out, ',');
}

/* The name of the next member, with its colon. */
static void put_name(struct buf *out, struct span name)
{
    put_comma(out);
    buf_add_json(out, name);
    buf_add_char(out, ':');
}

static void put(struct buf *out, const char *name, const char *text)
{
    put_name(out, span_of(name));
    buf_add_json(out, span_of(text));
}

static void put_json(struct buf *out, const char *name, const char *json)
{
    put_name(out, span_of(name));
    buf_add_text(out, json);
}

static void put_type(struct buf *out, const struct param_spec *spec)
{
    static const struct {
        const char *type, *format;
    } types[] = {
        [PARAM_BOOL] = {"boolean", NULL}, [PARAM_INT] = {"integer", "int32"},
        [PARAM_TEXT] = {"string", NULL},  [PARAM_CHOICE] = {"string", NULL},
        [PARAM_ZONE] = {"string", NULL},  [PARAM_TIME] = {"string", "date-time"},
    };
    put(out, "type", types[spec->type].type);
    if (types[spec->type].format)
        put(out, "format", types[spec->type].format);
}

/* `r`: NULL for the parameters of all methods. */
static void put_param(struct buf *out, enum param which, const struct route *r)
{
    const struct param_spec *spec = &param_specs[which];
    put_json(out, spec->name, "{");
    put_type(out, spec);
    put(out, "description", spec->doc);
    if (spec->type == PARAM_CHOICE) {
        put_json(out, "enum", "[");
        for (size_t i = 0; spec->choices[i]; i++) {
            put_comma(out);
            buf_add_json(out, span_of(spec->choices[i]));
        }
        buf_add_char(out, ']');
    }
    if (spec->type == PARAM_INT)
        put(out, "minimum", "1");
    if (which == PARAM_MAX_RESULTS && r)
        buf_printf(out, ",\"default\":\"%d\"", r->page_default);
    if (spec->repeated)
        put_json(out, "repeated", "true");
    put(out, "location", "query");
    buf_add_char(out, '}');
}

static const char *path_doc(struct span name)
{
    for (size_t i = 0; i < sizeof(path_docs) / sizeof(*path_docs); i++) {
        if (span_is(name, path_docs[i].name))
            return path_docs[i].doc;
    }
    return "";
}

/* The next name in braces of a path, which is cut to what follows it. */
static bool next_path_param(struct span *path, struct span *ret)
{
    const char *open = path->n > 0 ? memchr(path->p, '{', path->n) : NULL;
    const char *close = open ? memchr(open, '}', path->n - (size_t)(open - path->p)) : NULL;
    if (!close)
        return false;
    *ret = (struct span){open + 1, (size_t)(close - open) - 1};
    *path = (struct span){close + 1, path->n - (size_t)(close + 1 - path->p)};
    return true;
}

static void put_params(struct buf *out, const struct route *r)
{
    struct span path = span_of(r->path), name;
    if (memchr(path.p, '{', path.n)) {
        put_json(out, "parameterOrder", "[");
        while (next_path_param(&path, &name)) {
            put_comma(out);
            buf_add_json(out, name);
        }
        buf_add_char(out, ']');
    }
    put_json(out, "parameters", "{");
    for (path = span_of(r->path); next_path_param(&path, &name);) {
        put_name(out, name);
        buf_add_text(out, "{\"type\":\"string\"");
        put(out, "description", path_doc(name));
        buf_add_text(out, ",\"required\":true,\"location\":\"path\"}");
    }
    for (int i = 0; i < PARAM_COUNT; i++) {
        if (r->params & PARAM_BIT(i))
            put_param(out, (enum param)i, r);
    }
    buf_add_char(out, '}');
}

static void put_reference(struct buf *out, const char *name, const char *schema)
{
    if (!schema)
        return;
    put_json(out, name, "{");
    put(out, "$ref", schema);
    if (strcmp(schema, "Channel") == 0 && strcmp(name, "request") == 0)
        put(out, "parameterName", "resource"); /* as Google's has it, for these alone */
    buf_add_char(out, '}');
}

static void put_method(struct buf *out, const struct route *r)
{
    put_json(out, strchr(r->id, '.') + 1, "{");
    buf_printf(out, "\"id\":\"calendar.%s\"", r->id);
    put(out, "path", r->path + strlen(PREFIX));
    put(out, "httpMethod", r->method);
    put(out, "description", r->doc);
    put_params(out, r);
    put_reference(out, "request", r->request);
    put_reference(out, "response", r->response);
    put_json(out, "scopes", "[");
    for (size_t i = 0; i < sizeof(scopes) / sizeof(*scopes); i++) {
        put_comma(out);
        buf_add_json(out, span_of(scopes[i].name));
    }
    buf_add_text(out, "]}");
}

/* Google's methods that are answered; the others have neither. */
static bool is_method(const struct route *r)
{
    return (r->response || r->request) && strchr(r->id, '.') &&
           strncmp(r->path, PREFIX, strlen(PREFIX)) == 0;
}

static bool same_resource(const struct route *a, const struct route *b)
{
    size_t n = strcspn(a->id, ".") + 1;
    return is_method(a) && is_method(b) && strncmp(a->id, b->id, n) == 0;
}

static bool is_first_of_resource(unsigned which)
{
    for (unsigned i = 0; i < which; i++) {
        if (same_resource(&routes[i], &routes[which]))
            return false;
    }
    return is_method(&routes[which]);
}

static void put_resources(struct buf *out)
{
    put_json(out, "resources", "{");
    for (unsigned i = 0; i < n_routes; i++) {
        if (!is_first_of_resource(i))
            continue;
        put_name(out, (struct span){routes[i].id, strcspn(routes[i].id, ".")});
        buf_add_text(out, "{\"methods\":{");
        for (unsigned k = i; k < n_routes; k++) {
            if (same_resource(&routes[i], &routes[k]))
                put_method(out, &routes[k]);
        }
        buf_add_text(out, "}}");
    }
    buf_add_char(out, '}');
}

static void want(bool *wanted, const char *name)
{
    const struct schema *s = name ? schema_find(span_of(name)) : NULL;
    if (s)
        wanted[s - schemas] = true;
}

static void put_schemas(struct buf *out)
{
    bool *wanted = calloc(n_schemas, sizeof(*wanted));
    if (!wanted) {
        out->failed = true;
        return;
    }
    for (unsigned i = 0; i < n_routes; i++) {
        if (is_method(&routes[i])) {
            want(wanted, routes[i].request);
            want(wanted, routes[i].response);
        }
    }
    schemas_close(wanted);
    put_json(out, "schemas", "{");
    for (size_t i = 0; i < n_schemas; i++) {
        if (wanted[i])
            put_json(out, schemas[i].name, schemas[i].text);
    }
    buf_add_char(out, '}');
    free(wanted);
}

static void put_auth(struct buf *out)
{
    put_json(out, "auth", "{\"oauth2\":{\"scopes\":{");
    for (size_t i = 0; i < sizeof(scopes) / sizeof(*scopes); i++) {
        put_json(out, scopes[i].name, "{");
        put(out, "description", scopes[i].doc);
        buf_add_char(out, '}');
    }
    buf_add_text(out, "}}}");
}

static void put_address(struct buf *out, const char *name, const char *root, const char *path)
{
    struct buf whole = {0};
    buf_printf(&whole, "%s%s", root, path);
    put(out, name, buf_text(&whole));
    buf_release(&whole);
}

static void put_identity(struct buf *out)
{
    put(out, "id", "calendar:v3");
    put(out, "name", "calendar");
    put(out, "version", "v3");
    put(out, "title", "Calendar API");
    put(out, "description", "Reads calendars and events from a local mirror of Google Calendar.");
}

/* Appends the document: what is really served, at `root` ("http://127.0.0.1:8080/"). */
static void write_document(struct buf *out, const char *root)
{
    buf_add_char(out, '{');
    put(out, "kind", "discovery#restDescription");
    put(out, "discoveryVersion", "v1");
    put_identity(out);
    put(out, "protocol", "rest");
    put(out, "servicePath", SERVICE);
    put(out, "basePath", PREFIX);
    put(out, "batchPath", BATCH);
    put_address(out, "rootUrl", root, "");
    put_address(out, "baseUrl", root, SERVICE);
    put_json(out, "parameters", "{");
    for (int i = 0; i < PARAM_COUNT; i++) {
        if (PARAMS_EVERYWHERE & PARAM_BIT(i))
            put_param(out, (enum param)i, NULL);
    }
    buf_add_char(out, '}');
    put_auth(out);
    put_schemas(out);
    put_resources(out);
    buf_add_char(out, '}');
}

/* Behind a proxy that speaks TLS the address is what the proxy says that it was asked at. */
static void add_root(const struct call *c, struct buf *root)
{
    const char *host = c->header(c->source, "Host");
    const char *proto = c->header(c->source, "X-Forwarded-Proto");
    buf_printf(root, "%s://%s/", proto && strcasecmp(proto, "https") == 0 ? "https" : "http",
               host ? host : "localhost");
}

void discovery_get(struct call *c)
{
    struct buf root = {0};
    add_root(c, &root);
    write_document(&c->out, buf_text(&root));
    c->out.failed |= root.failed;
    buf_release(&root);
}

void discovery_list(struct call *c)
{
    struct buf root = {0};
    struct buf *out = &c->out;
    add_root(c, &root);
    buf_add_char(out, '{');
    put(out, "kind", "discovery#directoryList");
    put(out, "discoveryVersion", "v1");
    put_json(out, "items", "[{");
    put(out, "kind", "discovery#directoryItem");
    put_identity(out);
    put_address(out, "discoveryRestUrl", buf_text(&root), "discovery/v1/apis/calendar/v3/rest");
    out->failed |= root.failed;
    put(out, "discoveryLink", "./apis/calendar/v3/rest");
    put_json(out, "preferred", "true");
    buf_add_text(out, "}]}");
    buf_release(&root);
}
