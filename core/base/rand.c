/* rand: random bytes from the kernel, and a seedable stream for jitter.
 *
 * The stream is splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
 * 2014): its state only ever grows by a constant, so one atomic add makes it safe for all threads.
 */
#include "core/base/rand.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/must.h"

static _Atomic uint64_t state;
static pthread_once_t seeded = PTHREAD_ONCE_INIT;

void rand_bytes(void *p, size_t n)
{
    unsigned char *at = p;
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno != EINTR)
            must_end("random bytes: %s", strerror(errno));
        if (got > 0) {
            at += got;
            n -= (size_t)got;
        }
    }
}

void rand_id(char *out, size_t chars)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuv0123456789";
    rand_bytes(out, chars);
    for (size_t i = 0; i < chars; i++)
        out[i] = alphabet[(unsigned char)out[i] & 31];
    out[chars] = '\0';
}

static void seed_from_kernel(void)
{
    uint64_t seed;
    rand_bytes(&seed, sizeof seed);
    atomic_store(&state, seed);
}

static uint64_t next_u64(void)
{
    static const uint64_t step = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = atomic_fetch_add_explicit(&state, step, memory_order_relaxed) + step;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

int64_t rand_between(int64_t lo, int64_t hi)
{
    assert(lo <= hi);
    pthread_once(&seeded, seed_from_kernel);
    uint64_t width = (uint64_t)hi - (uint64_t)lo;
    uint64_t r = next_u64();
    if (width < UINT64_MAX) /* the bias of % does not matter for jitter */
        r %= width + 1;
    return (int64_t)((uint64_t)lo + r);
}

void rand_seed(uint64_t seed)
{
    pthread_once(&seeded, seed_from_kernel); /* so that it cannot overwrite this seed later */
    atomic_store(&state, seed);
}
