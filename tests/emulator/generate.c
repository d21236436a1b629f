/* generate: a large calendar, the same for the same random seed, with texts of realistic length. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/event.h"
#include "tests/emulator/seed.h"

#define FIRST_DAY 19358 /* 2023-01-01; the events spread over ten years from here */
#define SPAN_DAYS 3652
#define ZONE_NAME "America/New_York"

static const char *const TITLES[] = {
    "Weekly sync",     "Design review", "Sprint planning",  "1:1 Anna / Bernd", "Zahnarzt",
    "Déjeuner équipe", "Customer call", "会議：四半期",     "Budget – Q3",      "Interview",
    "Team lunch 🍜",    "Deep work",     "On-call handover", "Product demo",     "Retro"};
static const char *const PLACES[] = {"Room 4.12", "Berlin, Alexanderplatz 1", "Meet",
                                     "Café Einstein", "東京都千代田区"};
static const char FILLER[] =
    "Agenda: status of open points, decisions needed, next steps. Please read the notes "
    "beforehand and add your topics to the shared document until the evening before. Dial-in is "
    "in the invitation; if it fails, call the front desk. Minutes are taken in turns. ";

static const char *pick(struct rng *r, const char *const *list, size_t n)
{
    return list[rng_below(r, (uint32_t)n)];
}
#define PICK(r, list) pick(r, list, sizeof(list) / sizeof(*(list)))

static void put_times(struct json_object *o, struct rng *r, bool all_day)
{
    struct json_object *start = json_object_new_object(), *end = json_object_new_object();
    char text[TIME_TEXT_MAX];
    int64_t day = FIRST_DAY + rng_below(r, SPAN_DAYS);
    if (all_day) {
        date_write(text, day);
        json_put_str(start, "date", text);
        date_write(text, day + 1 + (rng_below(r, 4) == 0 ? rng_below(r, 9) : 0));
        json_put_str(end, "date", text);
    } else {
        int64_t from =
            day * 86400 + (int64_t)(11 + rng_below(r, 11)) * 3600 + (int64_t)rng_below(r, 4) * 900;
        int64_t minutes = 15 * (1 + (int64_t)rng_below(r, 8));
        time_write(text, from * 1000, NULL);
        json_put_str(start, "dateTime", text);
        time_write(text, (from + minutes * 60) * 1000, NULL);
        json_put_str(end, "dateTime", text);
        json_put_str(start, "timeZone", ZONE_NAME);
        json_put_str(end, "timeZone", ZONE_NAME);
    }
    json_put(o, "start", start);
    json_put(o, "end", end);
}

static void put_rule(struct json_object *o, struct rng *r)
{
    static const char *const RULES[] = {"RRULE:FREQ=WEEKLY", "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR",
                                        "RRULE:FREQ=DAILY;COUNT=30", "RRULE:FREQ=MONTHLY",
                                        "RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20311231T000000Z"};
    struct json_object *list = json_object_new_array();
    json_object_array_add(list, json_object_new_string(PICK(r, RULES)));
    json_put(o, "recurrence", list);
}

static void put_guests(struct json_object *o, struct rng *r, const char *calendar)
{
    static const char *const ANSWERS[] = {"accepted", "declined", "tentative", "needsAction"};
    struct json_object *list = json_object_new_array();
    uint32_t n = 1 + rng_below(r, 3);
    for (uint32_t i = 0; i <= n; i++) {
        struct json_object *a = json_object_new_object();
        char *email =
            i == 0 ? xstrdup(calendar) : xprintf("guest%u@example.com", rng_below(r, 200));
        json_put_str(a, "email", email);
        json_put_str(a, "responseStatus", PICK(r, ANSWERS));
        json_object_array_add(list, a);
        free(email);
    }
    json_put(o, "attendees", list);
}

static struct json_object *make_event(struct rng *r, const char *calendar, long i)
{
    struct json_object *o = json_object_new_object();
    struct rng for_id = {r->state ^ 0x5bd1e995};
    char id[27] = "", text[TIME_TEXT_MAX];
    for (int k = 0; k < 26; k++) {
        id[k] = "0123456789abcdefghijklmnopqrstuv"[rng_below(&for_id, 32)];
    }
    char *summary = xprintf("%s #%ld", PICK(r, TITLES), i);
    json_put_str(o, "id", id);
    json_put_str(o, "summary", summary);
    free(summary);
    /* A quarter has no description, the rest up to two fillers of it. */
    uint32_t length = rng_below(r, 4) ? rng_below(r, 2 * (uint32_t)(sizeof(FILLER) - 1)) : 0;
    char *description = xprintf("%.*s", (int)length, FILLER);
    if (length > sizeof(FILLER) - 1) {
        xreplace(&description,
                 xprintf("%s%.*s", FILLER, (int)(length - sizeof(FILLER) + 1), FILLER));
    }
    json_put_str(o, "description", description);
    free(description);
    if (rng_below(r, 2)) {
        json_put_str(o, "location", PICK(r, PLACES));
    }
    put_times(o, r, rng_below(r, 12) == 0);
    if (rng_below(r, 50) == 0) {
        put_rule(o, r);
    }
    if (rng_below(r, 3) == 0) {
        put_guests(o, r, calendar);
    }
    if (rng_below(r, 20) == 0) {
        json_put_str(o, "transparency", "transparent");
    }
    /* Changed a second apart, in the two years before the span's middle. */
    time_write_ms(text, ((int64_t)FIRST_DAY + 365) * 86400000 + i * 1000);
    json_put_str(o, "created", text);
    json_put_str(o, "updated", text);
    return o;
}

void seed_generate(struct emu *e, const char *id, long n, uint64_t random_seed)
{
    struct world *w = &e->world;
    struct rng r = {random_seed};
    struct calendar *c = world_calendar(w, id);
    if (c == NULL) {
        struct user *u = w->user_list[0];
        struct json_object *props = json_object_new_object(), *own = json_object_new_object();
        json_put_str(props, "summary", "Big calendar");
        json_put_bool(own, "selected", true);
        c = world_add_calendar(w, id, u->email, props, zone_get(ZONE_NAME));
        list_set(w, u, c, own);
        json_object_put(own);
    }
    struct event_write write = {.emu = e, .cal = c, .creator = c->owner, .seeding = true};
    for (long i = 0; i < n; i++) {
        struct json_object *o = make_event(&r, id, i);
        event_store(&write, coll_get(&c->events, json_str(o, "id")), o);
    }
}
