/* link: a doubly linked list through its members, for readers that move from one to another. */
#ifndef CORE_SERVE_LIVE_LINK_H
#define CORE_SERVE_LIVE_LINK_H

/* A list's head, or a member's place in it. */
struct link {
    struct link *prev, *next;
};

static inline void link_init(struct link *l)
{
    l->prev = l->next = l;
}

static inline void link_add(struct link *list, struct link *l)
{
    l->next = list;
    l->prev = list->prev;
    list->prev->next = l;
    list->prev = l;
}

static inline void link_remove(struct link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    link_init(l);
}

#endif
