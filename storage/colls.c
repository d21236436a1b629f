/* colls: collections by number and by what they are, and everything that hangs on one. */
#include "storage/accounts.h"

#include <assert.h>
#include <stddef.h>

#include "core/base/text.h"
#include "storage/channels.h"
#include "storage/pack.h"
#include "storage/table.h"

#define KIND_AT     4 /* in the key of coll_id */
#define CALENDAR_AT 5

static const struct field coll_fields[] = {
    FIELD(struct collection, no),
    FIELD(struct collection, account),
    FIELD(struct collection, kind),
    FIELD(struct collection, state),
    FIELD(struct collection, calendar),
    FIELD(struct collection, zone),
    FIELD(struct collection, sync_token),
    FIELD(struct collection, listing.reason),
    FIELD(struct collection, listing.direct),
    FIELD(struct collection, listing.generation),
    FIELD(struct collection, listing.started_ms),
    FIELD(struct collection, listing.pages),
    FIELD(struct collection, listing.items),
    FIELD(struct collection, listing.page_token),
    FIELD(struct collection, version),
    FIELD(struct collection, listed_seq),
    FIELD(struct collection, pruned_seq),
    FIELD(struct collection, changed_ms),
    FIELD(struct collection, fresh_ms),
    FIELD(struct collection, full_ms),
    FIELD(struct collection, live_items),
    FIELD(struct collection, all_items),
    FIELD(struct collection, classes),
    FIELD(struct collection, fails),
    FIELD(struct collection, failed_ms),
    FIELD(struct collection, last_error),
    FIELD(struct collection, stale_count),
    FIELD(struct collection, stale_since_ms),
    FIELD(struct collection, drift),
    FIELD(struct collection, page_most),
    FIELD(struct collection, watch),
    FIELD(struct collection, watch_tried_ms),
    FIELD(struct collection, watch_error),
};
static_assert(FIELDS_FILL(struct collection, 5896),
              "a new member goes into the table, and STORE_FORMAT up");

static struct key key_of(const struct collection *c)
{
    return key_coll_id(c->account, (uint8_t)c->kind, span_of(c->calendar));
}

/* What can be told of a collection whose record is damaged. Who it is stands in the key that leads
 * to it, unless the calendar's id was too long for a key. */
static void salvage(struct txn *t, uint32_t no, struct collection *ret)
{
    uint64_t seq = txn_last_seq(t);
    *ret = (struct collection){
        .no = no, .state = COLL_NEW, .version = seq, .pruned_seq = seq, .changed_ms = t->now_ms};
    struct walk w;
    struct key all = {0};
    struct span body;
    walk_open(&w, t, SPACE_COLL_ID, &all, NULL);
    while (walk_next(&w)) {
        if (!record_open(w.space, w.key, w.value, &body) || body.n != sizeof(no) ||
            get_u32(body.p) != no || w.key.n < CALENDAR_AT)
            continue;
        struct span calendar = key_calendar_whole(w.key);
        if (calendar.n == w.key.n - CALENDAR_AT) {
            ret->account = key_u32_at(w.key.p, 0);
            ret->kind = (uint8_t)w.key.p[KIND_AT];
            (void)text_copy(ret->calendar, sizeof(ret->calendar), calendar);
        }
        break;
    }
    walk_close(&w);
}

static enum rc read_record(struct txn *t, uint32_t no, struct collection *ret)
{
    struct key k = key_no(no);
    return fields_get(t, SPACE_COLL, &k, coll_fields, FIELD_COUNT(coll_fields), ret);
}

enum rc coll_get(struct txn *t, uint32_t no, struct collection *ret)
{
    struct collection c = {0};
    enum rc rc = read_record(t, no, &c);
    if (!rc)
        *ret = c;
    if (rc == RC_BADDATA) {
        damage_note(t->store, no);
        salvage(t, no, ret);
    }
    return rc;
}

struct identity_search {
    struct key key;
    uint32_t no; /* 0: not found */
};

