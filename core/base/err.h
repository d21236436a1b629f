/* err: one sentence saying what went wrong, read as a path ("calendar x: page 2: not JSON"). */
#ifndef CORE_BASE_ERR_H
#define CORE_BASE_ERR_H

#include <stdbool.h>

#include "core/base/rc.h"

#define ERR_TEXT_MAX 512

/* `= { 0 }` is an empty error. Functions that take one take it last and accept NULL. */
struct err {
    char text[ERR_TEXT_MAX];
};

/* Replaces the text; returns `rc`, so that `return err_set(e, RC_INVALID, "...")` reads well. */
enum rc err_set(struct err *e, enum rc rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the text that is there. Returns `rc`. */
enum rc err_prefix(struct err *e, enum rc rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Like err_set, with ": <strerror(errno)>" appended; rc is RC_FULL for ENOSPC/EDQUOT, else RC_SYS.
 */
enum rc err_errno(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Did open() fail for want of descriptors or memory? Then it says nothing of the file. */
bool err_is_shortage(int code);

#endif
