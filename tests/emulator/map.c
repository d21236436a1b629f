/* map: string keys to pointers, open addressing with linear probing. */
#include "tests/emulator/map.h"

#include <stdlib.h>
#include <string.h>

#include "tests/emulator/util.h"

static const char DELETED[] = "";

static struct map_slot *slot_of(const struct map *m, const char *key)
{
    size_t i = hash32(key) & (m->cap - 1);
    for (;; i = (i + 1) & (m->cap - 1)) {
        struct map_slot *s = &m->slots[i];
        if (s->key == NULL || (s->key != DELETED && strcmp(s->key, key) == 0)) {
            return s;
        }
    }
}

void *map_get(const struct map *m, const char *key)
{
    return m->cap == 0 || key == NULL ? NULL : slot_of(m, key)->value;
}

static void map_resize(struct map *m)
{
    struct map old = *m;
    m->cap = old.cap ? old.cap * 2 : 16;
    m->used = 0;
    m->slots = xalloc(m->cap * sizeof(*m->slots));
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].key != NULL && old.slots[i].key != DELETED) {
            *slot_of(m, old.slots[i].key) = old.slots[i];
            m->used++;
        }
    }
    free(old.slots);
}

void map_put(struct map *m, const char *key, void *value)
{
    if (m->used * 2 >= m->cap) {
        map_resize(m);
    }
    struct map_slot *s = slot_of(m, key);
    m->used += s->key == NULL;
    *s = (struct map_slot){key, value};
}

void map_del(struct map *m, const char *key)
{
    struct map_slot *s = m->cap ? slot_of(m, key) : NULL;
    if (s != NULL && s->key != NULL) {
        *s = (struct map_slot){DELETED, NULL};
    }
}

void map_free(struct map *m)
{
    free(m->slots);
    *m = (struct map){0};
}
