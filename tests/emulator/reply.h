/* reply: the errors of Google Calendar, in its two body forms. */
#ifndef EMULATOR_REPLY_H
#define EMULATOR_REPLY_H

#include "tests/emulator/req.h"

struct api_error {
    int status;
    const char *domain, *reason, *message;
    const char *location_type, *location; /* or NULL */
};

/* The common ones. */
extern const struct api_error NOT_FOUND, BAD_REQUEST, DELETED, DUPLICATE, PARSE_ERROR,
    PRECONDITION_FAILED, TIME_RANGE_EMPTY, NO_WRITER, FORBIDDEN, BAD_RESOURCE_ID;

/* Backend form. */
void reply_error(struct req *r, const struct api_error *e);
void reply_bad(struct req *r, const char *reason, const char *message); /* 400, domain global */
void reply_bad_param(struct req *r, const char *name, const char *value, const char *rule);
void reply_not_implemented(struct req *r, const char *what);

/* Front-end form, of the layer that checks credentials; the members of rpc are borrowed. */
void reply_login_required(struct req *r);
void reply_bad_credentials(struct req *r);
void reply_scope_missing(struct req *r);

/* The token endpoint's form. */
void reply_oauth_error(struct req *r, int status, const char *error, const char *description);

#endif
