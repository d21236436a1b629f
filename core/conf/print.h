/* print: the configuration, and the table behind it, as text. */
#ifndef CORE_CONF_PRINT_H
#define CORE_CONF_PRINT_H

#include "core/conf/conf.h"

/* The effective configuration with the origin of each value (file:line or default). */
void conf_print(const struct conf *c, struct buf *out);
/* The table itself, as a commented file (config.example) and as mdoc (calmirrord.conf(5)). */
void conf_print_example(struct buf *out);
void conf_print_manual(struct buf *out);
/* What differs, a line each ("section.key", "account NAME"); `restart`: what no reload takes up. */
void conf_diff(const struct conf *a, const struct conf *b, struct buf *ret_live,
               struct buf *ret_restart);

#endif
