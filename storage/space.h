/* space: the keyspaces, each a table of its own in its file.
 *
 * `id` is an id's bytes, or a shortened form, see key.h. To add a space: a line here, in the enum
 * below and in key.c, a packer if its shape is new, and a new STORE_FORMAT (store.c). */
/* clang-format off
 *
 * space          key                            example                        value
 * meta           text                           "counter", "lineage", "pack 12" per name
 * account        account                        3                              account
 * account_name   name                           "work"                         account number
 * coll           coll                           12                             collection
 * coll_id        account, kind, calendar id     3, events, "a@example.com"     coll number
 * head           coll                           12                             JSON
 * verdict        coll, part                     12, events                     JSON
 * item           coll, id                       12, "a@example.com"            item
 * event          coll, class, time, row         12, 3, 2026-03-29T09:00Z, 71   event
 * event_id       coll, id                       12, "4qg7..."                  where, seq, mark
 * event_updated  coll, updated, row             12, 2026-03-01T08:00Z, 71      where
 * event_uid      coll, hash(iCalUID), row       12, 0x9f.., 71                 where
 * event_series   coll, hash(series id), row     12, 0x51.., 71                 where
 * event_odd      coll, updated, row             12, 2026-03-01T08:00Z, 71      where
 * change         coll, seq                      12, 90211                      kind, time, id
 * stage          coll, id                       12, "4qg7..."                  event
 * channel        channel id                     "v1k..."                       channel
 * channel_coll   coll, channel id               12, "v1k..."                   empty
 * job            coll                           12                             job
 *
 * In push.mdb, with a meta of its own:
 * push_channel   channel id                     "01234567-89ab-..."            client's channel
 * push_mark      coll, hook name                12, "backup"                   how far it was told
 * push_dead      number                         5                              undeliverable change
 *
 * clang-format on */
#ifndef STORAGE_SPACE_H
#define STORAGE_SPACE_H

#include <stdbool.h>

enum space {
    SPACE_META,
    SPACE_ACCOUNT,
    SPACE_ACCOUNT_NAME,
    SPACE_COLL,
    SPACE_COLL_ID,
    SPACE_HEAD,
    SPACE_VERDICT,
    SPACE_ITEM,
    SPACE_EVENT,
    SPACE_EVENT_ID,
    SPACE_EVENT_UPDATED,
    SPACE_EVENT_UID,
    SPACE_EVENT_SERIES,
    SPACE_EVENT_ODD,
    SPACE_CHANGE,
    SPACE_STAGE,
    SPACE_CHANNEL,
    SPACE_CHANNEL_COLL,
    SPACE_JOB,
    SPACE_COUNT, /* of mirror.mdb */
    SPACE_PUSH_CHANNEL = SPACE_COUNT,
    SPACE_PUSH_MARK,
    SPACE_PUSH_DEAD,
    SPACE_ALL
};

const char *space_name(enum space space);
/* Whether the space's keys begin with a collection number. */
bool space_is_per_coll(enum space space);

#endif
