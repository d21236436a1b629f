/* doctor_store: the directory of the database, its disk, and how the database is doing. */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cmd/calmirror/doctor.h"
#include "cmd/calmirror/fields.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "storage/accounts.h"
#include "storage/store.h"

#define SPACE_FAIL_BYTES (UINT64_C(64) << 20)
#define SPACE_WARN_BYTES (UINT64_C(1) << 30)
#define READER_LAG_MOST  10000 /* commits: pages that old readers hold cannot be used again */

/* Of <linux/magic.h> where they are not, from fs/zfs and fs/xfs. */
#define MAGIC_XFS 0x58465342
#define MAGIC_ZFS 0x2fc12fc1

static const char other_host[] =
    "move mirror.state_dir to a disk of this machine: its locks and its "
    "memory map do not work over the network";

/* What a memory-mapped database thinks of each kind of file system. */
static const struct kind {
    unsigned long magic;
    const char *name;
    enum level level;
    const char *advice;
} kinds[] = {
    {EXT4_SUPER_MAGIC, "ext4", LEVEL_OK, NULL},
    {MAGIC_XFS, "xfs", LEVEL_OK, NULL},
    {BTRFS_SUPER_MAGIC, "btrfs", LEVEL_OK, NULL},
    {F2FS_SUPER_MAGIC, "f2fs", LEVEL_OK, NULL},
    {MAGIC_ZFS, "zfs", LEVEL_OK, NULL},
    {OVERLAYFS_SUPER_MAGIC, "overlay", LEVEL_OK, NULL},
    {TMPFS_MAGIC, "tmpfs", LEVEL_WARN,
     "memory: everything is fetched anew, and people sign in anew, after each restart of the "
     "machine"},
    {NFS_SUPER_MAGIC, "nfs", LEVEL_FAIL, other_host},
    {SMB_SUPER_MAGIC, "smb", LEVEL_FAIL, other_host},
    {CIFS_SUPER_MAGIC, "cifs", LEVEL_FAIL, other_host},
    {SMB2_SUPER_MAGIC, "smb2", LEVEL_FAIL, other_host},
    {CEPH_SUPER_MAGIC, "ceph", LEVEL_FAIL, other_host},
    {V9FS_MAGIC, "9p", LEVEL_FAIL, other_host},
    {FUSE_SUPER_MAGIC, "fuse", LEVEL_WARN, "see whether memory maps and locks work there"},
};

static void check_kind(struct doctor *d, const char *dir)
{
    struct statfs fs;
    if (statfs(dir, &fs) != 0)
        return;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].magic == (unsigned long)fs.f_type) {
            doctor_say(d, kinds[i].level, "disk", kinds[i].advice, "%s is on %s", dir,
                       kinds[i].name);
            return;
        }
    doctor_say(d, LEVEL_OK, "disk", NULL, "%s is on a file system of kind 0x%lx", dir,
               (unsigned long)fs.f_type);
}

/* To three digits or so: nobody wants to read 75526MiB. */
static const char *about(uint64_t bytes, char out[32])
{
    unsigned shift = 0;
    while (bytes >> shift >= 1024 * 8)
        shift += 10;
    return text_size(bytes >> shift << shift, out);
}

static void check_space(struct doctor *d, const char *dir)
{
    struct statvfs fs;
    char text[32];
    if (statvfs(dir, &fs) != 0)
        return;
    uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
    enum level level = left < SPACE_FAIL_BYTES   ? LEVEL_FAIL
                       : left < SPACE_WARN_BYTES ? LEVEL_WARN
                                                 : LEVEL_OK;
    doctor_say(d, level, "disk",
               level == LEVEL_OK ? NULL : "make room: without it updates stop, reads go on",
               "%s free", about(left, text));
}

/* False: there is no directory to look at. */
static bool check_directory(struct doctor *d, const char *dir)
{
    struct stat st;
    if (stat(dir, &st) != 0) {
        bool new = errno == ENOENT;
        doctor_say(d, new ? LEVEL_SKIP : LEVEL_FAIL, "store", NULL, "%s: %s", dir,
                   new ? "not there yet: the first start makes it" : strerror(errno));
        return false;
    }
    if (st.st_mode & 077)
        doctor_say(d, LEVEL_FAIL, "store",
                   "chmod 700 it: whoever can read it can read every calendar",
                   "%s: others have access (mode %04o)", dir, (unsigned)(st.st_mode & 07777));
    return true;
}

