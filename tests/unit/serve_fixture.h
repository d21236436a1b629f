/* serve_fixture: a local API over a store that the test fills, asked over real HTTP. */
#ifndef TESTS_UNIT_SERVE_FIXTURE_H
#define TESTS_UNIT_SERVE_FIXTURE_H

#include <sys/resource.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/conf/conf.h"
#include "core/google/decode.h"
#include "core/queue/queue.h"
#include "core/serve/serve.h"
#include "core/sync/batch.h"
#include "storage/changes.h"
#include "tests/unit/http_client.h"
#include "tests/unit/storage_fixture.h"

#define ME    "me@example.com"
#define ZONE  "Europe/Berlin"
#define EV    "/calendar/v3/calendars/" ME "/events"
#define GROUP "team#1/a b@group.calendar.google.com"

#define WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

struct world {
    struct fixture f;
    struct conf *conf;
    struct queue *queue;
    struct serve *serve;
    unsigned port;
    uint32_t home, work;          /* accounts */
    struct collection roster, me; /* of home */
    struct collection other;      /* a calendar of work only */
};

static inline struct conf *world_conf(const char *dir, const char *more)
{
    char path[128];
    struct conf *conf = NULL;
    struct buf problems = {0};
    (void)snprintf(path, sizeof(path), "%s/conf", dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file,
                  "[mirror]\nstate_dir = %s/state\n[api]\nlisten = 127.0.0.1:0\n%s"
                  "[account home]\ntoken_file = /nowhere\nexclude = hidden-*\n"
                  "[account work]\ntoken_file = /nowhere\n",
                  dir, more);
    (void)fclose(file);
    if (conf_load(path, &conf, &problems) != RC_OK)
        fail_msg("%s", buf_text(&problems));
    buf_release(&problems);
    return conf;
}

static inline uint32_t world_account(struct world *w, const char *name)
{
    struct account a = {.state = ACCOUNT_OK};
    (void)snprintf(a.name, sizeof(a.name), "%s", name);
    struct txn *t = begin_write(w->f.store);
    account_put(t, &a);
    commit(t);
    return a.no;
}

static inline struct collection world_coll(struct world *w, uint32_t account, enum coll_kind kind,
                                           const char *calendar, enum coll_state state)
{
    struct collection c = {.account = account,
                           .kind = kind,
                           .state = state,
                           .changed_ms = INT64_C(1770000000000),
                           .fresh_ms = clock_wall_ms() - 3000};
    (void)snprintf(c.calendar, sizeof(c.calendar), "%s", calendar);
    (void)snprintf(c.zone, sizeof(c.zone), "%s", kind == COLL_EVENTS ? ZONE : "");
    struct txn *t = begin_write(w->f.store);
    coll_put(t, &c);
    if (kind == COLL_EVENTS)
        coll_set_head(t, c.no,
                      S("{\"kind\":\"calendar#events\",\"etag\":\"\\\"x\\\"\",\"summary\":\"Mine\","
                        "\"updated\":\"2026-01-02T03:04:05.678Z\",\"timeZone\":\"" ZONE "\","
                        "\"accessRole\":\"owner\",\"defaultReminders\":[]}"));
    commit(t);
    queue_add(w->queue, c.no, account, 0);
    return c;
}

/* Puts an event as a pull would. */
static inline void world_put(struct txn *t, struct collection *c, struct span raw)
{
    struct event_text text = {0};
    struct event ev = {0};
    struct err e = {0};
    if (json_check(raw, &e) != RC_OK ||
        google_decode_event(raw, span_of(c->zone), &text, &ev, &e) != RC_OK)
        fail_msg("%.*s: %s", (int)raw.n, raw.p, e.text);
    extent_widen(&ev);
    (void)event_put(t, c, &ev);
    buf_release(&text.text);
}

static inline void world_event(struct world *w, struct collection *c, const char *json)
{
    struct txn *t = begin_write(w->f.store);
    world_put(t, c, span_of(json));
    coll_put(t, c);
    commit(t);
}

/* Stores n events of one hour at once, "n00000" and so on, each with so many bytes of description;
 * those from `named` on are called "needle". */
