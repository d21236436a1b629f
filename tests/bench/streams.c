/* streams: ten thousand readers of server-sent events in one process, and a bare send loop to
 * compare a service with.
 *
 *   streams listen PORT N PATH   opens N streams and prints "ready" when each has had its first
 *                                event; then, for each line on stdin, waits until each has had one
 *                                more and prints when they had it: "FIRST P50 P99 LAST", ns of
 *                                CLOCK_MONOTONIC
 *   streams bare N BYTES         prints the port, takes N connections and answers each with an
 *                                event; then, for each line on stdin, sends an event of BYTES bytes
 *                                to all */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 20000

struct reader {
    int fd;
    unsigned events; /* empty lines behind the head */
    bool newline;    /* the last byte was one */
    long long at_ns; /* when the event waited for came */
};

static struct reader readers[MOST];
static unsigned n_readers;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static long long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void raise_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* ---- the readers ----------------------------------------------------------------------------- */

static void connect_reader(int epoll_fd, unsigned i, unsigned port, const char *path)
{
    struct sockaddr_in a = loopback(port);
    char request[512];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("connect");
    int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    if (send(fd, request, (size_t)n, 0) != n)
        die("send");
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = i};
    readers[i] = (struct reader){.fd = fd};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
        die("epoll_ctl");
}

/* Events end with an empty line. The head's lines end with CR LF, so it has none of these. */
static void take(struct reader *r)
{
    char bytes[65536];
    ssize_t n = recv(r->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        fprintf(stderr, "a stream ended\n");
        exit(1);
    }
    for (ssize_t i = 0; i < n; i++) {
        bool newline = bytes[i] == '\n';
        if (newline && r->newline) {
            r->events++;
            r->at_ns = now_ns();
        }
        r->newline = newline && !(newline && r->newline);
    }
}

/* Until so many readers, from the first on, have had `events`. */
static void wait_for(int epoll_fd, unsigned count, unsigned events)
{
    unsigned have = 0;
    for (unsigned i = 0; i < count; i++)
        have += readers[i].events >= events;
    while (have < count) {
        struct epoll_event ready[512];
        int n = epoll_wait(epoll_fd, ready, 512, 60000);
        if (n <= 0)
            die("waited a minute");
        for (int i = 0; i < n; i++) {
            struct reader *r = &readers[ready[i].data.u32];
            bool before = r->events >= events;
            take(r);
            have += !before && r->events >= events;
        }
    }
}

static int by_value(const void *pa, const void *pb)
{
    long long a = *(const long long *)pa, b = *(const long long *)pb;
    return (a > b) - (a < b);
}

static void report(void)
{
    static long long at[MOST];
    for (unsigned i = 0; i < n_readers; i++)
        at[i] = readers[i].at_ns;
    qsort(at, n_readers, sizeof *at, by_value);
    printf("%lld %lld %lld %lld\n", at[0], at[n_readers / 2], at[(unsigned)(n_readers * 0.99)],
           at[n_readers - 1]);
    fflush(stdout);
}

static int listen_to(unsigned port, unsigned n, const char *path)
{
    char line[64];
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < n; i++) {
        connect_reader(epoll_fd, i, port, path);
        if (i % 64 == 63) /* no more at a time than a backlog takes */
            wait_for(epoll_fd, i + 1, 1);
    }
    n_readers = n;
    wait_for(epoll_fd, n, 1);
    puts("ready");
    fflush(stdout);
    for (unsigned events = 2; fgets(line, sizeof line, stdin); events++) {
        wait_for(epoll_fd, n, events);
        report();
    }
    return 0;
}

/* ---- the bare loop --------------------------------------------------------------------------- */

static int bare(unsigned n, size_t bytes)
{
    static int fds[MOST];
    char line[64], request[1024], *text = malloc(bytes + 1);
    struct sockaddr_in a = loopback(0);
    socklen_t size = sizeof a;
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!text || fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        listen(fd, 1024) != 0 || getsockname(fd, (struct sockaddr *)&a, &size) != 0)
        die("bare");
    printf("%u\n", ntohs(a.sin_port));
    fflush(stdout);
    for (unsigned i = 0; i < n; i++) {
        fds[i] = accept(fd, NULL, NULL);
        if (fds[i] < 0 || recv(fds[i], request, sizeof request, 0) <= 0 ||
            send(fds[i], "data: x\n\n", 9, 0) != 9)
            die("accept");
        (void)setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    memset(text, 'x', bytes);
    memcpy(text + bytes - 2, "\n\n", 2);
    while (fgets(line, sizeof line, stdin))
        for (unsigned i = 0; i < n; i++)
            if (send(fds[i], text, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)bytes)
                die("send");
    free(text);
    return 0;
}

int main(int argc, char **argv)
{
    raise_limit();
    unsigned n = 0;
    if (argc == 5 && strcmp(argv[1], "listen") == 0 && (n = (unsigned)atoi(argv[3])) <= MOST)
        return listen_to((unsigned)atoi(argv[2]), n, argv[4]);
    if (argc == 4 && strcmp(argv[1], "bare") == 0 && (n = (unsigned)atoi(argv[2])) <= MOST)
        return bare(n, (size_t)atoi(argv[3]));
    fprintf(stderr, "usage: streams listen PORT N PATH | streams bare N BYTES\n");
    return 64;
}
