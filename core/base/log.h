/* log: one line per record to stderr, journal fields under systemd. Never event text, addresses,
 * tokens. */
#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

enum log_level { LOG_ERR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_JOURNAL, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Before threads. AUTO: the journal if stderr is its stream, else "<6>…" when a service manager
 * started us without a terminal, else text with the time. */
void log_init(enum log_format format);
void log_set_level(enum log_level most);
bool log_enabled(enum log_level level);

/* `about` is the short, non-revealing name of what it is about ("cal 12") or NULL. errno is kept.
 * Control characters and bytes that are not UTF-8 are shown escaped; a long line is cut. */
void log_write(enum log_level level, const char *about, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Is it time to log again what may come in crowds? At once, then once in `every_ms`. *said_ms is
 * when it last was (monotonic; 0: never). Thread-safe. */
bool log_due(_Atomic int64_t *said_ms, int64_t every_ms);

#define log_err(about, ...)     log_write(LOG_ERR, about, __VA_ARGS__)
#define log_warning(about, ...) log_write(LOG_WARNING, about, __VA_ARGS__)
#define log_notice(about, ...)  log_write(LOG_NOTICE, about, __VA_ARGS__)
#define log_info(about, ...)    log_write(LOG_INFO, about, __VA_ARGS__)
#define log_debug(about, ...)   log_write(LOG_DEBUG, about, __VA_ARGS__)

#endif
