/* chaos: preloaded into a program under test, puts random pauses around what its threads and
 * processes do to one another.
 *
 * CHAOS_SEED is a number, the same for all processes of a run. CHAOS_UPTIME, when given: so many
 * seconds before the process the machine has started, by the clock that counts them
 * (CLOCK_BOOTTIME).
 *
 * DESIGN: Every process, and every thread of it, draws for good how slow it is: most make hardly a
 * pause, some are slow, a few very slow. So two threads that always meet in one order meet in the
 * other. A pause gives the processor away, or is up to 20 ms long, or now and then 200. The more
 * calls a thread has made the rarer its pauses are, and it sleeps for three quarters of its time at
 * most, so that a run ends. The same seed makes the same pauses, but not the same run: the kernel
 * has its say. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifdef SYS_clock_gettime64 /* of machines with 32 bits */
#define CLOCK_GETTIME SYS_clock_gettime64
#else
#define CLOCK_GETTIME SYS_clock_gettime
#endif

#define SLACK_US 250000 /* what a thread may sleep at first */

static uint64_t seed;
static int64_t boot_s; /* what is taken from CLOCK_BOOTTIME */
static bool active;
static atomic_uint threads; /* so many drew */

static _Thread_local struct {
    uint64_t random; /* 0: has not drawn yet */
    unsigned slowness /* pauses in a thousand calls */, calls;
    int64_t began_us, slept_us;
} self __attribute__((tls_model("initial-exec")));

/* Past our own clock_gettime and whoever else shifts clocks. */
static int64_t now_us(clockid_t clock)
{
    struct timespec t;
    syscall(CLOCK_GETTIME, clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void sleep_us(int64_t us)
{
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    (void)nanosleep(&t, NULL);
}

/* splitmix64, https://prng.di.unimi.it/splitmix64.c */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static unsigned draw(unsigned below)
{
    self.random = mix(self.random + 1);
    return (unsigned)((self.random >> 16) % below);
}

static unsigned slowness_of(unsigned percent)
{
    return percent < 40 ? 2 : percent < 70 ? 15 : percent < 90 ? 80 : 300;
}

__attribute__((constructor)) static void begin(void)
{
    const char *number = getenv("CHAOS_SEED"), *uptime = getenv("CHAOS_UPTIME");
    if (uptime)
        boot_s = now_us(CLOCK_BOOTTIME) / 1000000 - strtoll(uptime, NULL, 10);
    if (!number)
        return;
    seed = strtoull(number, NULL, 10);
    for (const char *p = program_invocation_short_name; *p; p++)
        seed = mix(seed ^ (unsigned char)*p);
    active = true;
}

static void draw_slowness(void)
{
    self.random = mix(seed + atomic_fetch_add(&threads, 1));
    self.began_us = now_us(CLOCK_MONOTONIC);
    self.slowness = slowness_of(draw(2) ? draw(100) : (unsigned)(seed >> 8) % 100);
}

static void stumble(void)
{
    if (!active)
        return;
    int saved = errno;
    if (self.random == 0)
        draw_slowness();
    if (draw(1000 + ++self.calls) < self.slowness) {
        unsigned kind = draw(100);
        int64_t us = kind < 40 ? 0 : kind < 70 ? draw(1000) : kind < 99 ? draw(20000) : 200000;
        int64_t most_us = (now_us(CLOCK_MONOTONIC) - self.began_us) * 3 / 4 + SLACK_US;
        if (us == 0 || self.slept_us + us > most_us) {
            sched_yield();
        } else {
            sleep_us(us);
            self.slept_us += us;
        }
    }
    errno = saved;
}

/* The next definition of a function. glibc has two of those on conditions; the new ones are meant.
 */
static void *next(const char *name)
{
    bool twice = strncmp(name, "pthread_cond", 12) == 0;
    void *f = twice ? dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2") : NULL;
    return f ? f : dlsym(RTLD_NEXT, name);
}

#define WRAP(type, name, parameters, arguments) \
    type name parameters;                       \
    type name parameters                        \
    {                                           \
        static typeof(&name) real;              \
        if (!real)                              \
            real = (typeof(&name))next(#name);  \
        stumble();                              \
        type result = real arguments;           \
        stumble();                              \
        return result;                          \
    }

WRAP(int, pthread_mutex_lock, (pthread_mutex_t * m), (m))
WRAP(int, pthread_mutex_unlock, (pthread_mutex_t * m), (m))
WRAP(int, pthread_rwlock_rdlock, (pthread_rwlock_t * l), (l))
WRAP(int, pthread_rwlock_wrlock, (pthread_rwlock_t * l), (l))
WRAP(int, pthread_rwlock_unlock, (pthread_rwlock_t * l), (l))
WRAP(int, pthread_cond_wait, (pthread_cond_t * c, pthread_mutex_t *m), (c, m))
WRAP(int, pthread_cond_timedwait,
     (pthread_cond_t * c, pthread_mutex_t *m, const struct timespec *until), (c, m, until))
WRAP(int, pthread_cond_signal, (pthread_cond_t * c), (c))
WRAP(int, pthread_cond_broadcast, (pthread_cond_t * c), (c))
WRAP(int, poll, (struct pollfd * p, nfds_t n, int ms), (p, n, ms))
WRAP(int, __poll_chk, (struct pollfd * p, nfds_t n, int ms, size_t room), (p, n, ms, room))
WRAP(int, epoll_wait, (int fd, struct epoll_event *e, int n, int ms), (fd, e, n, ms))
WRAP(int, epoll_ctl, (int fd, int what, int of, struct epoll_event *e), (fd, what, of, e))
WRAP(int, accept, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n))
WRAP(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int flags), (fd, a, n, flags))
WRAP(int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
WRAP(int, shutdown, (int fd, int how), (fd, how))
WRAP(int, close, (int fd), (fd))
WRAP(ssize_t, recv, (int fd, void *p, size_t n, int flags), (fd, p, n, flags))
WRAP(ssize_t, __recv_chk, (int fd, void *p, size_t n, size_t room, int flags),
     (fd, p, n, room, flags))
WRAP(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))
WRAP(ssize_t, send, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
WRAP(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n))
WRAP(ssize_t, __read_chk, (int fd, void *p, size_t n, size_t room), (fd, p, n, room))
WRAP(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, fdatasync, (int fd), (fd))
WRAP(int, msync, (void *p, size_t n, int flags), (p, n, flags))

struct beginning {
    void *(*run)(void *);
    void *arg;
};

static void *run_late(void *arg)
{
    struct beginning b = *(struct beginning *)arg;
    free(arg);
    stumble();
    if (active && self.slowness > 2 && draw(2))
        sleep_us(draw(30000));
    return b.run(b.arg);
}

int pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    static typeof(&pthread_create) real;
    if (!real)
        real = (typeof(&pthread_create))next("pthread_create");
    struct beginning *b = malloc(sizeof(*b));
    if (!b)
        return EAGAIN;
    *b = (struct beginning){run, arg};
    int rc = real(ret, attr, run_late, b);
    if (rc != 0)
        free(b);
    stumble();
    return rc;
}

/* CLOCK_MONOTONIC is left alone: waits are given to the kernel in it. */
int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int rc = (int)syscall(CLOCK_GETTIME, clock, ret);
    if (rc == 0 && clock == CLOCK_BOOTTIME)
        ret->tv_sec -= boot_s;
    return rc;
}
