/* reltime: dates of a seed that are relative to today. */
#include "tests/emulator/seed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/event.h"

/* "today", "+3d", "-10d", "mon", "fri+1w", "mon-12w": days since 1970. */
static bool resolve_day(const char *s, size_t n, int64_t today, int64_t *ret)
{
    static const char *const WEEKDAYS[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    char *text = xstrndup(s, n);
    int64_t number;
    char unit = 0;
    int used = 0;
    bool good = false;
    long long value;
    if (strcmp(text, "today") == 0) {
        *ret = today;
        good = true;
    } else if (sscanf(text, "%lld%c%n", &value, &unit, &used) == 2 && unit == 'd' &&
               text[used] == '\0' && (*text == '+' || *text == '-')) {
        number = value;
        *ret = today + number;
        good = true;
    }
    int64_t monday = today - ((today + 3) % 7 + 7) % 7;
    for (int i = 0; !good && i < 7; i++) {
        if (!starts_with(text, WEEKDAYS[i])) {
            continue;
        }
        value = 0;
        unit = 'w';
        good = text[3] == '\0' || (sscanf(text + 3, "%lld%c%n", &value, &unit, &used) == 2 &&
                                   unit == 'w' && text[3 + used] == '\0');
        *ret = monday + i + 7 * value;
    }
    free(text);
    return good;
}

static bool is_relative(const char *s)
{
    return *s == '+' || *s == '-' || (*s >= 'a' && *s <= 'z');
}

static bool resolve_member(struct json_object *when, const char *key, int64_t today)
{
    const char *s = json_str(when, key);
    char text[TIME_TEXT_MAX];
    int64_t days = 0;
    int h = 0, m = 0, used = 0;
    if (s == NULL || !is_relative(s)) {
        return true;
    }
    size_t n = strcspn(s, " ");
    if (!resolve_day(s, n, today, &days)) {
        return false;
    }
    date_write(text, days);
    if (strcmp(key, "date") == 0) {
        bool whole = s[n] == '\0';
        json_put_str(when, key, text);
        return whole;
    }
    if (sscanf(s + n, " %2d:%2d%n", &h, &m, &used) != 2 || s[n + (size_t)used] != '\0') {
        return false;
    }
    char *full = xprintf("%sT%02d:%02d:00", text, h, m);
    json_put_str(when, key, full);
    free(full);
    return true;
}

bool seed_resolve_times(struct json_object *event, const struct zone *zone, int64_t now_ms)
{
    static const char *const MEMBERS[] = {"start", "end", "originalStartTime"};
    int64_t local = now_ms / 1000 + zone_offset(zone, now_ms / 1000);
    int64_t today = local / 86400;
    for (size_t i = 0; i < sizeof(MEMBERS) / sizeof(*MEMBERS); i++) {
        struct json_object *when = json_get_object(event, MEMBERS[i]);
        if (when != NULL &&
            (!resolve_member(when, "date", today) || !resolve_member(when, "dateTime", today))) {
            return false;
        }
    }
    return true;
}
