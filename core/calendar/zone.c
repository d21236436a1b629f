/* zone: time zones read from the system's TZif files, loaded once, immutable, cached for ever. */
#include "core/calendar/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/must.h"
#include "core/base/text.h"
#include "core/calendar/tzif.h"

/* DESIGN
 * The cache is an open-addressed table of pointers that only ever fills up: readers probe it
 * without a lock, the one mutex is for loading. Names that are no zone are remembered too (n == 0),
 * up to a bound, since a calendar full of "Customized Time Zone" must not cost a failing open() for
 * each event.
 *
 * Calendars are full of names that tzdata has since replaced ("Asia/Calcutta", "US/Eastern"), and
 * since 2024 Debian and Ubuntu keep their files in a package that few install (tzdata-legacy). What
 * each stands for is in tzdata.zi all the same, in lines "L Asia/Kolkata Asia/Calcutta". */

#define SLOTS       4096 /* power of two, well above tzdata's 600 names */
#define KNOWN_MAX   1600
#define UNKNOWN_MAX 256
#define LINKS_MAX   (1u << 20) /* tzdata.zi has some 110,000 bytes */

static _Atomic(struct zone *) cache[SLOTS];
static pthread_mutex_t load_mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned known_count, unknown_count; /* under load_mutex */
static char zone_dir[256];                  /* under load_mutex */
static struct buf links;                    /* under load_mutex: " OLD NEW\n" for each */
static bool links_read;                     /* under load_mutex */
static uint64_t edition;                    /* of zone_edition() */

static int64_t utc_at[1] = {INT64_MIN};
static int64_t utc_wall[1] = {INT64_MIN};
static int32_t utc_offset[1] = {0};
static uint16_t utc_type[1] = {0};
static struct tzif_type utc_types[1] = {{.abbr = "UTC"}};
static const struct zone utc = {.name = "UTC",
                                .n = 1,
                                .at = utc_at,
                                .wall = utc_wall,
                                .offset = utc_offset,
                                .type = utc_type,
                                .cycle_hi = INT64_MAX,
                                .n_types = 1,
                                .types = utc_types};

/* Files that are there under no name of IANA's: the zone of this machine, and all zones once more.
 */
static bool is_other_file(const char *name)
{
    return strcmp(name, "localtime") == 0 || strcmp(name, "posixrules") == 0 ||
           strncmp(name, "posix/", 6) == 0 || strncmp(name, "right/", 6) == 0;
}

/* Letters, digits and _+-/ only, so there is no dot and no way up; no empty path component. */
static bool valid_name(const char *name)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/");

    return n > 0 && n < ZONE_NAME_MAX && name[n] == '\0' && name[0] != '/' && name[n - 1] != '/' &&
           !strstr(name, "//") && !is_other_file(name);
}

static uint32_t hash(const char *name)
{
    uint32_t h = 2166136261u; /* FNV-1a */

    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return h;
}

/* The cached entry, or NULL with *ret_slot where it would go. */
static struct zone *cache_find(const char *name, unsigned *ret_slot)
{
    unsigned i = hash(name) & (SLOTS - 1);
    struct zone *z;

    while ((z = atomic_load_explicit(&cache[i], memory_order_acquire)) != NULL) {
        if (strcmp(z->name, name) == 0)
            return z;
        i = (i + 1) & (SLOTS - 1);
    }
    *ret_slot = i;
    return NULL;
}

/* The whole of a regular file of at most `size` bytes. */
static bool read_file(const char *name, char *out, size_t size, size_t *ret_n)
{
    char path[sizeof(zone_dir) + ZONE_NAME_MAX + 1];
    struct stat st;
    size_t n = 0;
    ssize_t got;
    bool ok;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", zone_dir, name);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && err_is_shortage(errno))
        must_end("time zone %s: %s", name, strerror(errno));
    if (fd < 0)
        return false;
    ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= (off_t)size;
    while (ok && n < size && (got = read(fd, out + n, size - n)) != 0) {
        if (got > 0)
            n += (size_t)got;
        else
            ok = errno == EINTR;
    }
    close(fd);
    *ret_n = n;
    return ok;
}

static void read_links(void)
{
    char *text = must(malloc(LINKS_MAX + 1)), *rest;
    size_t n;

    links_read = true;
    if (!read_file("tzdata.zi", text, LINKS_MAX, &n)) {
        free(text);
        return;
    }
    text[n] = '\0';
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char new[ZONE_NAME_MAX], old[ZONE_NAME_MAX];
        if (sscanf(line, "L %63s %63s", new, old) == 2)
            buf_printf(&links, " %s %s\n", old, new);
    }
    must_hold(&links);
    free(text);
}

/* The name that has taken the place of an old one. */
static bool replaced_by(const char *name, char ret[ZONE_NAME_MAX])
{
    char key[ZONE_NAME_MAX + 2];
    const char *at;

    if (!links_read)
        read_links();
    snprintf(key, sizeof(key), " %s ", name);
    at = strstr(buf_text(&links), key);
    return at && sscanf(at + strlen(key), "%63s", ret) == 1;
}

/* A zone, or an entry with n == 0 when the name stands for none. That is kept, and a zone taken for
 * none makes wrong answers: what fails for want of anything else must not look like it. */
static struct zone *load(const char *name)
{
    struct zone *z = must(calloc(1, sizeof(*z)));
    char *bytes = must(malloc(TZIF_BYTES_MAX));
    char new[ZONE_NAME_MAX];
    size_t n;

