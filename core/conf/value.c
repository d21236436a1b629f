/* value: reads, checks, prints and compares the value of one option, by its type. */
#include "core/conf/option.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/rfc3339.h"
#include "core/base/text.h"
#include "core/conf/address.h"
#include "core/conf/client.h"
#include "core/conf/network.h"

/* How a field is stored. */
enum store { STORE_TEXT, STORE_INT, STORE_SIZE, STORE_LIST };

/* Is the text (one item of it for lists) acceptable? */
typedef enum rc (*check_fn)(struct span text, struct err *e);

union field { /* the view of a field that its store allows */
    char **text;
    int64_t *number;
    uint64_t *size;
    struct conf_list *list;
};

static union field field_of(const struct option *o, void *holder)
{
    return (union field){.text = (char **)((char *)holder + o->offset)};
}

static const char *const levels[] = {"err", "warning", "notice", "info", "debug"};
#define LEVEL_COUNT (sizeof(levels) / sizeof(levels[0]))

/* The words stand in order of syslog's numbers, from LOG_ERR on. */
enum log_level conf_log_level(const struct conf *c)
{
    for (size_t i = 0; i < LEVEL_COUNT; i++)
        if (strcmp(levels[i], c->mirror.log_level) == 0)
            return (enum log_level)(LOG_ERR + i);
    return LOG_INFO;
}

static enum rc check_level(struct span text, struct err *e)
{
    for (size_t i = 0; i < LEVEL_COUNT; i++)
        if (span_is(text, levels[i]))
            return RC_OK;
    return err_set(e, RC_INVALID, "not one of err, warning, notice, info, debug");
}

static enum rc check_path(struct span text, struct err *e)
{
    (void)text;
    (void)e;
    return RC_OK;
}

static enum rc check_base_url(struct span text, struct err *e)
{
    struct url u;
    enum rc rc = url_parse(text, &u, e);
    if (rc == RC_OK && u.path.n > 0 && u.path.p[u.path.n - 1] == '/')
        return err_set(e, RC_INVALID, "ends with a slash, which does not belong there");
    return rc;
}

static enum rc check_hook_url(struct span text, struct err *e)
{
    struct url u;
    enum rc rc = url_parse(text, &u, e);
    if (rc == RC_OK && u.path.n == 0)
        return err_set(e, RC_INVALID, "has no path; the hook needs one, such as /hooks/google");
    return rc;
}

static enum rc check_address(struct span text, struct err *e)
{
    char copy[LIMIT_CONFIG_LINE + 1];
    struct address a;
    if (!text_copy(copy, sizeof(copy), text))
        return err_set(e, RC_INVALID, "too long");
    return address_parse(copy, &a, e);
}

bool label_is_valid(struct span name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.@+",
                    name.p[i]))
            return false;
    return name.n > 0 && name.n <= LIMIT_NAME_BYTES;
}

static enum rc check_account(struct span text, struct err *e)
{
    if (!label_is_valid(text))
        return err_set(e, RC_INVALID, "not the name of an account (1 to %d letters, digits, _-.@+)",
                       LIMIT_NAME_BYTES);
    return RC_OK;
}

static bool has_blank(struct span s)
{
    return memchr(s.p, ' ', s.n) || memchr(s.p, '\t', s.n);
}

static enum rc check_subject(struct span text, struct err *e)
{
    const char *at = memchr(text.p, '@', text.n);
    if (has_blank(text) || !at || at == text.p || at == text.p + text.n - 1)
        return err_set(e, RC_INVALID, "not an e-mail address");
    return RC_OK;
}

static enum rc check_glob(struct span text, struct err *e)
{
    if (has_blank(text))
        return err_set(e, RC_INVALID, "a blank inside a pattern; commas separate patterns");
    if (text.n > LIMIT_ID_BYTES)
        return err_set(e, RC_INVALID, "a pattern is at most %d bytes long", LIMIT_ID_BYTES);
    return RC_OK;
}

static enum rc check_owner(struct span text, struct err *e)
{
    const char *colon = memchr(text.p, ':', text.n);
    bool twice = colon && memchr(colon + 1, ':', text.n - (size_t)(colon + 1 - text.p));
    if (has_blank(text) || twice || (colon && text.n == 1))
        return err_set(e, RC_INVALID, "expected USER, USER:GROUP or :GROUP");
    return RC_OK;
}