static void say_usage(struct doctor *d, uint64_t used, uint64_t map, uint64_t lag)
{
    int percent = map ? (int)(100 * (used >> 10) / ((map >> 10) + 1)) : 0;
    enum level level = percent >= 95 ? LEVEL_FAIL : percent >= 80 ? LEVEL_WARN : LEVEL_OK;
    char text[32];
    doctor_say(d, level, "store", level == LEVEL_OK ? NULL : "raise mirror.map_size and restart",
               "%d %% of the map in use (%s)", percent, about(used, text));
    if (lag > READER_LAG_MOST)
        doctor_say(d, LEVEL_WARN, "store",
                   "restart the service, and report this: it should not happen",
                   "a reader is %llu commits behind, the file cannot reuse its pages",
                   (unsigned long long)lag);
}

static void ask_service(struct doctor *d)
{
    struct span status = buf_span(&d->status), store = json_get(status, "store"), coll;
    struct json_iter it = json_iter(json_get(status, "collections"));
    int64_t damaged = 0;
    say_usage(d, (uint64_t)field_number(store, "used_bytes", 0),
              (uint64_t)field_number(store, "map_bytes", 0),
              (uint64_t)field_number(store, "oldest_reader_txns", 0));
    while (json_next(&it, NULL, &coll))
        damaged += field_number(coll, "damaged", 0) > 0;
    if (damaged > 0)
        doctor_say(d, LEVEL_WARN, "store",
                   "they are fetched anew automatically; if it happens again, check the disk",
                   "collections with damaged records: %lld", (long long)damaged);
    else
        doctor_say(d, LEVEL_OK, "store", NULL, "no damaged records known");
}

/* The two files, and what is lost of each. */
static const struct part {
    enum store_file file;
    const char *name, *when_broken, *when_damaged;
} parts[] = {
    {STORE_MIRROR, "mirror.mdb", "the next start sets it aside and fetches everything anew",
     "their calendars are fetched anew when the service runs"},
    {STORE_PUSH, "push.mdb",
     "the next start sets it aside: channels that clients had opened are gone, hooks begin anew",
     "channels and dead letters among them are lost; hooks may miss changes, or be told again"},
};

static void say_records(struct doctor *d, const struct part *part, struct store *store)
{
    uint64_t damaged = store_scrub(store, NULL, NULL);
    doctor_say(d, damaged ? LEVEL_WARN : LEVEL_OK, "store", damaged ? part->when_damaged : NULL,
               "%s: all records read, %llu damaged", part->name, (unsigned long long)damaged);
}

/* Opens it as the service would; nobody else has it open then. */
static void look_inside(struct doctor *d, const char *dir, const struct part *part)
{
    const struct store_options opt = {
        .file = part->file, .map_bytes = part->file == STORE_MIRROR ? d->conf->mirror.map_size : 0};
    struct store *store = NULL;
    struct store_usage usage;
    struct err e = {0};
    enum rc rc = store_open(&store, dir, &opt, &e);
    if (rc == RC_AGAIN) {
        doctor_say(d, LEVEL_WARN, "store", "give the address of its API with --api",
                   "a service has it open, but does not answer at its address");
    } else if (rc != RC_OK) {
        doctor_say(d, LEVEL_FAIL, "store", rc == RC_BADDATA ? part->when_broken : NULL, "%s",
                   e.text);
    } else {
        store_usage(store, &usage);
        if (part->file == STORE_MIRROR)
            say_usage(d, usage.used_bytes, usage.map_bytes, 0);
        say_records(d, part, store);
    }
    store_close(store);
}

/* Opening makes files, which must be the service's own. */
static bool may_open(struct doctor *d, const char *dir)
{
    struct stat st;
    if (stat(dir, &st) == 0 && st.st_uid != geteuid()) {
        doctor_say(d, LEVEL_SKIP, "store", "run this as the user of the service to have it read",
                   "belongs to another user");
        return false;
    }
    return true;
}

static bool is_there(const char *dir, const struct part *part)
{
    char path[4200];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, part->name);
    return access(path, F_OK) == 0;
}

static void look_at_files(struct doctor *d, const char *dir)
{
    if (!may_open(d, dir))
        return;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (is_there(dir, &parts[i]))
            look_inside(d, dir, &parts[i]);
        else
            doctor_say(d, LEVEL_SKIP, "store", NULL, "%s: not there yet", parts[i].name);
}

void doctor_store(struct doctor *d)
{
    const char *dir = d->conf ? d->conf->mirror.state_dir : NULL;
    if (dir && check_directory(d, dir)) {
        check_kind(d, dir);
        check_space(d, dir);
    } else {
        dir = NULL;
    }
    if (d->running)
        ask_service(d);
    else if (dir && !d->shut)
        look_at_files(d, dir);
}
