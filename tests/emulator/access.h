/* access: which calendar a request means, and whether its user may. */
#ifndef EMULATOR_ACCESS_H
#define EMULATOR_ACCESS_H

#include "tests/emulator/emu.h"
#include "tests/emulator/reply.h"

/* The calendar named by the first path argument ("primary" is the user's own). NULL after an
 * answer of 404, or of 403 when the role is too low. */
struct calendar *access_calendar(struct req *r, enum role need);
enum role access_role(const struct req *r, const struct calendar *c);
/* The body as a JSON object, owned by the caller; NULL after an answer of 400. */
struct json_object *access_body(struct req *r);
/* If-Match against an etag (with its quotes); false after an answer of 412. */
bool access_if_match(struct req *r, const char *etag);
/* The etag inside a resource's text, NULL when it has none; owned by the caller. */
char *etag_of_text(const char *text);

#endif
