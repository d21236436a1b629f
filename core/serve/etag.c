/* etag: validators made of what an answer depends on, before any of it is read. */
#include "core/serve/etag.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/json.h"
#include "core/calendar/zone.h"
#include "storage/lineage.h"

void etag_add(struct etag *e, const void *p, size_t n)
{
    e->hash = XXH3_64bits_withSeed(p, n, e->hash);
}

void etag_add_number(struct etag *e, uint64_t number)
{
    etag_add(e, &number, sizeof number);
}

void etag_add_version(struct etag *e, const struct call *c, uint64_t seq)
{
    etag_add(e, lineage_at(store_lineage(c->store), seq), LINEAGE_NAME_CHARS);
    etag_add_number(e, seq);
}

struct etag etag_of_call(const struct call *c)
{
    struct etag e = {0};
    etag_add(&e, CALMIRROR_VERSION, sizeof CALMIRROR_VERSION);
    etag_add_number(&e, zone_edition());
    etag_add(&e, store_id(c->store), 32);
    etag_add(&e, c->path.p, c->path.n);
    etag_add(&e, c->query.p, c->query.n);
    etag_add_number(&e, access_view(&c->caller));
    return e;
}

void etag_set(struct call *c, const struct etag *e)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    char *p = c->answer.etag;
    uint64_t h = e->hash;
    *p++ = '"';
    *p++ = 'p';
    for (int i = 0; i < 13; i++, h >>= 5)
        *p++ = digits[h & 31];
    *p++ = '"';
    *p = '\0';
}

void etag_set_own(struct call *c, struct span resource)
{
    (void)json_string_copy(json_get(resource, "etag"), c->answer.own, sizeof c->answer.own);
}

void answer_from_collection(struct call *c, const struct collection *coll)
{
    c->answer.coll = c->answer.oldest = coll->no;
    c->answer.version = coll->version;
    c->answer.mirrored = true;
    c->answer.changed_ms = coll->changed_ms;
    c->answer.fresh_ms = coll->fresh_ms;
}

/* Weak comparison: a "W/" that an intermediary put before the tag does not matter. */
static bool list_names(const char *list, const char *etag)
{
    size_t n = strlen(etag);
    if (strcmp(list, etag) == 0)
        return true;
    for (const char *p = list; *p;) {
        p += strspn(p, " \t,");
        if (*p == '*')
            return true;
        if (strncmp(p, "W/", 2) == 0)
            p += 2;
        if (strncmp(p, etag, n) == 0 && strchr(" \t,", p[n]))
            return true;
        if (*p == '"') {
            const char *end = strchr(p + 1, '"');
            p = end ? end + 1 : p + strlen(p);
        } else {
            p += strcspn(p, ",");
        }
    }
    return false;
}

bool call_not_modified(struct call *c)
{
    const char *list = c->header(c->source, "If-None-Match");
    const struct answer *a = &c->answer;
    if (!list || !a->etag[0] ||
        !(list_names(list, a->etag) || (a->own[0] && list_names(list, a->own))))
        return false;
    c->answer.status = 304;
    buf_reset(&c->out);
    return true;
}
