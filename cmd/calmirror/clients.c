/* clients: `calmirror client add` makes a token and the section that lets it in; `client list` asks
 * the service who may read what.
 *
 * DESIGN. The token is shown once; the configuration gets its hash. The section is text for a file
 * that an administrator keeps, perhaps under version control, so by default it is printed; --append
 * puts it in place. Either way the configuration is first read with it, so that what is printed
 * works. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cmd/calmirror/cli.h"
#include "cmd/calmirror/term.h"
#include "core/base/bearer.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/conf/conf.h"

static void write_key(struct buf *out, const char *key, const char *value)
{
    if (value)
        buf_printf(out, "%s = %s\n", key, value);
}

static void write_section(const struct cli *cli, const char *name, const char *hash,
                          struct buf *out)
{
    buf_printf(out, "[client %s]\n", name);
    write_key(out, "token_sha256", hash);
    write_key(out, "expires", cli->expires);
    write_key(out, "accounts", cli->account);
    write_key(out, "calendars", cli->calendar);
    write_key(out, "freebusy_only", cli->freebusy_only ? "*" : NULL);
    write_key(out, "origins", cli->origin);
    write_key(out, "admin", cli->admin ? "yes" : NULL);
}

/* The configuration as it is, or for want of one the accounts that the section names. */
static bool read_config(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = 0;
    while (buf_reserve(out, 4096) && (n = fread(out->p + out->n, 1, 4096, f)) > 0)
        out->n += n;
    bool ok = !ferror(f) && !out->failed;
    (void)fclose(f);
    return ok;
}

static void stand_in(const char *accounts, struct buf *out)
{
    for (const char *p = accounts; p && *p;) {
        p += strspn(p, ", ");
        size_t n = strcspn(p, ", ");
        if (n > 0)
            buf_printf(out, "[account %.*s]\ntoken_file = /\n", (int)n, p);
        p += n;
    }
}

/* Says what is wrong with a configuration, without the place of the text that was tried. */
static void say_problems(const char *problems, const char *prefix)
{
    for (const char *line = problems; *line;) {
        size_t n = strcspn(line, "\n");
        size_t skip = strncmp(line, prefix, strlen(prefix)) == 0 ? strlen(prefix) + 1 : 0;
        (void)fprintf(stderr, "calmirror: client add: %.*s\n", (int)(n - skip), line + skip);
        line += n + (line[n] == '\n');
    }
}

/* Reads the whole text as a configuration. */
static int try_config(struct span text)
{
    char path[64];
    struct conf *conf = NULL;
    struct buf problems = {0};
    int fd = memfd_create("config", MFD_CLOEXEC);
    int status = EX_OK;
    if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n)
        status = cli_fail(EX_OSERR, "client add: cannot keep the text to be tried");
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    enum rc rc = status == EX_OK ? conf_load(path, &conf, &problems) : RC_OK;
    if (rc != RC_OK) {
        say_problems(buf_text(&problems), path);
        status = rc == RC_INVALID ? EX_DATAERR : EX_OSERR;
    }
    conf_free(conf);
    buf_release(&problems);
    if (fd >= 0)
        (void)close(fd);
    return status;
}

/* Replaces the file as a whole, owner and mode kept; of a link, what it leads to. */
static int replace(const char *name, struct span text)
{
    struct buf beside = {0};
    char *path = realpath(name, NULL);
    struct stat st;
    int status = EX_OK, fd = -1;
    if (!path)
        return cli_fail(EX_CANTCREAT, "client add: %s: cannot be replaced: %m", name);
    buf_printf(&beside, "%s.new", path);
    (void)unlink(buf_text(&beside)); /* of one that died; O_EXCL follows no link put there */
    if (stat(path, &st) == 0)
        fd = open(buf_text(&beside), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n ||
        fchown(fd, st.st_uid, st.st_gid) != 0 || fchmod(fd, st.st_mode & 07777) != 0 ||
        fsync(fd) != 0 || rename(buf_text(&beside), path) != 0) {
        status = cli_fail(EX_CANTCREAT, "client add: %s: cannot be replaced: %m", path);
        if (fd >= 0)
            (void)unlink(buf_text(&beside));
    }
    if (fd >= 0)
        (void)close(fd);
    buf_release(&beside);
    free(path);
    return status;
}

