/* log: one line per record to stderr, journal fields under systemd. Never event text, addresses, tokens. */
#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

#include <stdbool.h>

#include "core/base/err.h"

enum log_level { LOG_ERR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_JOURNAL, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

void log_init(enum log_format format); /* before threads; AUTO looks at $JOURNAL_STREAM and isatty(2) */
void log_set_level(enum log_level most);
bool log_enabled(enum log_level level);

/* `calendar` is the short, non-revealing name of what it is about ("cal 12", see account/collection numbers) or NULL. */
void log_write(enum log_level level, const char *about, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_err(about, ...) log_write(LOG_ERR, about, __VA_ARGS__)
#define log_warning(about, ...) log_write(LOG_WARNING, about, __VA_ARGS__)
#define log_notice(about, ...) log_write(LOG_NOTICE, about, __VA_ARGS__)
#define log_info(about, ...) log_write(LOG_INFO, about, __VA_ARGS__)
#define log_debug(about, ...) log_write(LOG_DEBUG, about, __VA_ARGS__)

#endif
