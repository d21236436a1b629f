/* server: the event loop: HTTP, timers, pings, signals. */
#ifndef EMULATOR_SERVER_H
#define EMULATOR_SERVER_H

#include <stdbool.h>
#include <stdint.h>

struct emu;
struct req;
struct server;

/* NULL with a message on stderr when the address cannot be had. Sets emu.base_url. */
struct server *server_new(struct emu *e, const char *listen);
void server_run(struct server *s); /* until SIGTERM or SIGINT */
void server_free(struct server *s);

int server_epoll(const struct server *s);
/* Lets a suspended request go on; nothing when it is not suspended. */
void server_wake(struct req *r);
/* Wakes it after a while. */
void server_wake_later(struct req *r, int64_t delay_ms);

#endif