static void print_made(const struct cli *cli, const char *name, const char *token,
                       const char *section)
{
    struct buf out = {0};
    if (!cli->json && cli->append) {
        printf("%s\n", token);
    } else if (!cli->json) {
        printf("# The token, which is not shown again:\n#   %s\n"
               "# For the configuration, then systemctl reload calmirrord:\n%s",
               token, section);
    } else {
        buf_add_text(&out, "{\"name\":");
        buf_add_json(&out, span_of(name));
        buf_add_text(&out, ",\"token\":");
        buf_add_json(&out, span_of(token));
        buf_add_text(&out, ",\"section\":");
        buf_add_json(&out, span_of(section));
        buf_add_char(&out, '}');
        cli_print_json(buf_span(&out));
    }
    secret_wipe_buf(&out);
}

int run_client_add(struct cli *cli)
{
    const char *name = cli->args[0];
    const char *path = cli->append ? cli->append : cli_config_path(cli);
    char token[BEARER_SIZE], hash[BEARER_HASH_SIZE];
    struct buf whole = {0}, section = {0};
    int status = EX_OK;
    bearer_make(token);
    bearer_hash(span_of(token), hash);
    write_section(cli, name, hash, &section);
    if (!read_config(path, &whole)) {
        if (cli->append)
            status = cli_fail(EX_NOINPUT, "client add: %s: %m", path);
        buf_reset(&whole);
        stand_in(cli->account, &whole);
    }
    if (whole.n > 0)
        buf_add_text(&whole, whole.p[whole.n - 1] == '\n' ? "\n" : "\n\n");
    buf_add_span(&whole, buf_span(&section));
    if (status == EX_OK)
        status = try_config(buf_span(&whole));
    if (status == EX_OK)
        print_made(cli, name, token, buf_text(&section));
    /* Whoever could not be told the token is not let in. */
    if (status == EX_OK && cli->append && fflush(stdout) == 0)
        status = replace(path, buf_span(&whole));
    OPENSSL_cleanse(token, sizeof token);
    buf_release(&whole);
    buf_release(&section);
    return status;
}

/* "home, work", or the word for none. */
static void put_list(struct span list, const char *none, struct buf *out)
{
    struct json_iter it = json_iter(list);
    struct span item;
    size_t before = out->n;
    while (json_next(&it, NULL, &item)) {
        if (out->n > before)
            buf_add_text(out, ", ");
        (void)json_string(item, out);
    }
    if (out->n == before)
        buf_add_text(out, none);
}

static void print_time(struct span ms, const char *none)
{
    int64_t n = 0;
    char text[64] = "";
    struct tm tm;
    (void)json_int64(ms, &n);
    time_t s = (time_t)(n / 1000);
    if (n && localtime_r(&s, &tm))
        (void)strftime(text, sizeof text, "%F %R", &tm);
    printf("%s\n", text[0] ? text : none);
}

static void print_client(struct span client)
{
    struct buf name = {0}, text = {0};
    (void)json_string(json_get(client, "name"), &name);
    printf("%s%s%s\n", buf_text(&name), json_is_true(json_get(client, "admin")) ? " (admin)" : "",
           json_is_true(json_get(client, "expired")) ? " (expired)" : "");
    put_list(json_get(client, "accounts"), "all", &text);
    buf_add_text(&text, "\n  calendars: ");
    put_list(json_get(client, "calendars"), "all", &text);
    buf_add_text(&text, "\n  busy times only: ");
    put_list(json_get(client, "freebusy_only"), "none", &text);
    printf("  accounts: %s\n  expires: ", buf_text(&text));
    print_time(json_get(client, "expires_ms"), "never");
    printf("  last asked: ");
    print_time(json_get(client, "last_ms"), "not since the service started");
    buf_release(&name);
    buf_release(&text);
}

int run_client_list(struct cli *cli)
{
    struct buf answer = {0};
    int status = cli_get(cli, "/v1/clients", &answer);
    if (status == EX_OK && cli->json)
        cli_print_json(buf_span(&answer));
    else if (status == EX_OK) {
        struct json_iter it = json_iter(json_get(buf_span(&answer), "clients"));
        struct span client;
        bool any = false;
        for (; json_next(&it, NULL, &client); any = true)
            print_client(client);
        if (!any)
            puts("No clients: whoever reaches the service may read everything.");
    }
    buf_release(&answer);
    return status;
}
