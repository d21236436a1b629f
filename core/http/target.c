/* target: which URLs we are willing to talk to: https anywhere, http on this machine alone. */
#include "core/http/target.h"

#include <curl/curl.h>
#include <arpa/inet.h>
#include <string.h>

#include "core/base/text.h"

/* By name or literal address only: no look-up, so nobody's DNS can make a host "local". */
static bool is_loopback(const char *host)
{
    unsigned char v4[4];

    if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, v4) == 1 && v4[0] == 127;
}

static enum rc check(CURLU *u, const char *url, bool unix_socket, struct target *out, struct err *e)
{
    char *scheme = NULL, *host = NULL, *user = NULL;
    enum rc rc = RC_OK;

    if (curl_url_set(u, CURLUPART_URL, url, 0) || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) ||
        !text_copy(out->host, sizeof(out->host), span_of(host))) {
        rc = err_set(e, RC_INVALID, "not a URL");
        goto done;
    }
    out->local = unix_socket || is_loopback(host);
    if (!curl_url_get(u, CURLUPART_USER, &user, 0))
        rc = err_set(e, RC_INVALID, "%s: a URL with a user name in it", host);
    else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        rc = err_set(e, RC_INVALID, "%s: neither https nor http", host);
    else if (strcmp(scheme, "http") == 0 && !out->local)
        rc = err_set(e, RC_INVALID, "%s: http:// is for loopback only, use https://", host);
done:
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    return rc;
}

enum rc target_read(struct target *ret, const char *url, bool unix_socket, struct err *e)
{
    struct target t = {0};
    CURLU *u = curl_url();
    enum rc rc;

    if (!u)
        return err_set(e, RC_SYS, "out of memory");
    rc = check(u, url, unix_socket, &t, e);
    curl_url_cleanup(u);
    if (!rc)
        *ret = t;
    return rc;
}
