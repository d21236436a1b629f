/* channels: our watch channels, by id and by what they watch. */
#include "storage/channels.h"

#include <assert.h>
#include <stddef.h>

#include "storage/table.h"

#define ID_AT 4 /* in the key of channel_coll */

static const struct field channel_fields[] = {
    FIELD(struct channel, id),           FIELD(struct channel, coll),
    FIELD(struct channel, state),        FIELD(struct channel, resource_id),
    FIELD(struct channel, created_ms),   FIELD(struct channel, expires_ms),
    FIELD(struct channel, renew_ms),     FIELD(struct channel, pings),
    FIELD(struct channel, last_ping_ms), FIELD(struct channel, last_number),
};
static_assert(FIELDS_FILL(struct channel, 256),
              "a new member goes into the table, and STORE_FORMAT up");

static enum rc get_counted(struct txn *t, struct span id, uint32_t coll, struct channel *ret)
{
    struct key k = key_text(id);
    struct channel c = {0};
    enum rc rc = fields_get(t, SPACE_CHANNEL, &k, channel_fields, FIELD_COUNT(channel_fields), &c);
    if (!rc)
        *ret = c;
    if (rc == RC_BADDATA)
        damage_note(t->store, coll);
    return rc;
}

enum rc channel_get(struct txn *t, struct span id, struct channel *ret)
{
    return get_counted(t, id, 0, ret);
}

void channel_put(struct txn *t, const struct channel *c)
{
    struct span id = span_of(c->id);
    struct key k = key_text(id), by_coll = key_id(c->coll, id);
    fields_put(t, SPACE_CHANNEL, &k, channel_fields, FIELD_COUNT(channel_fields), c);
    record_put(t, SPACE_CHANNEL_COLL, &by_coll, NULL, 0);
}

void channel_delete(struct txn *t, struct span id)
{
    struct channel c;
    struct key k = key_text(id);
    enum rc rc = fields_get(t, SPACE_CHANNEL, &k, channel_fields, FIELD_COUNT(channel_fields), &c);
    if (rc == RC_OK) {
        struct key by_coll = key_id(c.coll, id);
        space_del(t, SPACE_CHANNEL_COLL, &by_coll);
    }
    if (rc == RC_BADDATA) { /* it does not say what it watched: look everywhere */
        struct walk w;
        struct key all = {0};
        walk_open(&w, t, SPACE_CHANNEL_COLL, &all, NULL);
        while (walk_next(&w)) {
            if (w.key.n >= ID_AT && span_eq((struct span){w.key.p + ID_AT, w.key.n - ID_AT}, id))
                walk_delete(&w);
        }
        walk_close(&w);
    }
    space_del(t, SPACE_CHANNEL, &k);
}

static void each_of_all(struct txn *t, bool (*each)(void *arg, const struct channel *c), void *arg)
{
    struct walk w;
    struct key all = {0};
    struct span body;
    struct channel c = {0};
    bool more = true;
    walk_open(&w, t, SPACE_CHANNEL, &all, NULL);
    while (more && walk_next(&w)) {
        if (walk_record(&w, &body) &&
            fields_unpack(channel_fields, FIELD_COUNT(channel_fields), &c, body))
            more = each(arg, &c);
    }
    walk_close(&w);
}

void channels_each(struct txn *t, uint32_t coll, bool (*each)(void *arg, const struct channel *c),
                   void *arg)
{
    if (coll == 0) {
        each_of_all(t, each, arg);
        return;
    }
    struct walk w;
    struct key of_coll = key_no(coll);
    struct span empty;
    struct channel c = {0};
    bool more = true;
    walk_open(&w, t, SPACE_CHANNEL_COLL, &of_coll, NULL);
    while (more && walk_next(&w)) {
        struct span id = {w.key.p + ID_AT, w.key.n - ID_AT};
        if (walk_record(&w, &empty) && get_counted(t, id, coll, &c) == RC_OK)
            more = each(arg, &c);
    }
    walk_close(&w);
}

void channels_drop(struct txn *t, uint32_t coll)
{
    struct walk w;
    struct key of_coll = key_no(coll);
    walk_open(&w, t, SPACE_CHANNEL_COLL, &of_coll, NULL);
    while (walk_next(&w)) {
        struct key k = key_text((struct span){w.key.p + ID_AT, w.key.n - ID_AT});
        space_del(t, SPACE_CHANNEL, &k);
        walk_delete(&w);
    }
    walk_close(&w);
}
