/* fuzz_ping: five lines as the headers of a notification: without the token that belongs to the id
 * it is forged whatever else it says; with it, it is known for what the record says.
 *
 * The first byte picks who asks: a stranger ('s', the token is the second line), or someone who has
 * the right token of that id for collection 1 ('k') or for one that does not exist ('g'). */
#include <string.h>

#include "core/ping/verify.h"
#include "core/queue/token.h"
#include "storage/accounts.h"
#include "storage/channels.h"
#include "tests/fuzz/fuzz_store.h"

#define NOW_MS INT64_C(1790000000000)

/* Collection 1 with two channels: "live", and "opening" whose resource id is not known yet. */
static void fill(struct txn *t)
{
    struct collection c = {
        .account = 1, .kind = COLL_EVENTS, .state = COLL_READY, .calendar = "a@b"};
    struct channel live = {.id = "live", .coll = 1, .state = CHANNEL_LIVE, .resource_id = "r"};
    struct channel opening = {.id = "opening", .coll = 1, .state = CHANNEL_OPENING};

    coll_put(t, &c);
    require(c.no == 1);
    channel_put(t, &live);
    channel_put(t, &opening);
}

static struct span take_line(struct span *rest)
{
    const char *lf = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
    struct span line = {rest->p, lf ? (size_t)(lf - rest->p) : rest->n};
    size_t skip = line.n + (lf != NULL);

    *rest = (struct span){rest->p + skip, rest->n - skip};
    line.n = line.n ? strnlen(line.p, line.n) : 0; /* headers are C strings */
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store *s = fuzz_store_open(fill);
    char token[CHANNEL_TOKEN_MAX];
    struct channel ch = {0};
    bool known = false;

    if (size < 1)
        return 0;
    struct span rest = {(const char *)data + 1, size - 1};
    struct ping_headers h = {.channel_id = take_line(&rest)};
    bool ours = data[0] == 'k' || data[0] == 'g';
    bool fits = h.channel_id.n > 0 && h.channel_id.n <= LIMIT_CHANNEL_BYTES;

    h.token = take_line(&rest);
    if (ours && fits) {
        channel_token(store_secret(s), h.channel_id, data[0] == 'k' ? 1 : 77, token);
        h.token = span_of(token);
    }
    h.resource_id = take_line(&rest);
    h.state = take_line(&rest);
    h.number = take_line(&rest);
    enum ping_verdict verdict = ping_verify(s, &h, NOW_MS, NOW_MS, &ch, &known);

    if (!ours || !fits)
        require(verdict == PING_FORGED);
    if (verdict == PING_CHANGE || verdict == PING_SYNC)
        require(known && data[0] == 'k' && ch.coll == 1);
    if (verdict == PING_STRAY || verdict == PING_LOST)
        require(data[0] == 'k' && ch.state == CHANNEL_STOPPING && span_is(h.channel_id, ch.id));
    return 0;
}
