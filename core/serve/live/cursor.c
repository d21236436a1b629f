/* cursor: how far a reader of the feed has come, as a text it can bring back after any restart.
 *
 * The text is "STORE-POS", or "STORE-POS.SUB.FROM" for one that is still catching up, with an "a"
 * behind it for one that began at the beginning. STORE names the run of the service that gave out
 * POS (lineage.h). There is nothing in it to be forged: what a reader may see is looked at anew
 * each time. */
#include "core/serve/live/cursor.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

#define STORE_CHARS 12 /* of the name: enough to tell runs apart */

struct cursor cursor_at(uint64_t seq, bool all)
{
    return (struct cursor){.pos = seq, .sub = seq, .from = seq, .all = all};
}

int cursor_compare(const struct cursor *a, const struct cursor *b)
{
    if (a->pos != b->pos)
        return a->pos < b->pos ? -1 : 1;
    return a->sub < b->sub ? -1 : a->sub > b->sub;
}

void cursor_write(char out[CURSOR_MAX], const struct lineage *l, const struct cursor *c)
{
    int n = snprintf(out, CURSOR_MAX, "%.*s-%llu", STORE_CHARS, lineage_at(l, c->pos),
                     (unsigned long long)c->pos);
    if (c->sub != c->pos || c->from != c->pos)
        n += snprintf(out + n, CURSOR_MAX - (size_t)n, ".%llu.%llu", (unsigned long long)c->sub,
                      (unsigned long long)c->from);
    if (c->all)
        (void)snprintf(out + n, CURSOR_MAX - (size_t)n, "a");
}

/* Takes a number up to the separator, or to the end. */
static bool take_number(struct span *text, char separator, uint64_t *ret)
{
    const char *end = text->n > 0 ? memchr(text->p, separator, text->n) : NULL;
    size_t n = end ? (size_t)(end - text->p) : text->n;
    if (!text_to_u64((struct span){text->p, n}, ret))
        return false;
    size_t skip = end ? n + 1 : n;
    *text = (struct span){text->p + skip, text->n - skip};
    return true;
}

enum rc cursor_read(struct span text, const struct lineage *l, uint64_t seq, struct cursor *ret)
{
    struct cursor c = {0};
    if (span_is(text, "0")) {
        *ret = (struct cursor){.all = true};
        return RC_OK;
    }
    if (text.n < STORE_CHARS + 2 || text.n >= CURSOR_MAX || text.p[STORE_CHARS] != '-')
        return RC_INVALID;
    struct span store = {text.p, STORE_CHARS};
    text = (struct span){text.p + STORE_CHARS + 1, text.n - STORE_CHARS - 1};
    if (text.p[text.n - 1] == 'a') {
        c.all = true;
        text.n--;
    }
    if (!take_number(&text, '.', &c.pos))
        return RC_INVALID;
    c.sub = c.from = c.pos;
    if (text.n > 0 && (!take_number(&text, '.', &c.sub) || !take_number(&text, '.', &c.from)))
        return RC_INVALID;
    if (text.n > 0 || c.sub > c.pos || c.from > c.pos)
        return RC_INVALID;
    if (c.pos > seq || memcmp(store.p, lineage_at(l, c.pos), STORE_CHARS) != 0) {
        *ret = c.all ? (struct cursor){.all = true} : cursor_at(seq, false);
        return RC_STALE;
    }
    *ret = c;
    return RC_OK;
}
