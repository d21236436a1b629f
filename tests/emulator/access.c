/* access: which calendar a request means, and whether its user may. */
#include "tests/emulator/access.h"

#include <string.h>

enum role access_role(const struct req *r, const struct calendar *c)
{
    return world_role(r->user, c);
}

struct calendar *access_calendar(struct req *r, enum role need)
{
    const char *id = r->arg[0];
    id = strcmp(id, "primary") == 0 ? r->user->email : id;
    struct calendar *c = world_calendar(&r->emu->world, id);
    enum role role = c ? access_role(r, c) : ROLE_NONE;
    if (role == ROLE_NONE) {
        reply_error(r, &NOT_FOUND);
        return NULL;
    }
    if (role < need) {
        reply_error(r, need == ROLE_WRITER ? &NO_WRITER : &FORBIDDEN);
        return NULL;
    }
    return c;
}

struct json_object *access_body(struct req *r)
{
    struct json_object *o = r->body.len ? json_read(r->body.p, r->body.len) : NULL;
    if (!json_object_is_type(o, json_type_object)) {
        json_object_put(o);
        reply_error(r, &PARSE_ERROR);
        return NULL;
    }
    return o;
}

bool access_if_match(struct req *r, const char *etag)
{
    const char *match = req_header(r, "If-Match");
    if (match == NULL || strcmp(match, "*") == 0 || (etag && strcmp(match, etag) == 0)) {
        return true;
    }
    reply_error(r, &PRECONDITION_FAILED);
    return false;
}

char *etag_of_text(const char *text)
{
    struct json_object *o = json_read(text, strlen(text));
    char *etag = xstrdup(json_str(o, "etag"));
    json_object_put(o);
    return etag;
}
