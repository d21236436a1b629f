/* client: whose a token is, and what the patterns of a client let it see. */
#include "core/conf/client.h"

#include <string.h>

#include "core/base/text.h"

/* All hashes are compared, and each in constant time: the time taken tells nothing of them. */
const struct conf_client *conf_client_of_token(const struct conf *c, struct span hash,
                                               int64_t now_ms)
{
    const struct conf_client *found = NULL;
    for (size_t i = 0; i < c->n_clients; i++) {
        const struct conf_client *client = &c->clients[i];
        for (size_t k = 0; k < client->tokens.n; k++)
            if (text_equal_secret(span_of(client->tokens.v[k]), hash))
                found = client;
    }
    return found && !conf_client_has_expired(found, now_ms) ? found : NULL;
}

const struct conf_client *conf_client_find(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_clients; i++)
        if (strcmp(c->clients[i].name, name) == 0)
            return &c->clients[i];
    return NULL;
}

bool conf_client_has_expired(const struct conf_client *client, int64_t now_ms)
{
    return client->expires_ms && now_ms >= client->expires_ms;
}

bool conf_client_has_account(const struct conf_client *client, const char *account)
{
    for (size_t i = 0; i < client->accounts.n; i++)
        if (strcmp(client->accounts.v[i], account) == 0)
            return true;
    return client->accounts.n == 0;
}

bool conf_client_sees(const struct conf_client *client, const char *calendar, bool primary)
{
    return client->calendars.n == 0 || conf_list_matches(&client->calendars, calendar, primary);
}

bool conf_client_sees_only_busy(const struct conf_client *client, const char *calendar,
                                bool primary)
{
    return conf_list_matches(&client->freebusy_only, calendar, primary);
}

bool conf_client_names_primary(const struct conf_client *client)
{
    const struct conf_list *lists[] = {&client->calendars, &client->freebusy_only};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < lists[k]->n; i++)
            if (strcmp(lists[k]->v[i], "primary") == 0)
                return true;
    return false;
}
