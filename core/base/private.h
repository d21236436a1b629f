/* private: files that only their owner may read: refused when others can, replaced as a whole. */
#ifndef CORE_BASE_PRIVATE_H
#define CORE_BASE_PRIVATE_H

#include <stdint.h>

#include "core/base/err.h"
#include "core/base/secret.h"

#define PRIVATE_BYTES_MOST 65536

/* A file that only its owner can read. Group read is also taken when root owns it: that is how the
 * service manager hands over credentials, and how an administrator does. RC_NOTFOUND: there is
 * none; RC_AUTH: refused, with what to do about it; RC_SYS. */
enum rc private_read(const char *path, struct secret *ret, struct err *e);

/* Replaces or makes it with mode 0600, so that after a crash there is the old one or the new one,
 * whole. */
enum rc private_write(const char *path, struct span bytes, struct err *e);
/* Makes it, unless there is one: RC_NOTFOUND, and that one is left as it is. */
enum rc private_create(const char *path, struct span bytes, struct err *e);
/* RC_OK also when there was none. Durable, as the above. */
enum rc private_remove(const char *path, struct err *e);

/* Makes durable what was renamed, made or removed in the folder of `path`. */
enum rc private_sync_folder(const char *path, struct err *e);

/* A number that changes when the file's content, owner or mode does; 0 when there is no such file.
 */
uint64_t private_stamp(const char *path);

#endif
