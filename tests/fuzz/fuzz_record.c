/* fuzz_record: any bytes as a record of the database, under a key and with a checksum that are
 * right: whatever it says, everything can still be read, and the collection be repaired.
 *
 * The first byte picks the keyspace, the second the length of the key that follows. Nothing is
 * committed, so each input meets the same store. */
#include <string.h>

#include "storage/accounts.h"
#include "storage/changes.h"
#include "storage/channels.h"
#include "storage/event_store.h"
#include "storage/items.h"
#include "storage/jobs.h"
#include "tests/fuzz/fuzz_store.h"

#define EVENTS 3

/* Account 1, collection 1 with some events, an item and a channel. */
static void fill(struct txn *t)
{
    struct account a = {.name = "a", .state = ACCOUNT_OK};
    struct collection c = {
        .account = 1, .kind = COLL_EVENTS, .state = COLL_READY, .calendar = "a@b"};
    struct channel ch = {.id = "c", .coll = 1, .state = CHANNEL_LIVE};

    account_put(t, &a);
    coll_put(t, &c);
    channel_put(t, &ch);
    for (int64_t i = 0; i < EVENTS; i++) {
        char id[32];
        (void)snprintf(id, sizeof(id), "ev%lld", (long long)i);
        struct event ev = {.id = span_of(id), .raw = span_of("{}"), .ical_uid = span_of("uid")};
        ev.start_ms = i * 3600000;
        ev.end_ms = ev.start_ms + 3600000;
        (void)event_put(t, &c, &ev);
    }
    coll_put(t, &c);
}

static bool count_account(void *arg, enum rc rc, const struct account *a)
{
    (void)arg, (void)rc;
    require(strlen(a->name) < sizeof(a->name) && account_state_name(a->state));
    return true;
}

static bool count_coll(void *arg, enum rc rc, const struct collection *c)
{
    (void)arg, (void)rc;
    require(strlen(c->calendar) < sizeof(c->calendar) && coll_kind_name(c->kind) &&
            coll_state_name(c->state));
    return true;
}

static bool count_channel(void *arg, const struct channel *ch)
{
    (void)arg;
    require(strlen(ch->id) < sizeof(ch->id) && channel_state_name(ch->state));
    return true;
}

static void read_all(struct txn *t)
{
    struct collection c;
    struct account a;
    struct job job;
    struct event ev;

    accounts_each(t, count_account, NULL);
    colls_each(t, count_coll, NULL);
    channels_each(t, 0, count_channel, NULL);
    (void)account_get(t, 1, &a);
    (void)account_find(t, "a", &a);
    (void)coll_find(t, 1, COLL_EVENTS, span_of("a@b"), &c);
    (void)job_get(t, 1, &job);
    (void)coll_head(t, 1);
    if (event_get(t, 1, span_of("ev1"), &ev) == RC_OK)
        require(span_is(ev.id, "ev1"));
    if (coll_get(t, 1, &c) == RC_OK || c.account != 0) {
        (void)coll_repair(t, &c);
        coll_put(t, &c);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store *s = fuzz_store_open(fill);
    struct key k = {0};
    struct txn *t;

    if (size < 2)
        return 0;
    k.n = data[1] % sizeof(k.b);
    if (k.n == 0 || k.n > size - 2)
        return 0;
    memcpy(k.b, data + 2, k.n);
    require(txn_write(s, &t, NULL) == RC_OK);
    record_put(t, data[0] % SPACE_COUNT, &k, data + 2 + k.n, size - 2 - k.n);
    read_all(t);
    txn_abort(t);
    return 0;
}
