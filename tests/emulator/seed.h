/* seed: the world to begin with. */
#ifndef EMULATOR_SEED_H
#define EMULATOR_SEED_H

#include "tests/emulator/emu.h"

/* Each returns false with a sentence in *ret_why, owned by the caller. */
bool seed_file(struct emu *e, const char *path, char **ret_why);
bool seed_apply(struct emu *e, struct json_object *seed, char **ret_why);
bool seed_default(struct emu *e, char **ret_why);

/* A calendar of N events for the first user: the same ones for the same random seed. */
void seed_generate(struct emu *e, const char *id, long n, uint64_t random_seed);

/* reltime.c: rewrites "+2d 09:00" and the like, in every date and dateTime of an event, to dates
 * of today's world in `zone`. False when one cannot be read. */
bool seed_resolve_times(struct json_object *event, const struct zone *zone, int64_t now_ms);

#endif
