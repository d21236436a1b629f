/* bare: libmicrohttpd and nothing else, to see what of a read's cost is ours.
 *
 *   bare FILE    FILE is an answer as it came over the wire; whatever is asked for gets the same
 *                status, headers and body. Prints its port.
 *
 * Runs the library as core/httpd does: a loop of its own, the same memory for a connection, the
 * same timeout, no clock for a Date. */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define MEMORY    (16u << 10)
#define TIMEOUT_S 60u

struct answer {
    unsigned status;
    struct MHD_Response *response;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static char *read_all(const char *path, size_t *ret_n)
{
    static char text[1 << 20];
    FILE *f = fopen(path, "r");
    if (!f)
        die(path);
    *ret_n = fread(text, 1, sizeof text - 1, f);
    (void)fclose(f);
    return text;
}

/* What the library says of a connection or a length by itself is left to it. */
static bool is_own(const char *name)
{
    return strcasecmp(name, MHD_HTTP_HEADER_CONNECTION) == 0 ||
           strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
}

static struct answer make_answer(char *text, size_t n)
{
    char *body = strstr(text, "\r\n\r\n");
    if (!body || n < 12)
        die("not an answer");
    body[2] = '\0';
    body += 4;
    struct answer a = {
        .status = (unsigned)strtoul(text + 9, NULL, 10),
        .response = MHD_create_response_from_buffer(n - (size_t)(body - text), body,
                                                    MHD_RESPMEM_PERSISTENT),
    };
    (void)strtok(text, "\r\n");
    for (char *line; (line = strtok(NULL, "\r\n"));) {
        char *value = strstr(line, ": ");
        if (!value)
            die("not a header");
        *value = '\0';
        if (!is_own(line) && MHD_add_response_header(a.response, line, value + 2) != MHD_YES)
            die(line);
    }
    return a;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *conn, const char *url,
                              const char *method, const char *version, const char *data, size_t *n,
                              void **context)
{
    (void)url, (void)method, (void)version, (void)data, (void)n;
    const struct answer *a = cls;
    if (!*context) { /* answered at the first call, the connection would be closed */
        *context = cls;
        return MHD_YES;
    }
    return MHD_queue_response(conn, a->status, a->response);
}

int main(int argc, char **argv)
{
    size_t n;
    if (argc != 2)
        die("usage: bare FILE");
    char *text = read_all(argv[1], &n);
    struct answer a = make_answer(text, n);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *d =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_SUPPRESS_DATE_NO_CLOCK, 0, NULL, NULL, handle, &a,
                         MHD_OPTION_SOCK_ADDR, &here, MHD_OPTION_CONNECTION_LIMIT, 2000u,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
                         MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S, MHD_OPTION_END);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!d || epoll_fd < 0)
        die("libmicrohttpd");
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD,
                  MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, &event) != 0)
        die("epoll_ctl");
    printf("%u\n", MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT)->port);
    (void)fflush(stdout);
    for (;;) {
        MHD_UNSIGNED_LONG_LONG ms = 1000;
        (void)MHD_get_timeout(d, &ms);
        if (epoll_wait(epoll_fd, &event, 1, ms < 1000 ? (int)ms : 1000) < 0 && errno != EINTR)
            die("epoll_wait");
        (void)MHD_run(d);
    }
}
