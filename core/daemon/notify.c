/* notify: what the service manager is told (sd_notify(3)'s datagram protocol, without libsystemd).
 *
 * DESIGN. The protocol is a few lines of text to a datagram socket and documented as stable; the
 * library would bring compression and crypto libraries into a daemon that faces the network. */
#include "core/daemon/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/base/span.h"
#include "core/base/text.h"

static struct {
    int fd;
    struct sockaddr_un addr;
    socklen_t addr_len;
    int64_t watchdog_ms;
} self = {.fd = -1};

static void init_watchdog(void)
{
    const char *usec_text = getenv("WATCHDOG_USEC");
    const char *pid_text = getenv("WATCHDOG_PID");
    int64_t usec, pid;

    if (!usec_text || !text_to_i64(span_of(usec_text), &usec) || usec <= 0)
        return;
    if (pid_text && (!text_to_i64(span_of(pid_text), &pid) || pid != getpid()))
        return;
    self.watchdog_ms = usec / 2000 > 0 ? usec / 2000 : 1;
}

void notify_init(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path ? strlen(path) : 0;

    init_watchdog();
    if (len < 2 || len >= sizeof(self.addr.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    self.addr.sun_family = AF_UNIX;
    memcpy(self.addr.sun_path, path, len);
    if (path[0] == '@') /* the abstract namespace */
        self.addr.sun_path[0] = '\0';
    self.addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    self.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

int64_t notify_watchdog_ms(void)
{
    return self.watchdog_ms;
}

/* A lost message is no reason to fail: the manager times out on what matters. */
static void tell(const char *text)
{
    if (self.fd >= 0)
        (void)!sendto(self.fd, text, strlen(text), MSG_NOSIGNAL,
                      (const struct sockaddr *)&self.addr, self.addr_len);
}

void notify_ready(void)
{
    tell("READY=1");
}

/* MONOTONIC_USEC is what Type=notify-reload (systemd 253 and later) asks for. */
void notify_reloading(void)
{
    char text[64];
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    tell(text);
}

void notify_stopping(void)
{
    tell("STOPPING=1");
}

void notify_watchdog(void)
{
    tell("WATCHDOG=1");
}

void notify_status(const char *fmt, ...)
{
    char text[256] = "STATUS=";
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text + 7, sizeof(text) - 7, fmt, ap);
    va_end(ap);
    tell(text);
}
