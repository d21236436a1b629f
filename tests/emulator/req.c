/* req: one HTTP request on its way through the emulator. */
#include "tests/emulator/req.h"

#include <stdlib.h>
#include <string.h>

static void params_free(struct param *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(p[i].name);
        free(p[i].value);
    }
    free(p);
}

static struct param *params_add(struct param **p, size_t *n)
{
    *p = xgrow(*p, (*n + 1) * sizeof(**p));
    return &(*p)[(*n)++];
}

static void split_query(struct req *r)
{
    for (const char *s = r->raw_query; *s;) {
        size_t n = strcspn(s, "&");
        size_t name = strcspn(s, "=&");
        if (n > 0) {
            struct param *p = params_add(&r->params, &r->n_params);
            p->name = url_decode(s, name, true);
            p->value = name < n ? url_decode(s + name + 1, n - name - 1, true) : xstrdup("");
        }
        s += n + (s[n] == '&');
    }
}

static void split_path(struct req *r, const char *path, size_t n)
{
    r->path = url_decode(path, n, false);
    const char *end = path + n;
    for (const char *s = path + (n > 0); r->n_segments < REQ_SEGMENTS;) {
        const char *slash = memchr(s, '/', (size_t)(end - s));
        const char *stop = slash ? slash : end;
        r->segment[r->n_segments++] = url_decode(s, (size_t)(stop - s), false);
        if (slash == NULL) {
            break;
        }
        s = slash + 1;
    }
}

struct req *req_new(struct emu *emu, const char *uri)
{
    struct req *r = xalloc(sizeof(*r));
    r->emu = emu;
    r->uri = xstrdup(uri);
    r->begun_us = real_us();
    const char *mark = strchr(uri, '?');
    size_t path = mark ? (size_t)(mark - uri) : strlen(uri);
    r->raw_query = xstrdup(mark ? mark + 1 : "");
    split_path(r, uri, path);
    split_query(r);
    return r;
}

void req_free(struct req *r)
{
    params_free(r->params, r->n_params);
    params_free(r->headers, r->n_headers);
    for (int i = 0; i < r->n_segments; i++) {
        free(r->segment[i]);
    }
    buf_free(&r->body);
    buf_free(&r->out);
    free(r->etag);
    free(r->uri);
    free(r->path);
    free(r->raw_query);
    free(r);
}

const char *req_header(const struct req *r, const char *name)
{
    return MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, name);
}

const char *req_param(const struct req *r, const char *name)
{
    for (size_t i = 0; i < r->n_params; i++) {
        if (strcmp(r->params[i].name, name) == 0) {
            return r->params[i].value;
        }
    }
    return NULL;
}

bool req_is_control(const struct req *r)
{
    return r->n_segments > 0 && strcmp(r->segment[0], "_emulator") == 0;
}

void req_add_header(struct req *r, const char *name, const char *value)
{
    struct param *p = params_add(&r->headers, &r->n_headers);
    *p = (struct param){xstrdup(name), xstrdup(value)};
}

void req_answer_text(struct req *r, int status, const char *text)
{
    r->status = status;
    r->content_type = "application/json; charset=UTF-8";
    r->out.len = 0;
    buf_str(&r->out, text);
}

void req_answer(struct req *r, int status, struct json_object *o)
{
    req_answer_text(r, status, json_text(o));
    r->indent = 1;
    json_object_put(o);
}

void req_answer_empty(struct req *r, int status)
{
    r->status = status;
    r->content_type = NULL;
    r->out.len = 0;
}
