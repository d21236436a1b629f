/* params: query parameters as numbers, booleans and times. */
#include "tests/emulator/params.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/reply.h"

bool param_bool(struct req *r, const char *name, bool *ret)
{
    const char *v = req_param(r, name);
    if (v == NULL) {
        return true;
    }
    if (strcmp(v, "true") != 0 && strcmp(v, "false") != 0) {
        reply_bad_param(r, name, v, "match the following regular expression: 'true|false'");
        return false;
    }
    *ret = *v == 't';
    return true;
}

bool param_count(struct req *r, const char *name, int64_t *ret)
{
    const char *v = req_param(r, name);
    if (v == NULL) {
        return true;
    }
    char *end;
    errno = 0;
    long long n = strtoll(v, &end, 10);
    if (*v == '\0' || *end != '\0' || errno != 0 || n < 1 || n > INT32_MAX) {
        reply_bad_param(r, name, v, "be within the range: [1, 2147483647]");
        return false;
    }
    *ret = n;
    return true;
}

bool param_time(struct req *r, const char *name, int64_t *ret_ms)
{
    const char *v = req_param(r, name);
    if (v == NULL) {
        return true;
    }
    int64_t ms;
    if (!time_parse(v, &ms, NULL)) {
        reply_error(r, &BAD_REQUEST);
        return false;
    }
    *ret_ms = ms;
    return true;
}

bool param_zone(struct req *r, const char *name, const struct zone **ret)
{
    const char *v = req_param(r, name);
    if (v == NULL) {
        return true;
    }
    const struct zone *z = zone_get(v);
    if (z == NULL) {
        reply_bad(r, "invalid", "Invalid time zone definition.");
        return false;
    }
    *ret = z;
    return true;
}

uint32_t params_hash(const struct req *r)
{
    static const char *const FREE[] = {"pageToken",   "maxResults",  "fields", "prettyPrint",
                                       "key",         "alt",         "userIp", "quotaUser",
                                       "oauth_token", "access_token"};
    uint32_t sum = 0;
    for (size_t i = 0; i < r->n_params; i++) {
        bool counts = r->params[i].name[0] != '$';
        for (size_t k = 0; k < sizeof(FREE) / sizeof(*FREE); k++) {
            counts = counts && strcmp(FREE[k], r->params[i].name) != 0;
        }
        if (counts) {
            char *pair = xprintf("%s=%s", r->params[i].name, r->params[i].value);
            sum += hash32(pair);
            free(pair);
        }
    }
    return sum;
}
