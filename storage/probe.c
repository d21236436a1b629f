/* probe: looks at an LMDB file with plain reads, before LMDB maps it. */
#include "storage/probe.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

/* LMDB data format 1, as its library writes it on this machine (mdb.c: MDB_page, MDB_db, MDB_meta).
 * Only what is checked has a name. */
#define META_MAGIC     0xBEEFC0DEu
#define META_VERSION   1
#define META_PAGE_FLAG 0x08
#define NO_ROOT        UINT64_MAX

struct tree {
    uint32_t page_size; /* in the first of the two trees */
    uint16_t flags;
    uint16_t depth;
    uint64_t counts[4];
    uint64_t root;
};

struct meta_page {
    uint64_t number;
    uint16_t pad;
    uint16_t flags;
    uint32_t bounds;
    uint32_t magic;
    uint32_t version;
    uint64_t address;
    uint64_t map_size;
    struct tree free, main;
    uint64_t last_page;
    uint64_t txn;
};

static_assert(sizeof(void *) == 8 && offsetof(struct meta_page, magic) == 16 &&
                  offsetof(struct meta_page, last_page) == 136,
              "LMDB's layout for 64 bits");

static bool root_is_sane(const struct tree *tree, uint64_t last_page)
{
    return tree->root == NO_ROOT ? tree->depth == 0 : tree->root > 1 && tree->root <= last_page;
}

/* What is wrong with a meta page, or NULL. */
static const char *meta_trouble(const struct meta_page *m)
{
    if (m->magic != META_MAGIC || !(m->flags & META_PAGE_FLAG))
        return "not an LMDB file";
    if (m->version != META_VERSION)
        return "of another LMDB format";
    if (m->free.page_size != (uint64_t)sysconf(_SC_PAGESIZE))
        return "made on a machine with another page size, or damaged";
    if (m->last_page < 1 || m->last_page >= (uint64_t)INT64_MAX / m->free.page_size ||
        !root_is_sane(&m->free, m->last_page) || !root_is_sane(&m->main, m->last_page))
        return "meta page damaged";
    return NULL;
}

static enum rc probe_fd(int fd, const char *path, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_errno(e, "%s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, RC_BADDATA, "%s: not a regular file", path);
    if (st.st_size == 0)
        return err_set(e, RC_BADDATA, "%s: empty file", path);

    struct meta_page meta[2];
    for (size_t i = 0; i < 2; i++) {
        off_t at = i == 0 ? 0 : (off_t)meta[0].free.page_size;
        ssize_t n = pread(fd, &meta[i], sizeof(meta[i]), at);
        if (n < 0)
            return err_errno(e, "%s", path);
        const char *trouble = n < (ssize_t)sizeof(meta[i]) ? "truncated" : meta_trouble(&meta[i]);
        if (trouble)
            return err_set(e, RC_BADDATA, "%s: %s", path, trouble);
    }
    const struct meta_page *newer = &meta[meta[1].txn > meta[0].txn];
    int64_t need = (int64_t)(newer->last_page + 1) * newer->free.page_size;
    if (st.st_size < need)
        return err_set(e, RC_BADDATA, "%s: truncated, %lld of %lld bytes", path,
                       (long long)st.st_size, (long long)need);
    return RC_OK;
}

enum rc probe_file(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? err_set(e, RC_NOTFOUND, "%s: absent", path)
                               : err_errno(e, "%s", path);
    enum rc rc = probe_fd(fd, path, e);
    close(fd);
    return rc;
}
