/* daemon: starts the parts of the service in order, keeps watch, stops them in reverse. */
#ifndef CORE_DAEMON_DAEMON_H
#define CORE_DAEMON_DAEMON_H

#include "core/conf/conf.h"

/* Runs until SIGTERM or SIGINT; takes `conf` over. Returns the exit status (sysexits.h):
 * EX_OK, EX_CONFIG, EX_UNAVAILABLE (an address is taken, another service runs), EX_CANTCREAT,
 * EX_OSERR. */
int daemon_run(struct conf *conf);

#endif
