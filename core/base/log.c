/* log: one line per record to stderr, or one datagram to the journal.
 *
 * DESIGN. Each record is built in a fixed array on the stack and leaves in a single system call of
 * at most PIPE_BUF bytes, so that lines of several threads never mix, without a lock and without
 * memory to run out of. The native journal protocol is spoken directly; it is documented as stable
 * (systemd.io/JOURNAL_NATIVE_PROTOCOL) and small. */
#include "core/base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/rfc3339.h"
#include "core/base/scan.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* What a record looks like on its way out; PREFIX is "<6>…", which a service manager understands.
 */
enum form { FORM_TEXT, FORM_PREFIX, FORM_JOURNAL, FORM_JSON };

static enum form form = FORM_TEXT;
static int journal_fd = -1;
static atomic_int most_level = LOG_INFO;

static const char *const level_names[] = {
    [LOG_ERR] = "error", [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
    [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

struct line {
    size_t n;
    char text[PIPE_BUF];
};

enum { TAIL = 8 }; /* room kept for the mark of a cut and what closes the line */

static void add_bytes(struct line *l, const char *p, size_t n)
{
    size_t room = sizeof l->text - TAIL - l->n;
    if (n > room)
        n = 0; /* a piece is put whole or not at all */
    memcpy(l->text + l->n, p, n);
    l->n += n;
}

static void add(struct line *l, const char *text)
{
    add_bytes(l, text, strlen(text));
}

/* Adds text from anywhere: what is no printable UTF-8 is shown as \xNN (\n and \t as such), so that
 * no record can forge a line or speak to a terminal. In JSON also escapes the quote and the
 * backslash. */
static void add_clean(struct line *l, const char *text, bool json)
{
    const char *end = text + strlen(text);
    for (const char *p = text; p < end;) {
        if (l->n + TAIL + 8 > sizeof l->text) {
            memcpy(l->text + l->n, "…", 3); /* within TAIL */
            l->n += 3;
            return;
        }
        unsigned char c = (unsigned char)*p;
        size_t n = c >= 0x80 ? scan_utf8(p, end) : c >= 0x20 && c != 0x7F;
        bool c1_control = n == 2 && c == 0xC2 && (unsigned char)p[1] < 0xA0;
        if (json && (c == '"' || c == '\\')) {
            add_bytes(l, (char[]){'\\', *p++}, 2);
        } else if (n > 0 && !c1_control) {
            add_bytes(l, p, n);
            p += n;
        } else {
            char escape[8];
            const char *slash = json ? "\\\\" : "\\";
            if (c == '\n' || c == '\t')
                snprintf(escape, sizeof escape, "%s%c", slash, c == '\n' ? 'n' : 't');
            else
                snprintf(escape, sizeof escape, "%sx%02x", slash, c);
            add(l, escape);
            p++;
        }
    }
}

static void add_about(struct line *l, const char *about, const char *message)
{
    if (about) {
        add_clean(l, about, false);
        add(l, ": ");
    }
    add_clean(l, message, false);
}

static void build(struct line *l, enum form as, enum log_level level, const char *about,
                  const char *message)
{
    char stamp[RFC3339_MAX];
    char digit[2] = {(char)('0' + level), '\0'};
    l->n = 0;
    switch (as) {
    case FORM_TEXT:
        rfc3339_write_ms(stamp, clock_wall_ms());
        add(l, stamp);
        add(l, " ");
        add(l, level_names[level]);
        add(l, ": ");
        add_about(l, about, message);
        break;
    case FORM_PREFIX:
        add(l, "<");
        add(l, digit);
        add(l, ">");
        add_about(l, about, message);
        break;
    case FORM_JOURNAL:
        add(l, "PRIORITY=");
        add(l, digit);
        add(l, "\nSYSLOG_IDENTIFIER=");
        add(l, program_invocation_short_name);
        if (about) {
            add(l, "\nCALMIRROR_ABOUT=");
            add_clean(l, about, false);
        }
        add(l, "\nMESSAGE=");
        add_about(l, about, message);
        break;
    case FORM_JSON:
        rfc3339_write_ms(stamp, clock_wall_ms());
        add(l, "{\"time\":\"");
        add(l, stamp);
        add(l, "\",\"level\":\"");
        add(l, level_names[level]);
        if (about) {
            add(l, "\",\"about\":\"");
            add_clean(l, about, true);
        }
        add(l, "\",\"message\":\"");
        add_clean(l, message, true);
        memcpy(l->text + l->n, "\"}", 2);
        l->n += 2;
        break;
    }
    l->text[l->n++] = '\n';
}

static int connect_journal(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Is stderr the stream that the service manager connected to the journal? (systemd.exec(5)) */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

/* Started by a service manager itself, not from a shell somewhere below one? (systemd.exec(5)) */
static bool under_manager(void)
{
    const char *pid = getenv("SYSTEMD_EXEC_PID");
    return pid && strtol(pid, NULL, 10) == getpid();
}

void log_init(enum log_format format)
{
    bool journal =
        format == LOG_FORMAT_JOURNAL || (format == LOG_FORMAT_AUTO && stderr_is_journal());
    if (journal_fd >= 0)
        close(journal_fd);
    journal_fd = journal ? connect_journal() : -1;
    if (format == LOG_FORMAT_JSON)
        form = FORM_JSON;
    else if (journal_fd >= 0)
        form = FORM_JOURNAL;
    else if (journal || (format == LOG_FORMAT_AUTO && !isatty(STDERR_FILENO) && under_manager()))
        form = FORM_PREFIX;
    else
        form = FORM_TEXT;
}

void log_set_level(enum log_level most)
{
    atomic_store_explicit(&most_level, (int)most, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&most_level, memory_order_relaxed);
}

void log_write(enum log_level level, const char *about, const char *fmt, ...)
{
    if (!log_enabled(level))
        return;
    int keep = errno;
    char message[2048];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(message, sizeof message, fmt, ap) < 0)
        message[0] = '\0';
    va_end(ap);

    struct line l;
    build(&l, form, level, about, message);
    if (form == FORM_JOURNAL) {
        if (send(journal_fd, l.text, l.n, MSG_NOSIGNAL) >= 0) {
            errno = keep;
            return;
        }
        build(&l, FORM_PREFIX, level, about, message);
    }
    while (write(STDERR_FILENO, l.text, l.n) < 0 && errno == EINTR)
        ;
    errno = keep;
}

bool log_due(_Atomic int64_t *said_ms, int64_t every_ms)
{
    int64_t said = atomic_load(said_ms), now = clock_mono_ms();
    return (!said || now - said >= every_ms) && atomic_compare_exchange_strong(said_ms, &said, now);
}
