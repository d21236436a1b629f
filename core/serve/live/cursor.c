/* cursor: how far a reader of the feed has come, as a text it can bring back after any restart.
 *
 * The text is "STORE-VIEW-POS", or "STORE-VIEW-POS.SUB.FROM" for one that is still catching up,
 * with an "a" behind it for one that began at the beginning. STORE names the run of the service
 * that gave out POS (lineage.h), VIEW what its reader might see: the feed tells of changes, not of
 * what begins or ceases to be seen. There is nothing in it to be forged: what a reader may see is
 * looked at anew each time. */
#include "core/serve/live/cursor.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

#define STORE_CHARS 12 /* of the name: enough to tell runs apart */
#define VIEW_CHARS  8

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

void cursor_write(char out[CURSOR_MAX], const struct lineage *l, uint32_t view,
                  const struct cursor *c)
{
    int n = snprintf(out, CURSOR_MAX, "%.*s-%0*x-%llu", STORE_CHARS, lineage_at(l, c->pos),
                     VIEW_CHARS, view, (unsigned long long)c->pos);
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

enum rc cursor_read(struct span text, const struct lineage *l, uint32_t view, uint64_t seq,
                    struct cursor *ret, const char **ret_why)
{
    const size_t head = STORE_CHARS + 1 + VIEW_CHARS + 1;
    char seen[VIEW_CHARS + 1];
    struct cursor c = {0};
    if (span_is(text, "0")) {
        *ret = (struct cursor){.all = true};
        return RC_OK;
    }
    if (text.n < head + 1 || text.n >= CURSOR_MAX || text.p[STORE_CHARS] != '-' ||
        text.p[head - 1] != '-')
        return RC_INVALID;
    const char *store = text.p, *seen_then = text.p + STORE_CHARS + 1;
    text = (struct span){text.p + head, text.n - head};
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
    (void)snprintf(seen, sizeof(seen), "%0*x", VIEW_CHARS, view);
    bool ours = c.pos <= seq && memcmp(store, lineage_at(l, c.pos), STORE_CHARS) == 0;
    if (ours && memcmp(seen_then, seen, VIEW_CHARS) == 0) {
        *ret = c;
        return RC_OK;
    }
    *ret_why = ours ? "access" : "rebuilt";
    *ret = c.all ? (struct cursor){.all = true} : cursor_at(seq, false);
    return RC_STALE;
}
