/* access: who asks, by the token of a request, and what of the mirror that may be shown to it.
 *
 * DESIGN. A token is 256 random bits, so its plain SHA-256 can be kept without being guessed from;
 * what is compared are hashes. It comes in one of four places, of which the first that is used
 * decides: the address of a feed ("/calendar/ical/ID/private-TOKEN/basic.ics", whose path is made
 * that of the public one), Authorization, then access_token= and oauth_token=, then X-Goog-Api-Key
 * and key= (which clients send beside the others, as the name of their project). Path and query are
 * cut before anything else looks at them, so that no token gets into a page token, a validator, a
 * key of the cache or an error. */
#include "core/serve/access.h"

#include <string.h>
#include <strings.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/must.h"
#include "core/base/secret.h"
#include "core/base/text.h"
#include "core/push/may.h"
#include "core/serve/fault.h"
#include "core/serve/request.h"
#include "core/serve/routes.h"
#include "core/serve/server.h"
#include "storage/accounts.h"

enum place { PLACE_PATH, PLACE_HEADER, PLACE_QUERY, PLACE_KEY, PLACE_NONE };

static const struct {
    const char *name;
    enum place place;
} query_names[] = {
    {"access_token", PLACE_QUERY},
    {"oauth_token", PLACE_QUERY},
    {"key", PLACE_KEY},
};

/* The token found so far. */
struct found {
    enum place place;
    bool twice; /* in that place were two that differ */
    bool moot;  /* nobody is asked for one: all that matters is that it leaves the query */
    char hash[BEARER_HASH_SIZE];
};

static void take(struct found *f, enum place place, struct span token)
{
    char hash[BEARER_HASH_SIZE];
    if (f->moot || place > f->place || token.n == 0)
        return;
    bearer_hash(token, hash);
    f->twice = place == f->place && (f->twice || strcmp(hash, f->hash) != 0);
    f->place = place;
    memcpy(f->hash, hash, sizeof hash);
}

/* "Bearer TOKEN", or "OAuth TOKEN" as older clients write it. Other schemes are a proxy's affair.
 */
static void take_authorization(struct found *f, const char *value)
{
    static const char *const schemes[] = {"Bearer ", "OAuth "};
    for (size_t i = 0; value && i < sizeof schemes / sizeof *schemes; i++) {
        size_t n = strlen(schemes[i]);
        if (strncasecmp(value, schemes[i], n) != 0)
            continue;
        struct span token = span_of(value + n);
        while (token.n > 0 && token.p[0] == ' ')
            token = (struct span){token.p + 1, token.n - 1};
        while (token.n > 0 && token.p[token.n - 1] == ' ')
            token.n--;
        take(f, PLACE_HEADER, token);
    }
}

/* Is this piece of a query a token? Names may be percent-encoded, whoever does so. */
static enum place place_of(struct span name)
{
    char raw[16];
    struct buf decoded = {.cap = 64};
    enum place place = PLACE_NONE;
    if (name.n == 0 || name.n > 3 * sizeof raw || !strchr("ako%", name.p[0]))
        return PLACE_NONE;
    if (memchr(name.p, '%', name.n)) {
        (void)text_percent_decode(&decoded, name, true); /* if it cannot be read, it is no name */
        must_hold(&decoded);
        name = buf_span(&decoded);
    }
    for (size_t i = 0; i < sizeof query_names / sizeof *query_names; i++)
        if (span_is(name, query_names[i].name))
            place = query_names[i].place;
    buf_release(&decoded);
    return place;
}

static void take_value(struct found *f, enum place place, struct span value)
{
    struct buf token = {0};
    (void)buf_reserve(&token, value.n + 1);
    must_hold(&token);
    if (value.n > 0 && text_percent_decode(&token, value, true))
        take(f, place, buf_span(&token));
    secret_wipe_buf(&token);
}

static enum place place_of_piece(struct span piece, struct span *ret_value)
{
    const char *eq = piece.n > 0 ? memchr(piece.p, '=', piece.n) : NULL;
    size_t n = eq ? (size_t)(eq - piece.p) : piece.n;
    *ret_value = eq ? (struct span){eq + 1, piece.n - n - 1} : (struct span){0};
    return place_of((struct span){piece.p, n});
}

/* Takes the tokens out of the query; most have none. */
static void cut_query(struct call *c, struct found *f)
{
    struct span value;
    bool any = false;
    for (struct span rest = c->query; rest.n > 0 && !any;)
        any = place_of_piece(query_next(&rest), &value) != PLACE_NONE;
    if (!any)
        return;
    buf_reset(&c->cut_query);
    for (struct span rest = c->query; rest.n > 0;) {
        struct span piece = query_next(&rest);
        enum place place = place_of_piece(piece, &value);
        if (place != PLACE_NONE) {
            take_value(f, place, value);
            continue;
        }
        if (c->cut_query.n > 0)
            buf_add_char(&c->cut_query, '&');
        buf_add_span(&c->cut_query, piece);
    }
    must_hold(&c->cut_query);
    c->query = buf_span(&c->cut_query);
}

#define FEEDS   "/calendar/ical/"
#define PRIVATE "/private-"
#define PUBLIC  "/public"

