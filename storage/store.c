/* store: opens and closes the LMDB environment, and what concerns its file as a whole.
 *
 * DESIGN. One environment, one file.
 * - MDB_NOTLS: a reader belongs to its transaction, not to its thread; the API's loops hold
 * several.
 * - No MDB_WRITEMAP: with it a full disk would be a SIGBUS instead of an error, and a stray pointer
 *   could write into the mirror. The price is that pages of a transaction live in memory until its
 * end.
 * - fsync at every commit (NOMETASYNC was measured to gain nothing).
 * - Read-ahead stays on: events of a window are neighbours, and a cold start reads many of them.
 * - The map is reserved once, generously: it costs address space only, and never has to be changed
 * under open transactions. */
#include "storage/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/private.h"
#include "core/base/rand.h"
#include "core/base/text.h"
#include "storage/compact.h"
#include "storage/lineage_store.h"
#include "storage/probe.h"
#include "storage/table.h"

#define ASIDE_KEPT 2

/* Raise it whenever the meaning of keys or records changes: the mirror is then rebuilt from Google.
 */
#define STORE_FORMAT "calmirror 5"
/* Likewise; but what clients left with us is then lost. */
#define PUSH_FORMAT "calmirror push 1"

static const struct file_info {
    const char *name, *lock, *broken, *aside, *format;
    uint64_t map_bytes; /* unless the caller says: address space */
    size_t map_most;    /* whoever says: a quarter of what addresses of 32 bits reach, and less */
    enum space first, end; /* its tables, besides meta */
} files[] = {
    [STORE_MIRROR] = {"mirror.mdb", "lock", "mirror.mdb.broken", "mirror.mdb.damaged-",
                      STORE_FORMAT, UINT64_C(8) << 30, SIZE_MAX / 4 + 1, SPACE_META, SPACE_COUNT},
    [STORE_PUSH] = {"push.mdb", "push.lock", "push.mdb.broken", "push.mdb.damaged-", PUSH_FORMAT,
                    UINT64_C(1) << 30, SIZE_MAX / 16 + 1, SPACE_COUNT, SPACE_ALL},
};

#define MAX_READERS 1024
/* The file is longer than its use by the first at least, and grows by the second when it is not. */
#define AHEAD_LEAST (INT64_C(16) << 20)
#define AHEAD_STEP  (INT64_C(64) << 20)

/* What is made with the file; the record "store". */
struct identity {
    char id[33];
    uint8_t secret[32];
};
static const struct field identity_fields[] = {
    FIELD(struct identity, id),
    FIELD(struct identity, secret),
};

const char *store_id(const struct store *s)
{
    return s->id;
}

const uint8_t *store_secret(const struct store *s)
{
    return s->secret;
}

static bool path_in(char *out, size_t size, const char *dir, const char *name)
{
    int n = snprintf(out, size, "%s/%s", dir, name);
    return n > 0 && (size_t)n < size;
}

