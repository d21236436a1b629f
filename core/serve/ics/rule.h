/* rule: one rule of a series as an RRULE that all programs read alike. */
#ifndef CORE_SERVE_ICS_RULE_H
#define CORE_SERVE_ICS_RULE_H

#include "core/serve/ics/rules.h"

/* Appends the line; nothing for a rule that makes no sense, or names no instance but the start.
 * `value`: what is behind "RRULE:". *start_named becomes true when the rule names the start. */
void ics_rule_write(const struct ics_series *s, struct span value, bool *start_named,
                    struct buf *out);

/* The slot of the series' start. */
int64_t ics_start_slot(const struct ics_series *s);

#endif
