/* palette: the colours of calendars and events. */
#include "tests/emulator/palette.h"

#include <stdlib.h>
#include <string.h>

#include "tests/emulator/json.h"

#define FOREGROUND "#1d1d1d"
#define DEFAULT_ID "14"

static const char *const CALENDAR[] = {
    "#ac725e", "#d06b64", "#f83a22", "#fa573c", "#ff7537", "#ffad46", "#42d692", "#16a765",
    "#7bd148", "#b3dc6c", "#fbe983", "#fad165", "#92e1c0", "#9fe1e7", "#9fc6e7", "#4986e7",
    "#9a9cff", "#b99aff", "#c2c2c2", "#cabdbf", "#cca6ac", "#f691b2", "#cd74e6", "#a47ae2"};
static const char *const EVENT[] = {"#a4bdfc", "#7ae7bf", "#dbadff", "#ff887c",
                                    "#fbd75b", "#ffb878", "#46d6db", "#e1e1e1",
                                    "#5484ed", "#51b749", "#dc2127"};

static struct json_object *table(const char *const *colors, size_t n)
{
    struct json_object *o = json_object_new_object();
    for (size_t i = 0; i < n; i++) {
        struct json_object *pair = json_object_new_object();
        char *id = xprintf("%zu", i + 1);
        json_put_str(pair, "background", colors[i]);
        json_put_str(pair, "foreground", FOREGROUND);
        json_put(o, id, pair);
        free(id);
    }
    return o;
}

struct json_object *palette_describe(void)
{
    struct json_object *o = json_object_new_object();
    json_put_str(o, "kind", "calendar#colors");
    json_put_str(o, "updated", "2012-02-14T00:00:00.000Z");
    json_put(o, "calendar", table(CALENDAR, sizeof(CALENDAR) / sizeof(*CALENDAR)));
    json_put(o, "event", table(EVENT, sizeof(EVENT) / sizeof(*EVENT)));
    return o;
}

void palette_fill(struct json_object *entry)
{
    if (!json_has(entry, "colorId")) {
        json_put_str(entry, "colorId", DEFAULT_ID);
    }
    int64_t n = json_int(entry, "colorId", 14);
    bool known = n >= 1 && n <= (int64_t)(sizeof(CALENDAR) / sizeof(*CALENDAR));
    if (!json_has(entry, "backgroundColor")) {
        json_put_str(entry, "backgroundColor", CALENDAR[known ? n - 1 : 13]);
    }
    if (!json_has(entry, "foregroundColor")) {
        json_put_str(entry, "foregroundColor", "#000000");
    }
}
