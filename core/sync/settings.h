/* settings: making and swapping the snapshot of what the workers need of the config. Private to
 * core/sync. */
#ifndef CORE_SYNC_SETTINGS_H
#define CORE_SYNC_SETTINGS_H

#include "core/sync/run.h"

/* Seats of `old` (NULL ok) that still fit are shared, with what they know of their tokens. */
struct settings *settings_new(const struct conf *conf, const struct seat_world *world,
                              const struct settings *old);
/* Takes `set` over; runs under way keep the one they have. */
void settings_swap(struct sync *s, struct settings *set);
struct seat *settings_seat(const struct settings *set,
                           uint32_t account); /* by number; NULL: none */
/* Reads the credential of this account again. */
void settings_refresh(struct sync *s, uint32_t account);

#endif
