/* listen: opens the listening socket, TCP or unix, or takes over an inherited one. */
#include "core/httpd/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/limits.h"
#include "core/base/text.h"

#define BACKLOG     1024
#define UNIX_MODE   0660
#define SOCKET_TYPE (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

/* "host:port" or "[v6]:port" -> its address; names are not looked up, but for localhost. */
static enum rc resolve(const char *listen, struct addrinfo **ret, struct err *e)
{
    const char *colon = strrchr(listen, ':');
    uint64_t port = 0;
    char host[INET6_ADDRSTRLEN + 1];
    size_t n = colon ? (size_t)(colon - listen) : 0;
    const char *p = listen;
    if (n >= 2 && p[0] == '[' && p[n - 1] == ']') {
        p++;
        n -= 2;
    }
    if (!colon || n == 0 || n >= sizeof host || !text_to_u64(span_of(colon + 1), &port) ||
        port > UINT16_MAX)
        return err_set(e, RC_INVALID, "%s: not host:port and not a path", listen);
    memcpy(host, p, n);
    host[n] = '\0';
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    bool local = strcmp(host, "localhost") == 0;
    int code = getaddrinfo(local ? "127.0.0.1" : host, colon + 1, &hints, ret);
    if (code)
        return err_set(e, RC_INVALID, "%s: %s", listen, gai_strerror(code));
    return RC_OK;
}

/* Is it ::1, or a loopback address of IPv4, mapped or not? */
static bool is_loopback(const struct sockaddr_storage *a)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
    if (a->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
    return a->ss_family == AF_INET6 &&
           (IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
            (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 127));
}

/* Port, and who reaches it, of a bound socket; what cannot be asked counts as exposed. */
static void note_address(struct listener *l)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;
    bool known = getsockname(l->fd, (struct sockaddr *)&a, &n) == 0;
    if (known && a.ss_family == AF_UNIX)
        return;
    l->exposed = !known || !is_loopback(&a);
    if (a.ss_family == AF_INET6)
        l->port = ntohs(((struct sockaddr_in6 *)&a)->sin6_port);
    else if (a.ss_family == AF_INET)
        l->port = ntohs(((struct sockaddr_in *)&a)->sin_port);
}

/* Of a failed bind(), by errno: what there is to do about it. */
static enum rc why_not(const char *text, struct err *e)
{
    if (errno == EADDRINUSE)
        return err_set(e, RC_AGAIN,
                       "%s: in use by another program (`ss -ltnp` shows which): stop it, or set "
                       "another address",
                       text);
    if (errno == EACCES)
        return err_set(e, RC_SYS,
                       "%s: this user may not listen there: set a port above 1023, or let systemd "
                       "hold the socket",
                       text);
    if (errno == EADDRNOTAVAIL)
        return err_set(e, RC_SYS, "%s: not an address of this machine (`ip address` lists them)",
                       text);
    return err_errno(e, "%s", text);
}

static enum rc open_tcp(struct listener *l, const char *text, struct err *e)
{
    struct addrinfo *a = NULL;
    enum rc rc = resolve(text, &a, e);
    if (rc)
        return rc;
    const int on = 1;
    int fd = socket(a->ai_family, SOCKET_TYPE, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        rc = why_not(text, e);
        if (fd >= 0)
            close(fd);
    } else {
        l->fd = fd;
        note_address(l);
    }
    freeaddrinfo(a);
    return rc;
}

/* Removes a socket file that a dead process left. */
static enum rc remove_stale(const struct sockaddr_un *a, struct err *e)
{
    struct stat st;
    if (lstat(a->sun_path, &st) != 0)
        return errno == ENOENT ? RC_OK : err_errno(e, "%s", a->sun_path);
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, RC_INVALID, "%s: exists and is not a socket", a->sun_path);
    int fd = socket(AF_UNIX, SOCKET_TYPE, 0);
    if (fd < 0)
        return err_errno(e, "%s", a->sun_path);
    bool refused = connect(fd, (const struct sockaddr *)a, sizeof *a) != 0 && errno == ECONNREFUSED;
    close(fd);
    if (!refused)
        return err_set(e, RC_SYS, "%s: another process listens there", a->sun_path);
    return unlink(a->sun_path) == 0 ? RC_OK : err_errno(e, "%s", a->sun_path);
}

