/* verify: is this request a notification of one of our channels, and what does it ask for?
 *
 * DESIGN. Google does not sign notifications; it only echoes the token that we gave when we asked
 * for the channel. Ours is a MAC of the channel's id and of what it watches, so a forged request is
 * turned away for the price of one hash, before the store is looked at, and a genuine one is known
 * as such even when its record was lost in a crash: then it is stopped, for nobody else would.
 *
 * When an older database was put back, the channels that were opened since are such, and those on
 * record may long be closed: all that is heard of a calendar may be what comes by a channel that is
 * to be stopped. As long as this process has heard none of those on record, it therefore counts as
 * the hint that it is; the token says of what. Afterwards they tell it themselves.
 *
 * The resource id must fit too. It is unknown only while the watch call is on its way: the first
 * message may overtake the answer. */
#include "core/ping/verify.h"

#include "core/base/text.h"
#include "core/queue/token.h"
#include "storage/accounts.h"
#include "storage/channels.h"

/* Google may still send what it had queued when the channel ended. */
#define EXPIRY_SLACK_MS (60 * 1000)

static enum ping_verdict judge(const struct ping_headers *h, int64_t now_ms,
                               const struct channel *ch)
{
    if (ch->state == CHANNEL_STOPPING || ch->state == CHANNEL_STOPPED)
        return PING_IGNORED;
    if (ch->expires_ms && now_ms > ch->expires_ms + EXPIRY_SLACK_MS)
        return PING_STRAY;
    return span_is(h->state, "sync") ? PING_SYNC : PING_CHANGE;
}

struct ear {
    int64_t began_ms;
    bool heard;
};

static bool listen_to(void *arg, const struct channel *ch)
{
    struct ear *ear = arg;

    ear->heard |= ch->state < CHANNEL_STOPPING && ch->last_ping_ms >= ear->began_ms;
    return !ear->heard;
}

/* What is left to know of a channel without a record. */
static enum ping_verdict stray(struct txn *t, const struct ping_headers *h, uint32_t coll,
                               int64_t now_ms, int64_t began_ms, struct channel *ret)
{
    struct channel ch = {.coll = coll, .state = CHANNEL_STOPPING, .created_ms = now_ms};
    struct ear ear = {.began_ms = began_ms};
    struct collection c;

    if (coll_get(t, coll, &c) == RC_NOTFOUND)
        return PING_IGNORED; /* of what left the mirror: nobody is there to stop it */
    if (h->resource_id.n == 0 || !text_copy(ch.id, sizeof(ch.id), h->channel_id) ||
        !text_copy(ch.resource_id, sizeof(ch.resource_id), h->resource_id))
        return PING_FORGED;
    *ret = ch;
    channels_each(t, coll, listen_to, &ear);
    return ear.heard || span_is(h->state, "sync") ? PING_STRAY : PING_LOST;
}

enum ping_verdict ping_verify(struct store *s, const struct ping_headers *h, int64_t now_ms,
                              int64_t began_ms, struct channel *ret_channel, bool *ret_known)
{
    enum ping_verdict verdict = PING_FORGED;
    struct channel ch;
    struct txn *t = NULL;
    uint32_t coll;

    if (h->channel_id.n == 0 || h->channel_id.n > LIMIT_CHANNEL_BYTES ||
        !channel_token_check(store_secret(s), h->channel_id, h->token, &coll))
        return PING_FORGED;
    if (txn_read(s, &t, NULL) != RC_OK)
        return PING_UNREAD;

    *ret_known = channel_get(t, h->channel_id, &ch) == RC_OK;
    if (*ret_known && ch.coll != coll) {
        verdict = PING_FORGED; /* our token, but of another channel with this id */
    } else if (!*ret_known) {
        verdict = stray(t, h, coll, now_ms, began_ms, ret_channel);
    } else if (ch.resource_id[0] == '\0' ||
               text_equal_secret(span_of(ch.resource_id), h->resource_id)) {
        verdict = judge(h, now_ms, &ch);
        *ret_channel = ch;
        /* The first message names it, which is enough to stop the channel if need be. */
        if (ch.resource_id[0] == '\0' &&
            !text_copy(ret_channel->resource_id, sizeof(ch.resource_id), h->resource_id))
            ret_channel->resource_id[0] = '\0';
    }
    txn_abort(t);
    return verdict;
}
