/* reply: the errors of Google Calendar, in its two body forms. */
#include "tests/emulator/reply.h"

#include <stdlib.h>

#include "tests/emulator/router.h"

const struct api_error NOT_FOUND = {404, "global", "notFound", "Not Found", NULL, NULL};
const struct api_error BAD_REQUEST = {400, "global", "badRequest", "Bad Request", NULL, NULL};
const struct api_error DELETED = {410,  "global", "deleted", "Resource has been deleted",
                                  NULL, NULL};
const struct api_error DUPLICATE = {
    409, "global", "duplicate", "The requested identifier already exists.", NULL, NULL};
const struct api_error PARSE_ERROR = {400, "global", "parseError", "Parse Error", NULL, NULL};
const struct api_error PRECONDITION_FAILED = {
    412, "global", "conditionNotMet", "Precondition Failed", "header", "If-Match"};
const struct api_error TIME_RANGE_EMPTY = {
    400,         "calendar", "timeRangeEmpty", "The specified time range is empty.",
    "parameter", "timeMax"};
const struct api_error NO_WRITER = {
    403,  "calendar", "requiredAccessLevel", "You need to have writer access to this calendar.",
    NULL, NULL};
const struct api_error FORBIDDEN = {403, "global", "forbidden", "Forbidden", NULL, NULL};
const struct api_error BAD_RESOURCE_ID = {400,  "global", "invalid", "Invalid resource id value.",
                                          NULL, NULL};

static struct json_object *error_item(const struct api_error *e)
{
    struct json_object *o = json_object_new_object();
    json_put_str(o, "domain", e->domain);
    json_put_str(o, "reason", e->reason);
    json_put_str(o, "message", e->message);
    json_put_str(o, "locationType", e->location_type);
    json_put_str(o, "location", e->location);
    return o;
}

static struct json_object *list_of(struct json_object *one)
{
    struct json_object *list = json_object_new_array();
    json_object_array_add(list, one);
    return list;
}

static struct json_object *under(const char *key, struct json_object *o)
{
    struct json_object *outer = json_object_new_object();
    json_put(outer, key, o);
    return outer;
}

void reply_error(struct req *r, const struct api_error *e)
{
    struct json_object *error = json_object_new_object();
    json_put(error, "errors", list_of(error_item(e)));
    json_put_int(error, "code", e->status);
    json_put_str(error, "message", e->message);
    req_answer(r, e->status, under("error", error));
}

void reply_bad(struct req *r, const char *reason, const char *message)
{
    reply_error(r, &(struct api_error){400, "global", reason, message, NULL, NULL});
}

void reply_bad_param(struct req *r, const char *name, const char *value, const char *rule)
{
    char *message = xprintf("Invalid value '%s'. Values must %s", value, rule);
    reply_error(r,
                &(struct api_error){400, "global", "invalidParameter", message, "parameter", name});
    free(message);
}

void reply_not_implemented(struct req *r, const char *what)
{
    reply_error(r, &(struct api_error){501, "global", "notImplemented", what, NULL, NULL});
}

struct rpc_error {
    struct api_error item;
    const char *status, *message;
};

static void reply_front(struct req *r, const struct rpc_error *e, struct json_object *details)
{
    struct json_object *error = json_object_new_object();
    json_put_int(error, "code", e->item.status);
    json_put_str(error, "message", e->message);
    json_put(error, "errors", list_of(error_item(&e->item)));
    json_put_str(error, "status", e->status);
    if (details != NULL) {
        json_put(error, "details", list_of(details));
    }
    req_answer(r, e->item.status, under("error", error));
    r->indent = 2;
}

void reply_login_required(struct req *r)
{
    req_add_header(r, "WWW-Authenticate", "Bearer realm=\"https://accounts.google.com/\"");
    reply_front(r,
                &(struct rpc_error){
                    {401, "global", "required", "Login Required.", "header", "Authorization"},
                    "UNAUTHENTICATED",
                    "Request is missing required authentication credential. "
                    "Expected OAuth 2 access token, login cookie or other valid "
                    "authentication credential."},
                NULL);
}

void reply_bad_credentials(struct req *r)
{
    req_add_header(r, "WWW-Authenticate",
                   "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"");
    reply_front(r,
                &(struct rpc_error){
                    {401, "global", "authError", "Invalid Credentials", "header", "Authorization"},
                    "UNAUTHENTICATED",
                    "Request had invalid authentication credentials. Expected "
                    "OAuth 2 access token, login cookie or other valid "
                    "authentication credential."},
                NULL);
}

void reply_scope_missing(struct req *r)
{
    struct json_object *info = json_object_new_object(), *meta = json_object_new_object();
    json_put_str(info, "@type", "type.googleapis.com/google.rpc.ErrorInfo");
    json_put_str(info, "reason", "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
    json_put_str(info, "domain", "googleapis.com");
    json_put_str(meta, "service", "calendar-json.googleapis.com");
    char *method = xprintf("calendar.v3.%s", r->route->rpc);
    json_put_str(meta, "method", method);
    free(method);
    json_put(info, "metadata", meta);
    reply_front(r,
                &(struct rpc_error){{403, "global", "insufficientPermissions",
                                     "Insufficient Permission", NULL, NULL},
                                    "PERMISSION_DENIED",
                                    "Request had insufficient authentication scopes."},
                info);
}

void reply_oauth_error(struct req *r, int status, const char *error, const char *description)
{
    struct json_object *o = json_object_new_object();
    json_put_str(o, "error", error);
    json_put_str(o, "error_description", description);
    req_answer(r, status, o);
    r->indent = 2;
}
