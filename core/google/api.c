/* api: builds the requests, sends them within the budgets with the account's token, reads the
 * answers.
 *
 * DESIGN: a call is a straight line: wait for budget, take the token, send, and on a 401 once more
 * with a newer token. What an answer means is answer.c's table; retrying later is the caller's
 * queue. The parameters of a list are constants, since Google leaves undefined what a sync token
 * does under others (the sync guide). */
#include "core/google/api.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/rfc3339.h"
#include "core/base/text.h"
#include "core/google/answer.h"
#include "core/google/page.h"
#include "core/google/quota.h"
#include "core/model/metrics.h"

#define WAIT_TICK_MS   500
#define HEADERS_MOST   5
#define QUOTA_HEADER   "x-goog-quota-user: "
#define PROJECT_HEADER "x-goog-user-project: "
#define EXPIRY_MOST_MS (366 * DAY_MS) /* a channel that lives longer is a misreading */

struct google {
    char *api_url; /* no slash at the end */
    int64_t request_ms, connect_ms;
    struct quota *quota;
};

/* `path` has %s for the calendar. No timeMin/timeMax/orderBy/q: they forfeit the token.
 * showHiddenInvitations is not asked for: nothing in an event tells hidden ones apart, so they
 * would show up where Google hides them. */
static const struct list {
    const char *before, *after; /* the calendar's id, when there is an `after` */
    uint32_t most;              /* that Google puts on a page */
    const char *query;
} lists[] = {
    [COLL_ROSTER] = {"users/me/calendarList", NULL, 250, "&showDeleted=true&showHidden=true"},
    [COLL_SETTINGS] = {"users/me/settings", NULL, 250, ""},
    [COLL_EVENTS] = {"calendars/", "/events", LIMIT_PAGE_EVENTS,
                     "&showDeleted=true&singleEvents=false"},
    [COLL_ACL] = {"calendars/", "/acl", 250, "&showDeleted=true"},
};

struct google *google_new(const struct google_options *opt)
{
    struct google *g = calloc(1, sizeof(*g));

    if (!g)
        return NULL;
    g->api_url = strdup(opt->api_url);
    g->quota = quota_new(opt->project_per_minute, opt->user_per_minute);
    if (!g->api_url || !g->quota) {
        google_free(g);
        return NULL;
    }
    for (size_t n = strlen(g->api_url); n > 0 && g->api_url[n - 1] == '/'; n--)
        g->api_url[n - 1] = '\0';
    g->request_ms = opt->request_ms;
    g->connect_ms = opt->connect_ms;
    return g;
}

void google_free(struct google *g)
{
    if (!g)
        return;
    quota_free(g->quota);
    free(g->api_url);
    free(g);
}

/* One request, without its credentials. */
struct outgoing {
    struct answer_to to;
    const char *method;
    struct buf url;
    struct buf body;
};

static void release(struct outgoing *o)
{
    buf_release(&o->url);
    buf_release(&o->body);
}

void google_add_id(struct buf *path, const char *id)
{
    if (strcmp(id, ".") == 0 || strcmp(id, "..") == 0) /* else some server takes it for a folder */
        for (; *id; id++)
            buf_add_text(path, "%2E");
    text_percent_encode(path, span_of(id));
}

static void begin_url(struct outgoing *o, const struct google *g, const char *path)
{
    buf_add_text(&o->url, g->api_url);
    buf_add_char(&o->url, '/');
    buf_add_text(&o->url, path);
}

static void begin_list_url(struct outgoing *o, const struct google *g, const char *calendar)
{
    const struct list *l = &lists[o->to.kind];

    begin_url(o, g, l->before);
    if (l->after) {
        assert(calendar && calendar[0]);
        google_add_id(&o->url, calendar);
        buf_add_text(&o->url, l->after);
    }
}