static bool identity_step(void *arg, enum rc rc, const struct collection *c)
{
    struct identity_search *search = arg;
    struct key k = key_of(c);
    if (!rc && span_eq(key_span(&k), key_span(&search->key)))
        search->no = c->no;
    return search->no == 0;
}

enum rc coll_find(struct txn *t, uint32_t account, enum coll_kind kind, struct span calendar,
                  struct collection *ret)
{
    struct identity_search search = {.key = key_coll_id(account, (uint8_t)kind, calendar)};
    uint32_t no;
    if (calendar.n > LIMIT_ID_BYTES)
        return RC_NOTFOUND;
    enum rc rc = number_get(t, SPACE_COLL_ID, &search.key, &no);
    if (rc == RC_BADDATA) { /* the way by name is lost, the collection need not be */
        colls_each(t, identity_step, &search);
        no = search.no;
        rc = no ? RC_OK : RC_NOTFOUND;
    }
    if (rc)
        return rc;
    rc = coll_get(t, no, ret);
    if (rc == RC_BADDATA) {
        ret->account = account;
        ret->kind = kind;
        (void)text_copy(ret->calendar, sizeof(ret->calendar), calendar);
    }
    return rc;
}

void coll_put(struct txn *t, struct collection *c)
{
    assert(c->account != 0 && c->kind != 0);
    if (c->no == 0) {
        c->no = ++t->counters.coll;
        t->counted = true;
    }
    txn_touch(t, c->no);
    struct key k = key_no(c->no), identity = key_of(c);
    fields_put(t, SPACE_COLL, &k, coll_fields, FIELD_COUNT(coll_fields), c);
    uint32_t no;
    if (number_get(t, SPACE_COLL_ID, &identity, &no) != RC_OK || no != c->no)
        number_put(t, SPACE_COLL_ID, &identity, c->no);
}

void coll_delete(struct txn *t, uint32_t no)
{
    txn_touch(t, no);
    number_drop(t, SPACE_COLL_ID, no);
    channels_drop(t, no);
    pack_forget(t, no);
    struct key k = key_no(no);
    for (enum space sp = 0; sp < SPACE_COUNT; sp++) {
        if (space_is_per_coll(sp))
            space_clear(t, sp, &k);
    }
}

void colls_each(struct txn *t, bool (*each)(void *arg, enum rc rc, const struct collection *c),
                void *arg)
{
    struct walk w;
    struct key all = {0};
    bool more = true;
    walk_open(&w, t, SPACE_COLL, &all, NULL);
    while (more && walk_next(&w)) {
        struct span body;
        struct collection c = {0};
        if (w.key.n != sizeof(uint32_t))
            continue;
        if (walk_record(&w, &body) &&
            fields_unpack(coll_fields, FIELD_COUNT(coll_fields), &c, body)) {
            more = each(arg, RC_OK, &c);
            continue;
        }
        salvage(t, key_u32_at(w.key.p, 0), &c);
        more = each(arg, RC_BADDATA, &c);
    }
    walk_close(&w);
}

struct span coll_head(struct txn *t, uint32_t no)
{
    struct key k = key_no(no);
    struct span json = {0};
    if (record_get(t, SPACE_HEAD, &k, &json) == RC_BADDATA)
        damage_note(t->store, no);
    return json;
}

void coll_set_head(struct txn *t, uint32_t no, struct span json)
{
    struct key k = key_no(no);
    record_put(t, SPACE_HEAD, &k, json.p, json.n);
}

struct span coll_verdict(struct txn *t, uint32_t no, uint32_t part)
{
    struct key k = key_class(no, (uint8_t)part);
    struct span json = {0};
    if (record_get(t, SPACE_VERDICT, &k, &json) == RC_BADDATA)
        damage_note(t->store, no);
    return json;
}

void coll_set_verdict(struct txn *t, uint32_t no, uint32_t part, struct span json)
{
    struct key k = key_class(no, (uint8_t)part);
    record_put(t, SPACE_VERDICT, &k, json.p, json.n);
}
