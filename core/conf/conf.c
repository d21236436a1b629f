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
#include "core/conf/address.h"
#include "core/conf/client.h"
#include "core/conf/ini.h"
#include "core/conf/option.h"

#define PROBLEMS_MAX 100

enum { SECTION_NONE = SECTION_COUNT }; /* where the keys that follow are not looked at */

struct loader {
    struct conf *conf;
    struct buf *problems;
    unsigned n_problems;
    int section;  /* enum conf_section or SECTION_NONE */
    void *holder; /* of that section's values */
    bool failed;  /* out of memory */
    bool any_section;
    unsigned section_lines[SECTION_COUNT]; /* where each was opened; 0 not yet */
    unsigned *label_lines[SECTION_COUNT];  /* likewise, of each holder of a section with names */
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
    if (section == l->section && conf_sections[section].size)
        (void)snprintf(out, 96, "[%s %s]", conf_sections[section].name, holder_name(l->holder));
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

/* Appends a holder to a section's list; NULL: out of memory. */
static void *add_holder(struct loader *l, int section, struct span label, unsigned line)
{
    const struct section_info *s = &conf_sections[section];
    char **list = (char **)((char *)l->conf + s->list);
    size_t *n = (size_t *)((char *)l->conf + s->count);
    char *v = reallocarray(*list, *n + 1, s->size);
    if (v)
        *list = v;
    unsigned *lines = reallocarray(l->label_lines[section], *n + 1, sizeof(*lines));
    if (lines)
        l->label_lines[section] = lines;
    char *name = strndup(label.p, label.n);
    uint32_t *set = calloc(conf_n_options, sizeof(*set));
    if (!v || !lines || !name || !set) {
        free(name);
        free(set);
        return NULL;
    }
    char *holder = v + *n * s->size;
    memset(holder, 0, s->size);
    memcpy(holder, &name, sizeof(name));
    memcpy(holder + sizeof(name), &set, sizeof(set));
    lines[(*n)++] = line;
    for (size_t i = 0; i < conf_n_options; i++) {
        const struct option *o = &conf_options[i];
        if ((int)o->section == section && o->text && o->text[0] &&
            option_set(o, holder, span_of(o->text), NULL) != RC_OK)
            return NULL;
    }
    return holder;
}

static bool open_labelled(struct loader *l, struct ini_place at, int section, struct span label)
{
    const char *title = conf_sections[section].name;
    for (size_t i = 0; i < section_count(l->conf, section); i++) {
        const char *name = holder_name(section_holder(l->conf, section, i));
        if (span_is(label, name)) {
            problem(l, at, "[%s %s]: already opened in line %u", title, name,
                    l->label_lines[section][i]);
            return false;
        }
    }
    if (!label_is_valid(label)) {
        problem(l, at, "[%s%s%.*s]: give it a name of 1 to %d letters, digits or _-.@+", title,
                label.n ? " " : "", (int)(label.n < 80 ? label.n : 80), label.p, LIMIT_NAME_BYTES);
        return false;
    }
    l->holder = add_holder(l, section, label, at.line);
    l->failed = l->failed || !l->holder;
    return l->holder;
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
    if (conf_sections[found].size) {
        if (open_labelled(l, at, found, label))
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
    l->holder = l->conf;
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
    uint32_t *lines = holder_lines(l->conf, l->holder);
    if (lines[o - conf_options]) {
        problem(l, at, "%s %s: already set in line %u", section_title(l, l->section, title), o->key,
                lines[o - conf_options]);
        return;
    }
    lines[o - conf_options] = at.line;
    enum rc rc = option_set(o, l->holder, value, &e);
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
    static const char *const credentials[] = {"key_file", "oauth", "token_file"};
    const struct conf_account *a = &l->conf->accounts[i];
    struct ini_place head = {l->label_lines[SECTION_ACCOUNT][i], 1};
    uint32_t subject = line_of(a->lines, SECTION_ACCOUNT, "subject");
    const char *set = NULL;
    for (size_t k = 0; k < sizeof(credentials) / sizeof(credentials[0]); k++) {
        uint32_t line = line_of(a->lines, SECTION_ACCOUNT, credentials[k]);
        if (line && set)
            problem(l, (struct ini_place){line, 1},
                    "[account %s] %s: %s is set too; keep one of them", a->name, credentials[k],
                    set);
        set = line && !set ? credentials[k] : set;
    }
    if (!set)
        problem(l, head, "[account %s]: no credential: set key_file, oauth or token_file", a->name);
    else if (subject && !line_of(a->lines, SECTION_ACCOUNT, "key_file"))
        problem(l, (struct ini_place){subject, 1}, "[account %s] subject: goes with key_file only",
                a->name);
}

static bool has_account(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_accounts; i++)
        if (strcmp(c->accounts[i].name, name) == 0)
            return true;
    return false;
}

static const char *next_account(const void *arg, size_t i)
{
    const struct conf *c = arg;
    return i < c->n_accounts ? c->accounts[i].name : NULL;
}

static void check_client(struct loader *l, size_t i)
{
    const struct conf *c = l->conf;
    const struct conf_client *client = &c->clients[i];
    struct ini_place head = {l->label_lines[SECTION_CLIENT][i], 1};
    struct ini_place at = {line_of(client->lines, SECTION_CLIENT, "accounts"), 1};
    if (!line_of(client->lines, SECTION_CLIENT, "token_sha256"))
        problem(l, head, "[client %s]: no token_sha256: `calmirror client add` makes one",
                client->name);
    for (size_t k = 0; k < client->accounts.n; k++) {
        const char *near = text_nearest(client->accounts.v[k], next_account, c);
        if (!has_account(c, client->accounts.v[k]))
            problem(l, at, "[client %s] accounts: there is no [account %s]%s%s%s", client->name,
                    client->accounts.v[k], near ? "; did you mean " : "", near ? near : "",
                    near ? "?" : "");
    }
    for (size_t j = 0; j < i; j++)
        for (size_t k = 0; k < client->tokens.n; k++)
            for (size_t m = 0; m < c->clients[j].tokens.n; m++)
                if (strcmp(client->tokens.v[k], c->clients[j].tokens.v[m]) == 0)
                    problem(l, head, "[client %s] token_sha256: [client %s] has the same token",
                            client->name, c->clients[j].name);
}

static void check_hook(struct loader *l, size_t i)
{
    const struct conf *c = l->conf;
    static const char *const ways[] = {"command", "shell", "url"};
    const struct conf_hook *hook = &c->hooks[i];
    struct ini_place head = {l->label_lines[SECTION_HOOK][i], 1};
    struct ini_place at = {line_of(hook->lines, SECTION_HOOK, "accounts"), 1};
    int targets = 0; /* also one whose value is wrong, which was said already */
    for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++)
        targets += line_of(hook->lines, SECTION_HOOK, ways[k]) != 0;
    if (targets != 1)
        problem(l, head, "[hook %s]: set one of command, shell and url%s", hook->name,
                targets ? ", not more" : "");
    if (!line_of(hook->lines, SECTION_HOOK, "url") && (hook->secret_file || hook->next_secret_file))
        problem(l, head, "[hook %s]: a secret goes with url only", hook->name);
    for (size_t k = 0; k < hook->accounts.n; k++)
        if (!has_account(c, hook->accounts.v[k]))
            problem(l, at, "[hook %s] accounts: there is no [account %s]", hook->name,
                    hook->accounts.v[k]);
}

