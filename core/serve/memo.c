/* memo: what every call to the same calendar works out again and again, remembered by the loop. */
#include "core/serve/memo.h"

#include <string.h>

void memo_release(struct memo *m)
{
    buf_release(&m->token_text);
    buf_release(&m->head_text);
}

/* Each entry is for one client: what one sees is never looked up for another. */
static void forget(struct memo *m, const struct conf *conf, uint64_t snapshot)
{
    for (unsigned i = 0; i < MEMO_CALENDARS; i++)
        m->calendar[i].id_n = 0;
    m->conf = conf;
    m->snapshot = snapshot;
}

const struct collection *memo_find(struct memo *m, const struct conf *conf,
                                   const struct conf_client *client, uint64_t snapshot,
                                   struct span id, enum access *ret_access)
{
    if (m->snapshot != snapshot || m->conf != conf) {
        forget(m, conf, snapshot);
        return NULL;
    }
    for (unsigned i = 0; i < MEMO_CALENDARS; i++) {
        const struct memo_calendar *c = &m->calendar[i];
        if (c->id_n && c->client == client && span_eq((struct span){c->id, c->id_n}, id)) {
            *ret_access = c->access;
            return &c->coll;
        }
    }
    return NULL;
}

void memo_keep(struct memo *m, const struct conf *conf, const struct conf_client *client,
               uint64_t snapshot, struct span id, const struct collection *coll, enum access access)
{
    if (m->snapshot != snapshot || m->conf != conf)
        forget(m, conf, snapshot);
    if (id.n == 0 || id.n > LIMIT_ID_BYTES)
        return;
    struct memo_calendar *c = &m->calendar[m->next++ % MEMO_CALENDARS];
    memcpy(c->id, id.p, id.n);
    c->id_n = id.n;
    c->coll = *coll;
    c->client = client;
    c->access = access;
}

void memo_write_token(struct memo *m, struct buf *out, const struct token_key *k,
                      const struct sync_token *t)
{
    if (m->token_text.failed || m->token_text.n == 0 || m->token.coll != t->coll ||
        m->token.seq != t->seq || m->token.query != t->query) {
        buf_reset(&m->token_text);
        sync_token_write(&m->token_text, k, t);
        m->token = *t;
    }
    if (m->token_text.failed)
        out->failed = true;
    buf_add_span(out, buf_span(&m->token_text));
}

struct buf *memo_head(struct memo *m, uint32_t coll, uint64_t snapshot)
{
    if (m->head_text.failed || m->head_coll != coll || m->head_snapshot != snapshot)
        buf_reset(&m->head_text);
    m->head_coll = coll;
    m->head_snapshot = snapshot;
    return &m->head_text;
}
