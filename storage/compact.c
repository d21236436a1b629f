/* compact: copies a store's file in order and without what is free in it.
 *
 * DESIGN. LMDB gives no room back: what a calendar's first listing used up in passing, or a deleted
 * calendar leaves, stays part of the file, and is used again here and there, so that what belongs
 * together comes to lie scattered. Then a window over a large calendar costs a fifth more than it
 * need, in memory as on disk. LMDB can copy itself in order, but only into another file; so that is
 * done at start, while nobody else has the store open, when a good part of it is free. The copy
 * takes the place of the file by a rename. Whatever goes wrong before that, the file is as good as
 * it was. A start that ended amid the copy, perhaps for taking too long, leaves it there, by which
 * the next one knows not to try. */
#include "storage/compact.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"

#define LEAST_BYTES (UINT64_C(4) << 20)
#define MOST_BYTES  (UINT64_C(1) << 30) /* to be copied: starting must not take minutes */
#define FREE_SHARE  4                   /* of the pages one in so many is free */

static bool name_copy(const char *path, char *ret)
{
    int n = snprintf(ret, PATH_MAX, "%s.compact", path);
    return n > 0 && n < PATH_MAX;
}

static bool has_room(const struct store *s, uint64_t bytes)
{
    struct statvfs fs;
    return statvfs(s->dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize > bytes + bytes / 4;
}

static bool is_due(const struct store *s, uint64_t all, uint64_t used)
{
    return used <= MOST_BYTES && all - used >= all / FREE_SHARE && has_room(s, used);
}

static bool write_copy(struct store *s, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int code = fd < 0 ? errno : mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT);
    if (!code && fsync(fd) < 0)
        code = errno;
    if (fd >= 0)
        close(fd);
    if (code)
        log_warning(NULL, "%s: %s; the store stays as it is", path, mdb_strerror(code));
    return code == 0;
}

bool compact_copy(struct store *s, const char *path, char *ret)
{
    int64_t begin_ms = clock_mono_ms();
    uint64_t all = store_extent(s);
    struct store_usage usage;
    if (all < LEAST_BYTES || !name_copy(path, ret))
        return false;
    store_usage(s, &usage);
    if (!is_due(s, all, usage.used_bytes))
        return false;
    log_info(NULL, "the store has %llu of %llu MiB free: it is copied without these",
             (unsigned long long)((all - usage.used_bytes) >> 20), (unsigned long long)(all >> 20));
    if (!write_copy(s, ret)) {
        unlink(ret);
        return false;
    }
    log_info(NULL, "store made smaller, from %llu to %llu MiB, in %lld ms",
             (unsigned long long)(all >> 20), (unsigned long long)(usage.used_bytes >> 20),
             (long long)(clock_mono_ms() - begin_ms));
    return true;
}

bool compact_clean(const char *path)
{
    char copy[PATH_MAX];
    return name_copy(path, copy) && unlink(copy) == 0;
}
