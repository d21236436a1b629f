/* notify: what the service manager is told (as sd_notify(3) does, without libsystemd). */
#ifndef CORE_DAEMON_NOTIFY_H
#define CORE_DAEMON_NOTIFY_H

#include <stdint.h>

/* Reads $NOTIFY_SOCKET and $WATCHDOG_USEC/$WATCHDOG_PID once, before threads. Without a manager all
 * below do nothing. */
void notify_init(void);

/* How often WATCHDOG=1 is expected at the latest, halved as sd_watchdog_enabled(3) advises; 0 = not
 * asked for. */
int64_t notify_watchdog_ms(void);

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
void notify_watchdog(void);
void notify_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
