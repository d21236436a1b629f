/* heap: a binary heap of nodes embedded in what they order; any node can be moved or taken out. */
#include "core/queue/heap.h"

#include <stdlib.h>

#include "core/base/must.h"

void heap_release(struct heap *h)
{
    free(h->nodes);
    *h = (struct heap){0};
}

struct heap_node *heap_top(const struct heap *h)
{
    return h->n ? h->nodes[0] : NULL;
}

static void place(struct heap *h, size_t pos, struct heap_node *node)
{
    h->nodes[pos - 1] = node;
    node->pos = pos;
}

static void sift(struct heap *h, struct heap_node *node)
{
    size_t pos = node->pos;
    while (pos > 1 && h->nodes[pos / 2 - 1]->key > node->key) {
        place(h, pos, h->nodes[pos / 2 - 1]);
        pos /= 2;
    }
    for (;;) {
        size_t child = 2 * pos;
        if (child > h->n)
            break;
        if (child < h->n && h->nodes[child]->key < h->nodes[child - 1]->key)
            child++;
        if (h->nodes[child - 1]->key >= node->key)
            break;
        place(h, pos, h->nodes[child - 1]);
        pos = child;
    }
    place(h, pos, node);
}

void heap_set(struct heap *h, struct heap_node *node, int64_t key)
{
    if (node->pos == 0) {
        if (h->n == h->size) {
            size_t size = h->size ? 2 * h->size : 16;
            h->nodes = must(realloc(h->nodes, size * sizeof(struct heap_node *)));
            h->size = size;
        }
        h->n++;
        place(h, h->n, node);
    }
    node->key = key;
    sift(h, node);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    if (node->pos == 0)
        return;
    struct heap_node *last = h->nodes[h->n - 1];
    size_t pos = node->pos;
    h->n--;
    node->pos = 0;
    if (last == node)
        return;
    place(h, pos, last);
    sift(h, last);
}
