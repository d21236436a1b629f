/* world: users, calendars, who may see what, and the one clock that stamps every change. */
#ifndef EMULATOR_WORLD_H
#define EMULATOR_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/emulator/coll.h"
#include "tests/emulator/json.h"
#include "tests/emulator/util.h"
#include "tests/emulator/zone.h"

enum role { ROLE_NONE, ROLE_FREEBUSY, ROLE_READER, ROLE_WRITER, ROLE_OWNER };

struct calendar {
    char *id;
    char *owner;               /* e-mail of the data owner */
    struct json_object *props; /* summary, description, location, … */
    const struct zone *zone;
    bool primary, deleted;
    struct coll events, acl;
};

struct user {
    char *email;
    char *name; /* or NULL */
    bool service_account;
    bool no_calendar; /* never signed up: 403 notACalendarUser */
    struct coll list, settings;
};

struct world {
    struct map users, calendars; /* by e-mail, by id */
    struct user **user_list;
    struct calendar **calendar_list;
    size_t n_users, n_calendars;
    int64_t last_us;
    int64_t clock_offset_ms;
    struct rng rng;
};

void world_init(struct world *w, uint64_t seed);
void world_release(struct world *w);

int64_t world_now_us(const struct world *w);
int64_t world_now_ms(const struct world *w);
int64_t world_tick(struct world *w); /* a new µs stamp above all earlier ones */

struct user *world_user(const struct world *w, const char *email);
struct user *world_add_user(struct world *w, const char *email, const char *name);
struct calendar *world_calendar(const struct world *w, const char *id); /* not the deleted ones */
/* Adds it with its owner's ACL rule. Props are taken. */
struct calendar *world_add_calendar(struct world *w, const char *id, const char *owner,
                                    struct json_object *props, const struct zone *zone);
char *world_new_id(struct world *w, size_t length); /* of the base32hex alphabet */

const char *role_name(int role);
int role_of_name(const char *name); /* -1: no role's name */
enum role world_role(const struct user *u, const struct calendar *c);

/* Writes one ACL rule; the role ROLE_NONE deletes it. */
struct item *acl_set(struct world *w, struct calendar *c, const char *type, const char *value,
                     enum role role);
/* Puts a calendar on a user's list, or changes its entry; `own` holds the user's own members. */
struct item *list_set(struct world *w, struct user *u, const struct calendar *c,
                      struct json_object *own);
struct item *setting_set(struct world *w, struct user *u, const char *id, const char *value);

#endif
