/* group: readers that asked alike, the text made for them once, and its way to each of them. */
#ifndef CORE_SERVE_LIVE_GROUP_H
#define CORE_SERVE_LIVE_GROUP_H

#include "core/serve/live/internal.h"

/* The group of all who ask so, with one reader more; takes the lens over. NULL: no memory. */
struct group *group_join(struct live *l, struct lens *lens);
void group_leave(struct live *l, struct group *g); /* frees it with its last reader */

/* Reads one page of the feed for everybody, and starts sending. False: the store cannot be read. */
bool groups_tell(struct live *l, struct txn *t);
/* Goes on sending, to so many streams. True: nothing is left to be sent. */
bool groups_send(struct live *l, unsigned most);
/* Long polls of the group are to be answered. The caller holds the group. */
void group_wake(struct live *l, struct group *g);
/* Before a stream is moved out of its group's list, so that sending does not stumble over it. */
void group_skip(struct group *g, struct stream *s);

#endif
