/* activation: listening sockets handed over by the service manager (sd_listen_fds(3)'s protocol). */
#ifndef CORE_DAEMON_ACTIVATION_H
#define CORE_DAEMON_ACTIVATION_H

/* The inherited socket of that name ("api", "hook"), or 0. Each is given once; close-on-exec is set. */
int activation_take(const char *name);

#endif
