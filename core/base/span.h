/* span: borrowed bytes that need not end in NUL. Valid as long as what they point into. */
#ifndef CORE_BASE_SPAN_H
#define CORE_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct span {
    const char *p;
    size_t n;
};

static inline struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool span_is(struct span a, const char *text)
{
    return span_eq(a, span_of(text));
}

/* Letters of ASCII count the same in either case. */
static inline bool span_is_word(struct span a, const char *word)
{
    return a.n == strlen(word) && (a.n == 0 || strncasecmp(a.p, word, a.n) == 0);
}

#endif
