/* test_conf: configuration files, good and bad, and what is generated from the option table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/limits.h"
#include "core/conf/conf.h"
#include "core/conf/print.h"
#include "core/conf/option.h"

#define MAN_PAGE "cmd/calmirrord/calmirrord.conf.5"

/* The text as a file of its own; remove it with unlink() and free the name. */
#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "00000000000000000000000000000000000000000000000000000000000000bb"
#define HASH_C "00000000000000000000000000000000000000000000000000000000000000cc"

static char *write_file(struct span text)
{
    char *path = strdup("/tmp/test_conf.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.p, text.n), (ssize_t)text.n);
    close(fd);
    return path;
}

static enum rc load_span(struct span text, struct conf **ret, struct buf *problems)
{
    char *path = write_file(text);
    enum rc rc = conf_load(path, ret, problems);
    unlink(path);
    free(path);
    return rc;
}

static struct conf *load(const char *text)
{
    struct conf *c = NULL;
    struct buf problems = {0};
    enum rc rc = load_span(span_of(text), &c, &problems);
    if (rc != RC_OK)
        fail_msg("not accepted:\n%s", buf_text(&problems));
    assert_int_equal(problems.n, 0);
    buf_release(&problems);
    return c;
}

/* The complaints about a file, "LINE:COLUMN: text" lines without the file's name. */
static char *problems_of(struct span text)
{
    struct conf *c = (struct conf *)-1;
    struct buf problems = {0}, out = {0};
    assert_int_equal(load_span(text, &c, &problems), RC_INVALID);
    assert_ptr_equal(c, (struct conf *)-1); /* untouched on failure */
    char *save = NULL;
    for (char *line = strtok_r(problems.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        assert_memory_equal(line, "/tmp/test_conf.", 15);
        buf_printf(&out, "%s\n", strchr(line, ':') + 1);
    }
    buf_release(&problems);
    return buf_take(&out, NULL);
}

static void assert_problems(const char *text, const char *expected)
{
    char *got = problems_of(span_of(text));
    if (strcmp(got, expected) != 0)
        (void)fprintf(stderr, "%s---\n%s", got, expected);
    assert_string_equal(got, expected);
    free(got);
}

static void test_empty_file_is_defaults(void **state)
{
    (void)state;
    struct conf *c = load("");
    assert_string_equal(c->mirror.state_dir, "/var/lib/calmirrord");
    assert_string_equal(c->mirror.log_level, "info");
    assert_string_equal(c->mirror.zoneinfo, "/usr/share/zoneinfo");
    assert_int_equal(c->mirror.map_size, UINT64_C(8) << 30);
    assert_int_equal(c->mirror.workers, 4);
    assert_string_equal(c->google.api_url, "https://www.googleapis.com/calendar/v3");
    assert_string_equal(c->google.token_url, "https://oauth2.googleapis.com/token");
    assert_int_equal(c->google.request_timeout_ms, 60000);
    assert_int_equal(c->google.connect_timeout_ms, 10000);
    assert_int_equal(c->google.project_rate, 6000);
    assert_int_equal(c->google.user_rate, 540);
    assert_string_equal(c->webhook.listen, "127.0.0.1:8081");
    assert_string_equal(c->webhook.public_url, "");
    assert_string_equal(c->api.listen, "127.0.0.1:8080");
    assert_string_equal(c->api.account, "");
    assert_int_equal(c->api.hosts.n, 0);
    assert_int_equal(c->api.origins.n, 0);
    assert_int_equal(c->api.cache_size, 64 << 20);
    assert_int_equal(c->api.instance_budget, 100000);
    assert_int_equal(c->sync.poll_interval_ms, 15 * 60000);
    assert_int_equal(c->sync.poll_interval_unhealthy_ms, 60000);
    assert_int_equal(c->sync.roster_interval_ms, 3600000);
    assert_int_equal(c->sync.full_sync_interval_ms, INT64_C(7) * 86400000);
    assert_int_equal(c->sync.channel_ttl_ms, INT64_C(7) * 86400000);
    assert_int_equal(c->sync.channel_overlap_ms, 3600000);
    assert_int_equal(c->sync.backoff_min_ms, 1000);
    assert_int_equal(c->sync.backoff_max_ms, 15 * 60000);
    assert_int_equal(c->sync.change_retention_ms, INT64_C(30) * 86400000);
    assert_int_equal(c->n_accounts, 0);
    assert_int_equal(conf_log_level(c), LOG_INFO);
    conf_free(c);
}

static void test_every_value_is_read(void **state)
{
    (void)state;
    struct conf *c = load("\xef\xbb\xbf# a comment\r\n"
                          "[mirror]\r\n"
                          "  state_dir=relative/dir with blanks\r\n"
                          "; another\n"
                          "map_size = 64MiB\n"
                          "log_level = debug\n"
                          "[webhook]\n"
                          "public_url = https://c.example.org:8443/hooks/google\n"
                          "listen = [::]:0\n"
                          "[api]\n"
                          "listen = /run/calmirrord/api.sock\n"
                          "hosts = board.local, board.local:8080,x\n"
                          "origins = https://board.example.org\n"
                          "account = two@example.org\n"
                          "[google]\n"
                          "api_url = http://127.0.0.1:9000/calendar/v3\n"
                          "token_url = http://[::1]:9000/token\n"
                          "project_rate = 0\n"
                          "[sync]\n"
                          "poll_interval = 1h30m\n"
                          "[account one]\n"
                          "key_file = /etc/k.json\n"
                          "subject = jürg@example.org\n"
                          "calendars = a@example.org, *@group.calendar.google.com, primary\n"
                          "exclude = *#holiday@group.v.calendar.google.com\n"
                          "[account two@example.org]\n"
                          "token_file = t");
    assert_string_equal(c->mirror.state_dir, "relative/dir with blanks");
    assert_int_equal(c->mirror.map_size, 64 << 20);
    assert_int_equal(conf_log_level(c), LOG_DEBUG);
    assert_string_equal(c->webhook.public_url, "https://c.example.org:8443/hooks/google");
    assert_string_equal(c->webhook.listen, "[::]:0");
    assert_string_equal(c->api.listen, "/run/calmirrord/api.sock");
    assert_int_equal(c->api.hosts.n, 3);
    assert_string_equal(c->api.hosts.v[0], "board.local");
    assert_string_equal(c->api.hosts.v[1], "board.local:8080");
    assert_string_equal(c->api.hosts.v[2], "x");
    assert_string_equal(c->api.origins.v[0], "https://board.example.org");
    assert_string_equal(c->google.token_url, "http://[::1]:9000/token");
    assert_int_equal(c->google.project_rate, 0);
    assert_int_equal(c->sync.poll_interval_ms, 90 * 60000);
    assert_int_equal(c->n_accounts, 2);
    assert_string_equal(c->accounts[0].name, "one");
    assert_string_equal(c->accounts[0].key_file, "/etc/k.json");
    assert_string_equal(c->accounts[0].subject, "jürg@example.org");
    assert_null(c->accounts[0].token_file);
    assert_int_equal(c->accounts[0].calendars.n, 3);
    assert_int_equal(c->accounts[0].exclude.n, 1);
    assert_string_equal(c->accounts[1].name, "two@example.org");
    assert_string_equal(c->accounts[1].token_file, "t");
    conf_free(c);
}

static void test_all_mistakes_at_once(void **state)
{
    (void)state;
    assert_problems("stray = 1\n"
                    "[sync]\n"
                    "poll_intervall = 15m\n"
                    "  poll_interval = soon\n"
                    "listen = 127.0.0.1:1\n"
                    "backoff_min = 1ms\n"
                    "[snyc]\n"
                    "nothing = here is looked at\n"
                    "[sync]\n"
                    "[api\n"
                    "listen = 0.0.0.0:80\n"
                    "[api] extra\n"
                    "[mirror x]\n"
                    "[]\n"
                    "[api]\n"
                    "listen = 0.0.0.0:80\n"
                    "listen = 127.0.0.1:80\n"
                    "account = nobody\n"
                    "flurb = 1\n"
                    "no equals sign\n"
                    "= 3\n"
                    "hosts = \"x\"\n"
                    "origins = https://x # mine\n"
                    "cache_size =\n"
                    "[account work]\n"
                    "[account work]\n"
                    "[account]\n"
                    "[account a b]\n"
                    "[account both]\n"
                    "key_file = k\n"
                    "token_file = t\n"
                    "[account lonely]\n"
                    "token_file = t\n"
                    "subject = me@example.org\n"
                    "[client x y]\n"
                    "[client work]\n"
                    "token_sha256 = " HASH_A "\n"
                    "[client work]\n"
                    "[client page]\n"
                    "accounts = work, wark\n"
                    "admin = perhaps\n"
                    "[client one]\n"
                    "token_sha256 = " HASH_B ", " HASH_C "\n"
                    "[client two]\n"
                    "token_sha256 = " HASH_C "\n",
                    "1:1: stray: stands before the first [section]\n"
                    "3:1: [sync] poll_intervall: unknown key; did you mean poll_interval?\n"
                    "4:19: [sync] poll_interval: not a duration, such as 30s, 15m, 6h or 7d\n"
                    "5:1: [sync] listen: unknown key; it belongs to [webhook]\n"
                    "6:15: [sync] backoff_min: out of range: from 10ms to 1h\n"
                    "7:1: [snyc]: unknown section; did you mean [sync]?\n"
                    "9:1: [sync]: already opened in line 2\n"
                    "10:5: expected ] at the end of the section head\n"
                    "12:6: nothing may follow the ] of a section head\n"
                    "13:1: [mirror] takes no name\n"
                    "14:1: the section head names no section\n"
                    "17:1: [api] listen: already set in line 16\n"
                    "19:1: [api] flurb: unknown key\n"
                    "20:1: expected [section], key = value, or a comment\n"
                    "21:1: expected a key (letters, digits, _) before the =\n"
                    "22:9: values are written without quotes\n"
                    "23:21: a comment stands on a line of its own\n"
                    "24:13: [api] cache_size: has no value\n"
                    "26:1: [account work]: already opened in line 25\n"
                    "27:1: [account]: give it a name of 1 to 64 letters, digits or _-.@+\n"
                    "28:1: [account a b]: give it a name of 1 to 64 letters, digits or _-.@+\n"
                    "35:1: [client x y]: give it a name of 1 to 64 letters, digits or _-.@+\n"
                    "38:1: [client work]: already opened in line 36\n"
                    "41:9: [client page] admin: neither yes nor no\n"
                    "25:1: [account work]: no credential: set key_file, oauth or token_file\n"
                    "31:1: [account both] token_file: key_file is set too; keep one of them\n"
                    "34:1: [account lonely] subject: goes with key_file only\n"
                    "39:1: [client page]: no token_sha256: `calmirror client add` makes one\n"
                    "40:1: [client page] accounts: there is no [account wark]; did you mean work?\n"
                    "44:1: [client two] token_sha256: [client one] has the same token\n"
                    "18:1: [api] account: there is no [account nobody]\n");
}

static void test_values_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line, *expected;
    } cases[] = {
        {"[mirror]\nmap_size = 8GB", "not a size, such as 4096, 512KiB or 8GiB"},
        {"[mirror]\nmap_size = 99999999999GiB", "not a size, such as 4096, 512KiB or 8GiB"},
        {"[mirror]\nmap_size = 2048GiB", "out of range: from 1MiB to 1TiB"},
        {"[mirror]\nworkers = 0", "out of range: from 1 to 64"},
        {"[mirror]\nworkers = four", "not a whole number"},
        {"[mirror]\nlog_level = loud", "not one of err, warning, notice, info, debug"},
        {"[mirror]\nstate_dir =", "has no value"},
        {"[sync]\npoll_interval = 0", "out of range: from 1s to 1w"},
        {"[sync]\npoll_interval = -5s", "not a duration, such as 30s, 15m, 6h or 7d"},
        {"[sync]\nbackoff_max = 500ms", "1s is more than backoff_max, which is 500ms"},
        {"[sync]\nchannel_ttl = 10m", "1h is more than channel_ttl, which is 10m"},
        {"[google]\napi_url = ftp://x/", "expected a URL that begins with https://"},
        {"[google]\napi_url = http://example.org/v3", "plain http:// is accepted for loopback"},
        {"[google]\napi_url = https://x/v3/", "ends with a slash"},
        {"[google]\napi_url = https://x/v3?y=1", "a query, fragment or blank"},
        {"[google]\napi_url = https://me:pw@x/v3", "a user name or password"},
        {"[google]\napi_url = https:///v3", "host or port of this URL makes no sense"},
        {"[google]\napi_url = https://x:0/v3", "host or port of this URL makes no sense"},
        {"[google]\napi_url = http://127.0.0.1.example.org/", "plain http:// is accepted for"},
        {"[webhook]\npublic_url = https://x", "has no path"},
        {"[webhook]\npublic_url = http://x/hook", "plain http:// is accepted for loopback"},
        {"[webhook]\nlisten = 8081", "expected host:port or the absolute path"},
        {"[webhook]\nlisten = run/hook.sock", "expected host:port or the absolute path"},
        {"[webhook]\nlisten = :8081", "expected host:port or the absolute path"},
        {"[webhook]\nlisten = 127.0.0.1:65536", "the port is not a number from 0 to 65535"},
        {"[webhook]\nlisten = 127.0.0.1:", "the port is not a number from 0 to 65535"},
        {"[webhook]\nlisten = example.org:1", "the host must be an IPv4 address"},
        {"[webhook]\nlisten = ::1:8081", "the host must be an IPv4 address"},
        {"[api]\nlisten = [::]:8080", ":: is not a loopback address, and without a [client]"},
        {"[api]\nlisten = 192.168.1.2:8080", "make one with `calmirror client add NAME`"},
        {"[client c]\ntoken_sha256 = 12", "a SHA-256 in hex has 64 digits, not 2"},
        {"[client c]\ntoken_sha256 = " HASH_A "f", "has 64 digits, not 65"},
        {"[client c]\ntoken_sha256 = cm_geheim", "not a SHA-256 in lower-case hex"},
        {"[client c]\ntoken_sha256 = " HASH_A "\nexpires = soon", "not a date or time"},
        {"[client c]\ntoken_sha256 = " HASH_A "\nexpires = 2026-02-30", "not a date or time"},
        {"[client c]\ntoken_sha256 = " HASH_A "\norigins = *", "not an origin"},
        {"[client c]\ntoken_sha256 = " HASH_A "\naccounts = a b", "not the name of an account"},
        {"[api]\nsocket_mode = 0888", "not a mode in octal, such as 0660"},
        {"[api]\nsocket_mode = 00660", "not a mode in octal"},
        {"[api]\nsocket_mode = 0", "out of range: from 0600 to 0777"},
        {"[api]\nsocket_owner = a b", "expected USER, USER:GROUP or :GROUP"},
        {"[api]\nsocket_owner = a:b:c", "expected USER, USER:GROUP or :GROUP"},
        {"[api]\nsocket_owner = :", "expected USER, USER:GROUP or :GROUP"},
        {"[api]\nhosts = a,,b", "an empty item between commas"},
        {"[api]\nhosts = a/b", "not a host name"},
        {"[api]\norigins = *", "not an origin"},
        {"[api]\norigins = https://x/", "not an origin"},
        {"[account a]\ntoken_file = t\ncalendars = a b", "a blank inside a pattern"},
        {"[account a]\nkey_file = k\nsubject = me", "not an e-mail address"},
        {"[account a]\nkey_file =", "has no value"},
        {"[api]\nhosts = \x01", "control character"},
        {"[api]\nhosts = \xff", "line is not UTF-8 text"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *got = problems_of(span_of(cases[i].line));
        if (!strstr(got, cases[i].expected) || strchr(got, '\n') != strrchr(got, '\n'))
            fail_msg("%s\n gave %s", cases[i].line, got);
        free(got);
    }
}

static void test_columns_count_characters(void **state)
{
    (void)state;
    assert_problems("[mirror]\nstate_dir = /äöü # x\n",
                    "2:18: a comment stands on a line of its own\n");
}

static void test_long_lines_and_nul(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_add_text(&text, "[mirror]\nstate_dir = /");
    while (text.n < strlen("[mirror]\n") + LIMIT_CONFIG_LINE)
        buf_add_char(&text, 'x');
    struct conf *c = load(buf_text(&text));
    assert_int_equal(strlen(c->mirror.state_dir), LIMIT_CONFIG_LINE - strlen("state_dir = "));
    conf_free(c);
    buf_add_char(&text, 'x');
    assert_problems(buf_text(&text), "2:1: line is longer than 4096 bytes\n");
    buf_release(&text);

    char *got = problems_of((struct span){"[api]\nhosts = a\0b", 17});
    assert_string_equal(got, "2:10: control character\n");
    free(got);
}

static void test_many_problems_are_cut(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 250; i++)
        buf_add_text(&text, "x\n");
    char *got = problems_of(buf_span(&text));
    assert_non_null(strstr(got, "\n100:1: expected"));
    assert_null(strstr(got, "\n101:1: expected"));
    assert_non_null(strstr(got, " and 150 more\n"));
    free(got);
    buf_release(&text);
}

