/* doctor_webhook: does the public address lead to this very service, as Google would call it?
 *
 * The service gives out a probe that only it can make; it is sent to the public address as a
 * notification, and the service is asked whether it came. Nobody on the way learns anything: every
 * notification is answered alike. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cmd/calmirror/doctor.h"
#include "cmd/calmirror/fields.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/conf/address.h"

#define WEEK_MS (INT64_C(7) * 86400 * 1000)
#define AGENT   "APIs-Google"

static const char lead[] =
    "check that DNS, firewall and proxy lead from this address to webhook.listen";

/* What came back from the public address. */
static void say_answer(struct doctor *d, const struct http_response *r, bool came)
{
    if (came)
        doctor_say(d, LEVEL_OK, "webhook", NULL,
                   "the public address leads to this service, in %lld ms",
                   (long long)(r->took_us / 1000));
    else if (r->status == 200)
        doctor_say(d, LEVEL_FAIL, "webhook", lead,
                   "something else answers at the public address: the probe did not arrive here");
    else
        doctor_say(d, LEVEL_FAIL, "webhook", lead,
                   "the public address answers with status %ld, and the probe did not arrive here",
                   r->status);
}

static bool ask_whether(struct doctor *d, const char *id)
{
    struct buf path = {0}, answer = {0};
    buf_printf(&path, "/v1/probe/%s", id);
    bool came = cli_get(d->cli, buf_text(&path), &answer) == EX_OK &&
                json_is_true(json_get(buf_span(&answer), "came"));
    buf_release(&path);
    buf_release(&answer);
    return came;
}

static void send_probe(struct doctor *d, const char *id, const char *token)
{
    const char *url = d->conf->webhook.public_url;
    char of_id[128], of_token[192];
    const char *headers[] = {of_id, of_token, "X-Goog-Resource-State: sync", NULL};
    struct http_request request = {.method = "POST",
                                   .url = url,
                                   .headers = headers,
                                   .connect_ms = 10000,
                                   .total_ms = 20000,
                                   .certificate = true,
                                   .max_bytes = 65536};
    struct http_response response = {0};
    struct err e = {0};
    (void)snprintf(of_id, sizeof(of_id), "X-Goog-Channel-ID: %s", id);
    (void)snprintf(of_token, sizeof(of_token), "X-Goog-Channel-Token: %s", token);
    if (http_perform(d->http, &request, &response, &e) != RC_OK) {
        doctor_say(d, LEVEL_FAIL, "webhook", lead, "the public address cannot be reached: %s",
                   e.text);
        return;
    }
    say_answer(d, &response, ask_whether(d, id));
    if (response.certificate_ms)
        doctor_say_certificate(d, "webhook", "the certificate of the public address",
                               response.certificate_ms, WEEK_MS);
    else
        doctor_say(d, LEVEL_SKIP, "webhook", NULL,
                   "no certificate: the public address is plain http, for tests on this machine");
    http_response_release(&response);
}

static void check_way(struct doctor *d)
{
    struct buf probe = {0};
    char id[64], token[128];
    struct err e = {0};
    d->cli->silent = &e;
    if (cli_post(d->cli, "/v1/probe", (struct span){0}, &probe) != EX_OK) {
        doctor_say(d, LEVEL_SKIP, "webhook", NULL, "%s", e.text);
    } else {
        (void)field_text(buf_span(&probe), "id", id, sizeof(id));
        (void)field_text(buf_span(&probe), "token", token, sizeof(token));
        send_probe(d, id, token);
    }
    d->cli->silent = NULL;
    buf_release(&probe);
}

/* Where a walk through a robots.txt stands, and what it found. */
struct robots {
    bool in_agents; /* the last line was a User-agent */
    bool ours, all; /* the group at hand speaks of us; of everybody */
    bool named;     /* some group speaks of us: then the one for everybody does not count */
    bool shut_us, shut_all;
};

static void read_robots_line(struct robots *r, char *line, const char *path)
{
    line[strcspn(line, "\r#")] = '\0';
    const char *value = strchr(line, ':');
    value = value ? value + 1 + strspn(value + 1, " \t") : "";
    if (strncasecmp(line, "user-agent:", 11) == 0) {
        bool ours = strncasecmp(value, AGENT, sizeof(AGENT) - 1) == 0;
        r->ours = ours || (r->in_agents && r->ours);
        r->all = value[0] == '*' || (r->in_agents && r->all);
        r->named = r->named || ours;
        r->in_agents = true;
    } else if (line[0]) {
        bool shut = strncasecmp(line, "disallow:", 9) == 0 && value[0] == '/' &&
                    strncmp(path, value, strcspn(value, "*$ \t")) == 0;
        r->in_agents = false;
        r->shut_us = r->shut_us || (shut && r->ours);
        r->shut_all = r->shut_all || (shut && r->all);
    }
}

/* Does this robots.txt keep Google's notifier from the path? */
static bool shuts_out(struct span text, const char *path)
{
    struct robots r = {0};
    while (text.n > 0) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n;
        char line[256];
        (void)text_copy(line, sizeof(line), (struct span){text.p, n});
        read_robots_line(&r, line, path);
        n += end != NULL;
        text = (struct span){text.p + n, text.n - n};
    }
    return r.named ? r.shut_us : r.shut_all;
}

static void check_robots(struct doctor *d)
{
    struct http_response response = {0};
    struct buf address = {0};
    struct url url;
    if (url_parse(span_of(d->conf->webhook.public_url), &url, NULL) != RC_OK)
        return;
    buf_add(&address, d->conf->webhook.public_url,
            (size_t)(url.path.p - d->conf->webhook.public_url));
    buf_add_text(&address, "/robots.txt");
    struct http_request request = {
        .method = "GET", .url = buf_text(&address), .total_ms = 20000, .max_bytes = 512 << 10};
    if (http_perform(d->http, &request, &response, NULL) == RC_OK) {
        if (response.status == 200 && shuts_out(buf_span(&response.body), url.path.p))
            doctor_say(
                d, LEVEL_WARN, "webhook",
                "allow the user agent " AGENT " the path of webhook.public_url",
                "that host's robots.txt shuts Google out: notifications stop without a word");
        http_response_release(&response);
    }
    buf_release(&address);
}

void doctor_webhook(struct doctor *d)
{
    if (!d->conf || !d->conf->webhook.public_url[0])
        return;
    if (!d->running) {
        doctor_say(
            d, LEVEL_SKIP, "webhook", NULL,
            "whether the public address leads here can be checked only while the service runs");
        return;
    }
    if (!doctor_resolve(d, "webhook", d->conf->webhook.public_url))
        return;
    check_way(d);
    check_robots(d);
}
