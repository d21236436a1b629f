/* conf: loads the configuration file into a snapshot, collecting every mistake on the way. */
#include "core/conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/conf/ini.h"
#include "core/conf/option.h"

#define PROBLEMS_MAX 100

enum { SECTION_NONE = SECTION_COUNT }; /* where the keys that follow are not looked at */

struct loader {
    struct conf *conf;
    struct buf *problems;
    unsigned n_problems;
    int section; /* enum conf_section or SECTION_NONE */
    bool failed; /* out of memory */
    bool any_section;
    unsigned section_lines[SECTION_COUNT]; /* where each was opened; 0 not yet */
    unsigned *account_lines;               /* likewise, of each account */
};

__attribute__((format(printf, 3, 4))) static void problem(struct loader *l, struct ini_place at,
                                                          const char *fmt, ...)
{
    char text[1024];
    va_list args;
    if (++l->n_problems > PROBLEMS_MAX)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    buf_printf(l->problems, "%s:%u:%u: %s\n", l->conf->path, at.line, at.column, text);
}

/* Name of a section as the file writes it. */
static const char *section_title(const struct loader *l, int section, char out[96])
{
    if (section == SECTION_ACCOUNT)
        (void)snprintf(out, 96, "[account %s]", l->conf->accounts[l->conf->n_accounts - 1].name);
    else
        (void)snprintf(out, 96, "[%s]", conf_sections[section].name);
    return out;
}

static const char *next_section_name(const void *arg, size_t i)
{
    (void)arg;
    return i < SECTION_COUNT ? conf_sections[i].name : NULL;
}

static const char *next_key(const void *arg, size_t i)
{
    const int *section = arg;
    for (size_t k = 0; k < conf_n_options; k++)
        if ((int)conf_options[k].section == *section && i-- == 0)
            return conf_options[k].key;
    return NULL;
}

static bool open_account(struct loader *l, struct ini_place at, struct span label)
{
    struct conf *c = l->conf;
    for (size_t i = 0; i < c->n_accounts; i++)
        if (span_is(label, c->accounts[i].name)) {
            problem(l, at, "[account %s]: already opened in line %u", c->accounts[i].name,
                    l->account_lines[i]);
            return false;
        }
    if (!account_name_is_valid(label)) {
        problem(l, at, "[account%s%.*s]: give it a name of 1 to %d letters, digits or _-.@+",
                label.n ? " " : "", (int)(label.n < 80 ? label.n : 80), label.p, LIMIT_NAME_BYTES);
        return false;
    }
    struct conf_account *accounts =
        reallocarray(c->accounts, c->n_accounts + 1, sizeof(*c->accounts));
    if (accounts)
        c->accounts = accounts;
    unsigned *lines = reallocarray(l->account_lines, c->n_accounts + 1, sizeof(*lines));
    if (lines)
        l->account_lines = lines;
    struct conf_account a = {.name = strndup(label.p, label.n),
                             .lines = calloc(conf_n_options, sizeof(*a.lines))};
    if (!accounts || !lines || !a.name || !a.lines) {
        free(a.name);
        free(a.lines);
        l->failed = true;
        return false;
    }
    lines[c->n_accounts] = at.line;
    accounts[c->n_accounts++] = a;
    return true;
}

static void on_section(void *arg, struct ini_place at, struct span name, struct span label)
{
    struct loader *l = arg;
    char text[LIMIT_NAME_BYTES + 1], title[96];
    int found = SECTION_NONE;
    bool fits = text_copy(text, sizeof(text), name);
    l->section = SECTION_NONE;
    l->any_section = true;
    for (int i = 0; i < SECTION_COUNT; i++)
        if (span_is(name, conf_sections[i].name))
            found = i;
    if (found == SECTION_NONE) {
        const char *near = fits ? text_nearest(text, next_section_name, NULL) : NULL;
        problem(l, at, "[%s]: unknown section%s%s%s", text, near ? "; did you mean [" : "",
                near ? near : "", near ? "]?" : "");
        return;
    }
    if (found == SECTION_ACCOUNT) {
        if (open_account(l, at, label))
            l->section = found;
        return;
    }
    if (label.n > 0) {
        problem(l, at, "%s takes no name", section_title(l, found, title));
        return;
    }
    if (l->section_lines[found])
        problem(l, at, "%s: already opened in line %u", section_title(l, found, title),
                l->section_lines[found]);
    else
        l->section_lines[found] = at.line;
    l->section = found;
}