static void test_unreadable_files(void **state)
{
    (void)state;
    struct conf *c = NULL;
    struct buf problems = {0};
    assert_int_equal(conf_load("/nonexistent/x.conf", &c, &problems), RC_SYS);
    assert_string_equal(buf_text(&problems), "/nonexistent/x.conf: No such file or directory\n");
    buf_reset(&problems);
    assert_int_equal(conf_load("/", &c, &problems), RC_SYS);
    assert_string_equal(buf_text(&problems), "/: Is a directory\n");
    buf_reset(&problems);
    assert_int_equal(conf_load("/dev/zero", &c, &problems), RC_SYS);
    assert_string_equal(buf_text(&problems), "/dev/zero: larger than 1048576 bytes\n");
    assert_null(c);
    buf_release(&problems);
}

static void test_wanted_calendars(void **state)
{
    (void)state;
    struct conf *c = load("[account all]\ntoken_file = t\nexclude = *#holiday@*\n"
                          "[account some]\ntoken_file = t\n"
                          "calendars = primary, *@group.calendar.google.com, Ann@Example.org\n"
                          "exclude = old*\n");
    const struct conf_account *all = &c->accounts[0], *some = &c->accounts[1];
    assert_true(conf_account_wants(all, "a@b", false));
    assert_false(conf_account_wants(all, "en.ch#holiday@group.v.calendar.google.com", false));
    assert_true(conf_account_wants(some, "me@b", true));
    assert_false(conf_account_wants(some, "me@b", false));
    assert_true(conf_account_wants(some, "x@group.calendar.google.com", false));
    assert_false(conf_account_wants(some, "old@group.calendar.google.com", false));
    assert_true(conf_account_wants(some, "ann@example.org", false));
    conf_free(c);
}

