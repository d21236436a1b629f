/* doctor_google: is Google reached from here, and does it agree on the time? */
#include <netdb.h>
#include <stdio.h>

#include "cmd/calmirror/doctor.h"
#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/conf/address.h"

/* Google refuses what is signed more than some minutes off. */
#define SKEW_FAIL_MS 120000
#define SKEW_WARN_MS 15000

bool doctor_host(const char *text, char out[256])
{
    struct url url;
    if (url_parse(span_of(text), &url, NULL) != RC_OK)
        return false;
    if (url.host.n > 2 && url.host.p[0] == '[')
        url.host = (struct span){url.host.p + 1, url.host.n - 2};
    return text_copy(out, 256, url.host);
}

bool doctor_resolve(struct doctor *d, const char *check, const char *url)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char host[256];
    if (!doctor_host(url, host))
        return false;
    int code = getaddrinfo(host, NULL, &hints, &found);
    if (code == 0) {
        freeaddrinfo(found);
        return true;
    }
    doctor_say(d, LEVEL_FAIL, check, "check the name, and /etc/resolv.conf",
               "the name %s cannot be resolved: %s", host, gai_strerror(code));
    return false;
}

static void check_clock(struct doctor *d, int64_t theirs_ms, int64_t ours_ms)
{
    if (theirs_ms == 0) {
        doctor_say(d, LEVEL_SKIP, "clock", NULL, "the answer does not say what time it is");
        return;
    }
    int64_t off_ms = ours_ms - (theirs_ms + 500); /* theirs is cut to the second */
    int64_t size = off_ms < 0 ? -off_ms : off_ms;
    enum level level = size >= SKEW_FAIL_MS   ? LEVEL_FAIL
                       : size >= SKEW_WARN_MS ? LEVEL_WARN
                                              : LEVEL_OK;
    const char *advice = "set the clock: timedatectl set-ntp true, or chronyc makestep";
    if (level == LEVEL_OK)
        doctor_say(d, level, "clock", NULL, "agrees with Google's to within about a second");
    else
        doctor_say(d, level, "clock", advice, "%lld seconds %s Google's",
                   (long long)((size + 500) / 1000), off_ms > 0 ? "ahead of" : "behind");
}

/* Anything that has Google's form will do: without a token it is a refusal. */
void doctor_google(struct doctor *d)
{
    struct http_response response = {0};
    struct buf url = {0};
    struct err e = {0};
    if (!d->conf)
        return;
    if (!doctor_resolve(d, "dns", d->conf->google.api_url) ||
        !doctor_resolve(d, "dns", d->conf->google.token_url))
        return;
    doctor_say(d, LEVEL_OK, "dns", NULL, "the names of Google's API and token endpoint resolve");
    buf_printf(&url, "%s/colors", d->conf->google.api_url);
    struct http_request request = {.method = "GET",
                                   .url = buf_text(&url),
                                   .connect_ms = d->conf->google.connect_timeout_ms,
                                   .total_ms = d->conf->google.request_timeout_ms};
    int64_t before_ms = clock_wall_ms();
    enum rc rc = http_perform(d->http, &request, &response, &e);
    if (rc != RC_OK) {
        doctor_say(d, LEVEL_FAIL, "google", "check the network, the firewall and $https_proxy",
                   "cannot be reached: %s", e.text);
    } else if (response.is_json && response.status < 500) {
        doctor_say(d, LEVEL_OK, "google", NULL, "the API answers in %lld ms",
                   (long long)(response.took_us / 1000));
        check_clock(d, response.date_ms, (before_ms + clock_wall_ms()) / 2);
    } else {
        doctor_say(d, LEVEL_WARN, "google", "is google.api_url right, or a proxy in the way?",
                   "the API's address answers with status %ld, not as Google would",
                   response.status);
    }
    http_response_release(&response);
    buf_release(&url);
}