static enum rc check_hash(struct span text, struct err *e)
{
    for (size_t i = 0; i < text.n; i++)
        if (!strchr("0123456789abcdef", text.p[i]))
            return err_set(e, RC_INVALID, "not a SHA-256 in lower-case hex");
    if (text.n != BEARER_HASH_SIZE - 1)
        return err_set(e, RC_INVALID, "a SHA-256 in hex has %d digits, not %zu",
                       BEARER_HASH_SIZE - 1, text.n);
    return RC_OK;
}

static enum rc check_host(struct span text, struct err *e)
{
    for (size_t i = 0; i < text.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._[]:",
                    text.p[i]))
            return err_set(e, RC_INVALID, "not a host name: give a name or name:port");
    return RC_OK;
}

/* An origin is compared byte by byte with what browsers send, so it must look like that. */
static enum rc check_origin(struct span text, struct err *e)
{
    bool http = text.n > 7 && memcmp(text.p, "http://", 7) == 0;
    size_t skip = http ? 7 : 8;
    if (!http && (text.n <= 8 || memcmp(text.p, "https://", 8) != 0))
        return err_set(e, RC_INVALID, "not an origin: expected https://host or https://host:port");
    for (size_t i = skip; i < text.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-._[]:", text.p[i]))
            return err_set(e, RC_INVALID,
                           "not an origin: lower case, no path, no slash at the end");
    return RC_OK;
}

static enum rc check_site(struct span text, struct err *e)
{
    bool file = text.n > 5 && memcmp(text.p + text.n - 5, ".html", 5) == 0;
    size_t n = text.n - (file ? 5 : 0);
    bool fine = n <= 128;
    for (size_t i = 0; fine && i < n; i++)
        fine =
            strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", text.p[i]);
    if (!fine)
        return err_set(e, RC_INVALID,
                       "neither the name of a file like google1234.html nor a token");
    return RC_OK;
}

static enum rc check_network(struct span text, struct err *e)
{
    struct network n;
    return network_parse(text, &n, e);
}

const char *const hook_types[] = {"created", "updated", "deleted", "calendar", "reset", NULL};

static enum rc check_change_type(struct span text, struct err *e)
{
    for (size_t i = 0; hook_types[i]; i++)
        if (span_is(text, hook_types[i]))
            return RC_OK;
    return err_set(e, RC_INVALID, "not one of created, updated, deleted, calendar, reset");
}

static enum rc check_command(struct span text, struct err *e)
{
    if (text.p[0] != '/')
        return err_set(e, RC_INVALID, "not the absolute path of a program");
    size_t words = 1;
    for (size_t i = 1; i < text.n; i++)
        words += !strchr(" \t", text.p[i]) && strchr(" \t", text.p[i - 1]);
    if (words > LIMIT_COMMAND_WORDS)
        return err_set(e, RC_INVALID, "more than %d words", LIMIT_COMMAND_WORDS);
    if (memchr(text.p, '"', text.n) || memchr(text.p, '\'', text.n) || memchr(text.p, '|', text.n))
        return err_set(e, RC_INVALID, "no quotes or pipes: no shell reads it; use `shell` for one");
    return RC_OK;
}

static enum rc check_text(struct span text, struct err *e)
{
    (void)text;
    (void)e;
    return RC_OK;
}

/* It may have a query, unlike what we append paths to. */
static enum rc check_target(struct span text, struct err *e)
{
    struct url u;
    const char *query = memchr(text.p, '?', text.n);
    if (has_blank(text))
        return err_set(e, RC_INVALID, "a blank inside a URL");
    return url_parse((struct span){text.p, query ? (size_t)(query - text.p) : text.n}, &u, e);
}

static const struct type_info {
    const char *name;
    enum store store;
    check_fn check;
} types[] = {
    [VALUE_PATH] = {"path", STORE_TEXT, check_path},
    [VALUE_LEVEL] = {"level", STORE_TEXT, check_level},
    [VALUE_BOOL] = {"yes|no", STORE_INT, NULL},
    [VALUE_COUNT] = {"number", STORE_INT, NULL},
    [VALUE_MODE] = {"mode", STORE_INT, NULL},
    [VALUE_OWNER] = {"user:group", STORE_TEXT, check_owner},
    [VALUE_SIZE] = {"size", STORE_SIZE, NULL},
    [VALUE_DURATION] = {"duration", STORE_INT, NULL},
    [VALUE_MOMENT] = {"time", STORE_INT, NULL},
    [VALUE_BASE_URL] = {"url", STORE_TEXT, check_base_url},
    [VALUE_HOOK_URL] = {"url", STORE_TEXT, check_hook_url},
    [VALUE_ADDRESS] = {"address", STORE_TEXT, check_address},
    [VALUE_ACCOUNT] = {"name", STORE_TEXT, check_account},
    [VALUE_ACCOUNTS] = {"name, ...", STORE_LIST, check_account},
    [VALUE_HASHES] = {"hash, ...", STORE_LIST, check_hash},
    [VALUE_SUBJECT] = {"address", STORE_TEXT, check_subject},
    [VALUE_GLOBS] = {"pattern, ...", STORE_LIST, check_glob},
    [VALUE_HOSTS] = {"host, ...", STORE_LIST, check_host},
    [VALUE_SITE] = {"name", STORE_TEXT, check_site},
    [VALUE_ORIGINS] = {"origin, ...", STORE_LIST, check_origin},
    [VALUE_TYPES] = {"type, ...", STORE_LIST, check_change_type},
    [VALUE_COMMAND] = {"command", STORE_TEXT, check_command},
    [VALUE_TEXT] = {"text", STORE_TEXT, check_text},
    [VALUE_TARGET] = {"url", STORE_TEXT, check_target},
    [VALUE_NETWORKS] = {"network, ...", STORE_LIST, check_network},
};

const char *option_type_name(const struct option *o)
{
    return types[o->type].name;
}

static void list_release(struct conf_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->v[i]);
    free(list->v);
    *list = (struct conf_list){0};
}

