/* inside: what the files of the control socket share. Private. */
#ifndef CORE_CONTROL_INSIDE_H
#define CORE_CONTROL_INSIDE_H

#include <pthread.h>

#include "core/control/control.h"
#include "core/google/signin.h"
#include "core/http/http.h"
#include "core/httpd/httpd.h"

#define PENDING_MAX 8 /* sign-ins under way; the oldest gives way */

/* A person is somewhere between our first word and Google's last. */
struct pending {
    char account[LIMIT_NAME_BYTES + 1]; /* "" = free */
    struct signin signin;
    int64_t began_ms; /* monotonic; 0 = free */
};

struct control {
    struct control_options opt;
    pthread_mutex_t lock;    /* guards conf */
    const struct conf *conf; /* in force */
    struct httpd *httpd;
    struct http_client *google;
    struct pending pending[PENDING_MAX]; /* the thread's own */
};

/* One request: `body` is a checked JSON object. The handlers fill `out` with a JSON object, or
 * return why not. */
struct control_call {
    struct control *control;
    const struct conf *conf;
    struct span body;
    struct buf out;
};
/* RC_INVALID: the request is wrong; RC_NOTFOUND: no such account; RC_AUTH: refused, for good;
 * RC_AGAIN: later; RC_SYS. */
typedef enum rc control_fn(struct control_call *c, struct err *e);

/* login.c */
control_fn control_login_begin, control_login_finish;
void control_forget(struct pending *p);
/* logout.c */
control_fn control_logout, control_key_rotate;

/* The account named in the body, which must be one that people sign in to. */
enum rc control_account(struct control_call *c, const struct conf_account **ret, struct err *e);
/* A member of the body that must be there. */
enum rc control_text(struct control_call *c, const char *name, char *out, size_t size,
                     struct err *e);
bool control_flag(struct control_call *c, const char *name);

#endif