    if ((read_file(name, bytes, TZIF_BYTES_MAX, &n) ||
         (replaced_by(name, new) && read_file(new, bytes, TZIF_BYTES_MAX, &n))) &&
        tzif_read(z, (struct span){bytes, n}, NULL) == RC_SYS)
        must_end("out of memory");
    text_copy(z->name, sizeof(z->name), span_of(name));
    free(bytes);
    return z;
}

static void dir_locked(void)
{
    const char *dir = getenv("CALMIRROR_ZONEINFO");

    if (zone_dir[0] == '\0')
        snprintf(zone_dir, sizeof(zone_dir), "%s", dir && *dir ? dir : "/usr/share/zoneinfo");
}

static struct zone *load_locked(const char *name)
{
    unsigned slot;
    struct zone *z = cache_find(name, &slot);

    if (z) /* another thread was faster */
        return z;
    dir_locked();
    z = load(name);
    if (z->n ? known_count >= KNOWN_MAX : unknown_count >= UNKNOWN_MAX) {
        tzif_release(z);
        free(z);
        return NULL;
    }
    if (z->n)
        known_count++;
    else
        unknown_count++;
    atomic_store_explicit(&cache[slot], z, memory_order_release);
    return z;
}

const struct zone *zone_find(const char *name)
{
    unsigned slot;
    struct zone *z;

    z = cache_find(name, &slot);
    if (!z && !valid_name(name))
        return NULL;
    if (!z) {
        pthread_mutex_lock(&load_mutex);
        z = load_locked(name);
        pthread_mutex_unlock(&load_mutex);
    }
    return z && z->n ? z : NULL;
}

/* Packages put new files in the old ones' places, which shows in the directory. */
static void see_edition(void)
{
    struct stat st;

    pthread_mutex_lock(&load_mutex);
    dir_locked();
    if (stat(zone_dir, &st) == 0)
        edition = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
    pthread_mutex_unlock(&load_mutex);
}

uint64_t zone_edition(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, see_edition);
    return edition;
}

const struct zone *zone_utc(void)
{
    return &utc;
}

const char *zone_name(const struct zone *z)
{
    return z->name;
}

void zone_set_dir(const char *dir)
{
    pthread_mutex_lock(&load_mutex);
    snprintf(zone_dir, sizeof(zone_dir), "%s", dir);
    buf_release(&links);
    links_read = false;
    pthread_mutex_unlock(&load_mutex);
}

/* Whole cycles to take off a time so that it falls into the table. */
static int64_t cycles(const struct zone *z, int64_t t)
{
    return t < z->cycle_hi ? 0 : (t - z->cycle_lo) / TZIF_CYCLE_S * TZIF_CYCLE_S;
}

/* The last i with v[i] <= t; v[0] is INT64_MIN. */
static size_t find(const int64_t *v, size_t n, int64_t t)
{
    size_t lo = 0;

    while (n > 1) {
        size_t half = n / 2;
        if (v[lo + half] <= t)
            lo += half;
        n -= half;
    }
    return lo;
}

/* `t` plus `shift`, where the end of time stays what it is. */
static int64_t shifted(int64_t t, int64_t shift)
{
    return t == INT64_MAX ? t : t + shift;
}

int32_t zone_offset_at(const struct zone *z, int64_t utc_s)
{
    return z->offset[find(z->at, z->n, utc_s - cycles(z, utc_s))];
}

int32_t zone_offset_lookup(const struct zone *z, int64_t utc_s, struct zone_hint *hint)
{
    int64_t shift = cycles(z, utc_s);
    size_t i = find(z->at, z->n, utc_s - shift);

    hint->lo =
        shift ? utc_s : z->at[i]; /* a later cycle's first segment begins before the cycle does */
    hint->hi = i + 1 < z->n ? shifted(z->at[i + 1], shift) : INT64_MAX;
    hint->offset_s = z->offset[i];
    return hint->offset_s;
}

struct zone_span zone_local_span(const struct zone *z, int64_t local_s)
{
    int64_t shift = cycles(z, local_s);
    size_t i = find(z->wall, z->n, local_s - shift);
    struct zone_span s = {.lo = shift ? local_s : z->wall[i],
                          .gap = INT64_MAX,
                          .hi = INT64_MAX,
                          .offset_s = z->offset[i]};

    if (i + 1 < z->n) {
        s.hi = z->wall[i + 1] + shift;
        s.gap = z->at[i + 1] + z->offset[i] + shift;
    }
    return s;
}

int64_t zone_local_to_utc(const struct zone *z, int64_t local_s)
{
    return local_s - z->offset[find(z->wall, z->n, local_s - cycles(z, local_s))];
}

bool zone_second_pass(const struct zone *z, int64_t utc_s, int64_t *ret_end)
{
    int64_t local = utc_s + zone_offset_at(z, utc_s);
    struct zone_span s = zone_local_span(z, local);

    if (local - s.offset_s == utc_s)
        return false;
    *ret_end = s.hi;
    return true;
}

void zone_offset_range(const struct zone *z, int64_t from_s, int64_t to_s, int32_t *ret_min,
                       int32_t *ret_max)
{
    int64_t shift = cycles(z, from_s);
    size_t i = find(z->at, z->n, from_s - shift);
    int32_t lo = z->offset[i], hi = z->offset[i];

    for (i++; i < z->n && z->at[i] <= to_s - shift; i++) {
        if (z->offset[i] < lo)
            lo = z->offset[i];
        if (z->offset[i] > hi)
            hi = z->offset[i];
    }
    *ret_min = lo;
    *ret_max = hi;
}
