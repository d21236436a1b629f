/* router: from a path to its handler, by way of credentials, scopes and quota. */
#include "tests/emulator/router.h"

#include <string.h>

#include "tests/emulator/emu.h"
#include "tests/emulator/reply.h"

/* Compares one segment of the pattern; "{}" takes any that is not empty. */
static bool matches(const struct route *route, struct req *r)
{
    const char *p = route->pattern + 1;
    int args = 0;
    for (int i = 0; i < r->n_segments; i++) {
        size_t n = strcspn(p, "/");
        if (n == 2 && memcmp(p, "{}", 2) == 0) {
            if (r->segment[i][0] == '\0') {
                return false;
            }
            r->arg[args++] = r->segment[i];
        } else if (strlen(r->segment[i]) != n || memcmp(p, r->segment[i], n) != 0) {
            return false;
        }
        p += n;
        if (*p == '\0') {
            return i + 1 == r->n_segments;
        }
        p++;
    }
    return false;
}

static const char *method_of(const struct req *r)
{
    const char *override = req_header(r, "X-HTTP-Method-Override");
    if (override != NULL && strcmp(r->method, "POST") == 0) {
        return override;
    }
    return strcmp(r->method, "HEAD") == 0 ? "GET" : r->method;
}

static const struct route *find(const struct route *table, struct req *r, bool *ret_path_known)
{
    const char *method = method_of(r);
    *ret_path_known = false;
    for (const struct route *route = table; route->method != NULL; route++) {
        if (matches(route, r)) {
            *ret_path_known = true;
            if (strcmp(route->method, method) == 0) {
                return route;
            }
        }
    }
    return NULL;
}

void router_dispatch(struct req *r)
{
    bool known;
    r->route = find(API_ROUTES, r, &known);
    if (r->route == NULL) {
        reply_error(r, known ? &(struct api_error){405, "global", "httpMethodNotAllowed",
                                                   "Method Not Allowed", NULL, NULL}
                             : &NOT_FOUND);
        return;
    }
    if (r->route->rpc != NULL) {
        if (!auth_check(r)) {
            return;
        }
        if ((r->scopes & r->route->scopes) == 0) {
            reply_scope_missing(r);
            return;
        }
        if (!quota_admit(r)) {
            return;
        }
        if (r->user->no_calendar) {
            reply_error(r, &(struct api_error){403, "calendar", "notACalendarUser",
                                               "The user must be signed up for Google Calendar.",
                                               NULL, NULL});
            return;
        }
    }
    r->route->handler(r);
}

void router_dispatch_control(struct req *r)
{
    bool known;
    const struct route *route = find(CONTROL_ROUTES, r, &known);
    if (route == NULL) {
        struct json_object *o = json_object_new_object();
        json_put_str(o, "error", known ? "method not allowed" : "no such control path");
        req_answer(r, known ? 405 : 404, o);
        return;
    }
    route->handler(r);
}
