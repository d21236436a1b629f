/* private: checks before reading; writing by a temporary file and a rename, both made durable. */
#include "core/base/private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/crashpoint.h"

static enum rc check(int fd, const char *path, size_t *ret_size, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_errno(e, "%s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, RC_AUTH, "%s: not a regular file", path);
    mode_t refused = st.st_uid == 0 ? 0037 : 0077;
    if (st.st_mode & refused)
        return err_set(e, RC_AUTH, "%s: others have access to it (mode %04o): run chmod 600 %s",
                       path, (unsigned)(st.st_mode & 07777), path);
    if (st.st_size <= 0 || st.st_size > PRIVATE_BYTES_MOST)
        return err_set(e, RC_AUTH, "%s: %s", path, st.st_size <= 0 ? "empty" : "too large");
    *ret_size = (size_t)st.st_size;
    return RC_OK;
}

static enum rc read_all(int fd, const char *path, size_t size, struct secret *ret, struct err *e)
{
    struct buf b = {.cap = PRIVATE_BYTES_MOST};
    enum rc rc = RC_OK;
    ssize_t n = 1;

    while (n > 0 && buf_reserve(&b, size - b.n) && b.n < size) {
        n = read(fd, b.p + b.n, size - b.n);
        if (n > 0)
            b.n += (size_t)n;
    }
    if (n < 0)
        rc = err_errno(e, "%s", path);
    else if (b.failed || !secret_set(ret, buf_span(&b)))
        rc = err_set(e, RC_SYS, "%s: out of memory", path);
    secret_wipe_buf(&b);
    return rc;
}

enum rc private_read(const char *path, struct secret *ret, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* never wait on a fifo */
    size_t size = 0;

    if (fd < 0 && (err_is_shortage(errno) || errno == EIO))
        return err_errno(e, "%s", path);
    if (fd < 0)
        return err_set(e, errno == ENOENT ? RC_NOTFOUND : RC_AUTH, "%s: %s", path, strerror(errno));
    enum rc rc = check(fd, path, &size, e);
    if (!rc)
        rc = read_all(fd, path, size, ret, e);
    close(fd);
    return rc;
}

enum rc private_sync_folder(const char *path, struct err *e)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int n = slash ? snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path) + 1, path)
                  : snprintf(folder, sizeof(folder), ".");

    if (n < 0 || (size_t)n >= sizeof(folder))
        return err_set(e, RC_INVALID, "%s: name too long", path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "%s", folder);
    enum rc rc = fsync(fd) == 0 ? RC_OK : err_errno(e, "%s", folder);
    close(fd);
    return rc;
}

static enum rc fill(int fd, const char *path, struct span bytes, struct err *e)
{
    for (size_t done = 0; done < bytes.n;) {
        ssize_t n = write(fd, bytes.p + done, bytes.n - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, "%s", path);
        done += (size_t)n;
    }
    return fsync(fd) == 0 ? RC_OK : err_errno(e, "%s", path);
}

/* A complete and durable file beside `path`. Its name is fixed, so that a crash leaves one at most.
 */
static enum rc write_beside(const char *path, struct span bytes, char beside[PATH_MAX],
                            struct err *e)
{
    int n = snprintf(beside, PATH_MAX, "%s.new", path);

    if (n < 0 || n >= PATH_MAX)
        return err_set(e, RC_INVALID, "%s: name too long", path);
    (void)unlink(beside); /* of a process that died; O_EXCL follows no link that somebody put */
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(e, "%s", beside);
    enum rc rc = fill(fd, beside, bytes, e);
    close(fd);
    if (rc)
        (void)unlink(beside);
    CRASHPOINT("private.written");
    return rc;
}

enum rc private_write(const char *path, struct span bytes, struct err *e)
{
    char beside[PATH_MAX];
    enum rc rc = write_beside(path, bytes, beside, e);

    if (rc)
        return rc;
    if (rename(beside, path) < 0) {
        rc = err_errno(e, "%s", path);
        (void)unlink(beside);
        return rc;
    }
    CRASHPOINT("private.renamed");
    return private_sync_folder(path, e);
}

enum rc private_create(const char *path, struct span bytes, struct err *e)
{
    char beside[PATH_MAX];
    enum rc rc = write_beside(path, bytes, beside, e);

    if (rc)
        return rc;
    if (link(beside, path) < 0) /* unlike rename(), it replaces nothing */
        rc = errno == EEXIST ? err_set(e, RC_NOTFOUND, "%s: exists", path)
                             : err_errno(e, "%s", path);
    (void)unlink(beside);
    return rc ? rc : private_sync_folder(path, e);
}

enum rc private_remove(const char *path, struct err *e)
{
    if (unlink(path) < 0)
        return errno == ENOENT ? RC_OK : err_errno(e, "%s", path);
    return private_sync_folder(path, e);
}

uint64_t private_stamp(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return 0;
    uint64_t parts[] = {(uint64_t)st.st_ino,
                        (uint64_t)st.st_size,
                        (uint64_t)st.st_mtim.tv_sec,
                        (uint64_t)st.st_mtim.tv_nsec,
                        (uint64_t)st.st_ctim.tv_sec,
                        (uint64_t)st.st_ctim.tv_nsec,
                        (uint64_t)st.st_mode ^ ((uint64_t)st.st_uid << 32)};
    uint64_t stamp = 1;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        stamp = (stamp ^ parts[i]) * UINT64_C(0x9e3779b97f4a7c15) + (stamp >> 29);
    return stamp ? stamp : 1;
}
