/* print: writes the configuration, the example file and the manual's list out of the option table.
 */
#include <stdlib.h>

#include "core/conf/conf.h"
#include "core/conf/option.h"

#define WIDTH 78

static void print_value(struct buf *out, const char *path, const uint32_t *lines,
                        const struct option *o, const void *holder)
{
    uint32_t line = lines ? lines[o - conf_options] : 0;
    if (line)
        buf_printf(out, "# %s:%u\n%s = ", path, line, o->key);
    else
        buf_printf(out, "# default\n%s = ", o->key);
    if (line || !o->text)
        option_print(o, holder, out);
    else
        buf_add_text(out, o->text); /* "7d", where the printer would find "1w" */
    buf_add_char(out, '\n');
}

void conf_print(const struct conf *c, struct buf *out)
{
    for (int section = 0; section < SECTION_ACCOUNT; section++) {
        buf_printf(out, "%s[%s]\n", section ? "\n" : "", conf_sections[section].name);
        for (size_t i = 0; i < conf_n_options; i++)
            if ((int)conf_options[i].section == section)
                print_value(out, c->path, c->lines, &conf_options[i], c);
    }
    for (size_t k = 0; k < c->n_accounts; k++) {
        const struct conf_account *a = &c->accounts[k];
        buf_printf(out, "\n[account %s]\n", a->name);
        for (size_t i = 0; i < conf_n_options; i++)
            if (conf_options[i].section == SECTION_ACCOUNT && a->lines &&
                (a->lines[i] || conf_options[i].text))
                print_value(out, c->path, a->lines, &conf_options[i], a);
    }
}

/* Wraps at WIDTH columns, each line behind `prefix`. */
static void print_wrapped(struct buf *out, const char *prefix, const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column > 0 && column + 1 + n > WIDTH) {
            buf_add_char(out, '\n');
            column = 0;
        }
        buf_add_text(out, column ? " " : prefix);
        buf_add(out, text, n);
        column += n + (column ? 1 : strlen(prefix));
        text += n + (text[n] == ' ');
    }
    buf_add_char(out, '\n');
}

static void print_comment(struct buf *out, const char *text)
{
    print_wrapped(out, "# ", text);
}

void conf_print_example(struct buf *out)
{
    print_comment(
        out,
        "Configuration of calmirrord. Every key is listed with its default; remove the # before a "
        "key to change it. Values stand without quotes, and comments on lines of their own. "
        "Durations: 30s 15m 6h 7d; sizes: 512KiB 64MiB 8GiB. Keys marked (reload) are taken up "
        "on SIGHUP, the others on a restart. `calmirrord --check-config` finds mistakes.");
    for (int section = 0; section < SECTION_COUNT; section++) {
        bool account = section == SECTION_ACCOUNT;
        buf_add_char(out, '\n');
        print_comment(out, conf_sections[section].doc);
        buf_printf(out, account ? "#[%s NAME]\n" : "[%s]\n", conf_sections[section].name);
        for (size_t i = 0; i < conf_n_options; i++) {
            const struct option *o = &conf_options[i];
            if ((int)o->section != section)
                continue;
            struct buf doc = {0};
            buf_printf(&doc, "%s%s", o->doc, o->live ? " (reload)" : "");
            buf_add_char(out, '\n');
            print_comment(out, buf_text(&doc));
            buf_printf(out, "#%s =%s%s\n", o->key, o->text && o->text[0] ? " " : "",
                       o->text ? o->text : "");
            buf_release(&doc);
        }
    }
}

/* Text for mdoc: each sentence begins a line of its own, as the language wants it. */
static void print_prose(struct buf *out, const char *text)
{
    struct buf sentence = {0};
    for (const char *p = text; *p; p++) {
        if (*p == '\\')
            buf_add_text(&sentence, "\\e");
        else if (*p == '"')
            buf_add_text(&sentence, "\\(dq");
        else
            buf_add_char(&sentence, *p);
        if ((*p == '.' && p[1] == ' ') || !p[1]) {
            print_wrapped(out, "", buf_text(&sentence));
            buf_reset(&sentence);
            p += p[1] == ' ';
        }
    }
    buf_release(&sentence);
}

static void print_manual_entry(struct buf *out, const struct option *o)
{
    buf_printf(out, ".It Ic %s No = Ar %s\n", o->key, option_type_name(o));
    print_prose(out, o->doc);
    if (o->text && o->text[0])
        buf_printf(out, "Default:\n.Ql %s .\n", o->text);
    if (!o->live)
        buf_add_text(out, "A change needs a restart.\n");
}

void conf_print_manual(struct buf *out)
{
    for (int section = 0; section < SECTION_COUNT; section++) {
        bool account = section == SECTION_ACCOUNT;
        buf_printf(out, ".Ss Section [%s%s]\\&\n", conf_sections[section].name,
                   account ? " NAME" : "");
        print_prose(out, conf_sections[section].doc);
        buf_add_text(out, ".Bl -tag -width Ds\n");
        for (size_t i = 0; i < conf_n_options; i++)
            if ((int)conf_options[i].section == section)
                print_manual_entry(out, &conf_options[i]);
        buf_add_text(out, ".El\n");
    }
}

static void diff_line(const struct option *o, struct buf *live, struct buf *restart)
{
    buf_printf(o->live ? live : restart, "%s.%s\n", conf_sections[o->section].name, o->key);
}

static const struct conf_account *find_account(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_accounts; i++)
        if (strcmp(c->accounts[i].name, name) == 0)
            return &c->accounts[i];
    return NULL;
}

static bool account_equal(const struct conf_account *a, const struct conf_account *b)
{
    bool equal = a && b;
    for (size_t i = 0; equal && i < conf_n_options; i++)
        if (conf_options[i].section == SECTION_ACCOUNT)
            equal = option_equal(&conf_options[i], a, b);
    return equal;
}

void conf_diff(const struct conf *a, const struct conf *b, struct buf *ret_live,
               struct buf *ret_restart)
{
    for (size_t i = 0; i < conf_n_options; i++)
        if (conf_options[i].section != SECTION_ACCOUNT && !option_equal(&conf_options[i], a, b))
            diff_line(&conf_options[i], ret_live, ret_restart);
    for (size_t i = 0; i < a->n_accounts; i++)
        if (!account_equal(&a->accounts[i], find_account(b, a->accounts[i].name)))
            buf_printf(ret_live, "account %s\n", a->accounts[i].name);
    for (size_t i = 0; i < b->n_accounts; i++)
        if (!find_account(a, b->accounts[i].name))
            buf_printf(ret_live, "account %s\n", b->accounts[i].name);
}
