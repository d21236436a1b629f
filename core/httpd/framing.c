/* framing: refuses heads that two readers could take for different requests.
 *
 * DESIGN. Behind a proxy, what that took for one request must not be two to us, nor may its idea of
 * who asks what differ from ours. The library is tolerant: it takes Content-Length beside
 * Transfer-Encoding, names with a blank before the colon, encodings that it does not know, a lone
 * CR for a line end. RFC 9112 §3.2, §5.1, §6.1 and §6.3 name what to refuse. A lone CR cannot be
 * seen from here; all that could be hidden behind one is the length of a body, so a method that has
 * none may not bear one, and the others may bear one length only. Folded lines are joined, as §5.2
 * allows. */
#include "core/httpd/framing.h"

#include <string.h>
#include <strings.h>

/* What names are made of: RFC 9110 §5.6.2. */
static const bool is_token[256] = {
    ['!'] = true,         ['#' ... '\''] = true, ['*'] = true,         ['+'] = true,
    ['-'] = true,         ['.'] = true,          ['0' ... '9'] = true, ['A' ... 'Z'] = true,
    ['^' ... 'z'] = true, ['|'] = true,          ['~'] = true,
};

enum { HOST, LENGTH, ENCODING, SINGLES_COUNTED };

/* Which of these is meant must not be a matter of who looks first or last. */
#define NAME(text)               \
    {                            \
        (text), sizeof(text) - 1 \
    }
static const struct span singles[] = {
    [HOST] = NAME("Host"),
    [LENGTH] = NAME("Content-Length"),
    [ENCODING] = NAME("Transfer-Encoding"),
    [SINGLES_COUNTED] = NAME("Authorization"),
    NAME("Content-Type"),
    NAME("Origin"),
    NAME("X-Goog-Api-Key"),
    NAME("X-HTTP-Method-Override"),
};
#define N_SINGLES (sizeof singles / sizeof *singles)

struct head {
    bool odd;
    unsigned n[N_SINGLES];
    const char *value[N_SINGLES];
};

/* Controls but the tab. */
static const bool is_control[256] = {
    [0 ... '\t' - 1] = true,
    ['\t' + 1 ... ' ' - 1] = true,
    [0x7f] = true,
};

/* Of all that comes in nearly nothing is odd: no reason to look for the first that is. */
static bool is_name(const char *p, size_t n)
{
    bool is = n > 0;
    for (size_t i = 0; i < n; i++)
        is &= is_token[(unsigned char)p[i]];
    return is;
}

static bool is_text(const char *p, size_t n)
{
    bool odd = false;
    for (size_t i = 0; i < n; i++)
        odd |= is_control[(unsigned char)p[i]];
    return !odd;
}

static enum MHD_Result look(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_n,
                            const char *value, size_t value_n)
{
    (void)kind;
    struct head *h = cls;
    if (!is_name(key, key_n) || (value && !is_text(value, value_n)))
        h->odd = true;
    for (size_t i = 0; i < N_SINGLES; i++)
        if (key_n == singles[i].n && strncasecmp(key, singles[i].p, key_n) == 0) {
            h->n[i]++;
            h->value[i] = value ? value : "";
        }
    return MHD_YES;
}

static bool has_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

/* "http://HOST/...": of two names neither may be the one that was checked. */
static bool authority_fits(struct span authority, const char *host)
{
    return authority.n == 0 || (host && strlen(host) == authority.n &&
                                strncasecmp(host, authority.p, authority.n) == 0);
}

bool framing_is_plain(struct MHD_Connection *conn, const char *method, const char *version,
                      struct span authority, const char **ret_length)
{
    struct head h = {0};
    bool modern = strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
    (void)MHD_get_connection_values_n(conn, MHD_HEADER_KIND, look, &h);
    for (size_t i = 0; i < N_SINGLES; i++)
        h.odd |= h.n[i] > 1;
    *ret_length = h.value[LENGTH];
    if (h.odd || (modern && !h.n[HOST]) || !authority_fits(authority, h.value[HOST]))
        return false;
    if (h.n[ENCODING])
        return modern && has_body(method) && !h.n[LENGTH] &&
               strcasecmp(h.value[ENCODING], "chunked") == 0;
    return !h.n[LENGTH] || has_body(method) || strcmp(h.value[LENGTH], "0") == 0;
}
