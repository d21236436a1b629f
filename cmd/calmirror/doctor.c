/* doctor: looks at everything the mirror depends on, and says what to do about what is wrong.
 *
 * DESIGN. What the service knows is asked of it; the rest is looked at from here: files, clock,
 * names, ways. Nothing is changed. A check that cannot be made says why and counts as no trouble.
 */
#include "cmd/calmirror/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cmd/calmirror/term.h"
#include "core/base/must.h"

/* Exit status, and how each level is shown. */
static const struct level_info {
    const char *name;
    enum style style;
    int status;
} levels[LEVEL_COUNT] = {
    [LEVEL_OK] = {"ok", STYLE_GOOD, 0},
    [LEVEL_SKIP] = {"skip", STYLE_DIM, 0},
    [LEVEL_WARN] = {"warn", STYLE_WARN, 1},
    [LEVEL_FAIL] = {"FAIL", STYLE_BAD, 2},
};

void doctor_say(struct doctor *d, enum level level, const char *check, const char *advice,
                const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (d->n == d->room) {
        d->room = d->room ? 2 * d->room : 32;
        d->v = must(reallocarray(d->v, d->room, sizeof(*d->v)));
    }
    d->v[d->n++] =
        (struct finding){level, check, must(strdup(text)), advice ? must(strdup(advice)) : NULL};
}

static void print_text(const struct doctor *d)
{
    struct table t = {.columns = 3};
    for (size_t i = 0; i < d->n; i++) {
        const struct finding *f = &d->v[i];
        table_add(&t, levels[f->level].style, levels[f->level].name);
        table_add(&t, STYLE_PLAIN, f->check);
        table_add(&t, STYLE_PLAIN, f->text);
        if (!f->advice)
            continue;
        table_add(&t, STYLE_PLAIN, "");
        table_add(&t, STYLE_PLAIN, "");
        table_addf(&t, STYLE_HEAD, "-> %s", f->advice);
    }
    table_print(&t, stdout);
    table_release(&t);
}

static void print_json(const struct doctor *d, enum level worst)
{
    struct buf out = {0};
    buf_printf(&out, "{\"worst\":\"%s\",\"checks\":[",
               worst == LEVEL_FAIL ? "fail" : levels[worst].name);
    for (size_t i = 0; i < d->n; i++) {
        const struct finding *f = &d->v[i];
        buf_printf(&out, "%s{\"level\":\"%s\",\"check\":\"%s\",\"text\":", i ? "," : "",
                   f->level == LEVEL_FAIL ? "fail" : levels[f->level].name, f->check);
        buf_add_json(&out, span_of(f->text));
        buf_add_text(&out, ",\"advice\":");
        if (f->advice)
            buf_add_json(&out, span_of(f->advice));
        else
            buf_add_text(&out, "null");
        buf_add_char(&out, '}');
    }
    buf_add_text(&out, "]}");
    cli_print_json(buf_span(&out));
    buf_release(&out);
}

static int report(const struct doctor *d)
{
    enum level worst = LEVEL_OK;
    for (size_t i = 0; i < d->n; i++)
        if (d->v[i].level > worst)
            worst = d->v[i].level;
    if (worst == LEVEL_SKIP)
        worst = LEVEL_OK;
    if (d->cli->json)
        print_json(d, worst);
    else
        print_text(d);
    return levels[worst].status;
}

int run_doctor(struct cli *cli)
{
    static void (*const checks[])(struct doctor * d) = {
        doctor_config, doctor_credentials, doctor_google, doctor_service,
        doctor_store,  doctor_calendars,   doctor_health, doctor_webhook,
    };
    struct doctor d = {.cli = cli, .http = must(http_new())};
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        checks[i](&d);
    int status = report(&d);
    for (size_t i = 0; i < d.n; i++) {
        free(d.v[i].text);
        free(d.v[i].advice);
    }
    free(d.v);
    buf_release(&d.status);
    conf_free(d.conf);
    http_free(d.http);
    return status;
}