static void add_token(struct outgoing *o, const char *name, const char *token)
{
    if (!token || !token[0])
        return;
    o->to.token = true;
    buf_printf(&o->url, "&%s=", name);
    text_percent_encode(&o->url, span_of(token));
}

/* Until both buckets have a request for us. */
static enum rc wait_budget(struct google_call *call, struct err *e)
{
    struct google *g = call->google;
    bool waited = false;
    int64_t ms;

    while ((ms = quota_take(g->quota, call->account, clock_mono_ms())) > 0) {
        int64_t nap = ms < WAIT_TICK_MS ? ms : WAIT_TICK_MS;

        if (call->alive)
            call->alive(call->alive_arg);
        enum rc rc = http_pause(call->client, nap, e);
        if (rc)
            return rc;
        metric_add(&metric_quota_wait, 0, (uint64_t)nap * 1000);
        waited = true;
    }
    call->waits += waited;
    return RC_OK;
}

/* Sends it as it stands. `authorization` is a whole header line. */
static enum rc transmit(struct google_call *call, const struct outgoing *o,
                        const char *authorization, struct http_response *ret, struct err *e)
{
    char quota_user[64], quota_project[160];
    const char *headers[HEADERS_MOST] = {authorization};
    const char *user = auth_quota_user(call->auth);
    const char *project = auth_quota_project(call->auth);
    size_t n = 1;
    enum rc rc = wait_budget(call, e);

    if (rc)
        return rc;
    if (user) {
        snprintf(quota_user, sizeof(quota_user), QUOTA_HEADER "%s", user);
        headers[n++] = quota_user;
    }
    if (project) {
        snprintf(quota_project, sizeof(quota_project), PROJECT_HEADER "%s", project);
        headers[n++] = quota_project;
    }
    if (o->body.n > 0)
        headers[n++] = "Content-Type: application/json; charset=UTF-8";
    struct http_request rq = {
        .method = o->method,
        .url = buf_text(&o->url),
        .headers = headers,
        .body = buf_span(&o->body),
        .connect_ms = call->google->connect_ms,
        .total_ms = call->google->request_ms,
        .alive = call->alive,
        .alive_arg = call->alive_arg,
    };
    call->requests++;
    int64_t begin_us = clock_mono_us();
    rc = http_perform(call->client, &rq, ret, e);
    call->too_large = rc == RC_BADDATA;
    if (!rc && ret->date_ms) {
        call->dated = true;
        call->skew_ms = clock_wall_ms() - ret->date_ms;
    }
    metric_observe(&metric_google_duration, 0, clock_mono_us() - begin_us);
    metric_add(&metric_google_requests, metric_google_series(o->method, rc ? 0 : ret->status), 1);
    return rc;
}

/* One attempt with a token newer than `authorization`, if it was refused; that line is replaced. */
static enum rc attempt(struct google_call *call, const struct outgoing *o, bool refused,
                       char authorization[AUTH_HEADER_MAX], struct http_response *ret,
                       struct err *e)
{
    char fresh[AUTH_HEADER_MAX];
    struct http_response rs = {0};
    enum rc rc = auth_header(call->auth, call->client, refused ? authorization : NULL, fresh, e);

    call->blame = 0;
    if (rc) {
        call->blame = auth_blame(call->auth);
        return rc;
    }
    memcpy(authorization, fresh, sizeof(fresh));
    explicit_bzero(fresh, sizeof(fresh));
    rc = transmit(call, o, authorization, &rs, e);
    if (rc)
        return rc;
    call->status = rs.status;
    call->retry_after_ms = rs.retry_after_ms;
    rc = answer_read(rs.status, buf_span(&rs.body), &o->to, call->reason, e);
    if (rc == RC_AUTH) {
        call->blame = answer_blame(buf_span(&rs.body));
        auth_advise(call->auth, call->blame, e);
    }
    if (rc)
        http_response_release(&rs);
    else
        *ret = rs;
    return rc;
}

