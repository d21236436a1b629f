/* resync: `calmirrord --resync`: asks the service of this state directory, or does it here. */
#ifndef CMD_CALMIRRORD_RESYNC_H
#define CMD_CALMIRRORD_RESYNC_H

#include "core/conf/conf.h"

/* A full listing of one calendar, or of all (NULL); returns when readers see the new view. A
 * progress bar on a terminal, else a line per calendar. Exit status: EX_OK; EX_UNAVAILABLE when a
 * calendar failed; EX_NOUSER for an unknown one; EX_TEMPFAIL when the running service cannot be
 * reached. */
int resync_run(const struct conf *conf, const char *calendar);

#endif
