/* may: looks a channel's client up in the configuration of now. */
#include "core/push/may.h"

#include "core/base/json.h"
#include "core/conf/client.h"
#include "storage/accounts.h"
#include "storage/items.h"

enum rc may_find_primary(struct txn *t, uint32_t account, const char *calendar, bool *ret_primary)
{
    struct span entry;
    enum rc rc = item_of_calendar(t, account, span_of(calendar), &entry);

    if (rc == RC_OK)
        *ret_primary = json_is_true(json_get(entry, "primary"));
    return rc;
}

bool may_is_primary(struct txn *t, uint32_t account, const char *calendar)
{
    bool primary;

    return may_find_primary(t, account, calendar, &primary) == RC_OK && primary;
}

bool may_be_told(const struct conf *conf, struct txn *mirror, const struct push_channel *channel,
                 int64_t now_ms)
{
    const struct conf_client *client = conf_client_find(conf, channel->client);
    struct account a;

    if (channel->client[0] == '\0')
        return true;
    if (!client || conf_client_has_expired(client, now_ms) ||
        !conf_client_has_account(client, channel->account))
        return false;
    if (channel->calendar[0] == '\0')
        return true;
    return conf_client_sees(client, channel->calendar,
                            conf_client_names_primary(client) &&
                                account_find(mirror, channel->account, &a) == RC_OK &&
                                may_is_primary(mirror, a.no, channel->calendar));
}