static const char rich[] = "[mirror]\nlog_level = warning\nmap_size = 1GiB\n"
                           "[api]\nhosts = a, b\ncache_size = 0\n[sync]\npoll_interval = 90s\n"
                           "[account one]\ntoken_file = t\ncalendars = x, y\n"
                           "[account two]\nkey_file = k\nsubject = a@b.c\n";

static void test_print_says_origins_and_loads_again(void **state)
{
    (void)state;
    struct conf *c = load(rich);
    struct buf out = {0}, live = {0}, restart = {0};
    conf_print(c, &out);
    char expected[128];
    (void)snprintf(expected, sizeof(expected), "\n# %s:8\npoll_interval = 90s\n", c->path);
    assert_non_null(strstr(buf_text(&out), expected));
    assert_non_null(strstr(buf_text(&out), "\n# default\nfull_sync_interval = 7d\n"));
    assert_non_null(strstr(buf_text(&out), "\n[account two]\n"));
    struct conf *again = load(buf_text(&out));
    conf_diff(c, again, &live, &restart);
    assert_string_equal(buf_text(&live), "");
    assert_string_equal(buf_text(&restart), "");
    buf_release(&out);
    conf_free(again);
    conf_free(c);
}

static void test_diff(void **state)
{
    (void)state;
    struct conf *a = load(rich);
    struct conf *b = load("[mirror]\nlog_level = info\nmap_size = 2GiB\n[api]\nhosts = a, b\n"
                          "cache_size = 0\n[sync]\npoll_interval = 2m\n"
                          "[account one]\ntoken_file = t\ncalendars = x\n"
                          "[account three]\nkey_file = k\n");
    struct buf live = {0}, restart = {0};
    conf_diff(a, b, &live, &restart);
    assert_string_equal(buf_text(&live), "mirror.log_level\nsync.poll_interval\naccount one\n"
                                         "account two\naccount three\n");
    assert_string_equal(buf_text(&restart), "mirror.map_size\n");
    buf_release(&live);
    buf_release(&restart);
    conf_free(a);
    conf_free(b);
}

