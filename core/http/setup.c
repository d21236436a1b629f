/* setup: libcurl's global state, the options that no request goes without, header lines. */
#include "core/http/setup.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool global_ok;

static void init_global(void)
{
    global_ok = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

bool setup_once(void)
{
    pthread_once(&once, init_global);
    return global_ok;
}

#define SET(option, value) (bad |= curl_easy_setopt(easy, (option), (value)) != CURLE_OK)

bool setup_policy(CURL *easy)
{
    const char *authorities = getenv("SSL_CERT_FILE");
    bool bad = false;

    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L); /* a redirect would carry the token to another host */
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (authorities && authorities[0])
        SET(CURLOPT_CAINFO, authorities);
    /* A name server that hangs must hold up neither a deadline nor a stop: the resolver thread is
     * left behind. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    return !bad;
}

/* A line break in a header (from a token file, say) would begin another header. */
static bool is_header_line(const char *line)
{
    for (; *line; line++)
        if ((unsigned char)*line < ' ' || *line == 0x7f)
            return false;
    return true;
}

enum rc setup_lines(struct curl_slist **ret, const char *const *own, const char *const *given,
                    struct err *e)
{
    const char *const *lists[] = {own, given};
    struct curl_slist *lines = NULL, *more;
    enum rc rc = RC_OK;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        for (const char *const *line = lists[i]; line && *line; line++) {
            if (!is_header_line(*line)) {
                rc = err_set(e, RC_INVALID, "control character in a request header");
                goto fail;
            }
            more = curl_slist_append(lines, *line);
            if (!more) {
                rc = err_set(e, RC_SYS, "out of memory");
                goto fail;
            }
            lines = more;
        }
    *ret = lines;
    return RC_OK;
fail:
    setup_free_lines(lines);
    return rc;
}

void setup_free_lines(struct curl_slist *lines)
{
    for (struct curl_slist *l = lines; l; l = l->next)
        explicit_bzero(l->data, strlen(l->data));
    curl_slist_free_all(lines);
}
