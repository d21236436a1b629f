/* activation: listening sockets handed over by the service manager (as sd_listen_fds(3) does). */
#ifndef CORE_DAEMON_ACTIVATION_H
#define CORE_DAEMON_ACTIVATION_H

/* A copy, the caller's, of the inherited socket of that name ("api", "hook"), or 0. It is
 * close-on-exec. */
int activation_take(const char *name);

#endif