static bool is_too_fast(const struct google_call *call)
{
    return call->status == 429 || strstr(call->reason, "ateLimitExceeded");
}

/* *ret only for 2xx answers. */
static enum rc exchange(struct google_call *call, const struct outgoing *o,
                        struct http_response *ret, struct err *e)
{
    char authorization[AUTH_HEADER_MAX] = "";
    struct err why = {0};
    enum rc rc;

    call->status = 0;
    call->retry_after_ms = -1;
    call->reason[0] = '\0';
    call->too_large = false;
    call->blame = 0;
    call->why = (struct err){0};
    if (o->url.failed || o->body.failed)
        return err_set(e, RC_SYS, "out of memory");
    rc = attempt(call, o, false, authorization, ret, &why);
    if (rc == RC_AUTH && call->status == 401)
        rc = attempt(call, o, true, authorization, ret, &why);
    call->why = why;
    if (rc && e)
        *e = why;
    explicit_bzero(authorization, sizeof(authorization));
    if (rc == RC_AGAIN && is_too_fast(call))
        quota_drain(call->google->quota, call->account, clock_mono_ms());
    return rc;
}

/* A body of JSON that was broken on the way is worth another try; one that says it is none even
 * more so. */
static enum rc blame(const struct http_response *rs, enum rc rc, struct err *e)
{
    if (rc == RC_BADDATA && !rs->is_json)
        return err_prefix(e, RC_AGAIN, "not Google's answer");
    return rc;
}

/* One page of a list whose URL is complete. */
static enum rc list_page(struct google_call *call, struct outgoing *o, struct google_page *ret,
                         struct err *e)
{
    struct http_response rs = {0};
    enum rc rc = exchange(call, o, &rs, e);

    if (!rc)
        rc = blame(&rs, page_read(&rs.body, &o->to, call->reason, ret, e), e);
    http_response_release(&rs);
    release(o);
    return rc ? err_prefix(e, rc, "%s.list", coll_kind_name(o->to.kind)) : RC_OK;
}

enum rc google_list(struct google_call *call, enum coll_kind kind, const char *calendar,
                    const char *sync_token, const char *page_token, struct google_page *ret,
                    struct err *e)
{
    struct outgoing o = {.to = {ANSWER_LIST, kind, false}, .method = "GET"};

    assert(kind != COLL_COLORS);
    begin_list_url(&o, call->google, calendar);
    uint32_t most = lists[kind].most;
    if (call->page_most && call->page_most < most)
        most = call->page_most;
    buf_printf(&o.url, "?maxResults=%u%s&prettyPrint=false", most, lists[kind].query);
    add_token(&o, "syncToken", sync_token);
    add_token(&o, "pageToken", page_token);
    return list_page(call, &o, ret, e);
}

enum rc google_instances(struct google_call *call, const char *calendar, int64_t min_ms,
                         int64_t max_ms, const char *page_token, struct google_page *ret,
                         struct err *e)
{
    struct outgoing o = {.to = {ANSWER_LIST, COLL_EVENTS, false}, .method = "GET"};
    char min[RFC3339_MAX], max[RFC3339_MAX];

    (void)rfc3339_write_ms(min, min_ms);
    (void)rfc3339_write_ms(max, max_ms);
    begin_list_url(&o, call->google, calendar);
    buf_printf(&o.url, "?maxResults=%d&singleEvents=true&timeMin=%s&timeMax=%s&prettyPrint=false",
               LIMIT_PAGE_EVENTS, min, max);
    add_token(&o, "pageToken", page_token);
    return list_page(call, &o, ret, e);
}

static enum rc check_object(struct span body, const struct answer_to *to, char *reason,
                            struct err *e)
{
    enum rc rc = json_check(body, e);

    if (rc)
        return err_prefix(e, rc, "not JSON");
    if (json_type_of(body) != JSON_OBJECT)
        return err_set(e, RC_BADDATA, "not a JSON object");
    if (json_get(body, "error").n > 0)
        return answer_read_disguised(body, to, reason, e);
    return RC_OK;
}

