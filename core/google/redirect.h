/* redirect: what a browser brings back from Google's consent page. */
#ifndef CORE_GOOGLE_REDIRECT_H
#define CORE_GOOGLE_REDIRECT_H

#include "core/base/err.h"
#include "core/base/secret.h"

#define REDIRECT_BYTES_MOST 8192
#define REDIRECT_STATE_MOST 128

struct redirect {
    struct secret code; /* empty: the person or Google said no, see `error` */
    char state[REDIRECT_STATE_MOST + 1];
    char error[64]; /* "access_denied" and the like; "" when there is a code */
};

/* `text`: a whole address as copied out of a browser, or what stands behind its '?'. RC_INVALID:
 * nothing of the kind, with what was expected; the sentence shows nothing of the text. */
enum rc redirect_read(struct span text, struct redirect *ret, struct err *e);
void redirect_release(struct redirect *r);

#endif
