/* probe: looks at an LMDB file with plain reads, before LMDB maps it. */
#include "storage/probe.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* LMDB data format 1, as its library writes it on this machine (mdb.c: MDB_page, MDB_db, MDB_meta):
 * in its byte order, with page numbers, counts and addresses as wide as a pointer. Only what is
 * checked has a name. */
#define META_MAGIC     0xBEEFC0DEu
#define META_VERSION   1
#define META_PAGE_FLAG 0x08
#define NO_ROOT        SIZE_MAX
/* A file has pages of the size that memory had where it was made, but no larger ones than LMDB can
 * do with; they are used as they are by machines with others. */
#define PAGE_LEAST 4096
#define PAGE_MOST  32768

struct tree {
    uint32_t page_size; /* in the first of the two trees */
    uint16_t flags;
    uint16_t depth;
    size_t counts[4];
    size_t root;
};

struct meta_page {
    size_t number;
    uint16_t pad;
    uint16_t flags;
    uint32_t bounds;
    uint32_t magic;
    uint32_t version;
    size_t address;
    size_t map_size;
    struct tree free, main;
    size_t last_page;
    size_t txn;
};

static_assert(offsetof(struct meta_page, magic) == sizeof(size_t) + 8 &&
                  offsetof(struct meta_page, last_page) == 13 * sizeof(size_t) + 32,
              "LMDB's layout, which has no holes");

/* Where a machine with 32 bits has the magic number, and where one with 64 bits. */
static const size_t magic_at[] = {12, 16};

static bool is_of_another_machine(const struct meta_page *m)
{
    for (size_t i = 0; i < sizeof(magic_at) / sizeof(*magic_at); i++) {
        uint32_t word;
        memcpy(&word, (const char *)m + magic_at[i], sizeof(word));
        if (word == META_MAGIC || word == __builtin_bswap32(META_MAGIC))
            return true; /* ours was looked for before */
    }
    return false;
}

static bool page_size_is_sane(uint32_t bytes)
{
    return bytes >= PAGE_LEAST && bytes <= PAGE_MOST && (bytes & (bytes - 1)) == 0;
}

static bool root_is_sane(const struct tree *tree, size_t last_page)
{
    return tree->root == NO_ROOT ? tree->depth == 0 : tree->root > 1 && tree->root <= last_page;
}

/* What is wrong with a meta page, or NULL. */
static const char *meta_trouble(const struct meta_page *m)
{
    if (m->magic != META_MAGIC && is_of_another_machine(m))
        return "made on a machine with another word size or byte order";
    if (m->magic != META_MAGIC || !(m->flags & META_PAGE_FLAG))
        return "not an LMDB file";
    if (m->version != META_VERSION)
        return "of another LMDB format";
    if (!page_size_is_sane(m->free.page_size))
        return "meta page damaged";
    if (m->last_page < 1 || m->last_page >= PTRDIFF_MAX / m->free.page_size ||
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
    if (meta[0].free.page_size != meta[1].free.page_size)
        return err_set(e, RC_BADDATA, "%s: meta page damaged", path);
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