static enum rc list_add(struct conf_list *list, struct span item, struct err *e)
{
    char **v = reallocarray(list->v, list->n + 1, sizeof(*v));
    if (!v)
        return err_errno(e, "no memory");
    list->v = v;
    v[list->n] = strndup(item.p, item.n);
    if (!v[list->n])
        return err_errno(e, "no memory");
    list->n++;
    return RC_OK;
}

static enum rc list_parse(struct conf_list *ret, struct span text, check_fn check, struct err *e)
{
    struct conf_list list = {0};
    enum rc rc = RC_OK;
    for (bool more = text.n > 0; more && rc == RC_OK;) {
        const char *comma = memchr(text.p, ',', text.n);
        struct span item =
            text_trim((struct span){text.p, comma ? (size_t)(comma - text.p) : text.n});
        rc = item.n ? check(item, e) : err_set(e, RC_INVALID, "an empty item between commas");
        if (rc == RC_OK)
            rc = list_add(&list, item, e);
        more = comma != NULL;
        if (more)
            text = (struct span){comma + 1, text.n - (size_t)(comma + 1 - text.p)};
    }
    if (rc != RC_OK) {
        list_release(&list);
        return rc;
    }
    list_release(ret);
    *ret = list;
    return RC_OK;
}

static void number_print(const struct option *o, int64_t value, struct buf *out)
{
    char text[RFC3339_MAX];
    if (o->type == VALUE_BOOL)
        buf_add_text(out, value ? "yes" : "no");
    else if (o->type == VALUE_MODE)
        buf_printf(out, "%04o", (unsigned)value);
    else if (o->type == VALUE_MOMENT && value)
        buf_add(out, text, (size_t)rfc3339_write(text, value, 0));
    else if (o->type == VALUE_MOMENT)
        return;
    else if (o->type == VALUE_DURATION)
        buf_add_text(out, text_duration(value, text));
    else if (o->type == VALUE_SIZE)
        buf_add_text(out, text_size((uint64_t)value, text));
    else
        buf_printf(out, "%" PRId64, value);
}

static enum rc out_of_range(const struct option *o, struct err *e)
{
    struct buf min = {0}, max = {0};
    number_print(o, o->min, &min);
    number_print(o, o->max, &max);
    enum rc rc =
        err_set(e, RC_INVALID, "out of range: from %s to %s", buf_text(&min), buf_text(&max));
    buf_release(&min);
    buf_release(&max);
    return rc;
}

/* "0660"; -1: not octal. */
static int64_t mode_parse(struct span text)
{
    int64_t mode = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '7' || text.n > 4)
            return -1;
        mode = 8 * mode + (text.p[i] - '0');
    }
    return mode;
}

