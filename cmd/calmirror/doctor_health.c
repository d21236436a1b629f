/* doctor_health: what the service itself finds out of order, and hooks that do not take what they
 * are told. */
#include <sysexits.h>

#include "cmd/calmirror/doctor.h"
#include "cmd/calmirror/fields.h"
#include "core/base/json.h"
#include "core/base/limits.h"

static void say_reasons(struct doctor *d)
{
    struct json_iter it = json_iter(json_path(buf_span(&d->status), "health", "reasons", NULL));
    struct span reason;
    bool any = false;
    while (json_next(&it, NULL, &reason)) {
        struct buf text = {0};
        if (json_string(reason, &text))
            doctor_say(d, LEVEL_WARN, "health",
                       "see the lines about it, or journalctl -u calmirrord", "%s",
                       buf_text(&text));
        any = true;
        buf_release(&text);
    }
    if (!any)
        doctor_say(d, LEVEL_OK, "health", NULL, "the service finds nothing out of order");
}

static void check_hook(struct doctor *d, struct span hook)
{
    char name[LIMIT_NAME_BYTES + 1];
    struct json_iter failing = json_iter(json_get(hook, "failing"));
    struct span at;
    long long dead = (long long)field_number(hook, "dead", 0);
    (void)field_text(hook, "name", name, sizeof(name));
    if (dead > 0)
        doctor_say(d, LEVEL_WARN, "hook",
                   "calmirror hooks shows them, and delivers them again or drops them",
                   "%s: %lld changes were given up", name, dead);
    else if (json_next(&failing, NULL, &at))
        doctor_say(d, LEVEL_WARN, "hook", "calmirror hooks says why",
                   "%s: does not take its changes", name);
    else
        doctor_say(d, LEVEL_OK, "hook", NULL, "%s: has taken all its changes", name);
}

void doctor_health(struct doctor *d)
{
    struct buf hooks = {0};
    struct err e = {0};
    struct span hook;
    if (!d->running)
        return;
    say_reasons(d);
    d->cli->silent = &e;
    if (cli_get(d->cli, "/v1/hooks", &hooks) == EX_OK) {
        struct json_iter it = json_iter(json_get(buf_span(&hooks), "hooks"));
        while (json_next(&it, NULL, &hook))
            check_hook(d, hook);
    } else {
        doctor_say(d, LEVEL_SKIP, "hook", NULL, "%s", e.text);
    }
    d->cli->silent = NULL;
    buf_release(&hooks);
}
