/* activation: listening sockets handed over by the service manager (sd_listen_fds(3)'s protocol).
 *
 * A socket held by the manager outlives us: what connects while we restart waits in its backlog. */
#include "core/daemon/activation.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/span.h"
#include "core/base/text.h"

#define FIRST_FD 3
#define MOST_FDS 16

static int64_t env_number(const char *name)
{
    const char *text = getenv(name);
    int64_t n;

    return text && text_to_i64(span_of(text), &n) ? n : -1;
}

/* The i-th of the colon-separated names; empty when there are fewer. */
static struct span name_at(const char *names, int i)
{
    while (i-- > 0) {
        names = strchr(names, ':');
        if (!names)
            return (struct span){"", 0};
        names++;
    }
    return (struct span){names, strcspn(names, ":")};
}

int activation_take(const char *name)
{
    const char *names = getenv("LISTEN_FDNAMES");
    int64_t count = env_number("LISTEN_FDS");

    if (!names || count <= 0 || count > MOST_FDS || env_number("LISTEN_PID") != getpid())
        return 0;
    for (int i = 0; i < count; i++) {
        if (!span_is(name_at(names, i), name))
            continue;
        (void)fcntl(FIRST_FD + i, F_SETFD, FD_CLOEXEC);
        int fd = fcntl(FIRST_FD + i, F_DUPFD_CLOEXEC, 0);
        return fd > 0 ? fd : 0;
    }
    return 0;
}
