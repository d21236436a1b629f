/* message: what a channel's notification says, as Google's do: all of it in headers. */
#ifndef CORE_PUSH_MESSAGE_H
#define CORE_PUSH_MESSAGE_H

#include "core/base/buf.h"
#include "core/model/push.h"

/* Names what is watched: the same for every channel on it, also after the mirror was built anew. */
void message_resource_id(char out[PUSH_RESOURCE_ID_BYTES + 1], const char *account,
                         enum coll_kind kind, const char *calendar);
/* Google's own URL of it, with "primary" where that was asked for. */
void message_resource_uri(struct buf *out, const struct push_channel *c);

enum message_state { MESSAGE_SYNC, MESSAGE_EXISTS, MESSAGE_NOT_EXISTS };

#define MESSAGE_LINES 12
struct message {
    struct buf text;
    const char *lines[MESSAGE_LINES + 1]; /* into text; NULL-terminated */
};
/* False: out of memory. */
bool message_make(struct message *m, const struct push_channel *c, enum message_state state,
                  uint64_t number);
void message_release(struct message *m);

#endif
