/* must: ends the process, with a word, when it cannot go on. */
#include "core/base/must.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/log.h"

static int exit_status; /* of a command; 0: a service */

void must_set_exit_status(int status)
{
    exit_status = status;
}

void must_end(const char *fmt, ...)
{
    char why[256];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    if (exit_status) {
        (void)fprintf(stderr, "%s: %s\n", program_invocation_short_name, why);
        (void)fflush(stdout);
        _exit(exit_status); /* other threads may be at work: nothing is torn down under them */
    }
    log_err(NULL, "%s: this process ends", why);
    abort();
}

void *must(void *p)
{
    if (!p)
        must_end("out of memory");
    return p;
}

void must_memory(void)
{
    if (exit_status)
        must_end("out of memory");
}

void must_hold(const struct buf *b)
{
    if (b->failed)
        must_end("out of memory");
}