enum rc google_get(struct google_call *call, const char *path, struct buf *ret, struct err *e)
{
    struct outgoing o = {.to = {ANSWER_GET, 0, false}, .method = "GET"};
    struct http_response rs = {0};
    enum rc rc;

    begin_url(&o, call->google, path);
    buf_printf(&o.url, "%cprettyPrint=false", strchr(path, '?') ? '&' : '?');
    rc = exchange(call, &o, &rs, e);
    if (!rc)
        rc = blame(&rs, check_object(buf_span(&rs.body), &o.to, call->reason, e), e);
    if (!rc) {
        *ret = rs.body;
        rs.body = (struct buf){0};
    }
    http_response_release(&rs);
    release(&o);
    return rc ? err_prefix(e, rc, "get") : RC_OK;
}

static void add_channel(struct buf *out, const struct google_channel *ch)
{
    buf_add_text(out, "{\"id\":");
    buf_add_json(out, span_of(ch->id));
    buf_add_text(out, ",\"type\":\"web_hook\",\"address\":");
    buf_add_json(out, span_of(ch->address));
    buf_add_text(out, ",\"token\":");
    buf_add_json(out, span_of(ch->token));
    if (ch->ttl_ms > 0) /* a span, not a date: our clock may be off */
        buf_printf(out, ",\"params\":{\"ttl\":\"%lld\"}", (long long)(ch->ttl_ms / 1000));
    buf_add_char(out, '}');
}

/* A string or a number of ms (the push guide). Seconds, or a time gone by, are nonsense. */
static int64_t read_expiry(struct span value)
{
    int64_t ms, now = clock_wall_ms();

    if (!json_int64(value, &ms) || ms <= now || ms - now > EXPIRY_MOST_MS)
        return 0;
    return ms;
}

static void read_watch(struct span body, struct google_watch *ret)
{
    struct google_watch w = {.expires_ms = read_expiry(json_get(body, "expiration"))};

    if (!json_string_copy(json_get(body, "resourceId"), w.resource_id, sizeof(w.resource_id)))
        w.resource_id[0] = '\0';
    *ret = w;
}

enum rc google_watch(struct google_call *call, enum coll_kind kind, const char *calendar,
                     const struct google_channel *ch, struct google_watch *ret, struct err *e)
{
    struct outgoing o = {.to = {ANSWER_WATCH, kind, false}, .method = "POST"};
    struct http_response rs = {0};
    enum rc rc;

    assert(kind != COLL_COLORS);
    begin_list_url(&o, call->google, calendar);
    buf_add_text(&o.url, "/watch?prettyPrint=false");
    add_channel(&o.body, ch);
    rc = exchange(call, &o, &rs, e);
    if (!rc)
        rc = blame(&rs, check_object(buf_span(&rs.body), &o.to, call->reason, e), e);
    if (!rc)
        read_watch(buf_span(&rs.body), ret);
    http_response_release(&rs);
    release(&o);
    return rc ? err_prefix(e, rc, "%s.watch", coll_kind_name(kind)) : RC_OK;
}

enum rc google_stop(struct google_call *call, const char *id, const char *resource_id,
                    struct err *e)
{
    struct outgoing o = {.to = {ANSWER_STOP, 0, false}, .method = "POST"};
    struct http_response rs = {0};
    enum rc rc;

    begin_url(&o, call->google, "channels/stop?prettyPrint=false");
    buf_add_text(&o.body, "{\"id\":");
    buf_add_json(&o.body, span_of(id));
    buf_add_text(&o.body, ",\"resourceId\":");
    buf_add_json(&o.body, span_of(resource_id));
    buf_add_char(&o.body, '}');
    rc = exchange(call, &o, &rs, e);
    http_response_release(&rs);
    release(&o);
    return rc ? err_prefix(e, rc, "channels.stop") : RC_OK;
}
