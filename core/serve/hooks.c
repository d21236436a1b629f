/* hooks: what became of what hooks were told, and another try for what they did not take. */
#include <inttypes.h>

#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/push/push.h"
#include "core/serve/fault.h"
#include "core/serve/handlers.h"
#include "core/serve/server.h"

void hooks_get(struct call *c)
{
    buf_add_text(&c->out, "{\"hooks\":");
    if (c->serve->push)
        hooks_write(push_hooks(c->serve->push), &c->out);
    else
        buf_add_text(&c->out, "[]");
    buf_add_char(&c->out, '}');
}

/* False: answered. */
static bool read_order(struct call *c, char *hook, size_t size, bool *ret_drop, int64_t *ret_number)
{
    struct err e = {0};
    char what[16] = "";

    if (json_check(c->body, &e) != RC_OK || json_type_of(c->body) != JSON_OBJECT)
        return call_fail(c, FAULT_PARSE, NULL, NULL);
    if (!json_string_copy(json_get(c->body, "hook"), hook, size))
        return call_fail(c, FAULT_REQUIRED, "hook", NULL);
    (void)json_string_copy(json_get(c->body, "do"), what, sizeof what);
    *ret_drop = strcmp(what, "drop") == 0;
    if (!*ret_drop && strcmp(what, "retry") != 0)
        return call_fail(c, FAULT_INVALID, "do", "Say retry or drop.");
    struct span number = json_get(c->body, "number");
    if (number.n && (!json_int64(number, ret_number) || *ret_number <= 0))
        return call_fail(c, FAULT_INVALID, "number", NULL);
    return true;
}

void hooks_post(struct call *c)
{
    char hook[LIMIT_NAME_BYTES + 1];
    int64_t number = 0;
    uint64_t n = 0;
    bool drop = false;
    struct err e = {0};

    if (!c->serve->push) {
        (void)call_fail(c, FAULT_NOT_FOUND, NULL, NULL);
        return;
    }
    if (!read_order(c, hook, sizeof hook, &drop, &number))
        return;
    enum rc rc = hooks_dead(push_hooks(c->serve->push), hook, (uint64_t)number, drop, &n, &e);

    if (rc == RC_NOTFOUND)
        (void)call_fail(c, FAULT_NOT_FOUND, NULL, "There is no such hook or dead letter.");
    else if (rc)
        (void)call_fail_internal(c, &e);
    else
        buf_printf(&c->out, "{\"letters\":%" PRIu64 "}", n);
}
