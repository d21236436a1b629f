/* follow: the service's stream of changes, followed across its ends and restarts. */
#include "cmd/calmirror/follow.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "core/base/json.h"
#include "core/base/rand.h"
#include "core/base/text.h"

#define RETRY_MS      1000  /* until the service says otherwise */
#define RETRY_MOST_MS 30000 /* doubled up to here while nobody answers */
#define ID_MAX        128

struct state {
    const struct follower *f;
    struct buf line; /* not complete yet */
    char type[32], id[ID_MAX], last_id[ID_MAX];
    struct buf data;
    int64_t retry_ms;
    bool met; /* a whole event came */
    bool enough;
};

/* An empty line: what came before is an event. Its id counts once it was taken. */
static void dispatch(struct state *s)
{
    struct span json = buf_span(&s->data);
    bool told = json.n > 0 && json_check(json, NULL) == RC_OK;
    s->met |= told;
    if (told && strcmp(s->type, "hello") != 0 && strcmp(s->type, "end") != 0)
        s->enough = !s->f->take(s->f->arg, s->type, json);
    if (s->id[0])
        memcpy(s->last_id, s->id, sizeof(s->last_id));
    buf_reset(&s->data);
    s->type[0] = s->id[0] = '\0';
}

static void take_line(struct state *s, struct span line)
{
    const char *colon = line.n > 0 ? memchr(line.p, ':', line.n) : NULL;
    size_t n = colon ? (size_t)(colon - line.p) : line.n;
    struct span name = {line.p, n};
    struct span value = {line.p + n + 1, colon ? line.n - n - 1 : 0};
    if (line.n == 0) {
        dispatch(s);
        return;
    }
    if (value.n > 0 && value.p[0] == ' ')
        value = (struct span){value.p + 1, value.n - 1};
    if (span_is(name, "event"))
        (void)text_copy(s->type, sizeof(s->type), value);
    else if (span_is(name, "id"))
        (void)text_copy(s->id, sizeof(s->id), value);
    else if (span_is(name, "data"))
        buf_add_span(&s->data, value);
    else if (span_is(name, "retry"))
        (void)text_to_i64(value, &s->retry_ms);
}

static bool take_piece(void *arg, struct span piece)
{
    struct state *s = arg;
    while (piece.n > 0 && !s->enough) {
        const char *end = memchr(piece.p, '\n', piece.n);
        size_t n = end ? (size_t)(end - piece.p) : piece.n;
        buf_add(&s->line, piece.p, n);
        piece = (struct span){piece.p + n, piece.n - n};
        if (!end)
            break;
        piece = (struct span){piece.p + 1, piece.n - 1};
        take_line(s, buf_span(&s->line));
        buf_reset(&s->line);
    }
    return !s->enough && !s->line.failed && !s->data.failed;
}

static void alive(void *arg)
{
    struct state *s = arg;
    if (s->f->alive)
        s->f->alive(s->f->arg);
}

/* Waits, with signs of life. */
static void pause_for(struct cli *cli, struct state *s, int64_t ms)
{
    struct err e;
    for (int64_t slept = 0; slept < ms; slept += 500) {
        (void)http_pause(cli->http, ms - slept < 500 ? ms - slept : 500, &e);
        alive(s);
    }
}

int follow(struct cli *cli, const char *query, const struct follower *f)
{
    struct state s = {.f = f, .retry_ms = RETRY_MS};
    struct cli_taker taker = {take_piece, alive, &s};
    struct buf path = {0};
    struct err why = {0};
    bool ever = false;
    int64_t wait_ms = 0;
    int status;
    buf_printf(&path, "/v1/stream%s%s", query[0] ? "?" : "", query);
    for (;;) {
        s.met = false;
        status = cli_stream(cli, buf_text(&path), s.last_id, &taker);
        buf_reset(&s.line);
        buf_reset(&s.data);
        s.type[0] = s.id[0] = '\0';
        if (s.met && !ever)
            cli->silent = &why; /* from now on an outage is ours to bridge */
        ever |= s.met;
        bool passing = status == EX_OK || status == EX_UNAVAILABLE || status == EX_TEMPFAIL;
        if (s.enough || !ever || !passing)
            break;
        wait_ms = s.met || wait_ms == 0 ? s.retry_ms : 2 * wait_ms;
        if (wait_ms > RETRY_MOST_MS)
            wait_ms = RETRY_MOST_MS;
        pause_for(cli, &s, rand_between(wait_ms / 2, wait_ms));
    }
    cli->silent = NULL;
    if (ever && !s.enough && why.text[0])
        (void)cli_fail(status, "%s", why.text);
    buf_release(&path);
    buf_release(&s.line);
    buf_release(&s.data);
    return status;
}
