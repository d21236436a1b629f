/* fault: rules that make requests fail, wait, break off or crawl. */
#include "tests/emulator/fault.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/emu.h"
#include "tests/emulator/reply.h"
#include "tests/emulator/server.h"

static const char HTML_BODY[] =
    "<!DOCTYPE html>\n<html lang=en>\n<title>Error 502 (Server Error)!!1</title>\n"
    "<p><b>502.</b> <ins>That&rsquo;s an error.</ins>\n"
    "<p>The server encountered a temporary error and could not complete your request.\n</html>\n";

/* The body of a status rule: given, or made in Google's form from reason and message. */
static bool read_body(struct fault *f)
{
    struct json_object *body = json_get(f->spec, "body");
    const char *coded = json_str(f->spec, "body_base64");
    f->content_type =
        xstrdup(json_str_or(f->spec, "content_type", "application/json; charset=UTF-8"));
    if (json_flag(f->spec, "html", false)) {
        xreplace(&f->content_type, xstrdup("text/html; charset=UTF-8"));
        buf_str(&f->body, HTML_BODY);
    } else if (coded != NULL) {
        size_t n;
        unsigned char *raw = b64url_decode(coded, &n);
        if (raw == NULL) {
            return false;
        }
        buf_add(&f->body, raw, n);
        free(raw);
    } else if (json_object_is_type(body, json_type_string)) {
        buf_str(&f->body, json_object_get_string(body));
    } else if (body != NULL) {
        buf_str(&f->body, json_text(body));
    } else if (json_str(f->spec, "reason") != NULL) {
        const char *domain = json_str_or(f->spec, "domain", "global");
        const char *reason = json_str(f->spec, "reason");
        const char *message = json_str_or(f->spec, "message", reason);
        buf_str(&f->body, "{\"error\":{\"errors\":[{\"domain\":");
        buf_quote(&f->body, domain);
        buf_str(&f->body, ",\"reason\":");
        buf_quote(&f->body, reason);
        buf_str(&f->body, ",\"message\":");
        buf_quote(&f->body, message);
        buf_printf(&f->body, "}],\"code\":%d,\"message\":", f->status);
        buf_quote(&f->body, message);
        buf_str(&f->body, "}}");
    }
    return true;
}

static void fault_free(struct fault *f)
{
    if (f->is_regex) {
        regfree(&f->regex);
    }
    json_object_put(f->spec);
    buf_free(&f->body);
    free(f->match);
    free(f->query);
    free(f->user);
    free(f->content_type);
    free(f);
}

static struct fault *fault_parse(struct json_object *spec, const char **ret_why)
{
    struct fault *f = xalloc(sizeof(*f));
    f->refs = 1;
    f->spec = json_object_get(spec);
    f->match = xstrdup(json_str_or(spec, "match", "*"));
    f->query = xstrdup(json_str(spec, "query"));
    f->user = xstrdup(json_str(spec, "user"));
    f->skip = json_int(spec, "skip", 0);
    f->count = json_int(spec, "count", 1);
    f->after = strcmp(json_str_or(spec, "when", "before"), "after") == 0;
    f->status = (int)json_int(spec, "status", json_flag(spec, "html", false) ? 502 : 0);
    f->delay_ms = json_int(spec, "delay_ms", 0);
    f->truncate_bytes = json_int(spec, "truncate_bytes", -1);
    f->keep_bytes = json_int(spec, "keep_bytes", -1);
    struct json_object *trickle = json_get_object(spec, "trickle");
    f->trickle_bytes = json_int(trickle, "bytes", trickle ? 100 : -1);
    f->trickle_ms = json_int(trickle, "every_ms", 100);
    f->hold = json_flag(spec, "hold", false);
    f->hang = json_flag(spec, "hang", false);
    f->drop = json_flag(spec, "drop", false);
    *ret_why = NULL;
    if (f->match[0] == '~') {
        f->is_regex = regcomp(&f->regex, f->match + 1, REG_EXTENDED | REG_NOSUB) == 0;
        *ret_why = f->is_regex ? NULL : "match: not a regular expression";
    }
    if (f->status != 0 && (f->status < 100 || f->status > 599)) {
        *ret_why = "status: not an HTTP status";
    } else if (!read_body(f)) {
        *ret_why = "body_base64: not base64url";
    }
    if (*ret_why != NULL) {
        fault_free(f);
        return NULL;
    }
    return f;
}

