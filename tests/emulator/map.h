/* map: string keys to pointers. Keys and values are borrowed; `= { 0 }` is an empty map. */
#ifndef EMULATOR_MAP_H
#define EMULATOR_MAP_H

#include <stddef.h>

struct map_slot {
    const char *key;
    void *value;
};

struct map {
    struct map_slot *slots;
    size_t cap;  /* a power of two */
    size_t used; /* slots that are not free, deleted ones too */
};

void *map_get(const struct map *m, const char *key);       /* NULL for a NULL key */
void map_put(struct map *m, const char *key, void *value); /* replaces */
void map_del(struct map *m, const char *key);
void map_free(struct map *m);

#endif