static inline void world_many(struct world *w, unsigned n, size_t bytes, unsigned named)
{
    struct buf b = {.cap = LIMIT_EVENT_BYTES};
    char *filler = malloc(bytes + 1);
    assert_non_null(filler);
    memset(filler, 'x', bytes);
    filler[bytes] = '\0';
    struct txn *t = begin_write(w->f.store);
    for (unsigned i = 0; i < n; i++) {
        buf_reset(&b);
        buf_printf(&b,
                   "{\"id\":\"n%05u\",\"status\":\"confirmed\",\"summary\":\"%s\","
                   "\"start\":{\"dateTime\":\"2026-01-05T09:00:00Z\"},"
                   "\"end\":{\"dateTime\":\"2026-01-05T10:00:00Z\"},\"description\":\"%s\"}",
                   i, i >= named ? "needle" : "hay", filler);
        world_put(t, &w->me, buf_span(&b));
    }
    coll_put(t, &w->me);
    commit(t);
    buf_release(&b);
    free(filler);
}

static inline void world_remove(struct world *w, struct collection *c, const char *id)
{
    struct txn *t = begin_write(w->f.store);
    assert_true(event_remove(t, c, span_of(id)));
    coll_put(t, c);
    commit(t);
}

static inline void world_item(struct world *w, struct collection *c, const char *id,
                              const char *json, bool deleted)
{
    struct item item = {.id = span_of(id), .raw = span_of(json), .deleted = deleted};
    struct txn *t = begin_write(w->f.store);
    (void)item_put(t, c, &item);
    coll_put(t, c);
    commit(t);
}

/* A timed event "id" from `start` to `end` (local, Berlin winter), with more members. */
static inline void world_timed(struct world *w, const char *id, const char *start, const char *end,
                               const char *more)
{
    struct buf b = {0};
    buf_printf(&b,
               "{\"kind\":\"calendar#event\",\"etag\":\"\\\"1\\\"\",\"id\":\"%s\",\"status\":"
               "\"confirmed\","
               "\"updated\":\"2026-01-01T00:00:00.000Z\",\"summary\":\"%s\","
               "\"start\":{\"dateTime\":\"%s+01:00\",\"timeZone\":\"" ZONE "\"},"
               "\"end\":{\"dateTime\":\"%s+01:00\",\"timeZone\":\"" ZONE
               "\"},\"iCalUID\":\"%s@x\"%s}",
               id, id, start, end, id, more);
    world_event(w, &w->me, buf_text(&b));
    buf_release(&b);
}

static inline void world_day(struct world *w, const char *id, const char *start, const char *end,
                             const char *more)
{
    struct buf b = {0};
    buf_printf(&b,
               "{\"kind\":\"calendar#event\",\"id\":\"%s\",\"status\":\"confirmed\","
               "\"updated\":\"2026-01-01T00:00:00.000Z\",\"start\":{\"date\":\"%s\"},"
               "\"end\":{\"date\":\"%s\"}%s}",
               id, start, end, more);
    world_event(w, &w->me, buf_text(&b));
    buf_release(&b);
}

static inline void world_start(struct world *w)
{
    struct err e = {0};
    if (serve_new(&w->serve, w->conf, w->f.store, w->queue, &e) != RC_OK ||
        serve_start(w->serve, 0, &e) != RC_OK)
        fail_msg("%s", e.text);
    w->port = serve_port(w->serve);
}

static inline int world_setup_with(void **state, const char *api_options)
{
    struct world *w = calloc(1, sizeof(*w));
    (void)snprintf(w->f.dir, sizeof(w->f.dir), "/tmp/test_serve.XXXXXX");
    assert_non_null(mkdtemp(w->f.dir));
    w->f.options = (struct store_options){.map_bytes = UINT64_C(1) << 30, .no_fsync = true};
    fixture_open(&w->f);
    w->conf = world_conf(w->f.dir, api_options);
    w->queue = queue_new();
    w->home = world_account(w, "home");
    w->work = world_account(w, "work");
    w->roster = world_coll(w, w->home, COLL_ROSTER, "", COLL_READY);
    w->me = world_coll(w, w->home, COLL_EVENTS, ME, COLL_READY);
    struct collection roster = world_coll(w, w->work, COLL_ROSTER, "", COLL_READY);
    w->other = world_coll(w, w->work, COLL_EVENTS, GROUP, COLL_READY);
    world_item(w, &w->roster, ME,
               "{\"kind\":\"calendar#calendarListEntry\",\"etag\":\"\\\"5\\\"\",\"id\":\"" ME
               "\",\"summary\":\"Mine\",\"timeZone\":\"" ZONE
               "\",\"accessRole\":\"owner\",\"primary\":true,\"colorId\":\"3\"}",
               false);
    world_item(w, &roster, GROUP,
               "{\"kind\":\"calendar#calendarListEntry\",\"etag\":\"\\\"6\\\"\",\"id\":\"" GROUP
               "\",\"summary\":\"Team\",\"timeZone\":\"" ZONE "\",\"accessRole\":\"reader\"}",
               false);
    world_start(w);
    *state = w;
    return 0;
}