struct fault *fault_add(struct faults *fs, struct json_object *spec, const char **ret_why)
{
    struct fault *f = fault_parse(spec, ret_why);
    if (f == NULL) {
        return NULL;
    }
    f->id = ++fs->last_id;
    struct fault **end = &fs->first;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = f;
    return f;
}

int fault_delete(struct faults *fs, uint64_t id)
{
    int n = 0;
    for (struct fault **p = &fs->first; *p != NULL;) {
        struct fault *f = *p;
        if (id == 0 || f->id == id) {
            *p = f->next;
            fault_put(f);
            n++;
        } else {
            p = &f->next;
        }
    }
    return n;
}

void faults_release(struct faults *fs)
{
    fault_delete(fs, 0);
}

struct json_object *fault_describe(const struct fault *f)
{
    struct json_object *o = json_copy(f->spec);
    json_put_int(o, "id", (int64_t)f->id);
    json_put_int(o, "hits", (int64_t)f->hits);
    json_put_int(o, "left", f->count);
    return o;
}

static bool strikes(const struct fault *f, const struct req *r)
{
    char *what = xprintf("%s %s", r->method, r->path);
    bool hit =
        f->is_regex ? regexec(&f->regex, what, 0, NULL, 0) == 0 : fnmatch(f->match, what, 0) == 0;
    free(what);
    if (hit && f->query != NULL) {
        hit = fnmatch(f->query, r->raw_query, 0) == 0;
    }
    if (hit && f->user != NULL) {
        const char *user = auth_peek((struct req *)r);
        hit = user != NULL && fnmatch(f->user, user, 0) == 0;
    }
    return hit;
}

struct fault *fault_find(struct faults *fs, const struct req *r)
{
    for (struct fault *f = fs->first; f != NULL; f = f->next) {
        if (f->count == 0 || !strikes(f, r)) {
            continue;
        }
        if (f->skip > 0) {
            f->skip--;
            continue;
        }
        f->hits++;
        f->refs++;
        f->count -= f->count > 0;
        return f;
    }
    return NULL;
}

void fault_put(struct fault *f)
{
    if (f != NULL && --f->refs == 0) {
        fault_free(f);
    }
}

bool fault_wait(struct req *r)
{
    if (r->fault->hold || r->fault->hang) {
        r->held = true;
        return true;
    }
    if (r->fault->delay_ms > 0) {
        server_wake_later(r, r->fault->delay_ms);
        return true;
    }
    return false;
}

bool fault_replace(struct req *r)
{
    const struct fault *f = r->fault;
    if (f->status == 0) {
        return false;
    }
    req_answer_empty(r, f->status);
    buf_add(&r->out, f->body.p, f->body.len);
    r->content_type = f->content_type;
    r->indent = 0;
    struct json_object *headers = json_get_object(f->spec, "headers");
    if (headers != NULL) {
        json_object_object_foreach(headers, name, value)
        {
            req_add_header(r, name, json_object_get_string(value));
        }
    }
    return true;
}

int faults_release_held(struct emu *e, uint64_t fault_id, int count, bool hung)
{
    int n = 0;
    /* The oldest request stands last in the list. */
    struct req *r = e->live;
    while (r != NULL && r->next_live != NULL) {
        r = r->next_live;
    }
    for (; r != NULL && n != count; r = r->prev_live) {
        if (r->held && (fault_id == 0 || r->fault->id == fault_id) && (hung || r->fault->hold)) {
            r->held = false;
            server_wake(r);
            n++;
        }
    }
    return n;
}