/* Says what else the writer may have meant: a near name, or the section where this key lives. */
static void unknown_key(struct loader *l, struct ini_place at, struct span key)
{
    char text[LIMIT_NAME_BYTES + 1], title[96];
    bool fits = text_copy(text, sizeof(text), key);
    (void)section_title(l, l->section, title);
    const char *near = fits ? text_nearest(text, next_key, &l->section) : NULL;
    if (near) {
        problem(l, at, "%s %s: unknown key; did you mean %s?", title, text, near);
        return;
    }
    for (int i = 0; i < SECTION_COUNT; i++)
        if (option_find(i, key)) {
            problem(l, at, "%s %s: unknown key; it belongs to [%s]", title, text,
                    conf_sections[i].name);
            return;
        }
    problem(l, at, "%s %s: unknown key", title, text);
}

static void on_entry(void *arg, struct ini_place at, struct span key, struct ini_place value_at,
                     struct span value)
{
    struct loader *l = arg;
    struct conf *c = l->conf;
    struct err e = {0};
    char title[96];
    if (l->section == SECTION_NONE) {
        if (!l->any_section)
            problem(l, at, "%.*s: stands before the first [section]",
                    (int)(key.n < 80 ? key.n : 80), key.p);
        return; /* inside a section whose head was reported */
    }
    const struct option *o = option_find(l->section, key);
    if (!o) {
        unknown_key(l, at, key);
        return;
    }
    bool in_account = l->section == SECTION_ACCOUNT;
    void *holder = in_account ? (void *)&c->accounts[c->n_accounts - 1] : c;
    uint32_t *lines = in_account ? c->accounts[c->n_accounts - 1].lines : c->lines;
    if (lines[o - conf_options]) {
        problem(l, at, "%s %s: already set in line %u", section_title(l, l->section, title), o->key,
                lines[o - conf_options]);
        return;
    }
    lines[o - conf_options] = at.line;
    enum rc rc = option_set(o, holder, value, &e);
    if (rc == RC_INVALID)
        problem(l, value_at, "%s %s: %s", section_title(l, l->section, title), o->key, e.text);
    else if (rc != RC_OK)
        l->failed = true;
}

static void on_problem(void *arg, struct ini_place at, bool head, const char *text)
{
    struct loader *l = arg;
    if (head) {
        l->section = SECTION_NONE;
        l->any_section = true;
    }
    problem(l, at, "%s", text);
}

/* Line where an option was set; 0: nowhere. */
static uint32_t line_of(const uint32_t *lines, enum conf_section section, const char *key)
{
    return lines[option_find(section, span_of(key)) - conf_options];
}

static void check_account_whole(struct loader *l, size_t i)
{
    const struct conf_account *a = &l->conf->accounts[i];
    struct ini_place head = {l->account_lines[i], 1};
    uint32_t key = line_of(a->lines, SECTION_ACCOUNT, "key_file");
    uint32_t token = line_of(a->lines, SECTION_ACCOUNT, "token_file");
    uint32_t subject = line_of(a->lines, SECTION_ACCOUNT, "subject");
    if (!key && !token)
        problem(l, head, "[account %s]: no credential: set key_file or token_file", a->name);
    else if (key && token)
        problem(l, (struct ini_place){token, 1},
                "[account %s] token_file: key_file is set too; keep one of them", a->name);
    else if (subject && !key)
        problem(l, (struct ini_place){subject, 1}, "[account %s] subject: goes with key_file only",
                a->name);
}

/* Two durations of [sync] of which the first must be the lesser one. At least one was set: the
 * defaults are in order. */
struct pair {
    const char *low, *high;
    int64_t low_ms, high_ms;
};

static void check_order(struct loader *l, const struct pair *p)
{
    uint32_t a = line_of(l->conf->lines, SECTION_SYNC, p->low);
    uint32_t b = line_of(l->conf->lines, SECTION_SYNC, p->high);
    char x[32], y[32];
    if (p->low_ms > p->high_ms)
        problem(l, (struct ini_place){a > b ? a : b, 1},
                "[sync] %s: %s is more than %s, which is %s", p->low, text_duration(p->low_ms, x),
                p->high, text_duration(p->high_ms, y));
}