static void check_door(struct loader *l)
{
    const struct conf *c = l->conf;
    struct address a;
    if (c->n_clients == 0 && address_parse(c->api.listen, &a, NULL) == RC_OK && !a.path &&
        !address_is_loopback(span_of(a.host)))
        problem(l, (struct ini_place){line_of(c->lines, SECTION_API, "listen"), 1},
                "[api] listen: %s is not a loopback address, and without a [client] section anyone "
                "who reaches it could read every calendar; make one with `calmirror client add "
                "NAME`, or listen on 127.0.0.1, [::1] or a unix socket",
                a.host);
}

/* Two durations of a section of which the first must be the lesser one. At least one was set: the
 * defaults are in order. */
struct pair {
    enum conf_section section;
    const char *low, *high;
    int64_t low_ms, high_ms;
};

static void check_order(struct loader *l, const struct pair *p)
{
    uint32_t a = line_of(l->conf->lines, p->section, p->low);
    uint32_t b = line_of(l->conf->lines, p->section, p->high);
    char x[32], y[32];
    if (p->low_ms > p->high_ms)
        problem(l, (struct ini_place){a > b ? a : b, 1}, "[%s] %s: %s is more than %s, which is %s",
                conf_sections[p->section].name, p->low, text_duration(p->low_ms, x), p->high,
                text_duration(p->high_ms, y));
}

/* Certificate and key go together. */
static void check_tls(struct loader *l)
{
    const struct conf_webhook *w = &l->conf->webhook;
    const char *set = w->tls_cert[0] ? "tls_cert" : "tls_key";
    if (!w->tls_cert[0] != !w->tls_key[0])
        problem(l, (struct ini_place){line_of(l->conf->lines, SECTION_WEBHOOK, set), 1},
                "[webhook] %s: goes with %s", set, w->tls_cert[0] ? "tls_key" : "tls_cert");
}

