/* heap: a binary heap of nodes embedded in what they order; any node can be moved or taken out. */
#ifndef CORE_QUEUE_HEAP_H
#define CORE_QUEUE_HEAP_H

#include <stddef.h>
#include <stdint.h>

/* `= { 0 }` is a node that is in no heap. */
struct heap_node {
    int64_t key; /* smallest first */
    size_t pos;  /* 1-based; 0: in no heap */
};

struct heap { /* `= { 0 }` is an empty heap */
    struct heap_node **nodes;
    size_t n, size;
};

void heap_release(struct heap *h);                /* the nodes are not touched */
struct heap_node *heap_top(const struct heap *h); /* NULL when empty */
/* Puts it in with this key, or moves it when it is in already. Aborts when out of memory. */
void heap_set(struct heap *h, struct heap_node *node, int64_t key);
void heap_remove(struct heap *h, struct heap_node *node); /* nothing if it is not in */

#endif
