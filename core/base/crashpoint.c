/* crashpoint: dies at the place that the environment names; empty unless built for tests. */
#include "core/base/crashpoint.h"

#ifdef CALMIRROR_TEST

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *wanted;
static size_t wanted_length;
static atomic_long passes_left;

static void read_environment(void)
{
    wanted = getenv("CALMIRROR_CRASH");
    if (!wanted)
        return;
    const char *colon = strchr(wanted, ':');
    wanted_length = colon ? (size_t)(colon - wanted) : strlen(wanted);
    atomic_store(&passes_left, colon ? strtol(colon + 1, NULL, 10) : 1);
}

void crashpoint_hit(const char *name)
{
    pthread_once(&once, read_environment);
    if (!wanted || strlen(name) != wanted_length || memcmp(name, wanted, wanted_length) != 0)
        return;
    if (atomic_fetch_sub(&passes_left, 1) == 1)
        kill(getpid(), SIGKILL);
}

#endif
