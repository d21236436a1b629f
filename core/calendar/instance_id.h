/* instance_id: the ids of computed instances: "<base>_20260329T013000Z", all-day "<base>_20260329".
 */
#ifndef CORE_CALENDAR_INSTANCE_ID_H
#define CORE_CALENDAR_INSTANCE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/span.h"

/* What instances of this master are named after: its id without the "_R20230324T093000" (all-day:
 * "_R20230324") that a series split in Google's web interface carries. */
struct span instance_id_base(struct span master_id);

/* Writes the id and its NUL; the length, or 0 when it does not fit. */
size_t instance_id_write(char *out, size_t size, struct span master_id, int64_t slot_ms,
                         bool all_day);

/* Takes an id apart. false: it does not end in a slot. The master is `base` or any "<base>_R…"
 * whose set has the slot: an id alone does not say which. */
bool instance_id_read(struct span id, struct span *ret_base, int64_t *ret_slot_ms,
                      bool *ret_all_day);

#endif