/* A date is its midnight in UTC. */
static bool moment_parse(struct span text, int64_t *ret)
{
    int64_t days = 0;
    if (rfc3339_time(text, ret, NULL, NULL))
        return true;
    if (text.n > 0 && !rfc3339_date(text, &days))
        return false;
    *ret = days * DAY_MS;
    return true;
}

static enum rc number_parse(const struct option *o, struct span text, int64_t *ret, struct err *e)
{
    int64_t value;
    uint64_t size;
    bool on;
    if (o->type == VALUE_BOOL) {
        if (!text_to_bool(text, &on))
            return err_set(e, RC_INVALID, "neither yes nor no");
        *ret = on;
        return RC_OK;
    }
    if (o->type == VALUE_MOMENT) {
        if (!moment_parse(text, ret))
            return err_set(e, RC_INVALID,
                           "not a date or time, such as 2027-01-31 or "
                           "2027-01-31T18:00:00Z");
        return RC_OK;
    }
    if (o->type == VALUE_DURATION) {
        if (!text_to_duration_ms(text, &value))
            return err_set(e, RC_INVALID, "not a duration, such as 30s, 15m, 6h or 7d");
    } else if (o->type == VALUE_SIZE) {
        if (!text_to_size(text, &size))
            return err_set(e, RC_INVALID, "not a size, such as 4096, 512KiB or 8GiB");
        value = size > INT64_MAX ? INT64_MAX : (int64_t)size;
    } else if (o->type == VALUE_MODE) {
        value = mode_parse(text);
        if (value < 0)
            return err_set(e, RC_INVALID, "not a mode in octal, such as 0660");
    } else if (!text_to_i64(text, &value)) {
        return err_set(e, RC_INVALID, "not a whole number");
    }
    if (value < o->min || value > o->max)
        return out_of_range(o, e);
    *ret = value;
    return RC_OK;
}

static enum rc text_parse(const struct option *o, struct span text, char **ret, struct err *e)
{
    enum rc rc = text.n ? types[o->type].check(text, e) : RC_OK;
    if (rc != RC_OK)
        return rc;
    char *copy = strndup(text.p, text.n);
    if (!copy)
        return err_errno(e, "no memory");
    free(*ret);
    *ret = copy;
    return RC_OK;
}

enum rc option_set(const struct option *o, void *holder, struct span text, struct err *e)
{
    union field f = field_of(o, holder);
    int64_t number;
    enum rc rc;
    if (text.n == 0 && (!o->text || o->text[0]))
        return err_set(e, RC_INVALID, "has no value");
    switch (types[o->type].store) {
    case STORE_TEXT:
        return text_parse(o, text, f.text, e);
    case STORE_LIST:
        return list_parse(f.list, text, types[o->type].check, e);
    case STORE_INT:
        return number_parse(o, text, f.number, e);
    case STORE_SIZE:
        rc = number_parse(o, text, &number, e);
        if (rc == RC_OK)
            *f.size = (uint64_t)number;
        return rc;
    }
    return RC_INVALID;
}

void option_print(const struct option *o, const void *holder, struct buf *out)
{
    union field f = field_of(o, (void *)holder);
    switch (types[o->type].store) {
    case STORE_TEXT:
        buf_add_text(out, *f.text ? *f.text : "");
        break;
    case STORE_LIST:
        for (size_t i = 0; i < f.list->n; i++)
            buf_printf(out, "%s%s", i ? ", " : "", f.list->v[i]);
        break;
    case STORE_INT:
        number_print(o, *f.number, out);
        break;
    case STORE_SIZE:
        number_print(o, (int64_t)*f.size, out);
        break;
    }
}

bool option_equal(const struct option *o, const void *a, const void *b)
{
    struct buf x = {0}, y = {0};
    option_print(o, a, &x);
    option_print(o, b, &y);
    bool equal = span_eq(buf_span(&x), buf_span(&y));
    buf_release(&x);
    buf_release(&y);
    return equal;
}

void option_release(const struct option *o, void *holder)
{
    union field f = field_of(o, holder);
    if (types[o->type].store == STORE_TEXT) {
        free(*f.text);
        *f.text = NULL;
    } else if (types[o->type].store == STORE_LIST) {
        list_release(f.list);
    }
}
