/* vault: finds the key of a record, keeps records in files, changes keys without a gap.
 *
 * DESIGN. At every moment each record opens with a key that is on disk. A rotation first keeps the
 * present key as key.old, then puts the new one in its place, then seals record by record anew, and
 * at last removes key.old; every step replaces one file as a whole and is durable before the next.
 * vault_reseal() finishes what a crash left, from any of these states, and does the same when the
 * service manager's credential takes the place of the file, or changes. */
#include "core/vault/vault.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/crashpoint.h"
#include "core/base/limits.h"
#include "core/base/private.h"
#include "core/base/rand.h"
#include "core/vault/seal.h"

#define FOLDER    "secrets"
#define SUFFIX    ".sealed"
#define NAME_MOST (LIMIT_NAME_BYTES + 64)

enum key_place { KEY_CREDENTIAL, KEY_CREDENTIAL_OLD, KEY_FILE, KEY_FILE_OLD, KEY_PLACES };

struct vault {
    char *dir;               /* STATE_DIR/secrets */
    char *paths[KEY_PLACES]; /* NULL: no such place */
    pthread_mutex_t lock;    /* one at a time: records and keys change together */
};

static char *join(const char *a, const char *b)
{
    char *text = NULL;

    return asprintf(&text, "%s/%s", a, b) < 0 ? NULL : text;
}

static enum rc read_key(const char *path, struct seal_key *ret, struct err *e)
{
    struct secret text = {0};
    enum rc rc = private_read(path, &text, e);

    if (rc)
        return rc;
    rc = seal_key_read(secret_span(&text), ret, e);
    secret_release(&text);
    return rc ? err_prefix(e, rc, "%s", path) : RC_OK;
}

/* A manager's credential that exists is the key, or nothing is: one that cannot be read must not
 * bring the file back. */
static enum rc read_present_key(const struct vault *v, struct seal_key *ret, struct err *e)
{
    enum rc rc = RC_NOTFOUND;

    if (v->paths[KEY_CREDENTIAL])
        rc = read_key(v->paths[KEY_CREDENTIAL], ret, e);
    if (rc == RC_NOTFOUND)
        rc = read_key(v->paths[KEY_FILE], ret, e);
    return rc == RC_NOTFOUND ? RC_AUTH : rc;
}

static bool has_credential(const struct vault *v)
{
    return v->paths[KEY_CREDENTIAL] && private_stamp(v->paths[KEY_CREDENTIAL]);
}

/* Among all places. A place that cannot be read only matters when the key is nowhere else. */
static enum rc find_key(const struct vault *v, uint32_t id, struct seal_key *ret, struct err *e)
{
    struct err why = {0};
    enum rc worst = RC_OK;

    for (size_t i = 0; i < KEY_PLACES; i++) {
        struct seal_key k = {0};
        struct err trouble = {0};
        enum rc rc = v->paths[i] ? read_key(v->paths[i], &k, &trouble) : RC_NOTFOUND;

        if (rc == RC_OK && k.id == id) {
            *ret = k;
            return RC_OK;
        }
        if (rc && rc != RC_NOTFOUND && !worst) {
            worst = rc;
            why = trouble;
        }
        seal_key_release(&k);
    }
    if (worst)
        return err_set(e, worst, "%s", why.text);
    return err_set(e, RC_NOTFOUND, "sealed with a key that is not here: bring it back as %s%s%s",
                   v->paths[KEY_FILE_OLD], v->paths[KEY_CREDENTIAL_OLD] ? " or as " : "",
                   v->paths[KEY_CREDENTIAL_OLD] ? v->paths[KEY_CREDENTIAL_OLD] : "");
}

static enum rc make_key(const char *path, bool replace, struct err *e)
{
    unsigned char bytes[SEAL_KEY_BYTES];
    struct span text = {(const char *)bytes, sizeof(bytes)};

    rand_bytes(bytes, sizeof(bytes));
    enum rc rc = replace ? private_write(path, text, e) : private_create(path, text, e);
    explicit_bzero(bytes, sizeof(bytes));
    return rc == RC_NOTFOUND ? RC_OK : rc;
}

static enum rc set_paths(struct vault *v, const char *state_dir, const char *credentials_dir)
{
    v->dir = join(state_dir, FOLDER);
    if (!v->dir)
        return RC_SYS;
    v->paths[KEY_FILE] = join(v->dir, "key");
    v->paths[KEY_FILE_OLD] = join(v->dir, "key.old");
    if (credentials_dir && credentials_dir[0]) {
        v->paths[KEY_CREDENTIAL] = join(credentials_dir, "token-key");
        v->paths[KEY_CREDENTIAL_OLD] = join(credentials_dir, "token-key-old");
    }
    bool ok = v->paths[KEY_FILE] && v->paths[KEY_FILE_OLD] &&
              (!credentials_dir || !credentials_dir[0] ||
               (v->paths[KEY_CREDENTIAL] && v->paths[KEY_CREDENTIAL_OLD]));
    return ok ? RC_OK : RC_SYS;
}