static inline int world_setup(void **state)
{
    return world_setup_with(state, "");
}

/* `setup` where the listener has room for so many connections. */
static inline int world_setup_cramped(void **state, int (*setup)(void **), unsigned places)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit few = {.rlim_cur = 3 * places, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0); /* a third of it are for connections */
    int rc = setup(state);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return rc;
}

static inline int world_teardown(void **state)
{
    struct world *w = *state;
    serve_stop(w->serve);
    serve_free(w->serve);
    queue_free(w->queue);
    conf_free(w->conf);
    store_close(w->f.store);
    nftw(w->f.dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(w);
    return 0;
}

/* GET; the status must be `status`. */
static inline struct http_answer get(struct world *w, unsigned status, const char *target)
{
    struct http_answer a = http_ask(w->port, "GET", target, "", "");
    struct err e = {0};
    if (a.status != status)
        fail_msg("%s: %u instead of %u: %s", target, a.status, status, a.body ? a.body : "(none)");
    if (a.n && strncmp(a.body, "<!", 2) != 0 && json_check(span_of(a.body), &e) != RC_OK)
        fail_msg("%s: %s: %s", target, e.text, a.body);
    return a;
}

/* A decoded text member of the answer, "" when absent. */
static inline const char *member(const struct http_answer *a, const char *name, char out[2048])
{
    if (!json_string_copy(json_get(span_of(a->body), name), out, 2048))
        out[0] = '\0';
    return out;
}

/* The ids of `items`, joined by spaces. */
static inline const char *ids_of(const struct http_answer *a)
{
    static char ids[65536];
    struct json_iter it = json_iter(json_get(span_of(a->body), "items"));
    struct span item;
    size_t n = 0;
    ids[0] = '\0';
    while (json_next(&it, NULL, &item)) {
        char id[1100] = "?";
        (void)json_string_copy(json_get(item, "id"), id, sizeof(id));
        n += (size_t)snprintf(ids + n, sizeof(ids) - n, "%s%s", n ? " " : "", id);
    }
    return ids;
}

/* The same of all pages, at most `most` on each, with '|' between them. A page token is on all but
 * the last, a sync token at most there, and that one is copied to `ret_sync`, unless NULL. */
static inline void expect_pages(struct world *w, const char *target, unsigned most, const char *ids,
                                char ret_sync[2048])
{
    char next[2048], sync[2048];
    struct buf all = {0}, page = {0};
    buf_printf(&page, "%s%cmaxResults=%u", target, strchr(target, '?') ? '&' : '?', most);
    for (int i = 0;; i++) {
        struct http_answer a = get(w, 200, buf_text(&page));
        buf_printf(&all, "%s%s", i ? "|" : "", ids_of(&a));
        (void)member(&a, "nextPageToken", next);
        (void)member(&a, "nextSyncToken", sync);
        http_answer_release(&a);
        assert_false(next[0] && sync[0]);
        if (!next[0] || i == 100)
            break;
        buf_reset(&page);
        buf_printf(&page, "%.*s?maxResults=%u&pageToken=%s", (int)strcspn(target, "?"), target,
                   most, next);
    }
    if (strcmp(buf_text(&all), ids) != 0)
        fail_msg("%s: \"%s\" instead of \"%s\"", target, buf_text(&all), ids);
    if (ret_sync)
        memcpy(ret_sync, sync, sizeof sync);
    buf_release(&page);
    buf_release(&all);
}

static inline void expect_ids(struct world *w, const char *target, const char *ids)
{
    struct http_answer a = get(w, 200, target);
    if (strcmp(ids_of(&a), ids) != 0)
        fail_msg("%s: \"%s\" instead of \"%s\"", target, ids_of(&a), ids);
    http_answer_release(&a);
}

/* An error with this reason, in Google's shape. */
static inline void expect_error(struct world *w, unsigned status, const char *reason,
                                const char *target)
{
    struct http_answer a = get(w, status, target);
    struct span error = json_get(span_of(a.body), "error");
    struct json_iter it = json_iter(json_get(error, "errors"));
    struct span first;
    int64_t code = 0;
    char have[128] = "";
    assert_true(json_next(&it, NULL, &first));
    (void)json_string_copy(json_get(first, "reason"), have, sizeof(have));
    if (strcmp(have, reason) != 0 || !json_int64(json_get(error, "code"), &code) ||
        code != status || !span_eq(json_get(error, "message"), json_get(first, "message")))
        fail_msg("%s: not %s: %s", target, reason, a.body);
    http_answer_release(&a);
}

#endif
