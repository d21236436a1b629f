/* site: the proof that Google's Search Console asks of whoever says that a host is theirs. */
#ifndef CORE_PING_SITE_H
#define CORE_PING_SITE_H

#include "core/base/buf.h"

/* One page at one path; empty: none. */
struct site {
    struct buf path, body;
};

/* `proof`: the name of a file ("googleX.html"), which says its own name, or the token of a meta
 * tag, which stands in a page at "/"; "" or NULL: nothing. Both are as the console gives them out.
 */
void site_make(struct site *s, const char *proof);
bool site_has(const struct site *s, const char *method, struct span path);
void site_release(struct site *s);

#endif
