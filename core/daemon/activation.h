/* activation: listening sockets handed over by the service manager (sd_listen_fds(3)'s protocol). */
#ifndef CORE_DAEMON_ACTIVATION_H
#define CORE_DAEMON_ACTIVATION_H

/* A copy, the caller's, of the inherited socket of that name ("api", "hook"), or 0. Close-on-exec is set. */
int activation_take(const char *name);

#endif