/* Takes the token out of the address of a feed. */
static void cut_path(struct call *c, struct found *f)
{
    struct span path = c->path;
    if (path.n < strlen(FEEDS) || memcmp(path.p, FEEDS, strlen(FEEDS)) != 0)
        return;
    const char *id = path.p + strlen(FEEDS), *end = path.p + path.n;
    const char *at = memchr(id, '/', (size_t)(end - id));
    if (!at || (size_t)(end - at) < strlen(PRIVATE) || memcmp(at, PRIVATE, strlen(PRIVATE)) != 0)
        return;
    const char *token = at + strlen(PRIVATE);
    const char *rest = memchr(token, '/', (size_t)(end - token));
    if (!rest)
        rest = end;
    take_value(f, PLACE_PATH, (struct span){token, (size_t)(rest - token)});
    buf_reset(&c->cut_path);
    buf_add(&c->cut_path, path.p, (size_t)(at - path.p));
    buf_add_text(&c->cut_path, PUBLIC);
    buf_add(&c->cut_path, rest, (size_t)(end - rest));
    must_hold(&c->cut_path);
    c->path = buf_span(&c->cut_path);
}

/* Without clients everybody may ask; but for other machines, to which a reload may have left it
 * open. */
static bool is_open(const struct serve *s)
{
    return s->conf->n_clients == 0 && !s->exposed;
}

/* Whose is the token? The hash is kept, so that the question can be asked again. */
static void look_up(const struct serve *s, struct caller *who, int64_t now_ms)
{
    struct span hash = span_of(who->hash);
    const struct conf *conf = s->conf;
    who->client = hash.n > 0 ? conf_client_of_token(conf, hash, now_ms) : NULL;
    who->trusted = text_equal_secret(span_of(s->operator_hash), hash) && hash.n > 0;
    who->failed = hash.n > 0 && !who->client && !who->trusted;
    if (is_open(s))
        *who = (struct caller){.trusted = true};
}

bool access_identify(struct call *c)
{
    struct found f = {.place = PLACE_NONE, .moot = is_open(c->serve)};
    cut_path(c, &f);
    cut_query(c, &f);
    if (!f.moot) {
        const char *key = c->header(c->source, "X-Goog-Api-Key");
        take_authorization(&f, c->header(c->source, "Authorization"));
        take(&f, PLACE_KEY, key ? span_of(key) : (struct span){0});
    }
    c->caller = (struct caller){0};
    if (!f.twice)
        memcpy(c->caller.hash, f.hash, sizeof f.hash);
    look_up(c->serve, &c->caller, c->now_ms);
    c->caller.failed |= f.twice;
    return f.place != PLACE_NONE;
}

bool access_identify_by(struct call *c, struct span token)
{
    c->caller = (struct caller){0};
    if (token.n > 0)
        bearer_hash(token, c->caller.hash);
    look_up(c->serve, &c->caller, c->now_ms);
    return c->caller.client || c->caller.trusted;
}

bool access_renew(const struct serve *s, struct caller *who, int64_t now_ms)
{
    look_up(s, who, now_ms);
    return who->client || who->trusted;
}

bool access_pass(struct call *c)
{
    const struct caller *who = &c->caller;
    if (c->route->door == DOOR_OPEN)
        return true;
    if (who->client || who->trusted)
        return c->route->door == DOOR_CLIENT || access_is_operator(who) ||
               call_fail(c, FAULT_FORBIDDEN, NULL, "This is for the operator of the service.");
    return call_fail(c, who->failed ? FAULT_BAD_TOKEN : FAULT_NO_TOKEN, "Authorization", NULL);
}

bool access_is_operator(const struct caller *who)
{
    return who->trusted || (who->client && who->client->admin);
}

bool access_has_account(const struct caller *who, const char *account)
{
    return who->trusted || (who->client && conf_client_has_account(who->client, account));
}

enum access access_to(const struct caller *who, struct txn *t, uint32_t account,
                      const char *calendar)
{
    struct account a;
    const struct conf_client *client = who->client;
    if (who->trusted)
        return ACCESS_ALL;
    if (!client || account_get(t, account, &a) != RC_OK || !conf_client_has_account(client, a.name))
        return ACCESS_NONE;
    bool primary = conf_client_names_primary(client) && may_is_primary(t, account, calendar);
    if (!conf_client_sees(client, calendar, primary))
        return ACCESS_NONE;
    return conf_client_sees_only_busy(client, calendar, primary) ? ACCESS_FREEBUSY : ACCESS_ALL;
}

enum access access_to_coll(const struct caller *who, struct txn *t, const struct collection *coll)
{
    struct account a;
    if (coll->kind == COLL_EVENTS || coll->kind == COLL_ACL)
        return access_to(who, t, coll->account, coll->calendar);
    bool may = who->trusted ||
               (account_get(t, coll->account, &a) == RC_OK && access_has_account(who, a.name));
    return may ? ACCESS_ALL : ACCESS_NONE;
}

uint64_t access_number(const struct caller *who)
{
    const char *name = who->client ? who->client->name : NULL;
    return name ? XXH3_64bits(name, strlen(name)) : who->trusted;
}

uint64_t access_view(const struct caller *who)
{
    const struct conf_client *client = who->client;
    uint64_t hash = who->trusted;
    if (!client)
        return hash;
    const struct conf_list *lists[] = {&client->accounts, &client->calendars,
                                       &client->freebusy_only};
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
        for (size_t i = 0; i <= lists[k]->n; i++) {
            const char *text = i < lists[k]->n ? lists[k]->v[i] : "";
            hash = XXH3_64bits_withSeed(text, strlen(text) + 1, hash + k + 2);
        }
    return hash;
}
