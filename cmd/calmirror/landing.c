/* landing: a listener of one page; it and the terminal are judged by the same function. */
#include "cmd/calmirror/landing.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/httpd/httpd.h"

#define LINE_MOST   8192
#define CONNECTIONS 32
#define IDLE_S      30

struct landing {
    struct httpd *httpd;
    landing_fn *judge;
    void *arg;
    char uri[64];
    int event; /* readable once it is done */
    pthread_mutex_t lock;
    bool done;
};

static void add_html(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<' || *text == '&' || *text == '>')
            buf_printf(out, "&#%d;", *text);
        else
            buf_add_char(out, *text);
    }
}

static struct httpd_response *page(unsigned status, const char *title, const char *message,
                                   const char *more)
{
    struct buf out = {0};
    size_t n = 0;

    buf_add_text(&out, "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
                       "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
                       "<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,"
                       "sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}</style>\n"
                       "<title>calmirror</title>\n<h1>");
    add_html(&out, title);
    buf_add_text(&out, "</h1>\n<p>");
    add_html(&out, message);
    add_html(&out, more);
    buf_add_text(&out, "</p>\n");
    char *body = buf_take(&out, &n);
    struct httpd_response *r = httpd_response_new(status, body, n);
    httpd_response_header(r, "Content-Type", "text/html; charset=utf-8");
    httpd_response_header(r, "Content-Security-Policy",
                          "default-src 'none'; style-src 'unsafe-inline'");
    httpd_response_header(r, "Referrer-Policy", "no-referrer"); /* the address has the code in it */
    httpd_response_header(r, "Cache-Control", "no-store");
    return r;
}

/* True: done. */
static bool consider(struct landing *l, struct span redirect, bool *good, char message[512])
{
    pthread_mutex_lock(&l->lock);
    bool ours = !l->done && l->judge(l->arg, redirect, good, message) == LANDING_DONE;
    if (ours) {
        l->done = true;
        (void)!write(l->event, &(uint64_t){1}, sizeof(uint64_t));
    }
    pthread_mutex_unlock(&l->lock);
    return ours;
}

static void handle(void *arg, struct httpd_request *req)
{
    struct landing *l = arg;
    char message[512] = "";
    bool good = false;
    struct httpd_response *r;

    if (req->refused || strcmp(req->method, "GET") != 0 || !span_is(req->path, "/") ||
        req->query.n == 0)
        r = page(404, "Nothing here", "Google's page sends your browser here when it is done.", "");
    else if (!consider(l, req->query, &good, message))
        r = page(400, "Not expected", "This address does not belong to the sign-in under way.", "");
    else
        r = page(good ? 200 : 403, good ? "Signed in" : "Not signed in", message,
                 good ? " You can close this window." : "");
    httpd_answer(req, r);
    httpd_response_unref(r);
}

enum rc landing_open(struct landing **ret, uint16_t port, landing_fn *judge, void *arg,
                     struct err *e)
{
    struct landing *l = calloc(1, sizeof(*l));
    char listen[32];

    if (!l)
        return err_set(e, RC_SYS, "out of memory");
    l->judge = judge;
    l->arg = arg;
    pthread_mutex_init(&l->lock, NULL);
    l->event = eventfd(0, EFD_CLOEXEC);
    (void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
    struct httpd_options opt = {.name = "landing",
                                .listen = listen,
                                .max_connections = CONNECTIONS,
                                .max_per_address = CONNECTIONS,
                                .timeout_s = IDLE_S,
                                .arg = l,
                                .handle = handle};
    enum rc rc = l->event < 0 ? err_errno(e, "eventfd") : httpd_start(&l->httpd, &opt, e);
    if (rc) {
        landing_close(l);
        return rc;
    }
    (void)snprintf(l->uri, sizeof(l->uri), "http://127.0.0.1:%u", httpd_port(l->httpd));
    *ret = l;
    return RC_OK;
}

void landing_close(struct landing *l)
{
    if (!l)
        return;
    if (l->httpd)
        httpd_free(l->httpd);
    if (l->event >= 0)
        close(l->event);
    free(l);
}

const char *landing_uri(const struct landing *l)
{
    return l->uri;
}

/* A line at a time, as terminals give them. False: there is no more to come. */
static bool take_line(struct landing *l)
{
    char line[LINE_MOST], message[512] = "";
    bool good = false;

    if (!fgets(line, sizeof(line), stdin)) {
        /* A port that was forwarded may still bring the answer, so this is not the end. */
        (void)fprintf(stderr, "Nothing more can be pasted. Waiting for the browser at %s\n",
                      l->uri);
        return false;
    }
    if (strcspn(line, "\r\n") > 0 && !consider(l, span_of(line), &good, message))
        (void)fputs("That is not the address of this sign-in. Paste the whole of what the "
                    "browser's address bar shows:\n",
                    stderr);
    explicit_bzero(line, sizeof(line));
    return true;
}

bool landing_wait(struct landing *l, bool paste, int64_t wait_ms)
{
    int64_t end_ms = clock_mono_ms() + wait_ms;

    (void)setvbuf(stdin, NULL, _IONBF, 0); /* else poll() would not see what stdio holds back */
    for (;;) {
        struct pollfd fds[] = {{.fd = l->event, .events = POLLIN},
                               {.fd = paste ? STDIN_FILENO : -1, .events = POLLIN}};
        int64_t left_ms = end_ms - clock_mono_ms();
        int n = left_ms > 0 ? poll(fds, 2, (int)left_ms) : 0;

        if (n < 0 && errno != EINTR)
            return false;
        if (n == 0)
            return false;
        if (fds[0].revents)
            return true;
        if (n > 0 && fds[1].revents)
            paste = take_line(l);
    }
}
