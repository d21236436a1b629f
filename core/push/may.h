/* may: may the client that opened a channel still be told of what it watches? */
#ifndef CORE_PUSH_MAY_H
#define CORE_PUSH_MAY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/conf/conf.h"
#include "core/model/push.h"
#include "storage/store.h"

/* Asked before each message, since clients come and go with reloads. "" is the operator's. */
bool may_be_told(const struct conf *conf, struct txn *mirror, const struct push_channel *channel,
                 int64_t now_ms);

/* Is it the account's own calendar? Patterns of clients and hooks may name that by "primary". */
bool may_is_primary(struct txn *mirror, uint32_t account, const char *calendar);
/* The same for those who must know when that cannot be told: not RC_OK. */
enum rc may_find_primary(struct txn *mirror, uint32_t account, const char *calendar,
                         bool *ret_primary);

#endif