static void check_whole(struct loader *l)
{
    const struct conf *c = l->conf;
    const struct conf_sync *s = &c->sync;
    const struct pair pairs[] = {
        {"backoff_min", "backoff_max", s->backoff_min_ms, s->backoff_max_ms},
        {"channel_overlap", "channel_ttl", s->channel_overlap_ms, s->channel_ttl_ms},
    };
    bool found = c->api.account[0] == '\0';
    for (size_t i = 0; i < c->n_accounts; i++) {
        check_account_whole(l, i);
        found = found || strcmp(c->api.account, c->accounts[i].name) == 0;
    }
    if (!found)
        problem(l, (struct ini_place){line_of(c->lines, SECTION_API, "account"), 1},
                "[api] account: there is no [account %s]", c->api.account);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        check_order(l, &pairs[i]);
}

static enum rc read_whole(const char *path, struct buf *ret, struct err *e)
{
    enum rc rc = RC_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "%s", path);
    ret->cap = LIMIT_CONFIG_BYTES + 1;
    for (;;) {
        if (!buf_reserve(ret, 4096)) {
            rc = err_set(e, RC_SYS, "%s: larger than %u bytes", path, LIMIT_CONFIG_BYTES);
            break;
        }
        ssize_t n = read(fd, ret->p + ret->n, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = err_errno(e, "%s", path);
        if (n <= 0)
            break;
        ret->n += (size_t)n;
    }
    (void)close(fd);
    return rc;
}

/* A conf that holds the defaults; NULL when out of memory. */
static struct conf *new_default(const char *path)
{
    struct conf *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->path = strdup(path);
    c->lines = calloc(conf_n_options, sizeof(*c->lines));
    bool ok = c->path && c->lines;
    for (size_t i = 0; ok && i < conf_n_options; i++)
        if (conf_options[i].section != SECTION_ACCOUNT)
            ok = option_set(&conf_options[i], c, span_of(conf_options[i].text), NULL) == RC_OK;
    if (ok)
        return c;
    conf_free(c);
    return NULL;
}

static enum rc finish(struct loader *l)
{
    if (l->failed)
        return RC_SYS;
    check_whole(l);
    if (l->n_problems > PROBLEMS_MAX)
        buf_printf(l->problems, "%s: and %u more\n", l->conf->path, l->n_problems - PROBLEMS_MAX);
    return l->n_problems ? RC_INVALID : RC_OK;
}

enum rc conf_load(const char *path, struct conf **ret, struct buf *ret_problems)
{
    struct loader l = {.problems = ret_problems, .section = SECTION_NONE};
    const struct ini_events events = {&l, on_section, on_entry, on_problem};
    struct buf text = {0};
    struct err e = {0};

    enum rc rc = read_whole(path, &text, &e);
    if (rc != RC_OK)
        goto out;
    l.conf = new_default(path);
    if (l.conf) {
        ini_parse(buf_span(&text), &events);
        rc = finish(&l);
    } else {
        rc = RC_SYS;
    }
    if (rc == RC_SYS)
        (void)err_set(&e, rc, "%s: no memory", path);
    if (rc == RC_OK) {
        *ret = l.conf;
        l.conf = NULL;
    }
out:
    if (rc == RC_SYS)
        buf_printf(ret_problems, "%s\n", e.text);
    conf_free(l.conf);
    free(l.account_lines);
    buf_release(&text);
    return rc;
}

void conf_free(struct conf *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < conf_n_options; i++) {
        const struct option *o = &conf_options[i];
        if (o->section != SECTION_ACCOUNT) {
            option_release(o, c);
            continue;
        }
        for (size_t k = 0; k < c->n_accounts; k++)
            option_release(o, &c->accounts[k]);
    }
    for (size_t k = 0; k < c->n_accounts; k++) {
        free(c->accounts[k].name);
        free(c->accounts[k].lines);
    }
    free(c->accounts);
    free(c->lines);
    free(c->path);
    free(c);
}

static bool list_matches(const struct conf_list *list, const char *calendar, bool primary)
{
    for (size_t i = 0; i < list->n; i++)
        if (fnmatch(list->v[i], calendar, FNM_CASEFOLD) == 0 ||
            (primary && strcmp(list->v[i], "primary") == 0))
            return true;
    return false;
}

bool conf_account_wants(const struct conf_account *a, const char *calendar, bool primary)
{
    bool included = a->calendars.n == 0 || list_matches(&a->calendars, calendar, primary);
    return included && !list_matches(&a->exclude, calendar, primary);
}
