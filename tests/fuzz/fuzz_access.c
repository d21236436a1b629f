/* fuzz_access: two lines as the headers Authorization and X-Goog-Api-Key, the rest as a query.
 * Nothing that is a token's name stays in the query, the other pieces stay as they were, and nobody
 * is let in who does not show the token. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/text.h"
#include "core/serve/access.h"
#include "core/serve/request.h"
#include "core/serve/server.h"
#include "tests/fuzz/fuzz.h"

#define TOKEN "cm_fuzz"

struct headers {
    const char *authorization, *key;
};

static const char *header(const void *source, const char *name)
{
    const struct headers *h = source;
    if (strcasecmp(name, "Authorization") == 0)
        return h->authorization;
    return strcasecmp(name, "X-Goog-Api-Key") == 0 ? h->key : NULL;
}

/* Is the piece one of those that bear a token? */
static bool is_token(struct span piece)
{
    const char *eq = memchr(piece.p, '=', piece.n);
    struct buf name = {0};
    bool found = false;
    if (text_percent_decode(&name, (struct span){piece.p, eq ? (size_t)(eq - piece.p) : piece.n},
                            true))
        found = span_is(buf_span(&name), "access_token") ||
                span_is(buf_span(&name), "oauth_token") || span_is(buf_span(&name), "key");
    buf_release(&name);
    return found;
}

/* The next piece that says anything. */
static struct span next_piece(struct span *query)
{
    struct span piece = {0};
    while (query->n > 0 && piece.n == 0)
        piece = query_next(query);
    return piece;
}

/* Are the pieces of `cut` those of `whole`, in their order, but for tokens? */
static void check_cut(struct span whole, struct span cut)
{
    while (whole.n > 0) {
        struct span piece = next_piece(&whole);
        if (piece.n > 0 && !is_token(piece) && !span_eq(piece, next_piece(&cut)))
            abort();
    }
    if (next_piece(&cut).n > 0)
        abort();
}

/* NUL-terminated line, cut off the input. */
static char *take_line(const uint8_t **data, size_t *size)
{
    const uint8_t *lf = memchr(*data, '\n', *size);
    size_t n = lf ? (size_t)(lf - *data) : *size;
    char *line = strndup((const char *)*data, n);
    *data += n + (lf != NULL);
    *size -= n + (lf != NULL);
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char hash[BEARER_HASH_SIZE], name[] = "fuzz", *hashes[] = {hash}, *line[2];
    bearer_hash(span_of(TOKEN), hash);
    struct conf_client client = {.name = name, .tokens = {hashes, 1}};
    struct conf conf = {.clients = &client, .n_clients = 1};
    struct serve serve = {.conf = &conf};
    line[0] = take_line(&data, &size);
    line[1] = take_line(&data, &size);
    struct headers h = {line[0], line[1]};
    struct call c = {.serve = &serve,
                     .conf = &conf,
                     .header = header,
                     .source = &h,
                     .query = {(const char *)data, size}};
    bool bears = access_identify(&c);
    if (c.caller.trusted || (!bears && c.caller.client) || (c.caller.client && c.caller.failed))
        abort();
    if (c.caller.client && strcmp(c.caller.hash, hash) != 0)
        abort();
    check_cut((struct span){(const char *)data, size}, c.query);
    buf_release(&c.cut_query);
    free(line[0]);
    free(line[1]);
    return 0;
}
