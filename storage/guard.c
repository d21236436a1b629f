/* guard: when reading the mapped file ends the process, the next start is told.
 *
 * DESIGN. LMDB trusts the structure of its file. A flipped bit in a page's header can send it
 * beyond the end of the file (SIGBUS) or of the map (SIGSEGV); started again, the service would run
 * into the same page, for ever. So a fault at an address of the map leaves the mark that LMDB's
 * assertions leave too, and the signal then takes its course. */
#include "storage/guard.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "storage/txn.h"

/* LMDB reserves the whole map, but an address that was computed wrong can lie somewhat behind it.
 */
#define BEHIND_BYTES (UINT64_C(1) << 30)

static const int signals[] = {SIGBUS, SIGSEGV};
#define N_SIGNALS (sizeof signals / sizeof signals[0])

static struct sigaction before[N_SIGNALS];
static struct guarded {
    struct store *store; /* NULL: none */
    uintptr_t begin, end;
} guarded[STORE_FILES];

/* Maps may lie next to each other: the one that begins last before the address is meant. */
static void mark(uintptr_t at)
{
    struct guarded *met = NULL;
    for (size_t i = 0; i < STORE_FILES; i++) {
        struct guarded *g = &guarded[i];
        if (g->store && at >= g->begin && at < g->end + BEHIND_BYTES &&
            (!met || g->begin > met->begin))
            met = g;
    }
    if (met)
        store_mark_broken(met->store);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    bool sent = info->si_code <= 0; /* by a process, not by an address */
    if (!sent)
        mark((uintptr_t)info->si_addr);
    for (size_t i = 0; i < N_SIGNALS; i++)
        if (signals[i] == number)
            (void)sigaction(number, &before[i], NULL);
    if (sent)
        (void)raise(number); /* else the same instruction faults again */
}

/* Where the file is mapped. By name, since an overlay's files have one device in stat(2), another
 * here. */
static bool find_map(const struct store *s, uintptr_t *ret_begin, uintptr_t *ret_end)
{
    char line[PATH_MAX + 128], real[PATH_MAX];
    const char *path;
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps)
        return false;
    if (mdb_env_get_path(s->env, &path) == 0 && realpath(path, real))
        while (!found && fgets(line, sizeof line, maps)) {
            uintptr_t begin, end;
            const char *name = strchr(line, '/');
            size_t n = strlen(real);
            if (!name || strncmp(name, real, n) != 0 || name[n] != '\n' ||
                sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &begin, &end) != 2)
                continue;
            *ret_begin = begin;
            *ret_end = end;
            found = true;
        }
    (void)fclose(maps);
    return found;
}

void store_guard(struct store *s)
{
    static bool installed;
    uintptr_t begin, end;
    if (!find_map(s, &begin, &end))
        return;
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    guarded[s->file] = (struct guarded){s, begin, end};
    for (size_t i = 0; i < N_SIGNALS && !installed; i++)
        (void)sigaction(signals[i], &action, &before[i]);
    installed = true;
}

void store_unguard(const struct store *s)
{
    if (guarded[s->file].store == s)
        guarded[s->file] = (struct guarded){0};
}

/* While nothing can be written, opening it would fail. */
static bool is_writable(const struct store *s)
{
    struct statvfs fs;
    return statvfs(s->dir, &fs) == 0 && !(fs.f_flag & ST_RDONLY);
}

bool store_is_broken(const struct store *s)
{
    return atomic_load_explicit(&s->broken, memory_order_relaxed) ||
           (atomic_load_explicit(&s->jammed, memory_order_relaxed) && is_writable(s));
}
