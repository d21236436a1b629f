/* print: writes the configuration, the example file and the manual's list out of the option table.
 */
#include "core/conf/print.h"

#include <string.h>

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

static void print_section(const struct conf *c, int section, const void *holder, struct buf *out)
{
    const uint32_t *lines = holder_lines(c, holder);
    buf_printf(out, "%s[%s%s%s]\n", section ? "\n" : "", conf_sections[section].name,
               holder == c ? "" : " ", holder == c ? "" : holder_name(holder));
    for (size_t i = 0; i < conf_n_options; i++)
        if ((int)conf_options[i].section == section &&
            (holder == c || lines[i] || conf_options[i].text))
            print_value(out, c->path, lines, &conf_options[i], holder);
}

void conf_print(const struct conf *c, struct buf *out)
{
    for (int section = 0; section < SECTION_COUNT; section++)
        for (size_t k = 0; k < section_count(c, section); k++)
            print_section(c, section, section_holder(c, section, k), out);
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
        buf_add_char(out, '\n');
        print_comment(out, conf_sections[section].doc);
        buf_printf(out, conf_sections[section].size ? "#[%s NAME]\n" : "[%s]\n",
                   conf_sections[section].name);
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
        buf_printf(out, ".Ss Section [%s%s]\\&\n", conf_sections[section].name,
                   conf_sections[section].size ? " NAME" : "");
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

static const void *find_holder(const struct conf *c, int section, const char *name)
{
    for (size_t i = 0; i < section_count(c, section); i++) {
        const void *holder = section_holder(c, section, i);
        if (strcmp(holder_name(holder), name) == 0)
            return holder;
    }
    return NULL;
}

static bool holder_equal(int section, const void *a, const void *b)
{
    bool equal = a && b;
    for (size_t i = 0; equal && i < conf_n_options; i++)
        if ((int)conf_options[i].section == section)
            equal = option_equal(&conf_options[i], a, b);
    return equal;
}

/* Names in `a` that `b` lacks, or (`changed`) has with other values. */
static void diff_labels(int section, const struct conf *a, const struct conf *b, bool changed,
                        struct buf *out)
{
    for (size_t i = 0; i < section_count(a, section); i++) {
        const void *holder = section_holder(a, section, i);
        const void *other = find_holder(b, section, holder_name(holder));
        if (!other || (changed && !holder_equal(section, holder, other)))
            buf_printf(out, "%s %s\n", conf_sections[section].name, holder_name(holder));
    }
}

void conf_diff(const struct conf *a, const struct conf *b, struct buf *ret_live,
               struct buf *ret_restart)
{
    for (size_t i = 0; i < conf_n_options; i++)
        if (!conf_sections[conf_options[i].section].size && !option_equal(&conf_options[i], a, b))
            diff_line(&conf_options[i], ret_live, ret_restart);
    for (int section = 0; section < SECTION_COUNT; section++) {
        if (!conf_sections[section].size)
            continue;
        diff_labels(section, a, b, true, ret_live);
        diff_labels(section, b, a, false, ret_live);
    }
}