/* "USER:GROUP", either of which may be left out: -1. Numbers are taken too. */
static enum rc find_owner(const char *text, uid_t *ret_user, gid_t *ret_group, struct err *e)
{
    char user[LIMIT_NAME_BYTES + 1];
    const char *colon = strchr(text, ':'), *group = colon ? colon + 1 : "";
    struct span name = {text, colon ? (size_t)(colon - text) : strlen(text)};
    uint32_t uid = UINT32_MAX, gid = UINT32_MAX;
    if (!text_copy(user, sizeof user, name))
        return err_set(e, RC_INVALID, "socket_owner: %s: too long", text);
    const struct passwd *p = user[0] ? getpwnam(user) : NULL;
    if (user[0] && !p && !text_to_id(span_of(user), &uid))
        return err_set(e, RC_INVALID, "socket_owner: there is no user %s", user);
    const struct group *g = group[0] ? getgrnam(group) : NULL;
    if (group[0] && !g && !text_to_id(span_of(group), &gid))
        return err_set(e, RC_INVALID, "socket_owner: there is no group %s", group);
    *ret_user = p ? p->pw_uid : uid;
    *ret_group = g ? g->gr_gid : gid;
    return RC_OK;
}

/* Before anybody can connect: it does not listen yet. */
static enum rc set_access(const char *path, const struct httpd_options *opt, struct err *e)
{
    uid_t user = (uid_t)-1;
    gid_t group = (gid_t)-1;
    if (opt->socket_owner && opt->socket_owner[0]) {
        enum rc rc = find_owner(opt->socket_owner, &user, &group, e);
        if (rc)
            return rc;
        if (chown(path, user, group) != 0)
            return err_errno(e, "%s: socket_owner %s", path, opt->socket_owner);
    }
    if (chmod(path, opt->socket_mode ? opt->socket_mode : UNIX_MODE) != 0)
        return err_errno(e, "%s", path);
    return RC_OK;
}

static enum rc open_unix(struct listener *l, const struct httpd_options *opt, struct err *e)
{
    const char *path = opt->listen;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path)
        return err_set(e, RC_INVALID, "%s: longer than the %zu bytes a socket's path may have",
                       path, sizeof a.sun_path - 1);
    memcpy(a.sun_path, path, strlen(path) + 1);
    enum rc rc = remove_stale(&a, e);
    if (rc)
        return rc;
    struct stat st = {0};
    int fd = socket(AF_UNIX, SOCKET_TYPE, 0);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    rc = bound ? set_access(path, opt, e) : err_errno(e, "%s", path);
    if (rc == RC_OK && (lstat(path, &st) != 0 || listen(fd, BACKLOG) != 0))
        rc = err_errno(e, "%s", path);
    if (rc) {
        if (bound)
            (void)unlink(path);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    l->fd = fd;
    l->dev = st.st_dev;
    l->ino = st.st_ino;
    (void)snprintf(l->path, sizeof l->path, "%s", path);
    return RC_OK;
}

/* A socket that someone else bound, and who also owns the file of a unix socket. */
static enum rc adopt(struct listener *l, int fd, struct err *e)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return err_errno(e, "inherited socket %d", fd);
    l->fd = fd;
    note_address(l);
    return RC_OK;
}

enum rc listener_open(struct listener *ret, const struct httpd_options *opt, struct err *e)
{
    struct listener l = {.fd = -1};
    enum rc rc = opt->inherited_fd > 0   ? adopt(&l, opt->inherited_fd, e)
                 : opt->listen[0] == '/' ? open_unix(&l, opt, e)
                                         : open_tcp(&l, opt->listen, e);
    if (rc == RC_OK)
        *ret = l;
    return rc;
}

void listener_close(struct listener *l)
{
    if (l->fd < 0)
        return;
    struct stat st;
    if (l->path[0] && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
        (void)unlink(l->path);
    close(l->fd);
    l->fd = -1;
}