enum rc vault_open(struct vault **ret, const char *state_dir, const char *credentials_dir,
                   struct err *e)
{
    struct vault *v = calloc(1, sizeof(*v));
    struct seal_key k = {0};
    enum rc rc = RC_OK;

    if (!v || set_paths(v, state_dir, credentials_dir)) {
        vault_free(v);
        return err_set(e, RC_SYS, "out of memory");
    }
    pthread_mutex_init(&v->lock, NULL);
    if (mkdir(v->dir, 0700) < 0 && errno != EEXIST)
        rc = err_errno(e, "%s", v->dir);
    else if (!has_credential(v) && !private_stamp(v->paths[KEY_FILE]))
        rc = make_key(v->paths[KEY_FILE], false, e);
    if (rc) {
        vault_free(v);
        return rc;
    }
    *ret = v;
    rc = read_present_key(v, &k, e);
    seal_key_release(&k);
    return rc ? RC_AUTH : RC_OK;
}

void vault_free(struct vault *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < KEY_PLACES; i++)
        free(v->paths[i]);
    free(v->dir);
    free(v);
}

/* ---- records --------------------------------------------------------------------------------- */

/* The names hold no slash: an account's is checked with the config, a field is ours. */
static bool record_path(const struct vault *v, const struct seal_place *p, char out[PATH_MAX])
{
    int n = snprintf(out, PATH_MAX, "%s/%s.%s" SUFFIX, v->dir, p->account, p->field);

    return n > 0 && n < PATH_MAX && !strchr(p->account, '/') && !strchr(p->field, '/');
}

static enum rc put(const struct vault *v, const struct seal_key *k, const struct seal_place *place,
                   struct span plain, struct err *e)
{
    struct buf record = {0};
    char path[PATH_MAX];

    if (!record_path(v, place, path))
        return err_set(e, RC_INVALID, "%s: name too long", place->account);
    enum rc rc = seal_write(k, place, plain, &record, e);
    if (!rc)
        rc = private_write(path, buf_span(&record), e);
    buf_release(&record);
    return rc;
}

/* *ret_id: of the key that sealed it. */
static enum rc get(const struct vault *v, const struct seal_place *place, uint32_t *ret_id,
                   struct secret *ret, struct err *e)
{
    struct secret record = {0};
    struct seal_key k = {0};
    char path[PATH_MAX];

    if (!record_path(v, place, path))
        return err_set(e, RC_INVALID, "%s: name too long", place->account);
    enum rc rc = private_read(path, &record, e);
    if (rc)
        return rc;
    rc = seal_key_id(secret_span(&record), ret_id, e);
    if (!rc) {
        rc = find_key(v, *ret_id, &k, e);
        rc = rc == RC_NOTFOUND ? RC_BADDATA : rc; /* the record is there, only its key is not */
    }
    if (!rc)
        rc = seal_open(&k, place, secret_span(&record), ret, e);
    seal_key_release(&k);
    secret_release(&record);
    return rc == RC_BADDATA ? err_prefix(e, rc, "%s", path) : rc;
}

enum rc vault_put(struct vault *v, const char *account, const char *field, struct span plain,
                  struct err *e)
{
    struct seal_place place = {account, field};
    struct seal_key k = {0};

    pthread_mutex_lock(&v->lock);
    enum rc rc = read_present_key(v, &k, e);
    if (!rc)
        rc = put(v, &k, &place, plain, e);
    pthread_mutex_unlock(&v->lock);
    seal_key_release(&k);
    return rc;
}

enum rc vault_get(struct vault *v, const char *account, const char *field, struct secret *ret,
                  struct err *e)
{
    struct seal_place place = {account, field};
    uint32_t id;

    pthread_mutex_lock(&v->lock);
    enum rc rc = get(v, &place, &id, ret, e);
    pthread_mutex_unlock(&v->lock);
    return rc;
}

enum rc vault_drop(struct vault *v, const char *account, const char *field, struct err *e)
{
    struct seal_place place = {account, field};
    char path[PATH_MAX];

    if (!record_path(v, &place, path))
        return err_set(e, RC_INVALID, "%s: name too long", account);
    pthread_mutex_lock(&v->lock);
    enum rc rc = private_remove(path, e);
    pthread_mutex_unlock(&v->lock);
    return rc;
}