static void check_whole(struct loader *l)
{
    const struct conf *c = l->conf;
    const struct conf_sync *s = &c->sync;
    const struct pair pairs[] = {
        {SECTION_SYNC, "backoff_min", "backoff_max", s->backoff_min_ms, s->backoff_max_ms},
        {SECTION_SYNC, "channel_overlap", "channel_ttl", s->channel_overlap_ms, s->channel_ttl_ms},
        {SECTION_PUSH, "backoff_min", "backoff_max", c->push.backoff_min_ms,
         c->push.backoff_max_ms},
        {SECTION_PUSH, "channel_ttl", "channel_ttl_max", c->push.ttl_ms, c->push.ttl_max_ms},
    };
    for (size_t i = 0; i < c->n_accounts; i++)
        check_account_whole(l, i);
    for (size_t i = 0; i < c->n_clients; i++)
        check_client(l, i);
    for (size_t i = 0; i < c->n_hooks; i++)
        check_hook(l, i);
    check_door(l);
    if (c->api.account[0] && !has_account(c, c->api.account))
        problem(l, (struct ini_place){line_of(c->lines, SECTION_API, "account"), 1},
                "[api] account: there is no [account %s]", c->api.account);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        check_order(l, &pairs[i]);
    check_tls(l);
}

static enum rc read_whole(const char *path, struct buf *ret, struct err *e)
{
    enum rc rc = RC_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        bool passing = err_is_shortage(errno);
        rc = err_errno(e, "%s", path);
        return passing ? RC_AGAIN : rc;
    }
    ret->cap = LIMIT_CONFIG_BYTES + 1;
    for (;;) {
        if (!buf_reserve(ret, 4096)) {
            rc = ret->n + 4096 > ret->cap
                     ? err_set(e, RC_SYS, "%s: larger than %u bytes", path, LIMIT_CONFIG_BYTES)
                     : RC_AGAIN;
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
    atomic_init(&c->refs, 1);
    c->path = strdup(path);
    c->lines = calloc(conf_n_options, sizeof(*c->lines));
    bool ok = c->path && c->lines;
    for (size_t i = 0; ok && i < conf_n_options; i++)
        if (!conf_sections[conf_options[i].section].size)
            ok = option_set(&conf_options[i], c, span_of(conf_options[i].text), NULL) == RC_OK;
    if (ok)
        return c;
    conf_free(c);
    return NULL;
}

static enum rc finish(struct loader *l)
{
    if (l->failed)
        return RC_AGAIN;
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
        rc = RC_AGAIN;
    }
    if (rc == RC_OK) {
        *ret = l.conf;
        l.conf = NULL;
    }
out:
    if (rc == RC_AGAIN && !e.text[0])
        (void)err_set(&e, rc, "%s: out of memory", path);
    if (rc == RC_SYS || rc == RC_AGAIN)
        buf_printf(ret_problems, "%s\n", e.text);
    conf_free(l.conf);
    for (int i = 0; i < SECTION_COUNT; i++)
        free(l.label_lines[i]);
    buf_release(&text);
    return rc;
}

/* Immutable but for the count of who holds it. */
static struct conf *counted(const struct conf *c)
{
    return (struct conf *)(uintptr_t)c;
}

const struct conf *conf_ref(const struct conf *c)
{
    atomic_fetch_add_explicit(&counted(c)->refs, 1, memory_order_relaxed);
    return c;
}

void conf_free(const struct conf *held)
{
    struct conf *c = counted(held);
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < conf_n_options; i++)
        for (size_t k = 0; k < section_count(c, conf_options[i].section); k++)
            option_release(&conf_options[i], section_holder(c, conf_options[i].section, k));
    for (size_t k = 0; k < c->n_accounts; k++) {
        free(c->accounts[k].name);
        free(c->accounts[k].lines);
    }
    for (size_t k = 0; k < c->n_clients; k++) {
        free(c->clients[k].name);
        free(c->clients[k].lines);
    }
    for (size_t k = 0; k < c->n_hooks; k++) {
        free(c->hooks[k].name);
        free(c->hooks[k].lines);
    }
    free(c->hooks);
    free(c->accounts);
    free(c->clients);
    free(c->lines);
    free(c->path);
    free(c);
}

bool conf_list_matches(const struct conf_list *globs, const char *calendar, bool primary)
{
    for (size_t i = 0; i < globs->n; i++)
        if (fnmatch(globs->v[i], calendar, FNM_CASEFOLD) == 0 ||
            (primary && strcmp(globs->v[i], "primary") == 0))
            return true;
    return false;
}

bool conf_account_wants(const struct conf_account *a, const char *calendar, bool primary)
{
    bool included = a->calendars.n == 0 || conf_list_matches(&a->calendars, calendar, primary);
    return included && !conf_list_matches(&a->exclude, calendar, primary);
}