static void read_golden(const char *path, struct buf *ret)
{
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s: cannot be read; tests run from the top of the tree", path);
    size_t n;
    do {
        assert_true(buf_reserve(ret, 4096));
        n = fread(ret->p + ret->n, 1, 4096, f);
        ret->n += n;
        ret->p[ret->n] = '\0';
    } while (n > 0);
    fclose(f);
}

static void write_golden(const char *path, struct span head, struct span body, struct span tail)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fwrite(head.p, 1, head.n, f);
    fwrite(body.p, 1, body.n, f);
    fwrite(tail.p, 1, tail.n, f);
    assert_int_equal(fclose(f), 0);
}

/* CALMIRROR_UPDATE=1 (make docs) writes what the two tests below would complain about. */
static bool updating(void)
{
    return getenv("CALMIRROR_UPDATE") != NULL;
}

static void test_example_is_the_table(void **state)
{
    (void)state;
    struct buf example = {0}, file = {0};
    conf_print_example(&example);
    if (updating())
        write_golden("config.example", buf_span(&example), (struct span){0}, (struct span){0});
    read_golden("config.example", &file);
    assert_string_equal(buf_text(&file), buf_text(&example));
    buf_release(&example);
    buf_release(&file);
}

static void test_manual_holds_the_table(void **state)
{
    (void)state;
    static const char begin[] = ".\\\" Generated from the option table by make docs.\n";
    static const char end[] = ".\\\" End of the generated part.\n";
    struct buf list = {0}, page = {0};
    conf_print_manual(&list);
    read_golden(MAN_PAGE, &page);
    char *from = strstr(page.p, begin), *to = strstr(page.p, end);
    assert_non_null(from);
    assert_non_null(to);
    from += strlen(begin);
    if (updating())
        write_golden(MAN_PAGE, (struct span){page.p, (size_t)(from - page.p)}, buf_span(&list),
                     span_of(to));
    *to = '\0';
    assert_true(updating() || strcmp(from, buf_text(&list)) == 0);
    buf_release(&list);
    buf_release(&page);
}

