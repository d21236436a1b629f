/* may: looks a channel's client up in the configuration of now. */
#include "core/push/may.h"

#include <string.h>

#include "core/base/json.h"
#include "core/conf/client.h"
#include "storage/accounts.h"
#include "storage/items.h"

static const struct conf_client *find(const struct conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->n_clients; i++)
        if (strcmp(conf->clients[i].name, name) == 0)
            return &conf->clients[i];
    return NULL;
}

bool may_is_primary(struct txn *t, const char *account, const char *calendar)
{
    struct collection roster;
    struct account a;
    struct item item;

    return account_find(t, account, &a) == RC_OK &&
           coll_find(t, a.no, COLL_ROSTER, span_of(""), &roster) == RC_OK &&
           item_get(t, roster.no, span_of(calendar), &item) == RC_OK &&
           json_is_true(json_get(item.raw, "primary"));
}

bool may_be_told(const struct conf *conf, struct txn *mirror, const struct push_channel *channel,
                 int64_t now_ms)
{
    const struct conf_client *client = find(conf, channel->client);

    if (channel->client[0] == '\0')
        return true;
    if (!client || (client->expires_ms && now_ms >= client->expires_ms) ||
        !conf_client_has_account(client, channel->account))
        return false;
    if (channel->calendar[0] == '\0')
        return true;
    return conf_client_sees(client, channel->calendar,
                            conf_client_names_primary(client) &&
                                may_is_primary(mirror, channel->account, channel->calendar));
}