/* Called by LMDB's assertion just before abort(), so with nothing but a system call. */
void store_mark_broken(struct store *s)
{
    atomic_store(&s->broken, true);
    int fd = open(s->broken_mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

static void on_assert(MDB_env *env, const char *text)
{
    (void)text; /* LMDB has printed it */
    store_mark_broken(mdb_env_get_userctx(env));
}

static enum rc lock_dir(const char *dir, enum store_file file, int *ret_fd, struct err *e)
{
    char path[PATH_MAX];
    if (!path_in(path, sizeof(path), dir, files[file].lock))
        return err_set(e, RC_INVALID, "%s: name too long", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        enum rc rc = errno == EWOULDBLOCK
                         ? err_set(e, RC_AGAIN, "%s: in use by another process", dir)
                         : err_errno(e, "%s", path);
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return RC_OK;
}

/* RC_OK when LMDB may open the path: a sound file, or none. */
static enum rc check_file(struct store *s, const char *path, struct err *e)
{
    enum rc rc = probe_file(path, e);
    if (rc && rc != RC_NOTFOUND)
        return rc;
    if (rc == RC_NOTFOUND)
        unlink(s->broken_mark); /* it meant a file that is no longer there */
    else if (access(s->broken_mark, F_OK) == 0)
        return err_set(e, RC_BADDATA, "%s: found damaged in its structure when last in use", path);
    return RC_OK;
}

static enum rc env_open(struct store *s, const char *path, const struct store_options *opt,
                        struct err *e)
{
    uint64_t wanted = opt && opt->map_bytes ? opt->map_bytes : files[s->file].map_bytes;
    size_t most = files[s->file].map_most, map = wanted < most ? (size_t)wanted : most;
    unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | (opt && opt->no_fsync ? MDB_NOSYNC : 0);
    int code = mdb_env_create(&s->env);
    if (!code)
        code = mdb_env_set_mapsize(s->env, map);
    if (!code)
        code = mdb_env_set_maxdbs(s->env, SPACE_ALL);
    if (!code)
        code = mdb_env_set_maxreaders(s->env, MAX_READERS);
    if (!code)
        code = mdb_env_set_userctx(s->env, s);
    if (!code)
        code = mdb_env_set_assert(s->env, on_assert);
    if (!code)
        code = mdb_env_open(s->env, path, flags, 0600);
    enum rc rc = mdb_to_rc(s, code, e, path);
    if (code == ENOMEM && s->file == STORE_MIRROR)
        (void)err_set(e, rc, "%s: no room for a map of %zu MiB: lower mirror.map_size", path,
                      map >> 20);
    return rc;
}

bool store_has_space(const struct store *s, enum space space)
{
    const struct file_info *f = &files[s->file];
    return space == SPACE_META || (space >= f->first && space < f->end);
}

/* Before the other tables are looked for, which another format may not have. */
static enum rc format_check(struct txn *t, const char *path, struct err *e)
{
    struct key format = key_text(span_of("format"));
    const char *ours = files[t->store->file].format;
    struct span text;
    if (record_get(t, SPACE_META, &format, &text) != RC_OK)
        return err_set(e, RC_BADDATA, "%s: its format cannot be read", path);
    if (!span_is(text, ours))
        return err_set(e, RC_BADDATA,
                       "%s: written by another version: format '%.*s', this program has '%s'", path,
                       (int)(text.n < 40 ? text.n : 40), text.p, ours);
    return RC_OK;
}

static enum rc spaces_open(struct store *s, struct txn *t, bool fresh, const char *path,
                           struct err *e)
{
    for (enum space sp = 0; sp < SPACE_ALL; sp++) {
        if (!store_has_space(s, sp))
            continue;
        int code = mdb_dbi_open(t->mdb, space_name(sp), fresh ? MDB_CREATE : 0, &s->dbi[sp]);
        if (code == MDB_NOTFOUND)
            return err_set(e, RC_BADDATA, "%s: not a mirror: no table '%s'", path, space_name(sp));
        if (code)
            return mdb_to_rc(s, code, e, path);
        enum rc rc = sp == SPACE_META && !fresh ? format_check(t, path, e) : RC_OK;
        if (rc)
            return rc;
    }
    return RC_OK;
}

static void identity_make(struct txn *t, struct identity *ret)
{
    uint8_t id[16];
    rand_bytes(id, sizeof(id));
    text_hex(ret->id, id, sizeof(id));
    rand_bytes(ret->secret, sizeof(ret->secret));

    struct key store = key_text(span_of("store")), format = key_text(span_of("format"));
    fields_put(t, SPACE_META, &store, identity_fields, FIELD_COUNT(identity_fields), ret);
    const char *text = files[t->store->file].format;
    record_put(t, SPACE_META, &format, text, strlen(text));
    t->counted = true;
}

static enum rc identity_read(struct txn *t, const char *path, struct identity *ret, struct err *e)
{
    struct key store = key_text(span_of("store"));
    if (fields_get(t, SPACE_META, &store, identity_fields, FIELD_COUNT(identity_fields), ret))
        return err_set(e, RC_BADDATA, "%s: its identity is damaged", path);
    return RC_OK;
}

/* Opens the tables and learns who the store is; makes both in a fresh file, in one commit. */
static enum rc learn_identity(struct store *s, const char *path, struct err *e)
{
    struct identity identity = {0};
    struct txn *t = NULL;
    MDB_envinfo info;
    int code = mdb_env_info(s->env, &info);
    if (code)
        return mdb_to_rc(s, code, e, path);
    bool fresh = info.me_last_txnid == 0; /* nothing was ever committed */
    enum rc rc = txn_begin(s, true, true, &t, e);
    if (!rc)
        rc = spaces_open(s, t, fresh, path, e);
    if (!rc && !fresh)
        rc = txn_load_counters(t, e);
    if (rc)
        goto out;
    if (fresh)
        identity_make(t, &identity);
    else
        rc = identity_read(t, path, &identity, e);
    if (rc)
        goto out;
    memcpy(s->id, identity.id, sizeof(s->id));
    memcpy(s->secret, identity.secret, sizeof(s->secret));
    if (s->file == STORE_MIRROR)
        lineage_load(t, s->id);
    rc = txn_commit(t, e);
    t = NULL;
out:
    OPENSSL_cleanse(&identity, sizeof(identity));
    txn_abort(t);
    return rc;
}

static void env_close(struct store *s)
{
    if (s->env && s->id[0])
        mdb_env_sync(s->env, 1);
    if (s->env)
        mdb_env_close(s->env);
    s->env = NULL;
}

/* LMDB's own lock file says which commit is the last one, and is believed while another process has
 * it open (mdb_stat, mdb_copy); a file in the place of the one that it tells of needs another. */
static void drop_mdb_lock(const char *path)
{
    char lock[PATH_MAX];
    int n = snprintf(lock, sizeof(lock), "%s-lock", path);
    if (n > 0 && n < (int)sizeof(lock))
        unlink(lock);
}

/* Opens the file; a copy of it in order when that is worth the time. */
static enum rc file_open(struct store *s, const char *path, const struct store_options *opt,
                         struct err *e)
{
    char copy[PATH_MAX];
    bool died = compact_clean(path);
    enum rc rc = env_open(s, path, opt, e);
    CRASHPOINT("storage.open.made");
    if (!rc)
        rc = learn_identity(s, path, e);
    if (rc || died || !compact_copy(s, path, copy))
        return rc;
    CRASHPOINT("compact.copied");
    env_close(s);
    if (rename(copy, path) < 0)
        (void)compact_clean(path);
    else
        drop_mdb_lock(path);
    CRASHPOINT("compact.renamed");
    rc = private_sync_folder(path, e); /* before anything is written behind it */
    if (!rc)
        rc = env_open(s, path, opt, e);
    return rc ? rc : learn_identity(s, path, e);
}

enum rc store_open(struct store **ret, const char *dir, const struct store_options *opt,
                   struct err *e)
{
    char path[PATH_MAX], mark[PATH_MAX];
    enum store_file file = opt ? opt->file : STORE_MIRROR;
    if (!path_in(path, sizeof(path), dir, files[file].name) ||
        !path_in(mark, sizeof(mark), dir, files[file].broken))
        return err_set(e, RC_INVALID, "%s: name too long", dir);
    struct store *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(e, RC_SYS, "%s: out of memory", dir);
    s->lock_fd = -1;
    s->file = file;
    pthread_mutex_init(&s->damage.mutex, NULL);
    pthread_mutex_init(&s->hub.mutex, NULL);
    group_init(&s->group);
    trouble_init(&s->trouble);
    s->dir = strdup(dir);
    s->broken_mark = strdup(mark);
    enum rc rc = s->dir && s->broken_mark ? RC_OK : err_set(e, RC_SYS, "%s: out of memory", dir);
    if (!rc && mkdir(dir, 0700) < 0 && errno != EEXIST)
        rc = errno == ENOENT
                 ? err_set(e, RC_SYS, "%s: cannot be made: the directory above it is missing", dir)
                 : err_errno(e, "%s: cannot be made", dir);
    if (!rc)
        rc = lock_dir(dir, file, &s->lock_fd, e);
    if (!rc)
        rc = check_file(s, path, e);
    if (!rc)
        rc = file_open(s, path, opt, e);
    if (rc) {
        store_close(s);
        return rc;
    }
    store_grow_file(s);
    *ret = s;
    return RC_OK;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    store_unguard(s);
    env_close(s);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    OPENSSL_cleanse(s->secret, sizeof(s->secret));
    pthread_mutex_destroy(&s->hub.mutex);
    pthread_mutex_destroy(&s->damage.mutex);
    group_release(&s->group);
    trouble_release(&s->trouble);
    free(s->damage.counts);
    free(s->broken_mark);
    free(s->dir);
    free(s);
}

/* A failure here is no trouble: it only leaves the file as LMDB made it. */
void store_grow_file(struct store *s)
{
    MDB_envinfo info;
    struct stat st;
    struct rlimit most;
    int fd;
    if (mdb_env_get_fd(s->env, &fd) || mdb_env_info(s->env, &info) || fstat(fd, &st) < 0 ||
        getrlimit(RLIMIT_FSIZE, &most) < 0)
        return;
    int64_t used = (int64_t)store_extent(s);
    if (st.st_size >= used + AHEAD_LEAST)
        return;
    int64_t want = used + AHEAD_STEP;
    if (want > (int64_t)info.me_mapsize)
        want = (int64_t)info.me_mapsize;
    if (want > st.st_size && (most.rlim_cur == RLIM_INFINITY || (rlim_t)want <= most.rlim_cur))
        (void)!ftruncate(fd, want);
}

/* Newest first: the stamp in the name sorts. */
static int by_name_down(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*b)->d_name, (*a)->d_name);
}

static int is_aside_of(const struct dirent *d, enum store_file file)
{
    return strncmp(d->d_name, files[file].aside, strlen(files[file].aside)) == 0;
}

/* scandir() passes no argument of ours. */
static int is_mirror_aside(const struct dirent *d)
{
    return is_aside_of(d, STORE_MIRROR);
}

static int is_push_aside(const struct dirent *d)
{
    return is_aside_of(d, STORE_PUSH);
}

static void asides_trim(const char *dir, enum store_file file)
{
    struct dirent **names;
    char path[PATH_MAX];
    int n =
        scandir(dir, &names, file == STORE_MIRROR ? is_mirror_aside : is_push_aside, by_name_down);
    for (int i = 0; i < n; i++) {
        if (i >= ASIDE_KEPT && path_in(path, sizeof(path), dir, names[i]->d_name))
            unlink(path);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

/* Renames the file; the lock is held. */
static enum rc move_aside(const char *dir, enum store_file file, struct err *e)
{
    char from[PATH_MAX], to[PATH_MAX], name[64], stamp[32];
    int64_t now_ms = clock_wall_ms();
    time_t now = (time_t)(now_ms / 1000);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &tm);
    snprintf(name, sizeof(name), "%s%s.%03dZ", files[file].aside, stamp, (int)(now_ms % 1000));
    if (!path_in(from, sizeof(from), dir, files[file].name) || !path_in(to, sizeof(to), dir, name))
        return err_set(e, RC_INVALID, "%s: name too long", dir);
    if (rename(from, to) < 0)
        return err_errno(e, "%s", from);
    CRASHPOINT("storage.aside.renamed");
    drop_mdb_lock(from);
    if (path_in(from, sizeof(from), dir, files[file].broken))
        unlink(from);
    asides_trim(dir, file);
    return RC_OK;
}

enum rc store_set_aside_file(const char *dir, enum store_file file, struct err *e)
{
    int lock_fd;
    enum rc rc = lock_dir(dir, file, &lock_fd, e);
    if (rc)
        return rc;
    rc = move_aside(dir, file, e);
    close(lock_fd);
    return rc;
}

enum rc store_set_aside(const char *dir, struct err *e)
{
    return store_set_aside_file(dir, STORE_MIRROR, e);
}
