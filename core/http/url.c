/* url: what a URL that somebody else chose leads to, read as libcurl will read it. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>

#include "core/base/must.h"
#include "core/base/text.h"
#include "core/http/pool.h"

/* A URL is not judged by how much memory there is. */
static bool is_ok(CURLUcode code)
{
    if (code == CURLUE_OUT_OF_MEMORY)
        (void)must(NULL);
    return code == CURLUE_OK;
}

static bool part(CURLU *u, CURLUPart which, unsigned flags, char *out, size_t size)
{
    char *text = NULL;
    bool ok = is_ok(curl_url_get(u, which, &text, flags)) && text_copy(out, size, span_of(text));

    curl_free(text);
    return ok;
}

static bool has(CURLU *u, CURLUPart which)
{
    char *text = NULL;
    bool found = is_ok(curl_url_get(u, which, &text, 0));

    curl_free(text);
    return found;
}

bool http_address_read(struct sockaddr_storage *ret, const char *ip, uint16_t port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

    if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
    } else if (inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
    } else {
        return false;
    }
    return true;
}

/* libcurl has turned the numeric forms of IPv4 ("0x7f.1", "2130706433") into four numbers. Colons
 * and brackets go together. */
static void read_address(struct http_url *url)
{
    size_t n = strlen(url->host);
    bool bracketed = url->host[0] == '[' && url->host[n - 1] == ']';
    char bare[256];

    url->numeric =
        text_copy(bare, sizeof bare,
                  bracketed ? (struct span){url->host + 1, n - 2} : span_of(url->host)) &&
        bracketed == (strchr(bare, ':') != NULL) &&
        http_address_read(&url->address, bare, url->port);
}

static enum rc read_parts(struct http_url *ret, CURLU *u, struct err *e)
{
    struct http_url url = {0};
    char scheme[16], port[16];
    uint64_t number;

    if (!part(u, CURLUPART_SCHEME, 0, scheme, sizeof scheme) ||
        (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
        return err_set(e, RC_INVALID, "not http or https");
    if (has(u, CURLUPART_USER) || has(u, CURLUPART_PASSWORD))
        return err_set(e, RC_INVALID, "a user name does not belong into it");
    if (has(u, CURLUPART_FRAGMENT))
        return err_set(e, RC_INVALID, "a fragment does not belong into it");
    if (!part(u, CURLUPART_HOST, 0, url.host, sizeof url.host) || url.host[0] == '\0')
        return err_set(e, RC_INVALID, "no host");
    if (has(u, CURLUPART_ZONEID))
        return err_set(e, RC_INVALID, "a zone does not belong into its address");
    if (!part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof port) ||
        !text_to_u64(span_of(port), &number) || number == 0 || number > UINT16_MAX)
        return err_set(e, RC_INVALID, "no port to connect to");
    url.port = (uint16_t)number;
    url.https = scheme[4] == 's';
    read_address(&url);
    *ret = url;
    return RC_OK;
}

enum rc http_url_read(struct http_url *ret, const char *text, struct err *e)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
            return err_set(e, RC_INVALID, "a character that does not belong into a URL");
    CURLU *u = must(curl_url());
    enum rc rc = is_ok(curl_url_set(u, CURLUPART_URL, text, 0))
                     ? read_parts(ret, u, e)
                     : err_set(e, RC_INVALID, "not a URL");

    curl_url_cleanup(u);
    return rc;
}
