/* group: readers that asked alike, the text made for them once, and its way to each of them.
 *
 * DESIGN. A page of the feed is read once for everybody. Each entry is put into words once for each
 * form it is wanted in, and the words are copied once for each group; from there on readers cost a
 * send() each. While a page is being sent, which goes in slices so that other requests get their
 * turn, no further page is read and nobody goes live: so all live streams stand at the same place,
 * that of the groups.
 *
 * The last id of a page is not that of its last entry but that of the page's end, when the page
 * reached the end of the snapshot: who resumes there need not be told again what has been told. */
#include "core/serve/live/group.h"

#include <stdlib.h>

#include "core/serve/live/sse.h"
#include "core/serve/live/stream.h"

#define PAGE_ENTRIES 512
#define PAGE_BYTES   (1u << 20) /* of all groups' text together, about */

struct group *group_join(struct live *l, struct lens *lens)
{
    struct group *g = l->groups;
    while (g && !lens_same(&g->lens, lens))
        g = g->next;
    if (g) {
        lens_release(lens);
    } else {
        g = calloc(1, sizeof(*g));
        if (!g)
            return NULL;
        g->lens = *lens;
        link_init(&g->live);
        g->next_to = &g->live;
        g->next = l->groups;
        l->groups = g;
    }
    g->n++;
    return g;
}

void group_leave(struct live *l, struct group *g)
{
    if (--g->n > 0)
        return;
    for (struct group **at = &l->groups; *at; at = &(*at)->next) {
        if (*at != g)
            continue;
        *at = g->next;
        break;
    }
    l->sending -= g->sending != NULL;
    chunk_unref(g->sending);
    buf_release(&g->text);
    lens_release(&g->lens);
    free(g);
}

void group_skip(struct group *g, struct stream *s)
{
    if (g->next_to == &s->link)
        g->next_to = s->link.next;
}

/* ---- putting it into words ------------------------------------------------------------------- */

static struct buf *line_in_form(struct live *l, const struct feed_entry *entry,
                                const struct entry_form *form)
{
    struct buf *line = &l->line[(form->veiled ? 1 : 0) + (form->with_event ? 2 : 0)];
    if (line->n > 0)
        return line;
    const struct atlas_entry *where = atlas_find(&l->atlas, entry->coll->no);
    sse_begin(line, change_type_choices[entry->type]);
    if (where)
        entry_write(line, entry, where, form);
    return line;
}

static size_t add_line(struct live *l, struct group *g, const struct buf *line,
                       const struct cursor *at)
{
    size_t before = g->text.n;
    struct cursor end = *at;
    end.all = g->lens.all;
    buf_add_span(&g->text, buf_span(line));
    g->id_at = g->text.n;
    sse_end(&g->text, store_lineage(l->serve->store), g->lens.view, &end);
    g->text.failed |= line->failed;
    g->told = true;
    return g->text.n - before;
}

/* One entry, to all who want it. Returns the bytes of it. */
static size_t tell_all(struct live *l, struct txn *t, const struct feed_entry *entry,
                       const struct cursor *before)
{
    struct entry_form form;
    size_t bytes = 0;
    for (size_t i = 0; i < 4; i++)
        buf_reset(&l->line[i]);
    for (struct group *g = l->groups; g; g = g->next) {
        if (g->detour || !lens_wants(&g->lens, t, entry, &form))
            continue;
        if (entry->type == FEED_RESET && g->lens.all) {
            /* It wants all of that calendar: each of its readers goes and reads it. */
            g->detour = g->told = true;
            g->end = *before;
            g->end.all = true;
            continue;
        }
        bytes += add_line(l, g, line_in_form(l, entry, &form), &entry->at);
    }
    return bytes;
}

static void tell_freshness(struct live *l)
{
    const struct atlas_entry *where;
    while ((where = atlas_turned(&l->atlas))) {
        struct buf *line = &l->line[0];
        buf_reset(line);
        sse_begin(line, change_type_choices[FEED_FRESHNESS]);
        entry_write_freshness(line, where);
        for (struct group *g = l->groups; g; g = g->next) {
            if (!lens_wants_freshness(&g->lens, where))
                continue;
            buf_add_span(&g->text, buf_span(line));
            sse_end_without_id(&g->text);
        }
    }
}

/* ---- sending it ------------------------------------------------------------------------------ */

