/* clock_shim: preloaded into a program under test, shifts its clocks by what a file says, and
 * wedges its sync workers.
 *
 * CLOCK_SHIM names a file of three int64_t: milliseconds to add to CLOCK_REALTIME, and to
 * CLOCK_BOOTTIME, as if the machine had slept; and, unless 0, that sync workers do not come back
 * from libcurl. The file is mapped, so a test turns the clocks of a running program.
 * CLOCK_MONOTONIC is left alone: waits are given to the kernel in it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef SYS_clock_gettime64 /* of machines with 32 bits */
#define CLOCK_GETTIME SYS_clock_gettime64
#else
#define CLOCK_GETTIME SYS_clock_gettime
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
enum { SHIFT_WALL, SHIFT_BOOT, WEDGED, COUNT };

static const volatile int64_t *shift_ms; /* COUNT of them; NULL: none */

static void map_file(void)
{
    const char *path = getenv("CLOCK_SHIM");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, COUNT * sizeof(*shift_ms), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    shift_ms = map == MAP_FAILED ? NULL : map;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    int rc = (int)syscall(CLOCK_GETTIME, id, ts);
    pthread_once(&once, map_file);
    if (rc != 0 || !shift_ms || (id != CLOCK_REALTIME && id != CLOCK_BOOTTIME))
        return rc;
    int64_t ms = shift_ms[id == CLOCK_BOOTTIME ? SHIFT_BOOT : SHIFT_WALL];
    int64_t ns = ts->tv_nsec + ms % 1000 * 1000000;
    ts->tv_sec += ms / 1000 + (ns >= 1000000000) - (ns < 0);
    ts->tv_nsec = ns - (ns >= 1000000000) * 1000000000LL + (ns < 0) * 1000000000LL;
    return rc;
}

/* libcurl's, whose callers poll it. */
int curl_multi_perform(void *multi, int *running);
int curl_multi_perform(void *multi, int *running)
{
    static int (*real)(void *, int *);
    const struct timespec tick = {.tv_nsec = 10000000};
    char name[16] = "";
    pthread_once(&once, map_file);
    (void)pthread_getname_np(pthread_self(), name, sizeof(name));
    while (shift_ms && shift_ms[WEDGED] && strncmp(name, "sync-", 5) == 0)
        nanosleep(&tick, NULL);
    if (!real)
        real = (int (*)(void *, int *))dlsym(RTLD_NEXT, "curl_multi_perform");
    return real(multi, running);
}
