/* zone_history: the changes of a zone's clock one by one, for those who write them down. */
#include "core/calendar/zone_history.h"

#include "core/base/floor.h"
#include "core/base/rfc3339.h"
#include "core/calendar/tzif.h"

size_t zone_change_at(const struct zone *z, int64_t utc_s)
{
    size_t lo = 0, n = z->n;

    if (utc_s >= z->cycle_hi)
        utc_s -= (utc_s - z->cycle_lo) / TZIF_CYCLE_S * TZIF_CYCLE_S;
    while (n > 1) {
        size_t half = n / 2;
        if (z->at[lo + half] <= utc_s)
            lo += half;
        n -= half;
    }
    return lo;
}

static bool is_dst(const struct zone *z, size_t i)
{
    return z->type[i] < z->n_types && z->types[z->type[i]].dst;
}

bool zone_change_get(const struct zone *z, size_t i, struct zone_change *ret)
{
    if (i >= z->n)
        return false;
    *ret = (struct zone_change){
        .at = z->at[i],
        .from_s = z->offset[i > 0 ? i - 1 : 0],
        .to_s = z->offset[i],
        .abbr = z->type[i] < z->n_types ? z->types[z->type[i]].abbr : "",
    };
    /* Where winter is what the law calls special (Ireland, Morocco), summer still is the later
     * clock. */
    ret->summer = ret->to_s > ret->from_s && (is_dst(z, i) || is_dst(z, i - 1));
    return true;
}

/* Is the change one of the rule's two? Its year may be another one in UTC. */
static bool follows(const struct zone *z, const struct posixtz *rule, size_t i)
{
    int year, month, day;

    civil_from_days(floor_div(z->at[i], 86400), &year, &month, &day);
    for (int y = year - 1; y <= year + 1; y++) {
        if (z->at[i] == posixtz_dst_start(rule, y) && z->offset[i] == rule->dst_s)
            return z->offset[i - 1] == rule->std_s;
        if (z->at[i] == posixtz_dst_end(rule, y) && z->offset[i] == rule->std_s)
            return z->offset[i - 1] == rule->dst_s;
    }
    return false;
}

const struct posixtz *zone_yearly_rule(const struct zone *z, size_t *ret_first)
{
    size_t first = z->n;

    if (!z->rule.yearly)
        return NULL;
    /* A change may be skipped where the two fall together, so the distance is looked at too. */
    while (first > 1 && follows(z, &z->rule, first - 1) &&
           (first == z->n || z->at[first] - z->at[first - 1] < 366 * INT64_C(86400)))
        first--;
    *ret_first = first;
    return first < z->n ? &z->rule : NULL;
}
