/* answer: the table from (status, reason) to what we do next. Sources: Google's guides on errors,
 * sync and push; captures in public issues. */
#include "core/google/answer.h"

#include <string.h>

#include "core/base/json.h"
#include "core/google/words.h"

#define WATCH_URL "webhook.public_url is not a URL Google accepts"
#define TOO_FAST  "too many requests"
#define NO_SCOPE  COLL_NO_SCOPE ": grant it to the account"
#define NO_API    "the Calendar API is not enabled in this Google Cloud project: enable it there"
#define NO_USER   "this account has no Google Calendar"

/* Rows by reason hold for any 4xx, since Google moves them between 400, 401, 403 and 429. */
static const struct meaning {
    const char *reason;
    enum rc rc;
    const char *sentence;
} meanings[] = {
    {"rateLimitExceeded", RC_AGAIN, TOO_FAST},
    {"userRateLimitExceeded", RC_AGAIN, TOO_FAST},
    {"RATE_LIMIT_EXCEEDED", RC_AGAIN, TOO_FAST},
    {"quotaExceeded", RC_AGAIN, "Google's usage limit is reached"},
    {"dailyLimitExceeded", RC_AGAIN, "the project's daily limit is reached"},
    {"dailyLimitExceededUnreg", RC_AGAIN, "the project's daily limit is reached"},
    {"variableTermLimitExceeded", RC_AGAIN, "the project's limit is reached"},
    {"backendError", RC_AGAIN, "trouble at Google"},
    {"internalError", RC_AGAIN, "trouble at Google"},
    {"accessNotConfigured", RC_AUTH, NO_API},
    {"SERVICE_DISABLED", RC_AUTH, NO_API},
    {"insufficientPermissions", RC_AUTH, NO_SCOPE},
    {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", RC_AUTH, NO_SCOPE},
    {"notACalendarUser", RC_AUTH, NO_USER},
    {"authError", RC_AUTH, "Google refuses the access token"},
    {"forbidden", RC_NOTFOUND, "no access"},
    {"requiredAccessLevel", RC_NOTFOUND, "no access"},
    /* A fresh id will do. */
    {"channelIdNotUnique", RC_AGAIN, "channel id was used before"},
    {"push.channelIdNotUnique", RC_AGAIN, "channel id was used before"},
    {"pushNotSupportedForRequestedResource", RC_INVALID, "Google sends no pings for this"},
    {"pushInvalidTtl", RC_INVALID, "Google refuses the channel's lifetime"},
    {"push.webhookUrlNotHttps", RC_INVALID, "webhook.public_url must be https"},
    {"push.webhookUrlNoHostOrAddress", RC_INVALID, WATCH_URL},
    {"push.webhookUrlUnauthorized", RC_INVALID, WATCH_URL},
};

struct fault {
    long status;
    bool google;                    /* the body is an error in Google's form */
    char reason[ANSWER_REASON_MAX]; /* errors[0].reason */
    char detail[ANSWER_REASON_MAX]; /* the first details[].reason, of the front end's form */
    char message[160];
};

/* The first member `name` among the objects of an array. */
static struct span first_of(struct span array, const char *name)
{
    struct json_iter it = json_iter(array);
    struct span item, value = {0};

    while (value.n == 0 && json_next(&it, NULL, &item))
        value = json_get(item, name);
    return value;
}

static void read_fault(struct span body, struct fault *f)
{
    struct span error = {0}, errors;

    if (body.n > 0 && !json_check(body, NULL))
        error = json_get(body, "error");
    if (json_type_of(error) == JSON_STRING) { /* the token endpoint's form */
        f->google = true;
        words_copy(error, f->reason, sizeof(f->reason));
    }
    if (json_type_of(error) != JSON_OBJECT)
        return;
    f->google = true;
    errors = json_get(error, "errors");
    words_copy(first_of(errors, "reason"), f->reason, sizeof(f->reason));
    words_copy(first_of(json_get(error, "details"), "reason"), f->detail, sizeof(f->detail));
    words_copy(json_get(error, "message"), f->message, sizeof(f->message));
}

static const struct meaning *find_meaning(const char *reason)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (strcmp(meanings[i].reason, reason) == 0)
            return &meanings[i];
    return NULL;
}

/* By status alone, where no reason has a meaning of its own. */
static enum rc map_status(const struct fault *f, const struct answer_to *to)
{
    bool list = to->call == ANSWER_LIST;

    switch (f->status) {
    case 401:
        return RC_AUTH;
    case 404:
        return f->google || to->call == ANSWER_STOP ? RC_NOTFOUND : RC_AGAIN;
    case 410: /* for a list authoritative without any body (seen in the wild) */
        return list ? RC_STALE : RC_NOTFOUND;
    case 403: /* an unknown refusal is not taken for "gone" */
    case 408:
    case 412: /* seen on plain reads, passing (seen in the wild) */
    case 425:
    case 429:
        return RC_AGAIN;
    case 400:
        /* Nothing but the token is not the same in every list of ours, and what Google says of one
         * that was mangled or minted elsewhere is not always a word about tokens. */
        return !f->google ? RC_AGAIN : list && to->token ? RC_STALE : RC_INVALID;
    default:
        return f->status >= 400 && f->status < 500 && f->google ? RC_INVALID : RC_AGAIN;
    }
}

enum rc answer_read(long status, struct span body, const struct answer_to *to,
                    char reason[ANSWER_REASON_MAX], struct err *e)
{
    struct fault f = {.status = status};
    const struct meaning *m = NULL;
    const char *said;
    enum rc rc;

    reason[0] = '\0';
    if (status >= 200 && status < 300)
        return RC_OK;
    read_fault(body, &f);
    memcpy(reason, f.reason, sizeof(f.reason));
    if (status >= 400 && status < 500 && status != 410) {
        m = find_meaning(f.reason);
        m = m ? m : find_meaning(f.detail);
    }
    rc = m ? m->rc : map_status(&f, to);
    /* Access rules and settings need scopes of their own: without them an account has none, and is
     * otherwise fine. */
    if ((to->kind == COLL_ACL || to->kind == COLL_SETTINGS) && m &&
        strcmp(m->sentence, NO_SCOPE) == 0)
        rc = RC_NOTFOUND;
    said = m              ? m->sentence
           : f.message[0] ? f.message
           : f.google     ? "no message"
                          : "not Google's words";
    return err_set(e, rc, "%ld%s%s: %s", status, f.reason[0] ? " " : "", f.reason, said);
}

enum account_state answer_blame(struct span body)
{
    struct fault f = {0};
    const struct meaning *m;

    read_fault(body, &f);
    m = find_meaning(f.reason);
    m = m ? m : find_meaning(f.detail);
    if (m && strcmp(m->sentence, NO_SCOPE) == 0)
        return ACCOUNT_SCOPE_MISSING;
    if (m && strcmp(m->sentence, NO_API) == 0)
        return ACCOUNT_API_DISABLED;
    return m && strcmp(m->sentence, NO_USER) == 0 ? ACCOUNT_NO_ACCESS : ACCOUNT_NEEDS_LOGIN;
}

enum rc answer_read_disguised(struct span body, const struct answer_to *to,
                              char reason[ANSWER_REASON_MAX], struct err *e)
{
    int64_t code;

    if (!json_int64(json_path(body, "error", "code", NULL), &code) || code < 400 || code > 599)
        code = 500;
    return err_prefix(e, answer_read((long)code, body, to, reason, e), "200 with an error in it");
}
