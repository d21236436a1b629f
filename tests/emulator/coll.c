/* coll: one synchronised collection of resources. */
#include "tests/emulator/coll.h"

#include <stdlib.h>
#include <string.h>

#include "tests/emulator/util.h"

void coll_init(struct coll *c, enum coll_kind kind, const char *owner, int64_t born)
{
    *c = (struct coll){.kind = kind,
                       .owner = xstrdup(owner),
                       .floor = born,
                       .fate = TOKEN_GONE,
                       .watchable = true};
    char *name = xprintf("%d %s", kind, owner);
    c->hash = hash32(name);
    free(name);
}

int64_t coll_stamp(const struct coll *c)
{
    return c->seq > c->floor ? c->seq : c->floor;
}

void event_facts_release(struct event_facts *f)
{
    free(f->series);
    free(f->ical_uid);
    free(f->type);
    *f = (struct event_facts){0};
}

static void item_free(struct item *it)
{
    if (it->event != NULL) {
        event_facts_release(it->event);
        free(it->event);
    }
    free(it->id);
    free(it->text);
    free(it->tomb);
    free(it->prev);
    free(it);
}

void coll_release(struct coll *c)
{
    for (size_t i = 0; i < c->n; i++) {
        item_free(c->items[i]);
    }
    free(c->items);
    free(c->owner);
    map_free(&c->by_id);
    *c = (struct coll){0};
}

struct item *coll_get(const struct coll *c, const char *id)
{
    return map_get(&c->by_id, id);
}

struct item *coll_add(struct coll *c, const char *id)
{
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 8;
        c->items = xgrow(c->items, c->cap * sizeof(*c->items));
    }
    struct item *it = xalloc(sizeof(*it));
    it->id = xstrdup(id);
    it->ord = (uint32_t)c->n;
    if (c->kind == COLL_EVENTS) {
        it->event = xalloc(sizeof(*it->event));
    }
    c->items[c->n++] = it;
    map_put(&c->by_id, it->id, it);
    return it;
}

static void unlink_item(struct coll *c, struct item *it)
{
    if (it->older != NULL) {
        it->older->newer = it->newer;
    } else if (c->oldest == it) {
        c->oldest = it->newer;
    }
    if (it->newer != NULL) {
        it->newer->older = it->older;
    } else if (c->newest == it) {
        c->newest = it->older;
    }
}

void coll_touch(struct coll *c, struct item *it, int64_t seq)
{
    unlink_item(c, it);
    it->older = c->newest;
    it->newer = NULL;
    if (c->newest != NULL) {
        c->newest->newer = it;
    } else {
        c->oldest = it;
    }
    c->newest = it;
    it->seq = c->seq = seq;
}

void item_set_text(struct item *it, const char *text)
{
    char *fresh = xstrdup(text);
    if (it->text != NULL) {
        xreplace(&it->prev, it->text);
    }
    it->text = fresh;
    it->len = strlen(fresh);
}
