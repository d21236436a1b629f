/* cert: the certificate of the webhook's listener: whether Google will take it, and what the log
 * says of it. */
#include "core/ping/cert.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/rfc3339.h"
#include "core/base/text.h"
#include "core/conf/address.h"
#include "core/httpd/tls.h"
#include "core/model/metrics.h"

#define ABOUT "webhook"

/* What would keep Google away, now or soon. */
static void judge(struct cert *c, const struct tls_facts *facts)
{
    int64_t now_ms = clock_wall_ms();

    c->judged_ms = clock_mono_ms();
    if (facts->not_after_ms <= now_ms)
        log_err(ABOUT,
                "the certificate is no longer valid: Google sends nothing until it is renewed");
    else if (facts->not_after_ms - now_ms < tls_warn_ms(facts))
        log_warning(ABOUT, "the certificate ends soon: is its renewal working?");
    if (facts->not_before_ms > now_ms)
        log_err(ABOUT, "the certificate is not valid yet: is the clock of this machine right?");
    if (!facts->names_host)
        log_err(ABOUT,
                "the certificate is not for the host of webhook.public_url: Google refuses it");
    if (!facts->has_issuer)
        log_warning(ABOUT,
                    "the certificate stands alone in its file: Google may need those between it "
                    "and the root (fullchain.pem)");
}

static void describe(struct cert *c, const char *what)
{
    struct tls_facts facts;
    char until[RFC3339_MAX];

    tls_facts(c->tls, &facts);
    (void)rfc3339_write(until, facts.not_after_ms, 0);
    log_notice(ABOUT, "%s, valid until %s", what, until);
    metric_set(&metric_tls_expiry, 0, (uint64_t)(facts.not_after_ms / 1000));
    judge(c, &facts);
}

/* The host of a URL, without the brackets of an IPv6 address. */
static bool host_of(const char *text, char *out, size_t size)
{
    struct url url;

    if (url_parse(span_of(text), &url, NULL) != RC_OK)
        return false;
    if (url.host.n > 2 && url.host.p[0] == '[')
        url.host = (struct span){url.host.p + 1, url.host.n - 2};
    return text_copy(out, size, url.host);
}

enum rc cert_open(struct cert *c, const char *cert_file, const char *key_file,
                  const char *public_url, struct err *e)
{
    struct tls_files files = {.cert_file = cert_file, .key_file = key_file};
    char host[256];

    if (!cert_file || !cert_file[0])
        return RC_OK;
    if (host_of(public_url, host, sizeof(host)))
        files.host = host;
    enum rc rc = tls_new(&c->tls, &files, e);
    if (rc != RC_OK)
        return rc;
    describe(c, "speaking HTTPS with the certificate of webhook.tls_cert");
    return RC_OK;
}

void cert_close(struct cert *c)
{
    tls_free(c->tls);
    *c = (struct cert){0};
}

void cert_look(struct cert *c, bool now)
{
    struct tls_facts facts;
    struct err e = {0};

    if (!c->tls)
        return;
    switch (tls_look(c->tls, now, &e)) {
    case TLS_REPLACED:
        describe(c, "a new certificate is in force");
        return;
    case TLS_KEPT:
        log_err(ABOUT, "the new certificate is not taken: %s", e.text);
        describe(c, "the old certificate stays in force");
        return;
    case TLS_SAME:
        break;
    }
    if (clock_mono_ms() - c->judged_ms < DAY_MS)
        return;
    tls_facts(c->tls, &facts);
    judge(c, &facts);
}