uint64_t vault_stamp(const struct vault *v, const char *account, const char *field)
{
    struct seal_place place = {account, field};
    char path[PATH_MAX];
    uint64_t stamp = record_path(v, &place, path) ? private_stamp(path) : 0;

    for (size_t i = 0; i < KEY_PLACES; i++)
        if (v->paths[i])
            stamp = stamp * 31 + private_stamp(v->paths[i]);
    return stamp;
}

/* ---- changing keys --------------------------------------------------------------------------- */

/* "ann@example.org.login.sealed" -> ("ann@example.org", "login"): fields have no dot. */
static bool split_name(const char *name, char account[NAME_MOST], char field[NAME_MOST])
{
    size_t n = strlen(name), suffix = strlen(SUFFIX);

    if (n <= suffix || n - suffix >= NAME_MOST || strcmp(name + n - suffix, SUFFIX) != 0)
        return false;
    memcpy(account, name, n - suffix);
    account[n - suffix] = '\0';
    char *dot = strrchr(account, '.');
    if (!dot || dot == account)
        return false;
    (void)snprintf(field, NAME_MOST, "%s", dot + 1);
    *dot = '\0';
    return true;
}

static enum rc reseal_one(const struct vault *v, const struct seal_key *k, const char *name,
                          unsigned *count, unsigned *lost, struct err *e)
{
    char account[NAME_MOST], field[NAME_MOST];
    struct secret plain = {0};
    uint32_t id = k->id;

    if (!split_name(name, account, field))
        return RC_OK;
    struct seal_place place = {account, field};
    enum rc rc = get(v, &place, &id, &plain, e);
    if (rc == RC_BADDATA || rc == RC_NOTFOUND) {
        *lost += rc == RC_BADDATA;
        return RC_OK;
    }
    if (!rc && id != k->id) {
        rc = put(v, k, &place, secret_span(&plain), e);
        *count += rc == RC_OK;
        CRASHPOINT("vault.reseal.one");
    }
    secret_release(&plain);
    return rc;
}

static enum rc reseal_all(const struct vault *v, const struct seal_key *k, unsigned *count,
                          unsigned *lost, struct err *e)
{
    DIR *dir = opendir(v->dir);
    enum rc rc = RC_OK;

    if (!dir)
        return err_errno(e, "%s", v->dir);
    for (struct dirent *d; rc == RC_OK && (d = readdir(dir));)
        rc = reseal_one(v, k, d->d_name, count, lost, e);
    closedir(dir);
    return rc;
}

/* With the lock. Older keys go when nothing needs them any more. */
static enum rc reseal(const struct vault *v, unsigned *count, unsigned *lost, struct err *e)
{
    struct seal_key k = {0};
    enum rc rc = read_present_key(v, &k, e);

    if (!rc)
        rc = reseal_all(v, &k, count, lost, e);
    seal_key_release(&k);
    if (!rc)
        rc = private_remove(v->paths[KEY_FILE_OLD], e);
    if (!rc && has_credential(v))
        rc = private_remove(v->paths[KEY_FILE], e);
    return rc;
}

enum rc vault_reseal(struct vault *v, unsigned *ret_count, unsigned *ret_lost, struct err *e)
{
    *ret_count = *ret_lost = 0;
    pthread_mutex_lock(&v->lock);
    enum rc rc = reseal(v, ret_count, ret_lost, e);
    pthread_mutex_unlock(&v->lock);
    return rc;
}

/* With the lock, and no older key around. */
static enum rc rotate(const struct vault *v, unsigned *count, unsigned *lost, struct err *e)
{
    struct seal_key old = {0};
    enum rc rc = read_key(v->paths[KEY_FILE], &old, e);

    if (!rc)
        rc = private_write(v->paths[KEY_FILE_OLD], secret_span(&old.bytes), e);
    seal_key_release(&old);
    CRASHPOINT("vault.rotate.kept");
    if (!rc)
        rc = make_key(v->paths[KEY_FILE], true, e);
    CRASHPOINT("vault.rotate.made");
    if (!rc)
        rc = reseal(v, count, lost, e);
    CRASHPOINT("vault.rotate.done");
    return rc;
}

enum rc vault_rotate(struct vault *v, unsigned *ret_count, struct err *e)
{
    unsigned before = 0, count = 0, lost = 0;

    if (has_credential(v))
        return err_set(e, RC_INVALID,
                       "the key is the service manager's: give it a new one as token-key and the "
                       "present one as token-key-old, restart, and take token-key-old away again");
    pthread_mutex_lock(&v->lock);
    enum rc rc = reseal(v, &before, &lost, e); /* what an earlier one left */
    lost = 0;
    if (!rc)
        rc = rotate(v, &count, &lost, e);
    pthread_mutex_unlock(&v->lock);
    if (!rc)
        *ret_count = count;
    return rc;
}
