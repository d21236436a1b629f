/* refused: remembers who was turned away a moment ago, so that saying no again costs nothing.
 *
 * DESIGN. A no is final for the three headers it was said to: channel ids and tokens are made
 * before the first notification, and none is used again. It is remembered for a minute all the
 * same, since a channel that is being stopped may turn up later as a stray. The table has a fixed
 * size, and a newcomer takes the place of whoever was there, so a flood of ever different forgeries
 * costs memory no more than none; the headers are compared as a whole, so that nobody is refused
 * for another's sake. */
#include "core/ping/refused.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/rand.h"

#define REMEMBERED_MS (60 * 1000)

/* The headers one behind the other, each with its length; 0: too long. */
static unsigned pack(const struct ping_headers *h, char out[REFUSED_BYTES])
{
    const struct span parts[] = {h->channel_id, h->token, h->resource_id};
    unsigned n = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].n > UINT8_MAX || n + 1 + parts[i].n > REFUSED_BYTES)
            return 0;
        out[n++] = (char)parts[i].n;
        if (parts[i].n > 0)
            memcpy(out + n, parts[i].p, parts[i].n);
        n += (unsigned)parts[i].n;
    }
    return n;
}

static struct refused_slot *slot_of(struct refused *r, const char *bytes, unsigned n)
{
    if (r->seed == 0)
        rand_bytes(&r->seed, sizeof(r->seed));
    return &r->slots[XXH3_64bits_withSeed(bytes, n, r->seed) % REFUSED_SLOTS];
}

enum ping_verdict refused_find(struct refused *r, const struct ping_headers *h, int64_t now_ms)
{
    char bytes[REFUSED_BYTES];
    unsigned n = pack(h, bytes);
    const struct refused_slot *s = n ? slot_of(r, bytes, n) : NULL;

    if (!s || s->n != n || memcmp(s->bytes, bytes, n) != 0 || s->until_ms <= now_ms ||
        s->until_ms > now_ms + REMEMBERED_MS)
        return PING_CHANGE;
    return s->verdict;
}

void refused_add(struct refused *r, const struct ping_headers *h, enum ping_verdict verdict,
                 int64_t now_ms)
{
    char bytes[REFUSED_BYTES];
    unsigned n = pack(h, bytes);

    if (n == 0)
        return;
    struct refused_slot *s = slot_of(r, bytes, n);
    s->until_ms = now_ms + REMEMBERED_MS;
    s->verdict = verdict;
    s->n = n;
    memcpy(s->bytes, bytes, n);
}
