/* probe: looks at an LMDB file with plain reads, before LMDB maps it.
 *
 * DESIGN. LMDB trusts its file: a page beyond the end of a truncated one is a SIGBUS, a zero page
 * size a SIGFPE. So the two meta pages are checked here first, and that the file is as long as the
 * newer one says. The reverse must hold too: LMDB itself may leave the file shorter, when the last
 * pages of a transaction were freed within it and so never written. store_grow_file() therefore
 * keeps the file (a hole, no disk space) ahead of its use. Damage deeper inside is found by the
 * records' checksums, or by LMDB's own assertions and faults, which leave a mark
 * (store_mark_broken). */
#ifndef STORAGE_PROBE_H
#define STORAGE_PROBE_H

#include <stdint.h>

#include "core/base/err.h"

/* RC_OK: an LMDB file this machine can use. RC_NOTFOUND: no file. RC_BADDATA: anything else in its
 * place. RC_SYS: it cannot be read. */
enum rc probe_file(const char *path, struct err *e);

#endif