void group_wake(struct live *l, struct group *g)
{
    while (g->waiting) {
        struct waiter *w = g->waiting;
        g->waiting = w->next;
        w->next = l->ready;
        l->ready = w;
        g->n_waiting--;
        g->n--; /* its streams, or the caller, keep the group */
    }
}

/* Those that were to be told more than there was room or memory for read it themselves. */
static void send_nothing(struct live *l, struct group *g)
{
    while (g->live.next != &g->live)
        stream_fall_behind(l, (struct stream *)g->live.next, &g->end);
}

static void begin_sending(struct live *l, struct group *g, const struct cursor *before, bool ended)
{
    bool failed = g->text.failed;
    if (!g->detour) {
        g->end = l->at;
        g->end.all = g->lens.all;
        if (g->told && ended && !failed) {
            g->text.n = g->id_at;
            sse_end(&g->text, store_lineage(l->serve->store), g->lens.view, &g->end);
        }
    }
    if (g->text.n > 0 && !failed && g->live.next != &g->live) {
        g->sending = chunk_new(&g->text, &g->end);
        failed = !g->sending;
    }
    if (failed) {
        g->end = *before;
        g->end.all = g->lens.all;
        send_nothing(l, g);
    } else if (g->sending) {
        l->sending++;
        g->next_to = g->live.next;
    } else if (g->detour) {
        send_nothing(l, g);
    }
}

static void begin_sending_all(struct live *l, const struct cursor *before, bool ended)
{
    for (struct group *g = l->groups, *next; g; g = next) {
        next = g->next;
        g->n++; /* it must last until the end of this turn of the loop */
        begin_sending(l, g, before, ended);
        if (g->told || g->text.failed)
            group_wake(l, g);
        if (g->text.size > PAGE_BYTES / 16)
            buf_release(&g->text);
        group_leave(l, g);
    }
}

/* True: this group is through. */
static bool send_some(struct live *l, struct group *g, unsigned *left)
{
    while (*left > 0 && g->next_to != &g->live) {
        struct stream *s = (struct stream *)g->next_to;
        g->next_to = s->link.next;
        (void)stream_send(l, s, g->sending);
        --*left;
    }
    if (g->next_to != &g->live)
        return false;
    chunk_unref(g->sending);
    g->sending = NULL;
    l->sending--;
    if (g->detour)
        send_nothing(l, g);
    return true;
}

bool groups_send(struct live *l, unsigned most)
{
    if (l->sending == 0)
        return true;
    for (struct group *g = l->groups, *next; g && most > 0; g = next) {
        next = g->next;
        if (!g->sending)
            continue;
        g->n++;
        (void)send_some(l, g, &most);
        group_leave(l, g);
    }
    return l->sending == 0;
}

/* ---- a page ---------------------------------------------------------------------------------- */

static bool resolve_all(struct live *l, struct txn *t)
{
    for (struct group *g = l->groups; g; g = g->next) {
        buf_reset(&g->text);
        g->told = g->detour = false;
        if (!lens_resolve(&g->lens, t, l->serve->conf, &l->atlas))
            return false;
    }
    return true;
}

bool groups_tell(struct live *l, struct txn *t)
{
    struct cursor before = l->at;
    struct feed_entry entry;
    enum feed_step step = FEED_END;
    size_t bytes = 0;
    if (!resolve_all(l, t))
        return false;
    tell_freshness(l);
    if (l->at.pos < l->atlas.seq || l->at.from < l->at.pos) {
        struct feed *f = feed_open(t, &l->at, l->atlas.seq);
        if (!f)
            return false;
        for (size_t i = 0; i < l->atlas.n; i++)
            if (l->atlas.v[i].ready && l->atlas.v[i].version >= l->at.pos)
                feed_add(f, l->atlas.v[i].no);
        struct cursor place = l->at;
        for (unsigned n = 0; n < PAGE_ENTRIES && bytes < PAGE_BYTES; n++) {
            step = feed_next(f, &entry);
            if (step != FEED_ENTRY)
                break;
            bytes += tell_all(l, t, &entry, &place);
            place = entry.at;
        }
        l->at = feed_place(f);
        feed_close(f);
        if (txn_failed(t) != RC_OK) {
            l->at = before;
            return false;
        }
    }
    l->more = step != FEED_END;
    begin_sending_all(l, &before, step == FEED_END);
    return true;
}
