/* option: the table of every key, from which parsing, checks, printing and the manual come. */
#ifndef CORE_CONF_OPTION_H
#define CORE_CONF_OPTION_H

#include "core/conf/conf.h"

enum conf_section {
    SECTION_MIRROR,
    SECTION_GOOGLE,
    SECTION_WEBHOOK,
    SECTION_API,
    SECTION_SYNC,
    SECTION_PUSH,
    SECTION_ACCOUNT, /* [account NAME], any number of them; so are those that follow */
    SECTION_CLIENT, SECTION_HOOK,
    SECTION_COUNT,
};

struct section_info {
    const char *name, *doc;
    size_t size;        /* of a holder of its values; 0: they are in struct conf itself */
    size_t list, count; /* offsets in struct conf of the array of holders and of their number */
};
extern const struct section_info conf_sections[SECTION_COUNT];

enum value_type {
    VALUE_PATH,
    VALUE_LEVEL,    /* a log level */
    VALUE_BOOL,     /* int64_t, 0 or 1 */
    VALUE_COUNT,    /* int64_t */
    VALUE_MODE, VALUE_OWNER, /* of a file: int64_t, text */
    VALUE_SIZE,     /* uint64_t, bytes */
    VALUE_DURATION, /* int64_t, ms */
    VALUE_MOMENT,   /* int64_t, ms of the wall clock; empty: 0 */
    VALUE_BASE_URL, /* paths are appended to it: no slash at its end */
    VALUE_HOOK_URL, /* complete, with its path */
    VALUE_ADDRESS,  /* anything a socket can listen on */
    VALUE_ACCOUNT, VALUE_ACCOUNTS, /* name of an [account], names */
    VALUE_HASHES,  /* SHA-256, in hex */
    VALUE_SUBJECT, /* e-mail address */
    VALUE_GLOBS, VALUE_HOSTS, VALUE_ORIGINS, VALUE_NETWORKS, VALUE_TYPES, /* lists of them */
    VALUE_COMMAND, VALUE_TEXT, VALUE_TARGET, /* a program and arguments; anything; any URL */
    VALUE_SITE, /* proof for Google's Search Console: googleX.html or a token */
};

struct option {
    enum conf_section section;
    const char *key;
    enum value_type type;
    const char *text; /* the default as a file would say it; NULL: unset, may not be given empty */
    size_t offset;    /* of the field in its holder: struct conf, struct conf_account, ... */
    int64_t min, max; /* numbers: in ms, bytes or as they are */
    bool live;        /* a reload takes it up */
    const char *doc;  /* one paragraph; sentences end with ". " */
};
extern const struct option conf_options[];
extern const size_t conf_n_options;

/* NULL when there is none. */
const struct option *option_find(enum conf_section section, struct span key);
/* What the value of this option is called in a manual: "duration". */
const char *option_type_name(const struct option *o);

/* Holders of a section's values: the conf, or one a name, which begins with its name and lines. */
size_t section_count(const struct conf *c, int section);
void *section_holder(const struct conf *c, int section, size_t i);
const char *holder_name(const void *holder);
uint32_t *holder_lines(const struct conf *c, const void *holder); /* of the conf too */

/* The functions below take the holder of the field. */

/* Reads `text` into the field, which keeps its old value on RC_INVALID (reason in *e) or RC_SYS. */
enum rc option_set(const struct option *o, void *holder, struct span text, struct err *e);
void option_print(const struct option *o, const void *holder, struct buf *out);
bool option_equal(const struct option *o, const void *a, const void *b);
void option_release(const struct option *o, void *holder);

bool label_is_valid(struct span name); /* of an account, a client */

#endif
