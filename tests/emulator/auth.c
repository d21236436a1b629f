/* auth: access tokens, their scopes and their end. */
#include "tests/emulator/auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/emulator/emu.h"
#include "tests/emulator/reply.h"

struct access_token {
    char *token, *email, *client_id; /* client_id: NULL when no OAuth client asked for it */
    uint32_t scopes;
    int64_t expires_ms; /* by the emulated clock; 0: never */
};

static const struct {
    const char *name; /* after "https://www.googleapis.com/auth/" */
    uint32_t bit;
} SCOPES[] = {
    {"calendar", SCOPE_ALL},
    {"calendar.readonly", SCOPE_READ},
    {"calendar.events", SCOPE_EVENTS},
    {"calendar.events.readonly", SCOPE_EVENTS_READ},
    {"calendar.events.owned", SCOPE_EVENTS_OWNED},
    {"calendar.events.owned.readonly", SCOPE_EVENTS_OWNED_READ},
    {"calendar.events.public.readonly", SCOPE_EVENTS_PUBLIC_READ},
    {"calendar.events.freebusy", SCOPE_EVENTS_FREEBUSY},
    {"calendar.freebusy", SCOPE_FREEBUSY},
    {"calendar.calendarlist", SCOPE_LIST},
    {"calendar.calendarlist.readonly", SCOPE_LIST_READ},
    {"calendar.calendars", SCOPE_CALENDARS},
    {"calendar.calendars.readonly", SCOPE_CALENDARS_READ},
    {"calendar.acls", SCOPE_ACLS},
    {"calendar.acls.readonly", SCOPE_ACLS_READ},
    {"calendar.settings.readonly", SCOPE_SETTINGS_READ},
    {"calendar.app.created", SCOPE_APP},
};

uint32_t scopes_parse(const char *text, bool *ret_unknown)
{
    static const char PREFIX[] = "https://www.googleapis.com/auth/";
    uint32_t found = 0;
    *ret_unknown = false;
    for (const char *s = text + strspn(text, " "); *s; s += strspn(s, " ")) {
        size_t n = strcspn(s, " ");
        uint32_t bit = 0;
        char *one = xstrndup(s, n);
        const char *name = starts_with(one, PREFIX) ? one + strlen(PREFIX) : "";
        for (size_t i = 0; i < sizeof(SCOPES) / sizeof(*SCOPES); i++) {
            bit |= strcmp(SCOPES[i].name, name) == 0 ? SCOPES[i].bit : 0;
        }
        *ret_unknown = *ret_unknown || bit == 0;
        found |= bit;
        free(one);
        s += n;
    }
    return found;
}

void auth_init(struct auth *a)
{
    *a = (struct auth){.token_life_s = 3599};
}

static void token_free(struct access_token *t)
{
    free(t->token);
    free(t->email);
    free(t->client_id);
    free(t);
}

static void grant_free(struct grant *g)
{
    free(g->secret);
    free(g->email);
    free(g->client_id);
    free(g->challenge);
    free(g->redirect_uri);
    free(g->scope);
    free(g);
}

void auth_release(struct auth *a)
{
    for (size_t i = 0; i < a->tokens.cap; i++) {
        if (a->tokens.slots[i].value != NULL) {
            token_free(a->tokens.slots[i].value);
        }
    }
    for (size_t i = 0; i < a->grants.cap; i++) {
        if (a->grants.slots[i].value != NULL) {
            grant_free(a->grants.slots[i].value);
        }
    }
    for (size_t i = 0; i < a->accounts.cap; i++) {
        struct service_account *sa = a->accounts.slots[i].value;
        if (sa != NULL) {
            free(sa->email);
            free(sa->public_key);
            free(sa);
        }
    }
    for (size_t i = 0; i < a->clients.cap; i++) {
        char *secret = a->clients.slots[i].value;
        if (secret != NULL) {
            free((char *)a->clients.slots[i].key);
            free(secret);
        }
    }
    free(a->withheld);
    map_free(&a->tokens);
    map_free(&a->grants);
    map_free(&a->accounts);
    map_free(&a->clients);
}

void auth_add_token(struct auth *a, struct world *w, const char *token, const char *email,
                    uint32_t scopes, int64_t life_s)
{
    struct access_token *t = map_get(&a->tokens, token);
    if (t == NULL) {
        t = xalloc(sizeof(*t));
        t->token = xstrdup(token);
        map_put(&a->tokens, t->token, t);
    }
    xreplace(&t->email, xstrdup(email));
    t->scopes = scopes;
    t->expires_ms = life_s ? world_now_ms(w) + life_s * 1000 : 0;
}

struct grant *auth_add_grant(struct auth *a, const char *secret, const char *email,
                             const char *client_id, uint32_t scopes)
{
    struct grant *g = map_get(&a->grants, secret);
    if (g == NULL) {
        g = xalloc(sizeof(*g));
        g->secret = xstrdup(secret);
        map_put(&a->grants, g->secret, g);
    }
    xreplace(&g->email, xstrdup(email));
    xreplace(&g->client_id, xstrdup(client_id));
    g->scopes = scopes;
    return g;
}

void auth_add_account(struct auth *a, struct service_account *sa)
{
    map_put(&a->accounts, sa->email, sa);
}

void auth_add_client(struct auth *a, const char *id, const char *secret)
{
    if (map_get(&a->clients, id) == NULL) {
        map_put(&a->clients, xstrdup(id), xstrdup(secret));
    }
}

void auth_set_client(struct auth *a, const char *token, const char *client_id)
{
    struct access_token *t = map_get(&a->tokens, token);
    xreplace(&t->client_id, xstrdup(client_id));
}

static bool same_or_any(const char *wanted, const char *is)
{
    return wanted == NULL || (is != NULL && strcmp(wanted, is) == 0);
}

int auth_revoke(struct auth *a, const char *email, const char *client_id, bool grants)
{
    int n = 0;
    for (size_t i = 0; i < a->tokens.cap; i++) {
        struct access_token *t = a->tokens.slots[i].value;
        if (t != NULL && same_or_any(email, t->email) && same_or_any(client_id, t->client_id)) {
            map_del(&a->tokens, t->token);
            token_free(t);
            n++;
        }
    }
    for (size_t i = 0; grants && i < a->grants.cap; i++) {
        struct grant *g = a->grants.slots[i].value;
        if (g != NULL && same_or_any(email, g->email) && same_or_any(client_id, g->client_id)) {
            g->revoked = true;
            n++;
        }
    }
    return n;
}

static const char *bearer(struct req *r)
{
    const char *header = req_header(r, "Authorization");
    if (header != NULL && strncasecmp(header, "Bearer ", 7) == 0) {
        return header + 7 + strspn(header + 7, " ");
    }
    const char *param = req_param(r, "access_token");
    return param ? param : req_param(r, "oauth_token");
}

const char *auth_peek(struct req *r)
{
    const char *token = bearer(r);
    const struct access_token *t = token ? map_get(&r->emu->auth.tokens, token) : NULL;
    return t ? t->email : NULL;
}

bool auth_check(struct req *r)
{
    const char *token = bearer(r);
    if (token == NULL) {
        reply_login_required(r);
        return false;
    }
    const struct access_token *t = map_get(&r->emu->auth.tokens, token);
    bool live = t != NULL && (t->expires_ms == 0 || world_now_ms(&r->emu->world) < t->expires_ms);
    r->user = live ? world_user(&r->emu->world, t->email) : NULL;
    if (r->user == NULL) {
        reply_bad_credentials(r);
        return false;
    }
    r->scopes = t->scopes;
    return true;
}
