/* may: may the client that opened a channel still be told of what it watches? */
#ifndef CORE_PUSH_MAY_H
#define CORE_PUSH_MAY_H

#include <stdbool.h>

#include "core/conf/conf.h"
#include "core/model/push.h"
#include "storage/store.h"

/* Asked before each message, since clients come and go with reloads. "" is the operator's. */
bool may_be_told(const struct conf *conf, struct txn *mirror, const struct push_channel *channel,
                 int64_t now_ms);

/* Is the calendar the account's own? */
bool may_is_primary(struct txn *mirror, const char *account, const char *calendar);

#endif