/* Loads as it stands and with every "#key = default" made active: the defaults, both times. */
static void test_example_loads_to_the_defaults(void **state)
{
    (void)state;
    struct buf file = {0}, active = {0}, live = {0}, restart = {0};
    read_golden("config.example", &file);
    size_t options = 0;
    char *copy = strdup(file.p), *save = NULL;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (strcmp(line, "#[account NAME]") == 0)
            break;
        bool option = line[0] == '#' && line[1] != ' ';
        options += option;
        buf_printf(&active, "%s\n", line + option);
    }
    size_t expected = 0;
    for (size_t i = 0; i < conf_n_options; i++)
        expected += !conf_sections[conf_options[i].section].size;
    assert_int_equal(options, expected);

    struct conf *none = load(""), *as_is = load(file.p), *set = load(active.p);
    conf_diff(none, as_is, &live, &restart);
    conf_diff(none, set, &live, &restart);
    assert_string_equal(buf_text(&live), "");
    assert_string_equal(buf_text(&restart), "");
    conf_free(none);
    conf_free(as_is);
    conf_free(set);
    free(copy);
    buf_release(&file);
    buf_release(&active);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_file_is_defaults),
        cmocka_unit_test(test_every_value_is_read),
        cmocka_unit_test(test_all_mistakes_at_once),
        cmocka_unit_test(test_values_refused),
        cmocka_unit_test(test_columns_count_characters),
        cmocka_unit_test(test_long_lines_and_nul),
        cmocka_unit_test(test_many_problems_are_cut),
        cmocka_unit_test(test_unreadable_files),
        cmocka_unit_test(test_wanted_calendars),
        cmocka_unit_test(test_print_says_origins_and_loads_again),
        cmocka_unit_test(test_diff),
        cmocka_unit_test(test_example_is_the_table),
        cmocka_unit_test(test_manual_holds_the_table),
        cmocka_unit_test(test_example_loads_to_the_defaults),
    };
    return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
